//! The result of one metric: a proposed size, or a failure in the controller's words.

use crate::input::{Input, Pod, Reading, Scale};
use crate::quantity::Quantity;
use crate::status::MetricStatus;
use crate::tolerance::Tolerance;
use crate::trace::{ErrorClass, Measured, MetricReason};

/// The size that one metric proposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Replicas; negative for a negative reading (the sync then takes 0).
    pub replicas: i32,
    /// The arithmetic behind it.
    pub measured: Measured,
}

/// The reason why a metric proposes no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MetricError {
    /// The controller's error text.
    pub message: String,
    /// The kind of failure.
    pub reason: MetricReason,
}

impl MetricError {
    pub(super) fn new(reason: MetricReason, message: impl Into<String>) -> Self {
        Self { message: message.into(), reason }
    }

    pub(super) fn fetch(message: impl Into<String>) -> Self {
        Self::new(MetricReason::FetchFailed, message)
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(MetricReason::InvalidMetricValue, message)
    }

    pub(super) fn prefixed(mut self, prefix: std::fmt::Arguments<'_>) -> Self {
        self.message = format!("{prefix}{}", self.message);
        self
    }
}

/// A failed metric in the words of the condition, the event and the sync's error.
pub(crate) struct Failure {
    /// Reason of the condition and of the event.
    pub(crate) condition: &'static str,
    /// Text of the condition and of the event.
    pub(crate) inner: String,
    /// Text of the sync's error.
    pub(crate) outer: String,
    pub(crate) class: ErrorClass,
    pub(crate) reason: MetricReason,
}

impl Failure {
    pub(super) fn new(condition: &'static str, error: MetricError, prefix: std::fmt::Arguments<'_>) -> Self {
        let outer = format!("{prefix}{}", error.message);
        Self { condition, inner: error.message, outer, class: ErrorClass::Internal, reason: error.reason }
    }
}

/// The proposal and the entry of `status.currentMetrics`, or the failure.
pub(crate) type MetricResult = Result<(Proposal, MetricStatus), Failure>;

/// The inputs that every metric of one sync shares.
pub(crate) struct Context<'a> {
    pub(crate) input: &'a Input<'a>,
    pub(crate) scale: &'a Scale,
    pub(crate) tolerance: Tolerance,
}

/// The controller's error for a reading that is absent or of the wrong kind; `api` names the metrics API.
pub(super) fn missing(reading: Option<&Reading>, api: &str) -> MetricError {
    match reading {
        Some(Reading::Failed(cause)) => {
            MetricError::fetch(format!("unable to fetch metrics from {api} metrics API: {cause}"))
        }
        Some(_) => MetricError::fetch(format!("the reading is not from the {api} metrics API")),
        None => MetricError::fetch("this metric has no reading"),
    }
}

/// The controller's error for an empty list.
pub(super) fn empty(api: &str) -> MetricError {
    MetricError::fetch(format!("no metrics returned from {api} metrics API"))
}

/// A target in thousandths.
pub(super) fn target_milli(target: Quantity, field: &str) -> Result<i64, MetricError> {
    target.milli().map_err(|error| MetricError::value(format!("invalid target {field}: {error}")))
}

/// The number of pods, for metrics that compare one total with the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PodTally {
    /// Pods that the selector matches.
    pub listed: usize,
    /// Pods that are running and ready, including those that are being deleted.
    pub ready: usize,
}

impl PodTally {
    /// Counts the pods.
    #[must_use]
    pub fn count(pods: &[Pod]) -> Self {
        Self { listed: pods.len(), ready: pods.iter().filter(|p| p.is_ready()).count() }
    }
}
