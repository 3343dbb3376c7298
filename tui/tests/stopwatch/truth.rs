//! The real times, without the dashboard's sources: own watches, own tunnels with short poll intervals, the times in objects,
//! samples and workers' lines, and the machine's own lateness.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use cluster::endpoint::{Endpoint, Port};
use cluster::http;
use cluster::http::Connection;
use cluster::tunnel;
use contract::{JobEvent, JobEventKind, names};
use dashboard::bursts::stopwatch::Stage;
use dashboard::clock::At;
use dashboard::clock::Clock;
use futures::{AsyncBufReadExt as _, Stream, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::LogParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde_json::Value;
use testkit::wait;

/// The poll interval of the truth.
const FINE: Duration = Duration::from_millis(40);

/// Something happened after `after` and, at the latest, at `by`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) after: At,
    pub(crate) by: At,
}

/// The known part of the truth.
#[derive(Default)]
struct Known {
    bounds: BTreeMap<Stage, Bound>,
    /// The workers' own times of their acks, by job.
    acks: BTreeMap<uuid::Uuid, At>,
    /// Publish times of the jobs.
    published: Vec<At>,
    late: Duration,
    /// The number of watches that have reported the initial state.
    watching: usize,
    workers: BTreeSet<String>,
}

/// A watch that waits between its tries: without the wait it would never yield its thread once the cluster is gone, and the test
/// could not end.
fn observed<K>(api: Api<K>, config: watcher::Config) -> impl Stream<Item = watcher::Result<watcher::Event<K>>>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    watcher(api, config).default_backoff()
}

/// The truth, as it becomes known. Clones share it.
#[derive(Clone)]
pub(crate) struct Truth {
    known: Arc<Mutex<Known>>,
    clock: Clock,
    /// The time of day at the start of the run: everything is on one machine and so by one clock.
    started: Timestamp,
}

impl Truth {
    pub(crate) fn new(clock: Clock) -> Self {
        // Between two reads of two clocks this process may have waited: the closest pair counts.
        let pair = || {
            let before = clock.now();
            let now = Timestamp::now();
            (clock.now().since(before), now.checked_sub(before.0).unwrap())
        };
        let (_, started) = (0..50).map(|_| pair()).min_by_key(|(apart, _)| *apart).unwrap();
        Self { known: Arc::default(), clock, started }
    }

    /// The first bound of a stage counts.
    fn saw(&self, stage: Stage, after: At, by: At) {
        self.known.lock().unwrap().bounds.entry(stage).or_insert(Bound { after, by });
    }

    fn at(&self, time: Timestamp) -> At {
        At(time.duration_since(self.started).try_into().unwrap_or_default())
    }

    fn api_time(&self, time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> At {
        let text = serde_json::to_value(time).unwrap();
        self.at(text.as_str().unwrap().parse().unwrap())
    }

    /// The known bounds of a stage. For the last ack, `jobs` is the number of expected ones.
    pub(crate) fn bound(&self, stage: Stage, jobs: usize) -> Option<Bound> {
        let known = self.known.lock().unwrap();
        let exactly = |at: Option<At>| at.map(|at| Bound { after: at, by: at });
        match stage {
            Stage::FirstAck => exactly(known.acks.values().min().copied()),
            Stage::Drained if known.acks.len() >= jobs => exactly(known.acks.values().max().copied()),
            Stage::FirstAccepted => exactly(known.published.iter().min().copied()),
            Stage::LastAccepted if known.published.len() >= jobs => {
                exactly(known.published.iter().max().copied())
            }
            stage => known.bounds.get(&stage).copied(),
        }
    }

    /// The greatest lateness of this machine.
    pub(crate) fn lateness(&self) -> Duration {
        self.known.lock().unwrap().late
    }

    fn late(&self, by: Duration) {
        let mut known = self.known.lock().unwrap();
        known.late = known.late.max(by);
    }

    /// Starts to observe. The present state is no news.
    pub(crate) async fn watch(&self, client: &Client) {
        let pods: Api<Pod> = Api::namespaced(client.clone(), names::NAMESPACE);
        let listed = pods.list(&kube::api::ListParams::default()).await.unwrap();
        let uids = listed.items.iter().filter_map(|pod| pod.metadata.uid.clone());
        self.known.lock().unwrap().workers.extend(uids);
        tokio::spawn(self.clone().sleep());
        tokio::spawn(self.clone().deployment(client.clone()));
        tokio::spawn(self.clone().hpa(client.clone()));
        tokio::spawn(self.clone().pods(client.clone()));
        tokio::spawn(self.clone().broker(client.clone()));
        tokio::spawn(self.clone().prometheus(client.clone()));
        tokio::spawn(self.clone().metric(client.clone()));
        // Events before the first watch would get a later time.
        let stand = async || (self.known.lock().unwrap().watching >= 3).then_some(());
        wait::until("the observer's watches to stand", stand).await;
    }

    /// The object of a watch event; counts the watch once it is up.
    fn object<K>(&self, item: watcher::Result<watcher::Event<K>>) -> Option<K> {
        match item {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => Some(object),
            Ok(watcher::Event::InitDone) => {
                self.known.lock().unwrap().watching += 1;
                None
            }
            _ => None,
        }
    }

    /// Measures the lateness of the machine's timers.
    async fn sleep(self) {
        loop {
            let before = self.clock.now();
            tokio::time::sleep(FINE).await;
            self.late(self.clock.now().since(before).saturating_sub(FINE));
        }
    }

    async fn deployment(self, client: Client) {
        let api: Api<Deployment> = Api::namespaced(client, names::NAMESPACE);
        let config = watcher::Config::default().fields(&format!("metadata.name={}", names::WORKER));
        let mut items = std::pin::pin!(observed(api, config));
        let mut before = self.clock.now();
        let mut scaled = false;
        while let Some(item) = items.next().await {
            let Some(object) = self.object(item) else { continue };
            let now = self.clock.now();
            let replicas = object.spec.and_then(|spec| spec.replicas).unwrap_or(1);
            let status = object.status.unwrap_or_default();
            let all = (replicas, status.replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
            if replicas > 1 {
                self.saw(Stage::Deployment, before, now);
                scaled = true;
            }
            if scaled && all == (1, 1, 1) {
                self.saw(Stage::BackAtMin, before, now);
            }
            before = now;
        }
    }

    async fn hpa(self, client: Client) {
        let api: Api<HorizontalPodAutoscaler> = Api::namespaced(client, names::NAMESPACE);
        let mut items = std::pin::pin!(observed(api, watcher::Config::default()));
        while let Some(item) = items.next().await {
            let Some(object) = self.object(item) else { continue };
            let now = self.clock.now();
            let status = object.status.unwrap_or_default();
            if status.desired_replicas > 1 {
                // The controller's own second.
                let own = status.last_scale_time.as_ref().map_or(At::default(), |time| self.api_time(time));
                self.saw(Stage::Desired, own, now);
            }
        }
    }

    async fn pods(self, client: Client) {
        let api: Api<Pod> = Api::namespaced(client, names::NAMESPACE);
        let mut items = std::pin::pin!(observed(api.clone(), watcher::Config::default()));
        let mut followed = BTreeSet::new();
        while let Some(item) = items.next().await {
            let Some(pod) = self.object(item) else { continue };
            let labels = pod.metadata.labels.clone().unwrap_or_default();
            if labels.get(names::LABEL_NAME).map(String::as_str) != Some(names::WORKER) {
                continue;
            }
            let (now, status) = (self.clock.now(), pod.status.unwrap_or_default());
            let containers = status.container_statuses.unwrap_or_default();
            let started =
                containers.iter().find_map(|c| c.state.as_ref()?.running.as_ref()?.started_at.clone());
            let (uid, name) = (pod.metadata.uid.unwrap_or_default(), pod.metadata.name.unwrap_or_default());
            if started.is_some() && followed.insert(uid.clone()) {
                tokio::spawn(self.clone().log(api.clone(), name));
            }
            if self.known.lock().unwrap().workers.contains(&uid) {
                continue;
            }
            let condition = |kind: &str| {
                let mut all = status.conditions.iter().flatten();
                let found = all.find(|c| c.type_ == kind && c.status == "True")?;
                found.last_transition_time.clone()
            };
            for (stage, own) in [
                (Stage::Scheduled, condition("PodScheduled")),
                (Stage::Started, started),
                (Stage::PodReady, condition("Ready")),
            ] {
                if let Some(own) = own {
                    self.saw(stage, self.api_time(&own), now);
                }
            }
        }
    }

    /// A worker's lines have times of their own.
    async fn log(self, api: Api<Pod>, name: String) {
        let parameters = LogParams { follow: true, ..LogParams::default() };
        let Ok(stream) = api.log_stream(&name, &parameters).await else { return };
        let mut lines = std::pin::pin!(stream.lines());
        while let Some(Ok(line)) = lines.next().await {
            let Some(event) = JobEvent::parse(&line) else { continue };
            let mut known = self.known.lock().unwrap();
            match (event.kind, event.id, event.wait_ms) {
                (JobEventKind::Acked, Some(id), _) => {
                    known.acks.entry(id).or_insert(self.at(event.at));
                }
                (JobEventKind::Started, _, Some(wait)) => {
                    let at = At(self.at(event.at).0.saturating_sub(Duration::from_millis(wait)));
                    known.published.push(at);
                }
                _ => {}
            }
        }
    }

    /// Polls until `is_there` accepts an answer.
    async fn poll(
        &self,
        stage: Stage,
        client: &Client,
        endpoint: &Endpoint,
        request: &http::HttpRequest,
        mut is_there: impl FnMut(&Value) -> Option<Option<At>>,
    ) {
        let mut connection: Option<Connection> = None;
        let mut before = self.clock.now();
        loop {
            tokio::time::sleep(FINE).await;
            let open = match connection.take() {
                Some(open) => open,
                None => {
                    let Ok(stream) = tunnel::open(client, endpoint, 0.0).await else { continue };
                    let Ok(open) = Connection::over(stream).await else { continue };
                    open
                }
            };
            let open = connection.insert(open);
            let asked = self.clock.now();
            let Ok(answer) = open.send(request.clone(), Duration::from_secs(5)).await else {
                connection = None;
                continue;
            };
            let answered = self.clock.now();
            self.late(answered.since(asked));
            let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else { continue };
            match is_there(&value) {
                // It has a time of its own.
                Some(Some(own)) => return self.saw(stage, own, own),
                Some(None) => return self.saw(stage, before, answered),
                None => before = asked,
            }
        }
    }

    async fn broker(self, client: Client) {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), names::NAMESPACE);
        let data = secrets.get(names::RABBITMQ).await.unwrap().data.unwrap();
        let field = |key| String::from_utf8(data[key].0.clone()).unwrap();
        let pair = format!("{}:{}", field(names::SECRET_USERNAME), field(names::SECRET_PASSWORD));
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let path = "/api/queues/%2F?disable_stats=true&enable_queue_totals=true";
        let mut request = http::get(names::RABBITMQ, path).unwrap();
        request.headers_mut().insert(::http::header::AUTHORIZATION, basic.parse().unwrap());
        let endpoint = Endpoint {
            namespace: names::NAMESPACE.to_owned(),
            service: names::RABBITMQ.to_owned(),
            port: names::RABBITMQ_MANAGEMENT.into(),
        };
        let is_there = |answer: &Value| {
            let queues = answer.as_array()?;
            let queue = queues.iter().find(|queue| queue["name"] == contract::queue::ORDERS)?;
            (queue["messages"].as_u64()? > 0).then_some(None)
        };
        self.poll(Stage::InBroker, &client, &endpoint, &request, is_there).await;
    }

    async fn prometheus(self, client: Client) {
        // Value and time of the sample in one request, as two elements.
        let series = "rabbitmq_detailed_queue_messages%7Bqueue%3D%22Orders%22%7D";
        let path = format!("/api/v1/query?query=sum({series})%20or%20timestamp({series})");
        let request = http::get("prometheus-operated", &path).unwrap();
        let endpoint = Endpoint {
            namespace: "monitoring".to_owned(),
            service: "prometheus-operated".to_owned(),
            port: Port::Number(9090),
        };
        let this = self.clone();
        let is_there = |answer: &Value| {
            let elements = answer["data"]["result"].as_array()?;
            let number = |element: &Value| element["value"][1].as_str()?.parse::<f64>().ok();
            let bare =
                |element: &&Value| element["metric"].as_object().is_some_and(serde_json::Map::is_empty);
            let value = number(elements.iter().find(bare)?)?;
            let scraped = number(elements.iter().find(|element| !bare(element))?)?;
            let scraped = Timestamp::from_millisecond((scraped * 1_000.0) as i64).ok()?;
            (value > 0.0).then(|| Some(this.at(scraped)))
        };
        self.poll(Stage::Scraped, &client, &endpoint, &request, is_there).await;
    }

    async fn metric(self, client: Client) {
        let path = format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/rabbitmq_queue_length?labelSelector=queue%3DOrders",
            names::NAMESPACE
        );
        let mut before = self.clock.now();
        loop {
            tokio::time::sleep(FINE).await;
            let request = ::http::Request::get(&path).body(Vec::new()).unwrap();
            let asked = self.clock.now();
            let Ok(answer) = client.request::<Value>(request).await else { continue };
            let answered = self.clock.now();
            self.late(answered.since(asked));
            let value = answer["items"][0]["value"].as_str().unwrap_or("0").to_owned();
            if value != "0" {
                return self.saw(Stage::ExternalApi, before, answered);
            }
            before = asked;
        }
    }
}
