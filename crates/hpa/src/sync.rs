//! One sync, in two halves around the write of the new size.
//!
//! Source: `reconcileAutoscaler` in `pkg/controller/podautoscaler/horizontal.go`.

mod after_scale;
mod combine;
mod decision;
mod reconcile;

pub use after_scale::{after_scale, status_update_failed};
pub use decision::{Decision, SyncError};

use crate::compat::ZeroRule;
use crate::input::{Input, Scale};
use crate::memory::Memory;
use crate::trace::{ErrorClass, Path};
use reconcile::Reconcile;

/// Runs the first half of a sync: everything up to the write of the new size.
///
/// The function records the recommendation in `memory`. If the decision has a `new_size`, write it to the scale (on a
/// conflict, read the scale again and retry), then pass the result of the write to [`after_scale`], which completes status
/// and events.
///
/// It never panics: unusable targets, readings and selectors become the controller's errors, and numbers saturate.
pub fn decide(input: &Input<'_>, memory: &mut Memory) -> Decision {
    let scale = match read_scale(input) {
        Ok(scale) => scale,
        Err((cause, error)) => return Reconcile::new(input).no_scale(cause, error),
    };
    let current = scale.spec_replicas;
    let reconcile = Reconcile::with_scale(input, current);
    memory.seed(current, input.now);
    match path(input, current) {
        Path::Paused => reconcile.paused(),
        path @ Path::AboveMax => reconcile.forced(input.spec.max_replicas, path),
        path @ Path::BelowMin => reconcile.forced(input.spec.min(), path),
        _ => reconcile.computed(scale, memory),
    }
}

impl Input<'_> {
    /// Returns whether this sync uses metrics, whatever `readings` holds.
    ///
    /// A caller can skip the metrics APIs if it does not: the workload is paused, outside its bounds, or its scale cannot
    /// be read.
    #[must_use]
    pub fn needs_readings(&self) -> bool {
        read_scale(self).is_ok_and(|scale| path(self, scale.spec_replicas) == Path::Computed)
    }
}

/// The path that the sync takes for a workload of this size.
fn path(input: &Input<'_>, current: i32) -> Path {
    let (min, max) = (input.spec.min(), input.spec.max_replicas);
    let computed = match input.config.compat.zero_rule {
        _ if current != 0 => current <= max && current >= min,
        ZeroRule::ByMinReplicas => min == 0,
        ZeroRule::ByCondition => {
            input.was_scaled_to_zero() && (min != 0 || input.spec.has_object_or_external())
        }
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

/// The scale, or the cause for the condition and the error of the sync.
fn read_scale<'a>(input: &Input<'a>) -> Result<&'a Scale, (String, SyncError)> {
    let version = input.spec.scale_target_ref.api_version.as_deref().unwrap_or_default();
    if version.matches('/').count() > 1 {
        let cause = format!("unexpected GroupVersion string: {version}");
        let message = format!("invalid API version in scale target reference: {cause}");
        return Err((cause, SyncError { class: ErrorClass::Spec, message }));
    }
    input.scale.map_err(|cause| {
        let message = format!("failed to query scale subresource for {}: {cause}", input.target_name());
        (cause.to_owned(), SyncError { class: ErrorClass::Internal, message })
    })
}
