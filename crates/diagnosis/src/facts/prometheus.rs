//! What was seen of Prometheus, and of the objects that make it scrape.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;

use super::{Custom, Fact, Sample, ServicePort};

/// `spec` of a `Prometheus` of the Prometheus Operator.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrometheusSpec {
    /// Which monitors it takes; none at all when it is missing.
    pub service_monitor_selector: Option<LabelSelector>,
    /// From which namespaces; its own when it is missing.
    pub service_monitor_namespace_selector: Option<LabelSelector>,
    /// How many of it there are to be; 1 when it is missing.
    pub replicas: Option<i32>,
    /// Interval of monitors that give none.
    pub scrape_interval: Option<String>,
}

/// `spec` of a `ServiceMonitor`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MonitorSpec {
    /// Which Services, by their labels.
    pub selector: LabelSelector,
    /// In which namespaces; its own when it is empty.
    pub namespace_selector: NamespaceSelector,
    /// What to scrape of each.
    pub endpoints: Vec<MonitorEndpoint>,
}

/// `spec.namespaceSelector` of a monitor.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// All of them.
    pub any: bool,
    /// These.
    pub match_names: Vec<String>,
}

/// One of `spec.endpoints` of a monitor.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MonitorEndpoint {
    /// Name of the Service's port.
    pub port: Option<String>,
    /// Path; `/metrics` when it is missing.
    pub path: Option<String>,
    /// Query.
    pub params: BTreeMap<String, Vec<String>>,
    /// Time between two scrapes.
    pub interval: Option<String>,
    /// The longest that a scrape may take.
    pub scrape_timeout: Option<String>,
}

/// `spec` of a `PrometheusRule`, of which only the metadata matter here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct RuleSpec {}

/// A target that Prometheus scrapes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Target {
    /// The pool, such as `serviceMonitor/NAMESPACE/NAME/0`.
    pub scrape_pool: String,
    /// Labels that its series get.
    pub labels: BTreeMap<String, String>,
    /// `up`, `down` or `unknown`.
    pub health: String,
    /// Why it is down.
    pub last_error: String,
    /// When it was last scraped, by Prometheus' clock.
    pub last_scrape: String,
    /// Such as `15s`.
    pub scrape_interval: String,
}

/// The answer of `/api/v1/targets`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Targets {
    /// What is scraped.
    pub active_targets: Vec<Target>,
    /// Candidates that a pool dropped; `null` where only active targets were asked for.
    pub dropped_target_counts: Option<BTreeMap<String, u64>>,
}

/// When a series' samples were scraped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Seconds since 1970 by Prometheus' clock, oldest first.
    pub times: Vec<f64>,
}

/// Prometheus and what makes it scrape.
#[derive(Debug, Clone, PartialEq)]
pub struct Prometheus {
    /// The Services behind which one was looked for.
    pub services: Fact<Vec<ServicePort>>,
    /// StatefulSets of the first Service's namespace.
    pub stateful_sets: Fact<Vec<StatefulSet>>,
    /// The Deployment of the Prometheus Operator, by its image, in the first Service's namespace.
    pub operator: Fact<Deployment>,
    /// `Prometheus` objects of all namespaces.
    pub resources: Fact<Vec<Custom<PrometheusSpec>>>,
    /// ServiceMonitors: of all namespaces, or of the HPA's where no more may be read.
    pub monitors: Fact<Vec<Custom<MonitorSpec>>>,
    /// PrometheusRules of the HPA's namespace.
    pub rules: Fact<Vec<Custom<RuleSpec>>>,
    /// Its pools; the answer also says whether it can be asked at all.
    pub pools: Fact<Vec<String>>,
    /// Its targets.
    pub targets: Fact<Targets>,
    /// The queue series that it has now, of all queues.
    pub series: Fact<Vec<Sample>>,
    /// `rabbitmq_up` of exporters.
    pub exporter_up: Fact<Vec<Sample>>,
    /// Scrape times of the queue's own series over the last minutes.
    pub tracks: Fact<Vec<Track>>,
    /// Age in seconds of the newest samples, by Prometheus' own clock.
    pub age: Fact<Option<f64>>,
    /// What the adapter's rule, filled in for the HPA, gives now: one value for each series.
    pub value: Fact<Vec<Sample>>,
}

impl Prometheus {
    /// Nothing was seen, and why.
    #[must_use]
    pub fn nothing(why: &str) -> Self {
        Self {
            services: Fact::not_asked(why),
            stateful_sets: Fact::not_asked(why),
            operator: Fact::not_asked(why),
            resources: Fact::not_asked(why),
            monitors: Fact::not_asked(why),
            rules: Fact::not_asked(why),
            pools: Fact::not_asked(why),
            targets: Fact::not_asked(why),
            series: Fact::not_asked(why),
            exporter_up: Fact::not_asked(why),
            tracks: Fact::not_asked(why),
            age: Fact::not_asked(why),
            value: Fact::not_asked(why),
        }
    }
}
