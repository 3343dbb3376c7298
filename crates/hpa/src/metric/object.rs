//! Object metrics: one number about one object of the cluster.

use super::proposal::{
    Context, Failure, MetricError, MetricResult, PodTally, Proposal, missing, target_milli,
};
use super::ratio;
use crate::input::Reading;
use crate::quantity::Quantity;
use crate::spec::Metric;
use crate::status::{Current, MetricStatus, ObjectStatus};

/// Computes an Object metric: [`ratio::total`] for target `value`, [`ratio::average`] for `averageValue`.
///
/// Unlike for External metrics, the target's type matters: `type: Value` with only `averageValue` set is an error.
pub(super) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> MetricResult {
    const CONDITION: &str = "FailedGetObjectMetric";
    const OUTER: &str = "failed to get object metric value: ";
    let Some(source) = &metric.object else {
        let error = MetricError::value("invalid object metric source: field object is absent");
        return Err(Failure::new(CONDITION, error, format_args!("{OUTER}")));
    };
    let name = &source.metric.name;
    let value = || -> Result<i64, MetricError> {
        match reading {
            Some(&Reading::Object(value)) => Ok(value),
            other => {
                let object = &source.described_object;
                let namespace = cx.input.namespace;
                Err(missing(other, "custom").prefixed(format_args!(
                    "unable to get metric {name} on {} {namespace}/{}: ",
                    object.kind, object.name
                )))
            }
        }
    };
    let target = &source.target;
    let proposal: Result<(Proposal, Current), Failure> = match (
        target.type_.as_str(),
        target.value,
        target.average_value,
    ) {
        ("Value", Some(quantity), _) => target_milli(quantity, "value")
            .and_then(|target| {
                ratio::total(cx.scale.spec_replicas, target, value()?, cx.tolerance, || {
                    PodTally::count(cx.input.pods)
                })
            })
            .map(|proposal| {
                let value = Some(Quantity::from_milli(proposal.measured.usage));
                (proposal, Current { value, ..Current::default() })
            })
            .map_err(|error| Failure::new(CONDITION, error, format_args!("{OUTER}"))),
        ("AverageValue", _, Some(quantity)) => target_milli(quantity, "averageValue")
            .and_then(|target| {
                let compat = cx.input.config.compat;
                Ok(ratio::average(cx.scale.status_replicas, target, value()?, cx.tolerance, compat))
            })
            .map(|proposal| {
                let average_value = Some(Quantity::from_milli(proposal.measured.usage));
                (proposal, Current { average_value, ..Current::default() })
            })
            .map_err(|error| {
                Failure::new(CONDITION, error, format_args!("{OUTER}failed to get {name} object metric: "))
            }),
        _ => {
            let error = MetricError::value(
                "invalid object metric source: neither a value target nor an average value target was set",
            );
            Err(Failure::new(CONDITION, error, format_args!("{OUTER}")))
        }
    };
    let (proposal, current) = proposal?;
    let status = MetricStatus {
        type_: "Object".into(),
        object: Some(ObjectStatus {
            described_object: source.described_object.clone(),
            metric: source.metric.clone(),
            current,
        }),
        ..MetricStatus::default()
    };
    Ok((proposal, status))
}
