//! External metrics: numbers about things outside the cluster, such as a queue's depth.

use super::proposal::{
    Context, Failure, MetricError, MetricResult, PodTally, Proposal, empty, missing, target_milli,
};
use super::ratio;
use crate::compat::Compat;
use crate::input::Reading;
use crate::quantity::Quantity;
use crate::selector::go_text;
use crate::spec::Metric;
use crate::status::{Current, ExternalStatus, MetricStatus};
use crate::tolerance::Tolerance;

/// Compares the sum of all series with target `value`; the ratio multiplies the ready pods.
///
/// # Errors
/// See [`ratio::total`].
pub fn value(
    current: i32,
    target_milli: i64,
    values_milli: &[i64],
    tolerance: Tolerance,
    pods: impl FnOnce() -> PodTally,
) -> Result<Proposal, MetricError> {
    let mut sum: i64 = 0;
    for &value in values_milli {
        match sum.checked_add(value) {
            Some(more) => sum = more,
            None if value > 0 => {
                sum = i64::MAX;
                break;
            }
            None => sum = sum.wrapping_add(value),
        }
    }
    ratio::total(current, target_milli, sum, tolerance, pods)
}

/// Compares the sum of all series with target `averageValue`.
///
/// Upstream takes a negative sum for an overflow and replaces it by the largest number. A metric that really is
/// negative therefore asks for `maxReplicas`.
#[must_use]
pub fn average_value(
    status_replicas: i32,
    target_milli: i64,
    values_milli: &[i64],
    tolerance: Tolerance,
    compat: Compat,
) -> Proposal {
    let mut sum: i64 = 0;
    for &value in values_milli {
        sum = sum.wrapping_add(value);
        if sum < 0 {
            sum = i64::MAX;
            break;
        }
    }
    ratio::average(status_replicas, target_milli, sum, tolerance, compat)
}

pub(super) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> MetricResult {
    const CONDITION: &str = "FailedGetExternalMetric";
    let Some(source) = &metric.external else {
        let error = MetricError::value("invalid external metric source: field external is absent");
        return Err(Failure::new(CONDITION, error, format_args!("failed to get external metric value: ")));
    };
    let name = &source.metric.name;
    let values = || {
        let values = match reading {
            Some(Reading::External(values)) if values.is_empty() => Err(empty("external")),
            Some(Reading::External(values)) => Ok(values.as_slice()),
            other => Err(missing(other, "external")),
        };
        values.map_err(|error| {
            let selector = go_text(source.metric.selector.as_ref());
            error.prefixed(format_args!(
                "unable to get external metric {}/{name}/{selector}: ",
                cx.input.namespace
            ))
        })
    };
    let (proposal, current) = if let Some(target) = source.target.average_value {
        let proposal = target_milli(target, "averageValue").and_then(|target| {
            let compat = cx.input.config.compat;
            Ok(average_value(cx.scale.status_replicas, target, values()?, cx.tolerance, compat))
        });
        let proposal = proposal.map_err(|error| {
            let prefix = format_args!(
                "failed to get {name} external metric value: failed to get {name} external metric: "
            );
            Failure::new(CONDITION, error, prefix)
        })?;
        let average_value = Some(Quantity::from_milli(proposal.measured.usage));
        (proposal, Current { average_value, ..Current::default() })
    } else if let Some(target) = source.target.value {
        let proposal = target_milli(target, "value").and_then(|target| {
            value(cx.scale.spec_replicas, target, values()?, cx.tolerance, || PodTally::count(cx.input.pods))
        });
        let proposal = proposal.map_err(|error| {
            let prefix = format_args!(
                "failed to get {name} external metric value: failed to get external metric {name}: "
            );
            Failure::new(CONDITION, error, prefix)
        })?;
        let value = Some(Quantity::from_milli(proposal.measured.usage));
        (proposal, Current { value, ..Current::default() })
    } else {
        let error = MetricError::value(
            "invalid external metric source: neither a value target nor an average value target was set",
        );
        return Err(Failure::new(
            CONDITION,
            error,
            format_args!("failed to get {name} external metric value: "),
        ));
    };
    let status = MetricStatus {
        type_: "External".into(),
        external: Some(ExternalStatus { metric: source.metric.clone(), current }),
        ..MetricStatus::default()
    };
    Ok((proposal, status))
}
