//! Prometheus: the objects that configure it, and its own API through one tunnel.

use ::http::StatusCode;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use promfmt::api::{Answer, Element, Point, QueryResult, ScrapePools};
use promfmt::operator::{PodMonitorSpec, PrometheusRuleSpec, PrometheusSpec, ServiceMonitorSpec};
use promfmt::percent;
use serde::de::DeserializeOwned;
use text::command::Command;

use crate::request::{self, Cluster, Tunnel, get, service_port};
use cluster::endpoint::{Endpoint, Port};
use cluster::errors::Failure;
use cluster::http;
use cluster::prometheus::{Address, servers};
use diagnosis::PrometheusService;
use diagnosis::facts::{
    CustomObject, ExternalMetric, Fact, History, Monitor, Outcome, Prometheus, Sample, ServicePort, Targets,
};

/// Period of the samples that are read for their intervals.
const SAMPLES: &str = "5m";

/// Path of the scrape pools, which show the monitors that Prometheus knows.
const POOLS: &str = "/api/v1/scrape_pools";

/// Path of the active targets, with the number of dropped ones.
const TARGETS: &str = "/api/v1/targets?state=active";

/// The exporter's series about its broker.
const EXPORTER_UP: &str = "rabbitmq_up";

/// The questions about one External metric.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Its index in the HPA's metrics.
    pub(crate) index: usize,
    /// Names of the series behind it.
    pub(crate) series: Vec<String>,
    /// Matchers of the series that it asks for; `None` if Prometheus cannot have its labels.
    pub(crate) matchers: Option<String>,
    /// The adapter's query for it, or the reason why it is unknown.
    pub(crate) rule: Result<String, String>,
}

/// The objects that configure Prometheus.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) services: Fact<Vec<ServicePort>>,
    pub(crate) resources: Fact<Vec<CustomObject<PrometheusSpec>>>,
    pub(crate) monitors: Fact<Vec<Monitor>>,
    pub(crate) rules: Fact<Vec<CustomObject<PrometheusRuleSpec>>>,
    endpoints: Vec<Endpoint>,
}

/// Reads the objects.
pub(crate) async fn objects(cluster: &Cluster, namespace: &str, address: Option<&Address>) -> Objects {
    const GROUP: &str = "/apis/monitoring.coreos.com/v1";
    let path = format!("{GROUP}/prometheuses");
    let command = Command::kubectl(["get", "prometheus", "-A", "-o", "yaml"]);
    let resources = request::list(cluster, command, &path);
    let monitors = async {
        let (services, pods) = tokio::join!(
            monitors::<ServiceMonitorSpec>(cluster, namespace, "servicemonitor"),
            monitors::<PodMonitorSpec>(cluster, namespace, "podmonitor"),
        );
        let pods = pods.outcome;
        let mut monitors = services.map(|all| all.into_iter().map(Monitor::from).collect::<Vec<_>>());
        if let (Outcome::Value(all), Outcome::Value(pods)) = (&mut monitors.outcome, pods) {
            all.extend(pods.into_iter().map(Monitor::from));
        }
        monitors
    };
    let rules = async {
        let path = format!("{GROUP}/namespaces/{namespace}/prometheusrules");
        request::list(cluster, get("prometheusrule", namespace), &path).await
    };
    let (found, resources, monitors, rules) =
        tokio::join!(servers(&cluster.client, address), resources, monitors, rules);
    let name = format!("metadata.name={}", contract::names::PROMETHEUS_SERVICE);
    let command = Command::kubectl(["get", "service", "-A"]).flag("--field-selector", name);
    let (outcome, endpoints) = match found {
        Ok(endpoints) => (Outcome::Value(endpoints.iter().map(service_port).collect()), endpoints),
        Err(Failure::Unavailable(_)) => (Outcome::Absent, Vec::new()),
        Err(Failure::Lost(sentence)) => (Outcome::Failed(sentence), Vec::new()),
    };
    Objects { services: Fact::new(command, outcome), resources, monitors, rules, endpoints }
}

/// The monitors of one kind, of all namespaces or else of the HPA's.
async fn monitors<S: DeserializeOwned + Default>(
    cluster: &Cluster,
    namespace: &str,
    kind: &str,
) -> Fact<Vec<CustomObject<S>>> {
    const GROUP: &str = "/apis/monitoring.coreos.com/v1";
    let command = Command::kubectl(["get", kind, "-A", "--show-labels"]);
    let all = request::list(cluster, command, &format!("{GROUP}/{kind}s")).await;
    if !matches!(all.outcome, Outcome::NotPermitted(_)) {
        return all;
    }
    let path = format!("{GROUP}/namespaces/{namespace}/{kind}s");
    request::list(cluster, get(kind, namespace).arg("--show-labels"), &path).await
}

/// Asks the Prometheus that has the series of the metrics: the adapter's own, then those of the operators. Without one, the first
/// that answers.
pub(crate) async fn read(
    cluster: &Cluster,
    objects: Objects,
    adapters: Option<PrometheusService>,
    questions: &[Question],
) -> (Prometheus, Vec<ExternalMetric>) {
    let Objects { mut services, resources, monitors, rules, mut endpoints } = objects;
    if let Some(PrometheusService { namespace, service, port, .. }) = adapters {
        let endpoint = Endpoint { namespace, service, port: Port::Number(port) };
        let at = service_port(&endpoint);
        match &mut services.outcome {
            Outcome::Value(all) => all.insert(0, at),
            _ => services.outcome = Outcome::Value(vec![at]),
        }
        endpoints.insert(0, endpoint);
    }
    let namespace = services.all().first().map(|at| at.namespace.clone());
    let stateful_sets = async {
        let Some(namespace) = &namespace else { return Fact::not_asked("no Prometheus found") };
        let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
        request::list::<StatefulSet>(cluster, get("statefulset", namespace), &path).await
    };
    let operator = async {
        match &namespace {
            Some(namespace) => operator(cluster, namespace).await,
            None => Fact::not_asked("no Prometheus found"),
        }
    };
    let first = async {
        let (mut first, mut without_answer) = (None, None);
        for (index, endpoint) in endpoints.into_iter().enumerate() {
            let mut server = Server { tunnel: Tunnel::new(cluster, endpoint) };
            let pools = server.pools().await;
            if pools.get().is_none() {
                without_answer.get_or_insert(pools);
                continue;
            }
            let metrics = server.numbers(questions).await;
            let has_series = metrics.iter().any(|metric| !metric.series.all().is_empty());
            let answer = (Some((index, server, metrics)), pools);
            if has_series {
                return answer;
            }
            first.get_or_insert(answer);
        }
        let none = || (None, without_answer.unwrap_or_else(|| Fact::not_asked("no Prometheus found")));
        first.unwrap_or_else(none)
    };
    let (stateful_sets, operator, (server, pools)) = tokio::join!(stateful_sets, operator, first);
    let mut prometheus = Prometheus {
        stateful_sets,
        operator,
        resources,
        monitors,
        rules,
        pools,
        ..Prometheus::not_asked("Prometheus did not answer")
    };
    let silent = |question: &Question| ExternalMetric::not_asked(question.index, "Prometheus did not answer");
    let mut metrics: Vec<ExternalMetric> = questions.iter().map(silent).collect();
    if let Some((index, mut server, numbers)) = server {
        if let Outcome::Value(all) = &mut services.outcome {
            // Only the one that answers.
            *all = all.get(index).cloned().into_iter().collect();
        }
        prometheus.targets = server.get::<Targets>(TARGETS).await;
        prometheus.exporter_up = server.samples(EXPORTER_UP, None).await;
        metrics = numbers;
    }
    prometheus.services = services;
    (prometheus, metrics)
}

/// Asks the Prometheus that answered before for newer numbers.
pub(crate) async fn numbers(
    cluster: &Cluster,
    at: &ServicePort,
    questions: &[Question],
) -> Vec<ExternalMetric> {
    let endpoint = Endpoint {
        namespace: at.namespace.clone(),
        service: at.service.clone(),
        port: Port::Number(at.port),
    };
    Server { tunnel: Tunnel::new(cluster, endpoint) }.numbers(questions).await
}

/// The Deployment with an image of the Prometheus Operator, with any name.
async fn operator(cluster: &Cluster, namespace: &str) -> Fact<Deployment> {
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let all: Fact<Vec<Deployment>> = request::list(cluster, get("deployment", namespace), &path).await;
    let is_operator = |deployment: &Deployment| {
        let pods = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let mut images =
            pods.into_iter().flat_map(|pods| &pods.containers).filter_map(|of| of.image.as_deref());
        images.any(|image| image.contains("prometheus-operator"))
    };
    request::part(all.map(|all| all.into_iter().find(is_operator)))
}

/// A Prometheus behind a tunnel.
struct Server {
    tunnel: Tunnel,
}

impl Server {
    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Fact<T> {
        let at = self.tunnel.at().clone();
        let command = request::proxied(&at, path);
        let request = match http::get(&at.service, path) {
            Ok(request) => request,
            Err(error) => {
                return Fact::new(command, Outcome::Failed(format!("{path} is not a path: {error}")));
            }
        };
        let outcome = match self.tunnel.request(&request).await {
            Err(outcome) => outcome,
            Ok(response) => match serde_json::from_slice::<Answer<T>>(&response.body) {
                Ok(Answer::Success { data }) => Outcome::Value(data),
                Ok(Answer::Error(error)) => {
                    Outcome::Failed(format!("Prometheus answered {}: {error}", response.status))
                }
                Err(_) if response.status == StatusCode::NOT_FOUND => Outcome::Absent,
                Err(error) => Outcome::Failed(format!(
                    "Prometheus answered {} with unknown JSON: {error}",
                    response.status
                )),
            },
        };
        Fact::new(command, outcome)
    }

    async fn pools(&mut self) -> Fact<Vec<String>> {
        let mut pools = self.get::<ScrapePools>(POOLS).await.map(|pools| pools.scrape_pools);
        if pools.is_absent() {
            // Before 2.42 it has no such path, but it answers.
            pools.outcome = Outcome::Value(Vec::new());
        }
        pools
    }

    /// The result of a query, at a time of Prometheus' clock or now.
    async fn query(&mut self, query: &str, time: Option<f64>) -> Fact<QueryResult> {
        let path = format!("/api/v1/query?query={}", percent::encode(query));
        let at_time = time.map(|time| format!("{path}&time={time}"));
        let fact = self.get(at_time.as_ref().unwrap_or(&path)).await;
        // The command shows the newest result, not the one of that time.
        Fact { command: Some(request::proxied(self.tunnel.at(), &path)), ..fact }
    }

    async fn samples(&mut self, query: &str, time: Option<f64>) -> Fact<Vec<Sample>> {
        let sample = |element: Element| Sample { labels: element.metric, value: element.value.value };
        let vector = self.query(query, time).await.map(|result| result.into_vector().unwrap_or_default());
        vector.map(|elements| elements.into_iter().map(sample).collect())
    }

    /// The numbers of each metric, all at one time of Prometheus' clock.
    async fn numbers(&mut self, questions: &[Question]) -> Vec<ExternalMetric> {
        let now = self.query("time()", None).await.map(QueryResult::into_vector);
        let now = now.get().and_then(|vector| Some(vector.as_ref()?.first()?.value.value));
        let mut metrics = Vec::with_capacity(questions.len());
        for question in questions {
            metrics.push(self.metric(question, now).await);
        }
        metrics
    }

    async fn metric(&mut self, question: &Question, now: Option<f64>) -> ExternalMetric {
        if question.series.is_empty() {
            return ExternalMetric::not_asked(question.index, "no rule is known for the metric");
        }
        let all = match question.series.as_slice() {
            [name] => name.clone(),
            names => format!("{{__name__=~\"{}\"}}", names.join("|")),
        };
        let series = self.samples(&all, now).await;
        let asked = question.matchers.as_ref().map(|matchers| match question.series.as_slice() {
            [name] => format!("{name}{{{matchers}}}[{SAMPLES}]"),
            names => format!("{{__name__=~\"{}\",{matchers}}}[{SAMPLES}]", names.join("|")),
        });
        let history = match asked {
            Some(query) => self.query(&query, now).await.map(rows),
            None => Fact::not_asked("Prometheus cannot have the labels of the selector"),
        };
        let newest = |history: &History| history.points.last().map(|(time, _)| *time);
        let newest_sample_age =
            history.clone().map(|rows| Some(now? - rows.iter().filter_map(newest).max_by(f64::total_cmp)?));
        let rule_result = match &question.rule {
            Ok(query) => self.samples(query, now).await,
            Err(reason) => Fact::not_asked(reason),
        };
        let unknown = ExternalMetric::not_asked(question.index, "the API was not asked");
        ExternalMetric { series, history, newest_sample_age, rule_result, ..unknown }
    }
}

/// The samples of the series in a range.
fn rows(result: QueryResult) -> Vec<History> {
    let QueryResult::Matrix(rows) = result else { return Vec::new() };
    let points = |points: Vec<Point>| points.into_iter().map(|point| (point.time, point.value)).collect();
    rows.into_iter().map(|row| History { labels: row.metric, points: points(row.values) }).collect()
}
