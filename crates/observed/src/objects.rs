//! The cluster's objects, as far as the screens need them.

use jiff::Timestamp;

/// The HPA, as far as the screens need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hpa {
    /// Its name.
    pub name: String,
    /// `spec.minReplicas`, defaulted.
    pub min: i32,
    /// `spec.maxReplicas`.
    pub max: i32,
    /// Name of the ScaledObject that KEDA has made it from, by its owner or KEDA's label; `None` for any other HPA.
    pub scaled_object: Option<String>,
    /// The External metric that it reads, if it has one.
    pub metric: Option<MetricRef>,
    /// The whole specification with the API's defaults, for the arithmetic; `None` when it cannot be read. Its texts are
    /// not cleaned.
    pub spec: Option<Box<hpa::Spec>>,
    /// `spec.scaleTargetRef` as kind and name.
    pub scale_target: (String, String),
    /// `status.currentReplicas`, the spec size at the last sync.
    pub current_replicas: i32,
    /// `status.desiredReplicas`.
    pub desired_replicas: i32,
    /// What the HPA read at its last sync, in milli-units: per pod for AverageValue, the total for Value. `None`
    /// when it has no reading.
    pub reading_milli: Option<i64>,
    /// When it last rescaled (whole seconds, the cluster's clock).
    pub last_scale: Option<Timestamp>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// What `kubectl get hpa` prints under TARGETS, such as `50/20 (avg)`.
    pub targets_column: String,
}

impl Hpa {
    /// Whether its controller has written a status yet. Until then it says zero everywhere, and means nothing by it.
    #[must_use]
    pub fn has_synced(&self) -> bool {
        !self.conditions.is_empty() || self.reading_milli.is_some() || self.desired_replicas > 0
    }

    /// The size that it wants; `None` while it has not computed one. A first sync without a reading leaves a zero that
    /// nobody wants; only where nothing runs zero is a size.
    #[must_use]
    pub fn wanted(&self) -> Option<i32> {
        let is_off = self.has_synced() && self.current_replicas == 0;
        (self.reading_milli.is_some() || self.desired_replicas > 0 || is_off).then_some(self.desired_replicas)
    }
}

/// The External metric of an HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricRef {
    /// Metric name.
    pub name: String,
    /// Label selector as a query string, such as `queue=Orders`.
    pub selector: String,
    /// Value of the selector's `queue` label, if it has one.
    pub queue: Option<String>,
    /// The target.
    pub target: MetricTarget,
}

/// Target of an External metric, in milli-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricTarget {
    /// `AverageValue`: per pod.
    Average(i64),
    /// `Value`: one shared total.
    Value(i64),
}

/// A condition of the HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason word.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// The Deployment that the HPA scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// `spec.replicas`.
    pub spec_replicas: i32,
    /// `status.replicas`.
    pub replicas: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// Its pod selector as a query string.
    pub selector: String,
}

/// News about pods.
#[derive(Debug, Clone, PartialEq)]
pub enum PodsEvent {
    /// A complete list: what is not in it is gone.
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

/// A pod, as far as the screens need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Which of the demo's workloads it belongs to.
    pub role: Role,
    /// What `kubectl get pods` prints under STATUS, such as `Running` or `CrashLoopBackOff`.
    pub status: String,
    /// Where in its life it is.
    pub phase: PodPhase,
    /// Container restarts.
    pub restarts: i32,
    /// `metadata.creationTimestamp` (whole seconds, the cluster's clock).
    pub created: Option<Timestamp>,
    /// When PodScheduled became true (whole seconds, the cluster's clock).
    pub scheduled: Option<Timestamp>,
    /// When its container started (whole seconds, the cluster's clock).
    pub started: Option<Timestamp>,
    /// When Ready became true (whole seconds, the cluster's clock).
    pub ready_since: Option<Timestamp>,
    /// Why its container last ended, such as `OOMKilled (137)`.
    pub last_exit: Option<String>,
}

/// Which workload a pod belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The HPA's scale target.
    Worker,
    /// The web server.
    Producer,
    /// The broker.
    Broker,
    /// Anything else in the namespace.
    Other,
}

/// Where in its life a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PodPhase {
    /// Not scheduled, or its container has not started.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEvent {
    /// The Event object's uid; a repeated event keeps it and raises `count`.
    pub uid: String,
    /// `Normal` or `Warning`.
    pub warning: bool,
    /// Kind and name of what it is about.
    pub object: (String, String),
    /// The reason word, such as `SuccessfulRescale`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// How often it was seen.
    pub count: i32,
    /// When it was last seen (the cluster's clock).
    pub last_seen: Option<Timestamp>,
    /// Whether it happened before it was told: before this run, or while the watch was away.
    pub old: bool,
}
