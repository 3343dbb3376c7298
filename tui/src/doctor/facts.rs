//! Everything that was seen along the chain, each with how it was asked. Plain data: what it means is said elsewhere.
//!
//! Texts are kept as they came; they are cleaned where a line of the report is made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use serde::Deserialize;

pub use super::flags::Flags;

/// An answer, and the question.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact<T> {
    /// The command or request that shows the same.
    pub how: String,
    /// The answer.
    pub seen: Seen<T>,
}

/// What a question came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen<T> {
    /// It is there.
    Value(T),
    /// It is said not to be there.
    Absent,
    /// It may not be seen; a sentence.
    NotPermitted(String),
    /// There was no answer of use; a sentence.
    Failed(String),
    /// Nothing was asked, and why.
    NotAsked(String),
}

impl<T> Fact<T> {
    /// A question that was not put.
    #[must_use]
    pub fn not_asked(why: impl Into<String>) -> Self {
        Self { how: String::new(), seen: Seen::NotAsked(why.into()) }
    }

    /// A thing that was seen.
    #[must_use]
    pub fn seen(how: impl Into<String>, thing: T) -> Self {
        Self { how: how.into(), seen: Seen::Value(thing) }
    }

    /// The thing, if it was seen.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        match &self.seen {
            Seen::Value(thing) => Some(thing),
            _ => None,
        }
    }

    /// The same answer about something made of the thing.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Fact<U> {
        let seen = match self.seen {
            Seen::Value(thing) => Seen::Value(turn(thing)),
            Seen::Absent => Seen::Absent,
            Seen::NotPermitted(sentence) => Seen::NotPermitted(sentence),
            Seen::Failed(sentence) => Seen::Failed(sentence),
            Seen::NotAsked(why) => Seen::NotAsked(why),
        };
        Fact { how: self.how, seen }
    }

    /// Whether it is said not to be there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.seen, Seen::Absent)
    }
}

impl<T> Fact<Vec<T>> {
    /// The things that were seen, none where none could be.
    #[must_use]
    pub fn all(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the context.
    pub context: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// How a command reaches the same cluster.
    pub flags: Flags,
}

/// A right that is needed for a part of the look, or for the dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Right {
    /// As `kubectl auth can-i` takes it, such as `get`.
    pub verb: &'static str,
    /// Resource, with its group and subresource, such as `pods/portforward`.
    pub resource: String,
    /// Namespace; `None` for all of them.
    pub namespace: Option<String>,
    /// What cannot be seen without it.
    pub purpose: &'static str,
    /// The answer.
    pub allowed: Fact<bool>,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// Number of the port.
    pub port: u16,
}

impl std::fmt::Display for ServicePort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.service, self.port)
    }
}

/// A queue as the broker's management API tells it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// Name.
    pub name: String,
    /// Virtual host.
    pub vhost: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// Arguments of its declaration.
    pub arguments: BTreeMap<String, serde_json::Value>,
    /// Messages waiting; absent while the broker starts.
    pub messages_ready: Option<u64>,
    /// Messages delivered and not acknowledged.
    pub messages_unacknowledged: Option<u64>,
    /// Consumers, by statistics that are some seconds old.
    pub consumers: Option<u64>,
}

/// A sample with its labels, `__name__` among them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Value.
    pub value: f64,
}

impl Sample {
    /// A label, or nothing.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Where the broker's figures are scraped from, and what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsEndpoint {
    /// Service and port.
    pub at: ServicePort,
    /// Path with its query.
    pub path: String,
    /// Name of the monitor that says so; `None` when no monitor leads here and the usual path was asked.
    pub monitor: Option<String>,
    /// The samples of RabbitMQ's families that were read.
    pub samples: Fact<Vec<Sample>>,
}

/// The broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    /// Management port of a broker in the namespace.
    pub management: Option<ServicePort>,
    /// Its queues.
    pub queues: Fact<Vec<Queue>>,
    /// Where its figures are scraped from.
    pub endpoints: Vec<MetricsEndpoint>,
    /// `ConfigMaps` of its pods, for the statistics interval.
    pub settings: Fact<Vec<ConfigMap>>,
}

/// A custom object of which only a few fields are read.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Custom<S> {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Specification.
    pub spec: S,
}

impl<S> Custom<S> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }
}

/// `spec` of a `Prometheus` of the Prometheus Operator.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrometheusSpec {
    /// Which monitors it takes; none at all when it is missing.
    pub service_monitor_selector: Option<LabelSelector>,
    /// From which namespaces; its own when it is missing.
    pub service_monitor_namespace_selector: Option<LabelSelector>,
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
    /// `Prometheus` objects of all namespaces.
    pub resources: Fact<Vec<Custom<PrometheusSpec>>>,
    /// ServiceMonitors: of all namespaces, or of the HPA's where no more may be read.
    pub monitors: Fact<Vec<Custom<MonitorSpec>>>,
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

/// What the external metrics API answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The values, in milli-units.
    Items(Vec<i64>),
    /// An error of the API.
    Refused {
        /// HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
}

/// `spec` and `status` of a `ScaledObject` of KEDA.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaledObject {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Specification.
    pub spec: ScaledObjectSpec,
    /// Status.
    pub status: ScaledObjectStatus,
}

/// `spec` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    /// What it scales.
    pub scale_target_ref: ScaleTarget,
    /// Seconds between two looks while at zero.
    pub polling_interval: Option<u64>,
    /// Fewest replicas.
    pub min_replica_count: Option<i32>,
    /// What it looks at.
    pub triggers: Vec<Trigger>,
}

/// `spec.scaleTargetRef` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaleTarget {
    /// Name.
    pub name: String,
    /// Kind; Deployment when it is missing.
    pub kind: Option<String>,
}

/// One of `spec.triggers` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Trigger {
    /// Such as `rabbitmq`.
    pub r#type: String,
    /// Settings.
    pub metadata: BTreeMap<String, String>,
}

/// `status` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaledObjectStatus {
    /// Conditions.
    pub conditions: Vec<ScaledObjectCondition>,
    /// The HPA that it made.
    pub hpa_name: Option<String>,
}

/// A condition of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ScaledObjectCondition {
    /// `Ready`, `Active`, `Fallback`, `Paused`.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Message.
    pub message: String,
}

/// The external metrics API and who is behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsApi {
    /// The registration.
    pub service: Fact<APIService>,
    /// The Deployment behind it.
    pub backend: Fact<Deployment>,
    /// The adapter's file.
    pub rules: Fact<String>,
    /// Where the file stands, as `NAMESPACE/CONFIGMAP`.
    pub rules_at: String,
    /// Value of the HPA's metric.
    pub answer: Fact<Answer>,
    /// ScaledObjects of the namespace; absent where KEDA is not installed.
    pub scaled_objects: Fact<Vec<ScaledObject>>,
}

/// A second look at the HPA, taken when the first did not agree with the metrics API.
#[derive(Debug, Clone, PartialEq)]
pub struct Later {
    /// How long after the first.
    pub after: Duration,
    /// The HPA then.
    pub autoscaler: Fact<HorizontalPodAutoscaler>,
    /// The metric then.
    pub answer: Fact<Answer>,
}

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What was looked at.
    pub place: Place,
    /// When, by the clock here.
    pub now: Timestamp,
    /// Version of the API server, such as `v1.34.4`, and where it is.
    pub version: Fact<String>,
    /// What may be done.
    pub rights: Vec<Right>,
    /// The namespace.
    pub namespace: Fact<Namespace>,
    /// The HPA.
    pub autoscaler: Fact<HorizontalPodAutoscaler>,
    /// All HPAs of the namespace.
    pub autoscalers: Fact<Vec<HorizontalPodAutoscaler>>,
    /// The HPA after a while.
    pub later: Option<Later>,
    /// Deployments of the namespace.
    pub deployments: Fact<Vec<Deployment>>,
    /// StatefulSets of the namespace.
    pub stateful_sets: Fact<Vec<StatefulSet>>,
    /// Pods of the namespace.
    pub pods: Fact<Vec<Pod>>,
    /// Services of the namespace.
    pub services: Fact<Vec<Service>>,
    /// Events of the namespace that are warnings.
    pub warnings: Fact<Vec<Event>>,
    /// The broker.
    pub broker: Broker,
    /// Prometheus.
    pub prometheus: Prometheus,
    /// The external metrics API.
    pub api: MetricsApi,
    /// The controller manager's arguments, where its pod can be read.
    pub controller_arguments: Fact<Vec<String>>,
}

impl Facts {
    /// Nothing was seen, and why.
    #[must_use]
    pub fn nothing(why: &str) -> Self {
        Self {
            place: Place {
                context: String::new(),
                namespace: String::new(),
                hpa: String::new(),
                flags: Flags::default(),
            },
            now: Timestamp::UNIX_EPOCH,
            version: Fact::not_asked(why),
            rights: Vec::new(),
            namespace: Fact::not_asked(why),
            autoscaler: Fact::not_asked(why),
            autoscalers: Fact::not_asked(why),
            later: None,
            deployments: Fact::not_asked(why),
            stateful_sets: Fact::not_asked(why),
            pods: Fact::not_asked(why),
            services: Fact::not_asked(why),
            warnings: Fact::not_asked(why),
            broker: Broker {
                management: None,
                queues: Fact::not_asked(why),
                endpoints: Vec::new(),
                settings: Fact::not_asked(why),
            },
            prometheus: Prometheus {
                services: Fact::not_asked(why),
                stateful_sets: Fact::not_asked(why),
                resources: Fact::not_asked(why),
                monitors: Fact::not_asked(why),
                pools: Fact::not_asked(why),
                targets: Fact::not_asked(why),
                series: Fact::not_asked(why),
                exporter_up: Fact::not_asked(why),
                tracks: Fact::not_asked(why),
                age: Fact::not_asked(why),
                value: Fact::not_asked(why),
            },
            api: MetricsApi {
                service: Fact::not_asked(why),
                backend: Fact::not_asked(why),
                rules: Fact::not_asked(why),
                rules_at: String::new(),
                answer: Fact::not_asked(why),
                scaled_objects: Fact::not_asked(why),
            },
            controller_arguments: Fact::not_asked(why),
        }
    }
}
