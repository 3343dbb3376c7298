//! One metric: from its reading to a proposed size.
//!
//! Each source has a file with its arithmetic as public functions. This file selects the source and names metrics as the
//! controller does. The condition and the event of a failed metric carry the inner error text; the sync's error adds a
//! prefix.
//!
//! Source: `computeReplicasForMetric` and `computeStatusFor*` in `pkg/controller/podautoscaler/horizontal.go`.

pub mod external;
mod object;
pub mod pods;
mod proposal;
pub mod ratio;
pub mod requests;
pub mod resource;

pub(crate) use proposal::{Context, Failure, MetricResult};
pub use proposal::{MetricError, PodTally, Proposal};

use crate::input::Reading;
use crate::selector::go_text;
use crate::spec::{Metric, MetricIdentifier};
use crate::trace::{ErrorClass, MetricReason};

/// Computes one metric of the specification.
pub(crate) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> MetricResult {
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

/// The controller's name for a metric in conditions and events.
#[must_use]
pub fn describe(metric: &Metric) -> String {
    // Upstream calls an Object metric with `averageValue` external; this crate keeps the mistake.
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

/// The name of the metric or of the resource.
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
