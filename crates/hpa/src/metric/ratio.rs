//! The two comparisons of one number with a target that External and Object metrics share.
//!
//! Source: `pkg/controller/podautoscaler/replica_calculator.go`.

use super::proposal::{MetricError, PodTally, Proposal};
use crate::compat::Compat;
use crate::tolerance::Tolerance;
use crate::trace::{Measured, MetricReason, TargetType};

/// Compares a total with a target for the total: the ratio multiplies the **ready** pods.
///
/// `current` is `spec.replicas` of the scale. The function calls `pods` only if the result depends on it.
///
/// # Errors
/// Fails if no pod is listed.
pub fn total(
    current: i32,
    target_milli: i64,
    total_milli: i64,
    tolerance: Tolerance,
    pods: impl FnOnce() -> PodTally,
) -> Result<Proposal, MetricError> {
    let ratio = total_milli as f64 / target_milli as f64;
    let mut measured = Measured::new(TargetType::Value, total_milli, target_milli, ratio, tolerance);
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

/// Compares a total with a target for each pod. Outside the tolerance, the size follows from the total alone.
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
        // Go converts an infinity here; on amd64 the result is this number. 1.38 fixes it.
        i64::MIN
    } else {
        per_pod(total_milli, status_replicas)
    };
    let mut measured = Measured::new(TargetType::AverageValue, usage, target_milli, ratio, tolerance);
    measured.total_milli = Some(total_milli);
    measured.replicas = status_replicas;
    let replicas = if measured.within {
        status_replicas
    } else {
        ceil_to_replicas(total_milli as f64 / target_milli as f64)
    };
    Proposal { replicas, measured }
}

/// The total divided by the pods, rounded up, as the status reports it; 0 without pods.
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

/// Rounds up to a replica count. Saturates; NaN gives 0.
#[must_use]
pub(super) fn ceil_to_replicas(value: f64) -> i32 {
    value.ceil() as i32
}

/// Rounds up to whole thousandths. Saturates; NaN gives 0.
fn ceil_to_milli(value: f64) -> i64 {
    value.ceil() as i64
}
