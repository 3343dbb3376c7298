//! Prometheus' own word: pools, targets, series and queries, through one kept tunnel.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ask;
use cluster::endpoint::Endpoint;
use cluster::errors::Failure;
use cluster::http::get;
use cluster::percent;
use cluster::persistent_connection::PersistentConnection;
use cluster::prometheus::{Address, servers};
use diagnosis::facts::{
    Custom, Fact, MonitorSpec, Prometheus, PrometheusSpec, RuleSpec, Sample, Seen, ServicePort, Targets,
    Track,
};

/// How far back the spacing of samples is looked at.
const BACK: &str = "5m";

/// The pools, by which a monitor that was taken over is known.
pub(super) const POOLS: &str = "/api/v1/scrape_pools";

/// The targets that are scraped, and how many were dropped.
pub(super) const TARGETS: &str = "/api/v1/targets?state=active";

/// The exporter's word about the broker.
pub(super) const EXPORTER_UP: &str = "rabbitmq_up";

/// The path of a query.
pub(super) fn queried(text: &str) -> String {
    format!("/api/v1/query?query={}", percent::encode(text))
}

/// Asks for all series of these names.
pub(super) fn all_of(series: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = series.iter().map(AsRef::as_ref).collect();
    format!("{{__name__=~\"{}\"}}", names.join("|"))
}

/// Asks for the time of the newest sample.
pub(super) fn newest(name: &str, matchers: &str) -> String {
    format!("timestamp({name}{{{matchers}}})")
}

/// Asks for the samples of the last minutes.
pub(super) fn track(name: &str, matchers: &str) -> String {
    format!("{name}{{{matchers}}}[{BACK}]")
}

/// What is to be asked of Prometheus.
pub(super) struct Questions {
    /// Names of the series that hold the queues' depths.
    pub(super) series: Vec<String>,
    /// Matchers of the queue that the HPA asks for, such as `queue="Orders"`; may be empty.
    pub(super) matchers: String,
    /// The adapter's query, filled in for the HPA.
    pub(super) rule: Option<String>,
}

/// What the cluster's objects say about Prometheus.
pub(super) struct Objects {
    pub(super) services: Fact<Vec<ServicePort>>,
    pub(super) resources: Fact<Vec<Custom<PrometheusSpec>>>,
    pub(super) monitors: Fact<Vec<Custom<MonitorSpec>>>,
    pub(super) rules: Fact<Vec<Custom<RuleSpec>>>,
    endpoints: Vec<Endpoint>,
}

/// Reads the objects.
pub(super) async fn objects(client: &Client, namespace: &str, address: Option<&Address>) -> Objects {
    const GROUP: &str = "/apis/monitoring.coreos.com/v1";
    let resources = ask::list(
        client,
        "kubectl get prometheus -A -o yaml".to_owned(),
        "/apis/monitoring.coreos.com/v1/prometheuses",
    );
    let monitors = async {
        let path = format!("{GROUP}/servicemonitors");
        let all = ask::list(client, "kubectl get servicemonitor -A --show-labels".to_owned(), &path).await;
        if !matches!(all.seen, Seen::NotPermitted(_)) {
            return all;
        }
        let how = format!("kubectl get servicemonitor -n {namespace} --show-labels");
        ask::list(client, how, &format!("{GROUP}/namespaces/{namespace}/servicemonitors")).await
    };
    let rules = async {
        let how = format!("kubectl get prometheusrule -n {namespace}");
        ask::list(client, how, &format!("{GROUP}/namespaces/{namespace}/prometheusrules")).await
    };
    let (found, resources, monitors, rules) =
        tokio::join!(servers(client, address), resources, monitors, rules);
    let how = format!(
        "kubectl get service -A --field-selector metadata.name={}",
        contract::names::PROMETHEUS_SERVICE
    );
    let (seen, endpoints) = match found {
        Ok(endpoints) => {
            let ports = endpoints.iter().map(|endpoint| ServicePort {
                namespace: endpoint.namespace.clone(),
                service: endpoint.service.clone(),
                port: match endpoint.port {
                    cluster::endpoint::Port::Number(number)
                    | cluster::endpoint::Port::Named { number, .. } => number,
                },
            });
            (Seen::Value(ports.collect()), endpoints)
        }
        Err(Failure::Unavailable(_)) => (Seen::Absent, Vec::new()),
        Err(Failure::Lost(sentence)) => (Seen::Failed(sentence), Vec::new()),
    };
    Objects { services: Fact { how, seen }, resources, monitors, rules, endpoints }
}

/// Asks the first Prometheus that answers.
pub(super) async fn look(client: &Client, objects: Objects, questions: &Questions) -> Prometheus {
    let Objects { mut services, resources, monitors, rules, endpoints } = objects;
    let namespace = services.all().first().map(|at| at.namespace.clone());
    let stateful_sets = async {
        match &namespace {
            Some(namespace) => {
                let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
                ask::list::<StatefulSet>(client, format!("kubectl get statefulset -n {namespace}"), &path)
                    .await
            }
            None => Fact::not_asked("no Prometheus was found"),
        }
    };
    let operator = async {
        match &namespace {
            Some(namespace) => operator(client, namespace).await,
            None => Fact::not_asked("no Prometheus was found"),
        }
    };
    let asked = async {
        let mut unanswered = None;
        for (index, endpoint) in endpoints.into_iter().enumerate() {
            let mut server = Server::new(client, endpoint);
            let pools = server.pools().await;
            if pools.get().is_some() {
                return (Some((index, server)), pools);
            }
            unanswered.get_or_insert(pools);
        }
        (None, unanswered.unwrap_or_else(|| Fact::not_asked("no Prometheus was found")))
    };
    let (stateful_sets, operator, (server, pools)) = tokio::join!(stateful_sets, operator, asked);
    let mut prometheus = Prometheus {
        stateful_sets,
        operator,
        resources,
        monitors,
        rules,
        pools,
        ..Prometheus::nothing("Prometheus gave no answer")
    };
    if let Some((index, mut server)) = server {
        if let Seen::Value(all) = &mut services.seen {
            // The one that was asked, and no other.
            *all = all.get(index).cloned().into_iter().collect();
        }
        server.fill(&mut prometheus, questions).await;
    }
    prometheus.services = services;
    prometheus
}

/// The Deployment whose image is the Prometheus Operator's, however it is called.
async fn operator(client: &Client, namespace: &str) -> Fact<Deployment> {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let how = format!("kubectl get deployment -n {namespace}");
    let all: Fact<Vec<Deployment>> = ask::list(client, how, &path).await;
    let is_operator = |deployment: &Deployment| {
        let pods = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let images = pods.into_iter().flat_map(|pods| &pods.containers).filter_map(|of| of.image.as_deref());
        images.into_iter().any(|image| image.contains("prometheus-operator"))
    };
    ask::some(all.map(|all| all.into_iter().find(is_operator)))
}

struct Server {
    kept: PersistentConnection,
    base: String,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pools {
    #[serde(default)]
    scrape_pools: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Element>),
    Matrix(Vec<Row>),
    Scalar((f64, String)),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Element {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, serde::de::IgnoredAny)>,
}

impl Server {
    fn new(client: &Client, endpoint: Endpoint) -> Self {
        let port = match endpoint.port {
            cluster::endpoint::Port::Number(number) | cluster::endpoint::Port::Named { number, .. } => number,
        };
        let base =
            format!("/api/v1/namespaces/{}/services/{}:{port}/proxy", endpoint.namespace, endpoint.service);
        Self { kept: PersistentConnection::new(client.clone(), endpoint), base }
    }

    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Fact<T> {
        let how = format!("kubectl get --raw '{}{path}'", self.base);
        let service = self.kept.endpoint().service.clone();
        let request = match get(&service, path) {
            Ok(request) => request,
            Err(error) => return Fact { how, seen: Seen::Failed(format!("{path} is no path: {error}")) },
        };
        let seen = match ask::pod(&mut self.kept, &request).await {
            Err(seen) => seen,
            Ok(answer) => match serde_json::from_slice::<Envelope<T>>(&answer.body) {
                Ok(Envelope { data: Some(data), .. }) => Seen::Value(data),
                Ok(Envelope { error, .. }) if answer.status.is_client_error() && error.is_empty() => {
                    Seen::Absent
                }
                Ok(Envelope { error, .. }) => {
                    Seen::Failed(format!("Prometheus answered {}: {error}", answer.status))
                }
                Err(_) if answer.status == http::StatusCode::NOT_FOUND => Seen::Absent,
                Err(error) => Seen::Failed(format!(
                    "Prometheus answered {} and no JSON that is known: {error}",
                    answer.status
                )),
            },
        };
        Fact { how, seen }
    }

    async fn pools(&mut self) -> Fact<Vec<String>> {
        let mut pools = self.get::<Pools>(POOLS).await.map(|pools| pools.scrape_pools);
        if pools.is_absent() {
            // Older than 2.42: it answers all the same.
            pools.seen = Seen::Value(Vec::new());
        }
        pools
    }

    async fn query(&mut self, text: &str) -> Fact<Data> {
        self.get(&queried(text)).await
    }

    async fn samples(&mut self, text: &str) -> Fact<Vec<Sample>> {
        let fact = self.query(text).await;
        fact.map(|data| match data {
            Data::Vector(elements) => elements
                .into_iter()
                .filter_map(|element| {
                    Some(Sample { labels: element.metric, value: element.value.1.parse().ok()? })
                })
                .collect(),
            Data::Scalar((_, value)) => value
                .parse()
                .ok()
                .map(|value| Sample { labels: BTreeMap::new(), value })
                .into_iter()
                .collect(),
            Data::Matrix(_) | Data::String(_) => Vec::new(),
        })
    }

    async fn fill(&mut self, prometheus: &mut Prometheus, questions: &Questions) {
        prometheus.targets = self.get::<Targets>(TARGETS).await;
        prometheus.series = self.samples(&all_of(&questions.series)).await;
        prometheus.exporter_up = self.samples(EXPORTER_UP).await;
        // Where the HPA names no queue, whichever series there are stand for it.
        let has = |name: &str| prometheus.series.all().iter().any(|sample| sample.label("__name__") == name);
        let name = questions.series.iter().find(|name| has(name)).or(questions.series.first());
        if let Some(name) = name {
            let fact = self.query(&newest(name, &questions.matchers)).await;
            prometheus.age = fact.map(|data| match data {
                Data::Vector(elements) => elements
                    .iter()
                    .filter_map(|element| Some(element.value.0 - element.value.1.parse::<f64>().ok()?))
                    .max_by(f64::total_cmp),
                _ => None,
            });
            let fact = self.query(&track(name, &questions.matchers)).await;
            prometheus.tracks = fact.map(|data| match data {
                Data::Matrix(rows) => rows
                    .into_iter()
                    .map(|row| Track {
                        labels: row.metric,
                        times: row.values.iter().map(|(time, _)| *time).collect(),
                    })
                    .collect(),
                _ => Vec::new(),
            });
        }
        prometheus.value = match &questions.rule {
            Some(rule) => self.samples(rule).await,
            None => Fact::not_asked("the adapter's rule is not known"),
        };
    }
}
