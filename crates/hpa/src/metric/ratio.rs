//! The two ways to compare one number with a target, which External and Object metrics share.
//!
//! Source: `pkg/controller/podautoscaler/replica_calculator.go`.

use super::{MetricError, PodTally, Proposal};
use crate::compat::Compat;
use crate::number::{ceil_to_milli, ceil_to_replicas};
use crate::tolerance::Tolerance;
use crate::trace::{Form, Measured, MetricReason};

/// One total against one target: the ratio multiplies the **ready** pods.
///
/// `current` is the spec size. Pods are counted only if they matter.
///
/// # Errors
/// No pod is listed.
pub fn total(
    current: i32,
    target_milli: i64,
    total_milli: i64,
    tolerance: Tolerance,
    pods: impl FnOnce() -> PodTally,
) -> Result<Proposal, MetricError> {
    let ratio = total_milli as f64 / target_milli as f64;
    let mut measured = Measured::new(Form::Value, total_milli, target_milli, ratio, tolerance);
    measured.total_milli = Some(total_milli);
    if current == 0 {
        measured.within = false;
        return Ok(Proposal { replicas: ceil_to_replicas(ratio), measured });
    }
    if measured.within {
        measured.replicas = current;
        return Ok(Proposal { replicas: current, measured });
    }
    let pods = pods();
    if pods.listed == 0 {
        return Err(MetricError::new(
            MetricReason::NoMatchingPods,
            "unable to calculate ready pods: no pods returned by selector while calculating replica count",
        ));
    }
    measured.replicas = i32::try_from(pods.ready).unwrap_or(i32::MAX);
    Ok(Proposal { replicas: ceil_to_replicas(ratio * pods.ready as f64), measured })
}

/// One total against a target for each pod: the size follows from the total alone, whatever runs.
///
/// `status_replicas` is `status.replicas` of the scale.
#[must_use]
pub fn average(
    status_replicas: i32,
    target_milli: i64,
    total_milli: i64,
    tolerance: Tolerance,
    compat: Compat,
) -> Proposal {
    let ratio = total_milli as f64 / (target_milli as f64 * f64::from(status_replicas));
    let usage = if status_replicas == 0 && !compat.zero_average_without_pods {
        // Before it was mended, Go converted an infinity, which gives this number on amd64.
        i64::MIN
    } else {
        per_pod(total_milli, status_replicas)
    };
    let mut measured = Measured::new(Form::AverageValue, usage, target_milli, ratio, tolerance);
    measured.total_milli = Some(total_milli);
    measured.replicas = status_replicas;
    let replicas = if measured.within {
        status_replicas
    } else {
        ceil_to_replicas(total_milli as f64 / target_milli as f64)
    };
    Proposal { replicas, measured }
}

/// The total divided by the pods, rounded up, as the status reports it; 0 where there is no pod.
#[must_use]
pub fn per_pod(total_milli: i64, status_replicas: i32) -> i64 {
    if total_milli as f64 >= i64::MAX as f64 {
        i64::MAX
    } else if status_replicas == 0 {
        0
    } else {
        ceil_to_milli(total_milli as f64 / f64::from(status_replicas))
    }
}
