//! Why a decision came out as it did: every step of the arithmetic as data.
//!
//! The words for reasons and constraints follow upstream's proposal for a decision trace (KEP-6107). The one-sentence
//! form is in [`crate::explain`].

use serde::{Deserialize, Serialize};

use crate::number::Time;
use crate::spec::Direction;
use crate::tolerance::Tolerance;

/// One decision, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// When it was made.
    pub at: Time,
    /// The spec size before it.
    pub current: i32,
    /// Fewest replicas allowed.
    pub min: i32,
    /// Most replicas allowed.
    pub max: i32,
    /// Seconds to the next sync.
    pub sync_period_seconds: i64,
    /// Which way through the sync was taken.
    pub path: Path,
    /// Each metric, in the order of the specification. Empty where no metric was looked at.
    pub metrics: Vec<MetricTrace>,
    /// What the metrics ask for: the largest proposal, not below 0.
    pub raw: Option<i32>,
    /// After stabilisation.
    pub stabilised: Option<Stabilisation>,
    /// After the limits.
    pub limited: Option<Limit>,
    /// What came out.
    pub desired: i32,
    /// In one word, what decided.
    pub reason: Reason,
}

/// Which way through the sync was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Path {
    /// The scale could not be read.
    NoScale,
    /// The size is 0 and not by the autoscaler's doing: it waits.
    Paused,
    /// The size was above the maximum: metrics, stabilisation and rates are not asked.
    AboveMax,
    /// The size was below the minimum: likewise.
    BelowMin,
    /// No number could be computed.
    Failed,
    /// The metrics decided.
    Computed,
}

/// In one word, what decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The metrics' recommendation was followed.
    MetricRecommendation,
    /// The winning metric was near enough to its target.
    WithinTolerance,
    /// An earlier recommendation held the size.
    Stabilized,
    /// A limit on the rate of change cut it.
    PolicyLimited,
    /// The minimum or maximum cut it.
    ReplicaLimit,
    /// A failed metric forbade shrinking, or none could be read.
    InvalidMetrics,
    /// The sync failed before any metric was read.
    RecommendationFailed,
    /// Scaling is off because the size is 0.
    ScalingDisabled,
}

/// One metric's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricTrace {
    /// Its type, such as `External`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Name of the metric or resource.
    pub name: String,
    /// What became of it.
    pub state: MetricState,
    /// Why.
    pub reason: MetricReason,
    /// The numbers, if there were any.
    pub measured: Option<Measured>,
    /// The size that it asks for.
    pub proposal: Option<i32>,
    /// The text of its condition and event, if it failed.
    pub error: Option<String>,
    /// Whose fault an error is.
    pub error_class: Option<crate::metric::ErrorClass>,
}

/// What became of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricState {
    /// It asked for most: its proposal was taken.
    Used,
    /// It was read.
    Valid,
    /// It failed.
    Invalid,
}

/// Why a metric is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricReason {
    /// The proposal was computed.
    Computed,
    /// The API gave no reading.
    FetchFailed,
    /// The reading, the target or a request cannot be used.
    InvalidMetricValue,
    /// The selector matches no pod.
    NoMatchingPods,
    /// It was computed, but another metric failed and its proposal would have shrunk the size.
    SkippedScaleDown,
}

/// How usage and target are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// One total against one target.
    Value,
    /// Per pod.
    AverageValue,
    /// Percent of the pods' requests.
    Utilization,
}

/// One metric's arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How usage and target are compared; percent for [`Form::Utilization`], else thousandths.
    pub form: Form,
    /// What was read, in the form of the target, as the status shows it.
    pub usage: i64,
    /// What it should be.
    pub target: i64,
    /// The sum over all series in thousandths, for metrics that have one.
    pub total_milli: Option<i64>,
    /// Average per pod in thousandths, for metrics of pods.
    pub average_milli: Option<i64>,
    /// Usage divided by target; `None` where there is no pod to divide by.
    pub ratio: Option<f64>,
    /// The ratio that decided, if assumptions for missing or unready pods changed it.
    pub assumed_ratio: Option<f64>,
    /// The smallest and largest ratio at which nothing is done.
    pub band: (f64, f64),
    /// Whether the deciding ratio is inside.
    pub within: bool,
    /// The number of pods that the calculation used: those that exist for an average of a total, ready ones for a
    /// total, those with a reading for metrics of pods.
    pub replicas: i32,
    /// The pods by readiness, for metrics of pods.
    pub pods: Option<PodCounts>,
}

impl Measured {
    pub(crate) fn new(form: Form, usage: i64, target: i64, ratio: f64, tolerance: Tolerance) -> Self {
        Self {
            form,
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

    /// Takes the ratio that follows from assumptions.
    pub(crate) fn assume(&mut self, ratio: f64, tolerance: Tolerance) {
        self.assumed_ratio = finite(ratio);
        self.within = tolerance.contains(ratio);
    }
}

fn finite(ratio: f64) -> Option<f64> {
    ratio.is_finite().then_some(ratio)
}

/// The pods of a metric by readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodCounts {
    /// Ready and with a reading.
    pub ready: usize,
    /// Not ready.
    pub unready: usize,
    /// Without a reading.
    pub missing: usize,
    /// Gone or going.
    pub ignored: usize,
}

/// What stabilisation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stabilisation {
    /// The size afterwards.
    pub replicas: i32,
    /// The earlier recommendation that holds it, if one does.
    pub held_by: Option<Held>,
}

/// An earlier recommendation that holds the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which change it holds back. Without `behavior` only shrinking is held back, but an old high recommendation can
    /// even make the size grow.
    pub direction: Direction,
    /// The size that was recommended.
    pub replicas: i32,
    /// When.
    pub at: Time,
    /// How long ago, in milliseconds.
    pub age_ms: i64,
    /// Seconds for which a recommendation counts.
    pub window_seconds: i64,
    /// The first moment at which it does not count any more.
    pub expires: Time,
    /// The size that holds from then on, if the metrics go on asking for what they ask now.
    pub then: i32,
}

/// What the limits did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The size afterwards.
    pub replicas: i32,
    /// What cut it, if anything did: [`Constraint::MinReplicas`], [`Constraint::MaxReplicas`] or
    /// [`Constraint::ScalingPolicy`].
    pub constraint: Option<Constraint>,
    /// The limit on growth or shrinking that the rates allow now, where a change was wanted.
    pub rate: Option<Rate>,
}

/// In one word, what keeps the size from following the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Constraint {
    /// `minReplicas`.
    MinReplicas,
    /// `maxReplicas`.
    MaxReplicas,
    /// An earlier recommendation.
    Stabilization,
    /// The ratio is near enough to 1.
    Tolerance,
    /// The rate of change.
    ScalingPolicy,
    /// A failed metric.
    InvalidMetricGuard,
}

/// How far the size may change now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Which way.
    pub direction: Direction,
    /// The size that is allowed.
    pub allowed: i32,
    /// Where that comes from.
    pub rule: RateRule,
}

/// Where a limit on the rate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateRule {
    /// Without `behavior`: twice the size, or 4 if that is more.
    Legacy,
    /// `selectPolicy: Disabled`.
    Disabled,
    /// There is no policy (validation forbids it).
    NoPolicy,
    /// The policy that gave the limit.
    Policy(PolicyTrace),
}

/// The policy that gave the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTrace {
    /// Its place in the list.
    pub index: usize,
    /// Pods or percent.
    pub kind: PolicyKind,
    /// How many.
    pub value: i32,
    /// In how many seconds.
    pub period_seconds: i32,
    /// Replicas added in the period so far.
    pub added: i32,
    /// Replicas removed in the period so far.
    pub removed: i32,
    /// The size that the policy counts from: the current one without the changes in the period.
    pub start: i32,
    /// When more is allowed than was done now: the first moment at which enough changes have left their period. `None`
    /// if none will by time alone.
    pub next: Option<Time>,
}

/// What a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the size at the period's start.
    Percent,
}
