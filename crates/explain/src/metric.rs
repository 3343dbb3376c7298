//! The metrics of a decision: name, figures, share of the target, proposal.

use hpa::Spec;
use hpa::spec::{LabelSelector, Metric, MetricIdentifier};
use hpa::status::Current;
use hpa::trace::{Measured, MetricState, MetricTrace, TargetType, Trace};
use text::clean;

use crate::figure::{Unit, ratio};
use crate::strings;

/// One metric of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricReport {
    /// Its name with selector, container or object.
    pub name: String,
    /// Its type, such as `Resource`.
    pub type_: String,
    /// Its reading in the form of the target, such as `41 %` or `205 in total`; `None` without one.
    pub usage: Option<String>,
    /// Its target, such as `80 %` or `20 a pod`.
    pub target: String,
    /// The usage divided by the target, before any assumption; `None` without a pod to divide by.
    pub share: Option<f64>,
    /// The deciding ratio, if assumed values changed it.
    pub assumed_share: Option<f64>,
    /// The smallest and the largest ratio within the tolerance.
    pub band: (f64, f64),
    /// True if the deciding ratio is within the tolerance.
    pub within: bool,
    /// The arithmetic, such as `205 ÷ (60 × 4)`.
    pub arithmetic: Option<String>,
    /// The proposed size.
    pub proposal: Option<i32>,
    /// True if its proposal was the largest and decided.
    pub wins: bool,
    /// The reason why it has no proposal.
    pub failure: Option<String>,
}

impl MetricReport {
    /// The ratio that decides.
    #[must_use]
    pub fn deciding(&self) -> Option<f64> {
        self.assumed_share.or(self.share)
    }

    /// The metric in one line: its arithmetic, the ratio with the tolerance, and the size that it asks for.
    #[must_use]
    pub fn line(&self) -> String {
        if let Some(why) = &self.failure {
            return format!("{} {}", self.name, strings::not_read(why));
        }
        let mut parts = vec![self.name.clone()];
        parts.extend(self.arithmetic.clone());
        if let Some(deciding) = self.deciding() {
            let (low, high) = (ratio(self.band.0), ratio(self.band.1));
            let sentence = if self.within { strings::ratio_within } else { strings::ratio_outside };
            parts.push(sentence(&ratio(deciding), &low, &high));
        }
        let proposal = self.proposal.map(|size| strings::asks_for(size, self.wins));
        let arithmetic = parts.join(" ");
        proposal.map_or(arithmetic.clone(), |proposal| format!("{arithmetic}: {proposal}"))
    }
}

/// The metrics of a decision, in the order of the specification. Without metrics in the trace, only names and targets.
#[must_use]
pub fn reports(spec: &Spec, trace: Option<&Trace>) -> Vec<MetricReport> {
    let traces = trace.map_or(&[][..], |trace| &trace.metrics);
    spec.metrics.iter().enumerate().map(|(index, metric)| report(metric, traces.get(index))).collect()
}

fn report(metric: &Metric, trace: Option<&MetricTrace>) -> MetricReport {
    let measured = trace.and_then(|trace| trace.measured);
    MetricReport {
        name: name(metric),
        type_: clean::text(&metric.type_),
        usage: measured.map(|measured| usage(metric, &measured)),
        target: target(metric),
        share: measured.and_then(|measured| measured.ratio),
        assumed_share: measured.and_then(|measured| measured.assumed_ratio),
        band: measured.map_or((1.0, 1.0), |measured| measured.band),
        within: measured.is_some_and(|measured| measured.within),
        arithmetic: measured.map(|measured| arithmetic(metric, &measured)),
        proposal: trace.and_then(|trace| trace.proposal),
        wins: trace.is_some_and(|trace| trace.state == MetricState::Used),
        failure: trace.and_then(|trace| trace.error.as_deref()).map(clean::text),
    }
}

/// A metric's name for people: `cpu`, `cpu of container app`, `depth{queue=Orders}`, `rate of Ingress/main`.
#[must_use]
pub fn name(metric: &Metric) -> String {
    let identified = |metric: &MetricIdentifier| {
        let selector = metric.selector.as_ref().map(LabelSelector::query).filter(|query| !query.is_empty());
        selector.map_or_else(|| metric.name.clone(), |selector| format!("{}{{{selector}}}", metric.name))
    };
    let name = match (
        &metric.external,
        &metric.object,
        &metric.pods,
        &metric.resource,
        &metric.container_resource,
    ) {
        (Some(source), ..) => identified(&source.metric),
        (_, Some(source), ..) => {
            let object = &source.described_object;
            strings::of_object(&identified(&source.metric), &object.kind, &object.name)
        }
        (_, _, Some(source), ..) => strings::of_pods(&identified(&source.metric)),
        (.., Some(source), _) => source.name.clone(),
        (.., Some(source)) => strings::of_container(&source.name, &source.container),
        _ => metric.type_.clone(),
    };
    clean::text(&name)
}

/// A metric's name without selector, for narrow places.
#[must_use]
pub fn short_name(metric: &Metric) -> String {
    clean::text(hpa::metric::short_name(metric))
}

/// The figure of a status in the unit of the metric, such as `71 %`; `None` if the status has none.
#[must_use]
pub fn current(metric: &Metric, current: &Current) -> Option<String> {
    if let Some(percent) = current.average_utilization {
        return Some(Unit::Percent.format(percent.into()));
    }
    let milli = current.average_value.or(current.value)?.milli().ok()?;
    Some(Unit::of_samples(metric).format(milli))
}

/// A metric's target: `80 %`, `20 a pod`, `100`.
#[must_use]
pub fn target(metric: &Metric) -> String {
    let Some(target) = metric.target() else { return String::new() };
    let unit = Unit::of_samples(metric);
    let figure = |quantity: hpa::Quantity| match quantity.milli() {
        Ok(milli) => unit.format(milli),
        Err(_) => quantity.to_string(),
    };
    match (target.average_value, target.average_utilization, target.value) {
        (Some(average), ..) => strings::per_pod(&figure(average)),
        (None, Some(percent), _) => strings::percent(percent.into()),
        (None, None, Some(value)) => figure(value),
        (None, None, None) => String::new(),
    }
}

fn usage(metric: &Metric, measured: &Measured) -> String {
    let unit = Unit::of(metric, measured);
    match (measured.target_type, measured.total_milli) {
        (TargetType::AverageValue, Some(total)) => strings::in_total(&unit.format(total)),
        (TargetType::AverageValue, None) => strings::per_pod(&unit.format(measured.usage)),
        (TargetType::Value | TargetType::Utilization, _) => unit.format(measured.usage),
    }
}

/// `205 ÷ (60 × 4)`, or `41 % ÷ 80 %`.
fn arithmetic(metric: &Metric, measured: &Measured) -> String {
    let unit = Unit::of(metric, measured);
    let target = unit.format(measured.target);
    match (measured.target_type, measured.total_milli) {
        (TargetType::AverageValue, Some(total)) => {
            strings::divided_by_product(&unit.format(total), &target, measured.replicas)
        }
        _ => strings::divided(&unit.format(measured.usage), &target),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_targets_tell_the_metrics_apart() {
        let external = |selector: serde_json::Value| {
            json!({"type": "External", "external": {"metric": {"name": "depth", "selector": selector},
                "target": {"type": "AverageValue", "averageValue": "20"}}})
        };
        for (metric, expected) in [
            (external(json!({"matchLabels": {"queue": "Orders"}})), ("depth{queue=Orders}", "20 a pod")),
            (external(json!(null)), ("depth", "20 a pod")),
            (
                json!({"type": "Object", "object": {"metric": {"name": "rate"},
                    "describedObject": {"kind": "Ingress", "name": "main"},
                    "target": {"type": "Value", "value": "194500m"}}}),
                ("rate of Ingress/main", "194.5"),
            ),
            (
                json!({"type": "Pods", "pods": {"metric": {"name": "hits"},
                    "target": {"type": "AverageValue", "averageValue": "1k"}}}),
                ("hits of the pods", "1,000 a pod"),
            ),
            (
                json!({"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 80}}}),
                ("cpu", "80 %"),
            ),
            (
                json!({"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app",
                    "target": {"type": "AverageValue", "averageValue": "6320Ki"}}}),
                ("memory of container app", "6.2 Mi a pod"),
            ),
            (json!({"type": "Strange"}), ("Strange", "")),
        ] {
            let metric: Metric = serde_json::from_value(metric).unwrap();
            assert_eq!((name(&metric).as_str(), target(&metric).as_str()), expected);
        }
    }
}
