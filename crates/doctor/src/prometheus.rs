//! Prometheus: the objects that configure it, and its own API through one tunnel.

use ::http::StatusCode;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use promfmt::api::{Answer, Element, QueryResult, ScrapePools};
use promfmt::operator::{PrometheusRuleSpec, PrometheusSpec, ServiceMonitorSpec};
use promfmt::percent;
use serde::de::DeserializeOwned;
use text::command::Command;

use crate::request::{self, Cluster, Tunnel, get, service_port};
use cluster::endpoint::Endpoint;
use cluster::errors::Failure;
use cluster::http;
use cluster::prometheus::{Address, servers};
use diagnosis::facts::{CustomObject, Fact, Outcome, Prometheus, Sample, SampleTimes, ServicePort, Targets};

/// Period of the samples that are read for their intervals.
const SAMPLES: &str = "5m";

/// Path of the scrape pools, which show the monitors that Prometheus knows.
const POOLS: &str = "/api/v1/scrape_pools";

/// Path of the active targets, with the number of dropped ones.
const TARGETS: &str = "/api/v1/targets?state=active";

/// The exporter's series about its broker.
const EXPORTER_UP: &str = "rabbitmq_up";

/// The questions for Prometheus.
pub(crate) struct Questions {
    /// Names of the series with the queues' depths.
    pub(crate) series: Vec<String>,
    /// Matchers of the HPA's queue, such as `queue="Orders"`; may be empty.
    pub(crate) matchers: String,
    /// The adapter's query for the HPA's metric.
    pub(crate) rule: Option<String>,
}

/// The objects that configure Prometheus.
pub(crate) struct Objects {
    pub(crate) services: Fact<Vec<ServicePort>>,
    pub(crate) resources: Fact<Vec<CustomObject<PrometheusSpec>>>,
    pub(crate) monitors: Fact<Vec<CustomObject<ServiceMonitorSpec>>>,
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
        let path = format!("{GROUP}/servicemonitors");
        let command = Command::kubectl(["get", "servicemonitor", "-A", "--show-labels"]);
        let all = request::list(cluster, command, &path).await;
        if !matches!(all.outcome, Outcome::NotPermitted(_)) {
            return all;
        }
        let path = format!("{GROUP}/namespaces/{namespace}/servicemonitors");
        request::list(cluster, get("servicemonitor", namespace).arg("--show-labels"), &path).await
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

/// Asks the first Prometheus that answers.
pub(crate) async fn read(cluster: &Cluster, objects: Objects, questions: &Questions) -> Prometheus {
    let Objects { mut services, resources, monitors, rules, endpoints } = objects;
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
        let mut without_answer = None;
        for (index, endpoint) in endpoints.into_iter().enumerate() {
            let mut server = Server { tunnel: Tunnel::new(cluster, endpoint) };
            let pools = server.pools().await;
            if pools.get().is_some() {
                return (Some((index, server)), pools);
            }
            without_answer.get_or_insert(pools);
        }
        (None, without_answer.unwrap_or_else(|| Fact::not_asked("no Prometheus found")))
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
    if let Some((index, mut server)) = server {
        if let Outcome::Value(all) = &mut services.outcome {
            // Only the one that answers.
            *all = all.get(index).cloned().into_iter().collect();
        }
        server.fill(&mut prometheus, questions).await;
    }
    prometheus.services = services;
    prometheus
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

    async fn query(&mut self, query: &str) -> Fact<QueryResult> {
        self.get(&format!("/api/v1/query?query={}", percent::encode(query))).await
    }

    async fn vector(&mut self, query: &str) -> Fact<Vec<Element>> {
        self.query(query).await.map(|result| result.into_vector().unwrap_or_default())
    }

    async fn samples(&mut self, query: &str) -> Fact<Vec<Sample>> {
        let sample = |element: Element| Sample { labels: element.metric, value: element.value.value };
        self.vector(query).await.map(|elements| elements.into_iter().map(sample).collect())
    }

    async fn fill(&mut self, prometheus: &mut Prometheus, questions: &Questions) {
        prometheus.targets = self.get::<Targets>(TARGETS).await;
        let all = format!("{{__name__=~\"{}\"}}", questions.series.join("|"));
        prometheus.series = self.samples(&all).await;
        prometheus.exporter_up = self.samples(EXPORTER_UP).await;
        let has = |name: &str| prometheus.series.all().iter().any(|sample| sample.label("__name__") == name);
        let name = questions.series.iter().find(|name| has(name)).or(questions.series.first());
        if let Some(name) = name {
            let series = format!("{name}{{{}}}", questions.matchers);
            let newest = self.vector(&format!("timestamp({series})")).await;
            prometheus.newest_sample_age = newest.map(|elements| {
                let ages = elements.iter().map(|element| element.value.time - element.value.value);
                ages.max_by(f64::total_cmp)
            });
            let times = self.query(&format!("{series}[{SAMPLES}]")).await;
            prometheus.sample_times = times.map(|result| match result {
                QueryResult::Matrix(rows) => rows
                    .into_iter()
                    .map(|row| SampleTimes {
                        labels: row.metric,
                        times: row.values.iter().map(|point| point.time).collect(),
                    })
                    .collect(),
                _ => Vec::new(),
            });
        }
        prometheus.rule_result = match &questions.rule {
            Some(query) => self.samples(query).await,
            None => Fact::not_asked("the adapter's rule is unknown"),
        };
    }
}
