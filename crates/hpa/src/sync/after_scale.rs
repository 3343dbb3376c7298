//! The second half of a sync: the consequences of the write.

use super::decision::{Decision, SyncError};
use crate::compat::ZeroRule;
use crate::condition::{self, ABLE_TO_SCALE, SCALED_TO_ZERO};
use crate::event::Event;
use crate::input::Input;
use crate::limits::behavior::BothRules;
use crate::memory::Memory;
use crate::spec::Direction;
use crate::status::ConditionStatus;
use crate::time::Time;
use crate::trace::ErrorClass;

/// Runs the second half of a sync, after the write of `decision.new_size` at `now`.
///
/// `written` is the result of the write, with the error text. Without a `new_size` the function does nothing.
pub fn after_scale(
    input: &Input<'_>,
    decision: &mut Decision,
    written: Result<(), &str>,
    now: Time,
    memory: &mut Memory,
) {
    let (Some(new), Ok(scale)) = (decision.new_size, input.scale) else { return };
    let current = scale.spec_replicas;
    let Decision { status, events, rescale_reason, error, .. } = decision;
    let conditions = &mut status.conditions;
    if let Err(cause) = written {
        let message = format!("New size: {new}; reason: {rescale_reason}; error: {cause}");
        events.push(Event::warning("FailedRescale", message));
        condition::set(
            conditions,
            ABLE_TO_SCALE,
            ConditionStatus::False,
            "FailedUpdateScale",
            format!("the HPA controller was unable to update the target scale: {cause}"),
            now,
        );
        let message = format!("failed to rescale {}: {cause}", input.target_name());
        *error = Some(SyncError { class: ErrorClass::Internal, message });
        return;
    }
    condition::set(
        conditions,
        ABLE_TO_SCALE,
        ConditionStatus::True,
        "SucceededRescale",
        format!("the HPA controller was able to update the target scale to {new}"),
        now,
    );
    events.push(Event::normal("SuccessfulRescale", format!("New size: {new}; reason: {rescale_reason}")));
    if let Some(behavior) = &input.spec.behavior {
        let direction = if new > current { Direction::Up } else { Direction::Down };
        let longest = BothRules::new(behavior, input.config).direction(direction).longest_period_seconds();
        memory.store_event(direction, new.saturating_sub(current).saturating_abs(), now, longest);
    }
    if input.config.compat.zero_rule == ZeroRule::ByCondition {
        if input.config.gates.scale_to_zero {
            let to_zero =
                current > 0 && new == 0 && input.spec.min() == 0 && input.spec.has_object_or_external();
            let (reason, message) = if to_zero {
                ("ScaledToZero", "the HPA controller scaled the workload to zero")
            } else {
                ("NotScaledToZero", "the HPA controller did not scale the workload to zero")
            };
            condition::set(conditions, SCALED_TO_ZERO, to_zero.into(), reason, message, now);
        } else {
            conditions.retain(|c| c.type_ != SCALED_TO_ZERO);
        }
    }
    status.desired_replicas = new;
    status.last_scale_time = Some(now);
}

/// The event that the caller emits if the write of the status fails.
#[must_use]
pub fn status_update_failed(cause: &str) -> Event {
    Event::warning("FailedUpdateStatus", cause)
}
