//! One metric: from its reading to a proposed size.
//!
//! Each source has a file with its arithmetic as public functions; this one chooses between them, and words names and
//! errors as the controller does. The conditions and events of a failed metric carry the inner text, the error of the
//! sync adds a prefix.
//!
//! Source: `computeReplicasForMetric` and `computeStatusFor*` in `pkg/controller/podautoscaler/horizontal.go`.

pub mod external;
pub mod object;
pub mod pods;
pub mod ratio;
pub mod requests;
pub mod resource;

use crate::input::{Input, Reading, Scale};
use crate::quantity::Quantity;
use crate::selector::go_text;
use crate::spec::{Metric, MetricIdentifier};
use crate::status::MetricStatus;
use crate::tolerance::Tolerance;
use crate::trace::{Measured, MetricReason};

/// What one metric asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The size; can be negative for a negative reading (the sync takes 0 then).
    pub replicas: i32,
    /// The arithmetic behind it.
    pub measured: Measured,
}

/// Why a metric asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MetricError {
    /// The text, as the controller words it.
    pub message: String,
    /// The kind of trouble.
    pub reason: MetricReason,
}

impl MetricError {
    pub(crate) fn new(reason: MetricReason, message: impl Into<String>) -> Self {
        Self { message: message.into(), reason }
    }

    pub(crate) fn fetch(message: impl Into<String>) -> Self {
        Self::new(MetricReason::FetchFailed, message)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(MetricReason::InvalidMetricValue, message)
    }

    pub(crate) fn prefixed(mut self, prefix: std::fmt::Arguments<'_>) -> Self {
        self.message = format!("{prefix}{}", self.message);
        self
    }
}

/// Whether an error is the specification's fault or anything else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// An unreadable `scaleTargetRef.apiVersion` or an unknown metric type.
    Spec,
    /// Anything else.
    Internal,
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
    fn new(condition: &'static str, error: MetricError, prefix: std::fmt::Arguments<'_>) -> Self {
        let outer = format!("{prefix}{}", error.message);
        Self { condition, inner: error.message, outer, class: ErrorClass::Internal, reason: error.reason }
    }
}

/// What one metric gives.
pub(crate) type Computed = Result<(Proposal, MetricStatus), Failure>;

/// What every metric of one sync is computed from.
pub(crate) struct Context<'a> {
    pub(crate) input: &'a Input<'a>,
    pub(crate) scale: &'a Scale,
    pub(crate) tolerance: Tolerance,
}

/// Computes one metric of the specification.
pub(crate) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> Computed {
    match metric.type_.as_str() {
        "External" => external::compute(cx, metric, reading),
        "Object" => object::compute(cx, metric, reading),
        "Pods" => pods::compute(cx, metric, reading),
        "Resource" | "ContainerResource" => resource::compute(cx, metric, reading),
        other => {
            let message = format!("unknown metric source type {other:?}");
            Err(Failure {
                condition: "InvalidMetricSourceType",
                inner: message.clone(),
                outer: message,
                class: ErrorClass::Spec,
                reason: MetricReason::InvalidMetricValue,
            })
        }
    }
}

/// The words for a metric in conditions and events.
#[must_use]
pub fn describe(metric: &Metric) -> String {
    // An Object metric with `averageValue` is called external: upstream's slip, kept.
    let external =
        |m: &MetricIdentifier| format!("external metric {}({})", m.name, go_text(m.selector.as_ref()));
    if let Some(source) = metric.external.as_ref().filter(|_| metric.type_ == "External") {
        external(&source.metric)
    } else if let Some(source) = metric.object.as_ref().filter(|_| metric.type_ == "Object") {
        if source.target.type_ == "AverageValue" {
            external(&source.metric)
        } else {
            format!("{} metric {}", source.described_object.kind, source.metric.name)
        }
    } else if let Some(source) = metric.pods.as_ref().filter(|_| metric.type_ == "Pods") {
        format!("pods metric {}", source.metric.name)
    } else if let Some(source) = metric.resource.as_ref().filter(|_| metric.type_ == "Resource") {
        match source.target.average_value {
            Some(_) => format!("{} resource", source.name),
            None => format!("{} resource utilization (percentage of request)", source.name),
        }
    } else if let Some(source) =
        metric.container_resource.as_ref().filter(|_| metric.type_ == "ContainerResource")
    {
        match source.target.average_value {
            Some(_) => format!("{} resource", source.name),
            None => format!("{} container resource utilization (percentage of request)", source.name),
        }
    } else {
        metric.type_.clone()
    }
}

/// The short name of a metric: that of the metric or of the resource.
#[must_use]
pub fn short_name(metric: &Metric) -> &str {
    let named = match metric.type_.as_str() {
        "External" => metric.external.as_ref().map(|s| s.metric.name.as_str()),
        "Object" => metric.object.as_ref().map(|s| s.metric.name.as_str()),
        "Pods" => metric.pods.as_ref().map(|s| s.metric.name.as_str()),
        "Resource" => metric.resource.as_ref().map(|s| s.name.as_str()),
        "ContainerResource" => metric.container_resource.as_ref().map(|s| s.name.as_str()),
        _ => None,
    };
    named.unwrap_or(&metric.type_)
}

/// What the controller says of an answer that is not there, from the API called `api`.
fn missing(reading: Option<&Reading>, api: &str) -> MetricError {
    match reading {
        Some(Reading::Failed(cause)) => {
            MetricError::fetch(format!("unable to fetch metrics from {api} metrics API: {cause}"))
        }
        Some(_) => MetricError::fetch(format!("the reading given is not one of the {api} metrics API")),
        None => MetricError::fetch("no reading was given for this metric"),
    }
}

/// What the controller says of an empty list.
fn empty(api: &str) -> MetricError {
    MetricError::fetch(format!("no metrics returned from {api} metrics API"))
}

/// A target in thousandths.
fn target_milli(target: Quantity, field: &str) -> Result<i64, MetricError> {
    target
        .milli()
        .map_err(|error| MetricError::value(format!("the target's {field} cannot be used: {error}")))
}

/// The pods that metrics with one total count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PodTally {
    /// Pods that the selector matches.
    pub listed: usize,
    /// Those that are running and ready, also while they are being deleted.
    pub ready: usize,
}

impl PodTally {
    /// Counts.
    #[must_use]
    pub fn of(pods: &[crate::input::Pod]) -> Self {
        Self { listed: pods.len(), ready: pods.iter().filter(|p| p.is_ready()).count() }
    }
}
