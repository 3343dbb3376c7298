//! The trace of a decision: every step of the arithmetic as data.
//!
//! Reasons and constraints have the names of upstream's proposal for a decision trace (KEP-6107).
//! [`crate::explain`] prints a trace as one sentence.

use serde::{Deserialize, Serialize};

use crate::spec::Direction;
use crate::time::Time;
use crate::tolerance::Tolerance;

/// One decision, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Time of the decision.
    pub at: Time,
    /// `spec.replicas` of the scale before the decision.
    pub current: i32,
    /// `minReplicas`.
    pub min: i32,
    /// `maxReplicas`.
    pub max: i32,
    /// Seconds between two syncs.
    pub sync_period_seconds: i64,
    /// The path through the sync.
    pub path: Path,
    /// The metrics, in the order of the specification. Empty if the sync evaluated no metric.
    pub metrics: Vec<MetricTrace>,
    /// The largest proposal of the metrics, at least 0.
    pub raw: Option<i32>,
    /// The size after stabilisation.
    pub stabilised: Option<Stabilisation>,
    /// The size after the limits.
    pub limited: Option<Limit>,
    /// The decided size.
    pub desired: i32,
    /// The reason for the decided size.
    pub reason: Reason,
}

/// The path through a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Path {
    /// The scale could not be read.
    NoScale,
    /// The size is 0, but the HPA did not set it: the HPA pauses.
    Paused,
    /// The size was above the maximum: metrics, stabilisation and rates do not apply.
    AboveMax,
    /// The size was below the minimum: metrics, stabilisation and rates do not apply.
    BelowMin,
    /// The metrics gave no size.
    Failed,
    /// The metrics gave a size.
    Computed,
}

/// The reason for a decided size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The size follows the metrics' recommendation.
    MetricRecommendation,
    /// The ratio of the winning metric is within the tolerance.
    WithinTolerance,
    /// An earlier recommendation holds the size.
    Stabilized,
    /// A scaling policy limits the size.
    PolicyLimited,
    /// The minimum or maximum limits the size.
    ReplicaLimit,
    /// A failed metric blocks scale-down, or all metrics failed.
    InvalidMetrics,
    /// The sync failed before it evaluated a metric.
    RecommendationFailed,
    /// Scaling is off because the size is 0.
    ScalingDisabled,
}

/// The part of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricTrace {
    /// Its type, such as `External`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Name of the metric or resource.
    pub name: String,
    /// Its state.
    pub state: MetricState,
    /// The reason for the state.
    pub reason: MetricReason,
    /// The arithmetic, unless the metric failed.
    pub measured: Option<Measured>,
    /// The proposed size.
    pub proposal: Option<i32>,
    /// The text of its condition and event, if the metric failed.
    pub error: Option<String>,
    /// The class of the error, if the metric failed.
    pub error_class: Option<ErrorClass>,
}

/// The state of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricState {
    /// Its proposal was the largest and decided.
    Used,
    /// The metric was read.
    Valid,
    /// The metric failed.
    Invalid,
}

/// The reason for the state of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricReason {
    /// The metric gave a proposal.
    Computed,
    /// The metrics API gave no reading.
    FetchFailed,
    /// The reading, the target or a request is unusable.
    InvalidMetricValue,
    /// The selector matches no pod.
    NoMatchingPods,
    /// The metric proposed a smaller size, but another metric failed.
    SkippedScaleDown,
}

/// The class of an error: a fault of the specification, or any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// An unreadable `scaleTargetRef.apiVersion` or an unknown metric type.
    Spec,
    /// Any other error.
    Internal,
}

/// The target type: the comparison of usage and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetType {
    /// A total, compared with a target for the total.
    Value,
    /// A value per pod.
    AverageValue,
    /// Percent of the pods' requests.
    Utilization,
}

/// One metric's arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The target type. It sets the unit of `usage` and `target`: percent for [`TargetType::Utilization`], else thousandths.
    pub target_type: TargetType,
    /// The reading, in the unit of the target, as the status shows it.
    pub usage: i64,
    /// The target.
    pub target: i64,
    /// The sum over all series in thousandths, for External and Object metrics.
    pub total_milli: Option<i64>,
    /// Average per pod in thousandths, for metrics over pods.
    pub average_milli: Option<i64>,
    /// Usage divided by target; `None` without a pod to divide by.
    pub ratio: Option<f64>,
    /// The deciding ratio, if assumed values for missing or unready pods changed it.
    pub assumed_ratio: Option<f64>,
    /// The smallest and the largest ratio within the tolerance.
    pub band: (f64, f64),
    /// `true` if the deciding ratio is within the tolerance.
    pub within: bool,
    /// The number of pods in the calculation: existing pods for the average of a total, ready pods for a total, pods with
    /// a sample for metrics over pods.
    pub replicas: i32,
    /// The pods by readiness, for metrics over pods.
    pub pods: Option<PodCounts>,
}

impl Measured {
    pub(crate) fn new(
        target_type: TargetType,
        usage: i64,
        target: i64,
        ratio: f64,
        tolerance: Tolerance,
    ) -> Self {
        Self {
            target_type,
            usage,
            target,
            total_milli: None,
            average_milli: None,
            ratio: finite(ratio),
            assumed_ratio: None,
            band: (1.0 - tolerance.down, 1.0 + tolerance.up),
            within: tolerance.contains(ratio),
            replicas: 0,
            pods: None,
        }
    }

    /// Sets the ratio that follows from assumed values.
    pub(crate) fn assume(&mut self, ratio: f64, tolerance: Tolerance) {
        self.assumed_ratio = finite(ratio);
        self.within = tolerance.contains(ratio);
    }
}

fn finite(ratio: f64) -> Option<f64> {
    ratio.is_finite().then_some(ratio)
}

/// The pods of a metric, by readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodCounts {
    /// Ready pods with a sample.
    pub ready: usize,
    /// Pods that are not ready.
    pub unready: usize,
    /// Pods without a sample.
    pub missing: usize,
    /// Failed, deleted or (1.38) succeeded pods.
    pub ignored: usize,
}

/// The result of stabilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stabilisation {
    /// The stabilised size.
    pub replicas: i32,
    /// The earlier recommendation that holds the size, if one does.
    pub held_by: Option<RecommendationHold>,
}

/// An earlier recommendation that holds the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendationHold {
    /// The direction that it blocks. Without `behavior` this is always [`Direction::Down`], and an old high
    /// recommendation can even raise the size.
    pub direction: Direction,
    /// The recommended size.
    pub replicas: i32,
    /// Time of the recommendation.
    pub at: Time,
    /// Age in milliseconds.
    pub age_ms: i64,
    /// Length of the stabilisation window in seconds.
    pub window_seconds: i64,
    /// The first time at which it no longer counts.
    pub expires: Time,
    /// The size from then on, if the metrics keep proposing the same size.
    pub next_replicas: i32,
}

/// The result of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The limited size.
    pub replicas: i32,
    /// The limit that changed the size, if one did: [`Constraint::MinReplicas`], [`Constraint::MaxReplicas`] or
    /// [`Constraint::ScalingPolicy`].
    pub constraint: Option<Constraint>,
    /// The limit on the rate of change at this time, if the stabilised size differs from the current one.
    pub rate: Option<Rate>,
}

/// The constraint that keeps the size from following the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Constraint {
    /// `minReplicas`.
    MinReplicas,
    /// `maxReplicas`.
    MaxReplicas,
    /// An earlier recommendation.
    Stabilization,
    /// The ratio is within the tolerance.
    Tolerance,
    /// A limit on the rate of change.
    ScalingPolicy,
    /// A failed metric.
    InvalidMetricGuard,
}

/// The limit on the rate of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The direction.
    pub direction: Direction,
    /// The allowed size.
    pub allowed: i32,
    /// The rule that gives the limit.
    pub rule: RateRule,
}

/// The rule that gives a limit on the rate of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateRule {
    /// Without `behavior`: twice the size, or 4 if that is more (both are settings of the controller).
    Legacy,
    /// `selectPolicy: Disabled`.
    Disabled,
    /// The list of policies is empty (validation forbids it).
    NoPolicy,
    /// The policy that gives the limit.
    Policy(PolicyTrace),
}

/// The policy that gives the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTrace {
    /// Its index in the list.
    pub index: usize,
    /// The unit of `value`.
    pub kind: PolicyKind,
    /// Pods or percent per period.
    pub value: i32,
    /// Length of the period in seconds.
    pub period_seconds: i32,
    /// Replicas added in the period.
    pub added: i32,
    /// Replicas removed in the period.
    pub removed: i32,
    /// The size at the start of the period: the current size without the changes in the period.
    pub start: i32,
    /// The first time at which the policies allow a further change, because changes leave their periods. `None` if time
    /// alone never allows one.
    pub next: Option<Time>,
}

/// The unit of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the size at the period's start.
    Percent,
}
