//! Types and messages of the conditions, and the function that sets one.
//!
//! Source: `setConditionInList` and its callers in `pkg/controller/podautoscaler/horizontal.go`.

use crate::status::{Condition, ConditionStatus, Text};
use crate::time::Time;

/// Condition: the controller can read and write the scale.
pub const ABLE_TO_SCALE: &str = "AbleToScale";
/// Condition: the metrics give a size.
pub const SCALING_ACTIVE: &str = "ScalingActive";
/// Condition: a limit changed the size.
pub const SCALING_LIMITED: &str = "ScalingLimited";
/// Condition: the HPA itself scaled the workload to 0 (from 1.36).
pub const SCALED_TO_ZERO: &str = "ScaledToZero";

/// Updates a condition in place or appends it. The transition time changes only with the status.
pub(crate) fn set(
    conditions: &mut Vec<Condition>,
    type_: &'static str,
    status: ConditionStatus,
    reason: impl Into<Text>,
    message: impl Into<Text>,
    now: Time,
) {
    let (reason, message) = (reason.into(), message.into());
    match conditions.iter_mut().find(|c| c.type_ == type_) {
        Some(condition) => {
            if condition.status != status {
                condition.status = status;
                condition.last_transition_time = Some(now);
            }
            condition.reason = reason;
            condition.message = message;
        }
        None => conditions.push(Condition {
            type_: type_.into(),
            status,
            reason,
            message,
            last_transition_time: Some(now),
        }),
    }
}

/// The message of `ScalingLimited` for each reason.
pub(crate) fn limit_message(reason: &str) -> &'static str {
    match reason {
        "TooManyReplicas" => "the desired replica count is more than the maximum replica count",
        "TooFewReplicas" => "the desired replica count is less than the minimum replica count",
        "ScaleUpLimit" => "the desired replica count is increasing faster than the maximum scale rate",
        "ScaleDownLimit" => "the desired replica count is decreasing faster than the maximum scale rate",
        _ => "the desired count is within the acceptable range",
    }
}
