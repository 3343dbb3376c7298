//! Observations along the chain, each with the command that shows the same. Plain data without judgement.
//!
//! Text stays as it arrived. The report writer cleans it.

mod broker;
mod external;
mod keda;
mod logs;
mod metrics_api;
mod pod_metrics;
mod prometheus;
mod target;
mod vertical;

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use text::command::{ClusterFlags, Command};

pub use self::broker::{Broker, MetricsEndpoint, MonitorEndpoint, Queue, Sample, ServicePort};
pub use self::external::ExternalMetric;
pub use self::keda::{
    AuthenticationReference, AuthenticationSpec, Keda, ScaledObject, ScaledObjectSpec, SecretKeys,
    SecretReference, Trigger,
};
pub use self::logs::{ContainerLog, LogOf, Run};
pub use self::metrics_api::{MetricResponse, MetricsApi};
pub use self::pod_metrics::{AggregatedApi, PodMetrics, Readings};
pub use self::prometheus::{History, Monitor, MonitorKind, Prometheus};
pub use self::target::{Candidate, Kind, ScaleTarget, TargetObject, group};
pub use self::vertical::VerticalSpec;
pub use promfmt::api::{Target, Targets};

/// The outcome of a request, and a command that shows the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact<T> {
    /// The command that shows the same; `None` when nothing was requested.
    pub command: Option<Command>,
    /// The outcome.
    pub outcome: Outcome<T>,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// The value.
    Value(T),
    /// The server says that it does not exist.
    Absent,
    /// The user may not see it; a sentence.
    NotPermitted(String),
    /// The request failed; a sentence.
    Failed(String),
    /// Nothing was requested; the reason.
    NotAsked(String),
}

impl<T> Outcome<T> {
    /// The same outcome with another value.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Value(value) => Outcome::Value(turn(value)),
            Self::Absent => Outcome::Absent,
            Self::NotPermitted(sentence) => Outcome::NotPermitted(sentence),
            Self::Failed(sentence) => Outcome::Failed(sentence),
            Self::NotAsked(reason) => Outcome::NotAsked(reason),
        }
    }
}

impl<T> Fact<T> {
    /// A request that was not made.
    #[must_use]
    pub fn not_asked(reason: impl Into<String>) -> Self {
        Self { command: None, outcome: Outcome::NotAsked(reason.into()) }
    }

    /// An outcome of the request that the command repeats.
    #[must_use]
    pub fn new(command: Command, outcome: Outcome<T>) -> Self {
        Self { command: Some(command), outcome }
    }

    /// A value.
    #[must_use]
    pub fn value(command: Command, value: T) -> Self {
        Self::new(command, Outcome::Value(value))
    }

    /// The value, if the request returned one.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        match &self.outcome {
            Outcome::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same fact with another value.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Fact<U> {
        Fact { command: self.command, outcome: self.outcome.map(turn) }
    }

    /// Returns whether the server said that the thing does not exist.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.outcome, Outcome::Absent)
    }
}

impl<T> Fact<Vec<T>> {
    /// The values; none unless the request returned them.
    #[must_use]
    pub fn all(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

/// The HPA under examination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Name of the context.
    pub context: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// The flags that lead a command to the same cluster.
    pub flags: ClusterFlags,
}

/// A permission that the doctor or the dashboard needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// The verb as `kubectl auth can-i` takes it, such as `get`.
    pub verb: &'static str,
    /// Resource with its group and subresource, such as `pods/portforward`.
    pub resource: String,
    /// Namespace; `None` for all namespaces.
    pub namespace: Option<String>,
    /// The subject that stays unknown without the permission.
    pub purpose: &'static str,
    /// The API server's answer.
    pub allowed: Fact<bool>,
}

/// A custom resource, with only the fields that the doctor reads.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct CustomObject<S> {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Specification.
    pub spec: S,
}

impl<S> CustomObject<S> {
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

/// A later look at the numbers of the chain, taken when two neighbours disagreed.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Time since the first reading.
    pub after: Duration,
    /// The HPA.
    pub autoscaler: Fact<HorizontalPodAutoscaler>,
    /// The broker's queues.
    pub queues: Fact<Vec<Queue>>,
    /// The samples of the broker's endpoints, in their order.
    pub endpoints: Vec<Fact<Vec<Sample>>>,
    /// The HPA's External metrics, in their order.
    pub metrics: Vec<ExternalMetric>,
}

/// All observations.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The HPA under examination.
    pub subject: Subject,
    /// Time of the examination, by the local clock.
    pub now: Timestamp,
    /// Version and address of the API server, such as `Kubernetes v1.34.4 at https://…`.
    pub version: Fact<String>,
    /// The fix, if the API server cannot be reached.
    pub reach: Option<String>,
    /// The user's permissions.
    pub permissions: Vec<Permission>,
    /// The namespace.
    pub namespace: Fact<Namespace>,
    /// The HPA.
    pub autoscaler: Fact<HorizontalPodAutoscaler>,
    /// All HPAs of the namespace.
    pub autoscalers: Fact<Vec<HorizontalPodAutoscaler>>,
    /// Later looks at the numbers, oldest first; none if all agreed at once.
    pub looks: Vec<Look>,
    /// The HPA's External metrics, in their order.
    pub metrics: Vec<ExternalMetric>,
    /// Deployments of the namespace.
    pub deployments: Fact<Vec<Deployment>>,
    /// StatefulSets of the namespace.
    pub stateful_sets: Fact<Vec<StatefulSet>>,
    /// ReplicaSets of the namespace, which lead from a pod to its Deployment.
    pub replica_sets: Fact<Vec<ReplicaSet>>,
    /// Pods of the namespace.
    pub pods: Fact<Vec<Pod>>,
    /// Logs of containers that do not work.
    pub logs: Vec<ContainerLog>,
    /// The workload that the HPA scales.
    pub target: ScaleTarget,
    /// VerticalPodAutoscalers of the namespace; absent where their kind does not exist.
    pub vertical: Fact<Vec<CustomObject<VerticalSpec>>>,
    /// Services of the namespace.
    pub services: Fact<Vec<Service>>,
    /// Events of type Warning of the namespace.
    pub warnings: Fact<Vec<Event>>,
    /// The broker.
    pub broker: Broker,
    /// Prometheus.
    pub prometheus: Prometheus,
    /// The external metrics API.
    pub api: MetricsApi,
    /// The resource metrics API and the custom metrics API.
    pub pod_metrics: PodMetrics,
    /// KEDA.
    pub keda: Keda,
    /// Arguments of the controller manager, if its pod can be read.
    pub controller_arguments: Fact<Vec<String>>,
    /// ConfigMap with the settings of a controller manager that runs outside the cluster.
    pub controller_settings: Fact<ConfigMap>,
}

impl Facts {
    /// The observations of the External metric with that index in the HPA's metrics.
    #[must_use]
    pub fn metric(&self, index: usize) -> &ExternalMetric {
        static UNKNOWN: LazyLock<ExternalMetric> =
            LazyLock::new(|| ExternalMetric::not_asked(0, "the metric is unknown"));
        self.metrics.iter().find(|metric| metric.index == index).unwrap_or(&UNKNOWN)
    }

    /// Facts about a cluster that cannot be reached, with the cause and the fix as sentences.
    #[must_use]
    pub fn unreachable(subject: Subject, cause: &str, fix: &str) -> Self {
        Self {
            subject,
            version: Fact::new(Command::kubectl(["version"]), Outcome::Failed(cause.to_owned())),
            reach: Some(fix.to_owned()),
            ..Self::not_asked("the API server cannot be reached")
        }
    }

    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            subject: Subject::default(),
            now: Timestamp::UNIX_EPOCH,
            version: Fact::not_asked(reason),
            reach: None,
            permissions: Vec::new(),
            namespace: Fact::not_asked(reason),
            autoscaler: Fact::not_asked(reason),
            autoscalers: Fact::not_asked(reason),
            looks: Vec::new(),
            metrics: Vec::new(),
            deployments: Fact::not_asked(reason),
            stateful_sets: Fact::not_asked(reason),
            replica_sets: Fact::not_asked(reason),
            pods: Fact::not_asked(reason),
            logs: Vec::new(),
            target: ScaleTarget::not_asked(reason),
            vertical: Fact::not_asked(reason),
            services: Fact::not_asked(reason),
            warnings: Fact::not_asked(reason),
            broker: Broker::not_asked(reason),
            prometheus: Prometheus::not_asked(reason),
            api: MetricsApi::not_asked(reason),
            pod_metrics: PodMetrics::not_asked(reason),
            keda: Keda::not_asked(reason),
            controller_arguments: Fact::not_asked(reason),
            controller_settings: Fact::not_asked(reason),
        }
    }
}
