//! One whole sync, in two halves around the write of the new size.
//!
//! Source: `reconcileAutoscaler` in `pkg/controller/podautoscaler/horizontal.go`.

mod after;
mod making;

pub use after::{after_scale, status_update_failed};

use serde::{Deserialize, Serialize};

use crate::compat::ZeroRule;
use crate::condition::{self, ABLE_TO_SCALE, SCALED_TO_ZERO};
use crate::event::Event;
use crate::input::{Input, Scale};
use crate::memory::Memory;
use crate::metric::ErrorClass;
use crate::status::{ConditionStatus, Status};
use crate::trace::{Path, Trace};
use making::Making;

/// What one sync came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "the status is to be written, the events emitted, and a new size written to the scale"]
pub struct Decision {
    /// The size to write to the scale. If there is one, the decision is complete only after [`after_scale`].
    pub new_size: Option<i32>,
    /// The status to write, if it differs from the old one.
    pub status: Status,
    /// The events to emit, in this order.
    pub events: Vec<Event>,
    /// What the sync reports as failed. A size can be decided all the same: one metric failed, but others ask for more.
    pub error: Option<SyncError>,
    /// Why.
    pub trace: Trace,
    /// The words for the event of a rescale: why, as the controller says it.
    pub rescale_reason: String,
}

/// An error of a making.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct SyncError {
    /// Whose fault it is.
    pub class: ErrorClass,
    /// The controller's text.
    pub message: String,
}

/// The first half of a sync: everything up to the write of the new size.
///
/// `memory` takes the recommendation. If the decision has a `new_size`, write it to the scale (and on a conflict read the
/// scale again and retry) and tell [`after_scale`] how that went; its status and events are complete only then.
///
/// Never panics: unusable targets, readings and selectors become the controller's errors, and numbers saturate.
pub fn decide(input: &Input<'_>, memory: &mut Memory) -> Decision {
    let mut making = Making::new(input);
    let scale = match read_scale(input) {
        Ok(scale) => scale,
        Err(error) => return making.no_scale(error),
    };
    let current = scale.spec_replicas;
    condition::set(
        &mut making.conditions,
        ABLE_TO_SCALE,
        ConditionStatus::True,
        "SucceededGetScale",
        "the HPA controller was able to get the target's current scale",
        input.now,
    );
    memory.seed(current, input.now);
    making.trace.current = current;
    match path(input, current) {
        Path::Paused => making.paused(),
        path @ Path::AboveMax => making.forced(current, input.spec.max_replicas, path),
        path @ Path::BelowMin => making.forced(current, input.spec.min(), path),
        _ => making.computed(scale, memory),
    }
}

impl Input<'_> {
    /// Whether the metrics decide this sync, so that a caller can spare asking for readings that nobody looks at:
    /// those of a workload that is paused, out of its bounds, or cannot be read. The readings given so far play no part.
    #[must_use]
    pub fn needs_readings(&self) -> bool {
        read_scale(self).is_ok_and(|scale| path(self, scale.spec_replicas) == Path::Computed)
    }
}

/// Which way through the sync the size takes.
fn path(input: &Input<'_>, current: i32) -> Path {
    let (min, max) = (input.spec.min(), input.spec.max_replicas);
    let computed = match input.config.compat.zero_rule {
        _ if current != 0 => current <= max && current >= min,
        ZeroRule::ByMinReplicas => min == 0,
        ZeroRule::ByCondition => zeroed(input) && (min != 0 || input.spec.has_object_or_external()),
    };
    if computed {
        Path::Computed
    } else if current == 0 {
        Path::Paused
    } else if current > max {
        Path::AboveMax
    } else {
        Path::BelowMin
    }
}
fn zeroed(input: &Input<'_>) -> bool {
    input.config.gates.scale_to_zero && input.status.is_true(SCALED_TO_ZERO)
}

/// How the controller names the target in errors.
fn reference(input: &Input<'_>) -> String {
    let target = &input.spec.scale_target_ref;
    format!("{}/{}/{}", target.kind, input.namespace, target.name)
}

fn read_scale<'a>(input: &Input<'a>) -> Result<&'a Scale, (String, SyncError)> {
    let version = input.spec.scale_target_ref.api_version.as_deref().unwrap_or_default();
    if version.matches('/').count() > 1 {
        let cause = format!("unexpected GroupVersion string: {version}");
        let message = format!("invalid API version in scale target reference: {cause}");
        return Err((cause, SyncError { class: ErrorClass::Spec, message }));
    }
    input.scale.map_err(|cause| {
        let message = format!("failed to query scale subresource for {}: {cause}", reference(input));
        (cause.to_owned(), SyncError { class: ErrorClass::Internal, message })
    })
}
