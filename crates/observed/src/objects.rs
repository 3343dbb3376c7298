//! Objects of the cluster, with the fields that Surge uses.

use std::sync::Arc;

use hpa::selection::ExternalTarget;
use hpa::spec::LabelSelector;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hpa {
    /// Its name.
    pub name: String,
    /// `spec.minReplicas`, defaulted.
    pub min: i32,
    /// `spec.maxReplicas`.
    pub max: i32,
    /// Name of the ScaledObject that KEDA made it from; `None` for any other HPA.
    pub scaled_object: Option<String>,
    /// Its first External metric.
    pub metric: Option<MetricRef>,
    /// The whole specification with the API's defaults; `None` if it is invalid. Its texts are not cleaned.
    pub spec: Option<Box<hpa::Spec>>,
    /// Reading of each entry of `spec.metrics` in the status; `None` without one. Empty if the specification is invalid.
    pub current: Vec<Option<hpa::status::Current>>,
    /// `spec.scaleTargetRef` as kind and name.
    pub scale_target: (String, String),
    /// `status.currentReplicas`: `spec.replicas` of the scale target at the last sync.
    pub current_replicas: i32,
    /// `status.desiredReplicas`.
    pub desired_replicas: i32,
    /// Metric value of the last sync in thousandths: per pod for AverageValue, the total for Value. `None` without a
    /// reading.
    pub reading_milli: Option<i64>,
    /// Time of the last rescale (whole seconds, the cluster's clock).
    pub last_scale: Option<Timestamp>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// The column TARGETS of `kubectl get hpa` with decimal numbers, such as `16.667/20 (avg)`.
    pub targets_column: String,
}

impl Hpa {
    /// Returns true once the controller has written a status. Until then every number is a meaningless 0.
    #[must_use]
    pub fn has_synced(&self) -> bool {
        !self.conditions.is_empty() || self.has_reading() || self.desired_replicas > 0
    }

    /// Desired replicas; `None` until the controller computed them.
    ///
    /// A first sync without a reading leaves a meaningless 0. A 0 counts only if the scale target has no replicas.
    #[must_use]
    pub fn wanted(&self) -> Option<i32> {
        let is_off = self.has_synced() && self.current_replicas == 0;
        (self.has_reading() || self.desired_replicas > 0 || is_off).then_some(self.desired_replicas)
    }

    /// Returns true if the status has a reading of any metric.
    #[must_use]
    pub fn has_reading(&self) -> bool {
        self.reading_milli.is_some() || self.current.iter().any(Option::is_some)
    }

    /// Index in `spec.metrics` of the External metric that [`Self::metric`] describes.
    #[must_use]
    pub fn followed(&self) -> Option<usize> {
        let followed = self.metric.as_ref()?;
        self.spec.as_ref()?.metrics.iter().position(|metric| {
            metric.external.as_ref().is_some_and(|external| {
                let selector = external.metric.selector.as_ref();
                text::clean::text(&external.metric.name) == followed.name
                    && selector.map(LabelSelector::query).unwrap_or_default() == followed.selector.query()
            })
        })
    }

    /// Returns true if the HPA itself scaled the target to 0 (from Kubernetes 1.36 on).
    #[must_use]
    pub fn is_scaled_to_zero(&self) -> bool {
        self.conditions.iter().any(|c| c.kind == "ScaledToZero" && c.status == "True")
    }
}

/// The External metric of an HPA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricRef {
    /// Metric name.
    pub name: String,
    /// Selector of its series. Its texts are not cleaned.
    pub selector: LabelSelector,
    /// The only `queue` that the selector allows, if there is one.
    pub queue: Option<String>,
    /// The target.
    pub target: ExternalTarget,
}

/// A condition of the HPA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason in CamelCase.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// The workload that the HPA scales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// `spec.replicas`.
    pub spec_replicas: i32,
    /// `status.replicas`.
    pub replicas: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// Its pod selector. Its texts are not cleaned.
    pub selector: LabelSelector,
}

/// A change of the pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PodsEvent {
    /// A complete list: all other pods are gone.
    Listed(Vec<Pod>),
    /// A pod is new or has changed.
    Applied(Box<Pod>),
    /// A pod is gone.
    Deleted {
        /// Its name.
        name: String,
        /// Its uid.
        uid: String,
    },
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The workload that it belongs to.
    pub role: Role,
    /// The column STATUS of `kubectl get pods`, such as `Running` or `CrashLoopBackOff`.
    pub status: String,
    /// Phase of its life.
    pub phase: PodPhase,
    /// Container restarts.
    pub restarts: i32,
    /// `metadata.creationTimestamp` (whole seconds, the cluster's clock).
    pub created: Option<Timestamp>,
    /// Time at which PodScheduled became true (whole seconds, the cluster's clock).
    pub scheduled: Option<Timestamp>,
    /// Start of its first container (whole seconds, the cluster's clock).
    pub started: Option<Timestamp>,
    /// Time at which Ready became true (whole seconds, the cluster's clock).
    pub ready_since: Option<Timestamp>,
    /// Reason and exit code of the last container exit, such as `OOMKilled (137)`.
    pub last_exit: Option<String>,
    /// The part of it that the autoscaler calculates with. Its times are the cluster's.
    #[serde(with = "calculated")]
    pub calculated: Arc<hpa::Pod>,
    /// Kind and name of its controller.
    pub owner: Option<(String, String)>,
    /// Its node.
    pub node: Option<String>,
    /// The label `pod-template-hash`, which a Deployment appends to the name of its ReplicaSet.
    pub template_hash: Option<String>,
}

impl Pod {
    /// Returns false if the pod belongs to another workload than `target` (kind and name). A pod whose controller is of a
    /// kind that may itself have an owner counts as the target's.
    #[must_use]
    pub fn may_belong_to(&self, (kind, name): (&str, &str)) -> bool {
        match (&self.owner, kind) {
            (None, _) => false,
            (Some((of_kind, of)), _) if of_kind == kind => of == name,
            (Some((of_kind, of)), "Deployment") if of_kind == "ReplicaSet" => match &self.template_hash {
                Some(hash) => {
                    of.strip_suffix(hash.as_str()).and_then(|of| of.strip_suffix('-')) == Some(name)
                }
                None => true,
            },
            (Some((of_kind, _)), "Deployment" | "ReplicaSet" | "StatefulSet") => {
                !matches!(of_kind.as_str(), "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job")
            }
            (Some(_), _) => true,
        }
    }
}

/// The shared part of a pod in JSON.
mod calculated {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(pod: &Arc<hpa::Pod>, serializer: S) -> Result<S::Ok, S::Error> {
        (**pod).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<hpa::Pod>, D::Error> {
        hpa::Pod::deserialize(deserializer).map(Arc::new)
    }
}

/// The workload that a pod belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Role {
    /// The HPA's scale target.
    Worker,
    /// The web server.
    Producer,
    /// The broker.
    Broker,
    /// Anything else in the namespace.
    #[default]
    Other,
}

/// Phase of a pod's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PodPhase {
    /// Not scheduled, or its container has not started.
    #[default]
    Pending,
    /// The container runs but is not ready.
    Starting,
    /// Ready.
    Ready,
    /// Has a deletion timestamp.
    Terminating,
    /// Its container waits in a back-off, or the pod failed.
    Failed,
    /// Succeeded.
    Completed,
}

/// A Kubernetes Event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterEvent {
    /// The Event object's uid; a repeated event keeps it and raises `count`.
    pub uid: String,
    /// True for type `Warning`.
    pub warning: bool,
    /// Kind and name of the involved object.
    pub object: (String, String),
    /// Reason in CamelCase, such as `SuccessfulRescale`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// Number of occurrences.
    pub count: i32,
    /// Time of the last occurrence (the cluster's clock).
    pub last_seen: Option<Timestamp>,
    /// True if it happened before the watch delivered it: before this run, or while the watch was down.
    pub old: bool,
}

impl ClusterEvent {
    /// The new size and the reason of a rescale that the HPA controller reports as `New size: 5; reason: …`.
    #[must_use]
    pub fn rescale(&self) -> Option<(i32, &str)> {
        let rest = self.message.strip_prefix("New size: ").filter(|_| self.reason == "SuccessfulRescale")?;
        let (size, why) = rest.split_once("; reason: ")?;
        Some((size.trim().parse().ok()?, why))
    }
}
