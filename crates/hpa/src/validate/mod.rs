//! What an API server refuses.
//!
//! Every function gives the **complete** list of errors, in the order and words of Kubernetes, so that a client's user
//! sees all of them at once. Defaults are to be filled in first, as an API server does: rules without policies are an
//! error here.
//!
//! Source: `pkg/apis/autoscaling/validation/validation.go`.

mod behavior;
mod error;
mod metrics;
mod names;

pub use error::{ErrorKind, FieldError};

use crate::compat::Config;
use crate::spec::{Spec, TargetRef};
use crate::status::Status;
use error::{Errors, Path};

/// Longest period of a policy in seconds.
pub const MAX_PERIOD_SECONDS: i32 = 1800;
/// Longest stabilisation window in seconds.
pub const MAX_STABILIZATION_WINDOW_SECONDS: i32 = 3600;

/// Checks the specification of a new object.
#[must_use]
pub fn validate(spec: &Spec, config: &Config) -> Vec<FieldError> {
    let lowest = i32::from(!config.gates.scale_to_zero);
    check(spec, lowest, config, config.compat.validate_api_version)
}

/// Checks a changed specification. What the stored one already had is allowed: a `minReplicas` of 0, and an
/// `apiVersion` that cannot be read.
#[must_use]
pub fn validate_update(spec: &Spec, old: &Spec, config: &Config) -> Vec<FieldError> {
    let lowest = i32::from(!config.gates.scale_to_zero && old.min_replicas != Some(0));
    let changed = spec.scale_target_ref.api_version != old.scale_target_ref.api_version;
    check(spec, lowest, config, config.compat.validate_api_version && changed)
}

/// Checks a changed status.
#[must_use]
pub fn validate_status(status: &Status) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let root = Path::Root("status");
    for (name, value) in
        [("currentReplicas", status.current_replicas), ("desiredReplicas", status.desired_replicas)]
    {
        if value < 0 {
            errors.invalid(root.field(name), value, "must be greater than or equal to 0");
        }
    }
    errors.list
}

/// Checks the size that is written to a scale subresource.
#[must_use]
pub fn validate_scale(spec_replicas: i32) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if spec_replicas < 0 {
        let field = Path::Root("spec");
        errors.invalid(field.field("replicas"), spec_replicas, "must be greater than or equal to 0");
    }
    errors.list
}

/// Removes what a closed feature gate hides, as an API server does silently before it validates: the tolerances, unless
/// the stored object has some.
pub fn drop_disabled_fields(spec: &mut Spec, old: Option<&Spec>, config: &Config) {
    let has_tolerance = |spec: &Spec| {
        let behavior = spec.behavior.as_ref();
        let rules = behavior.into_iter().flat_map(|b| [&b.scale_up, &b.scale_down]);
        rules.flatten().any(|r| r.tolerance.is_some())
    };
    let open = config.gates.configurable_tolerance && config.compat.behavior_tolerance;
    if open || old.is_some_and(has_tolerance) {
        return;
    }
    if let Some(behavior) = &mut spec.behavior {
        for rules in [&mut behavior.scale_up, &mut behavior.scale_down].into_iter().flatten() {
            rules.tolerance = None;
        }
    }
}

fn check(spec: &Spec, lowest: i32, config: &Config, api_version: bool) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let root = Path::Root("spec");
    if let Some(min) = spec.min_replicas.filter(|min| *min < lowest) {
        errors.invalid(root.field("minReplicas"), min, format!("must be greater than or equal to {lowest}"));
    }
    let max = spec.max_replicas;
    if max < 1 {
        errors.invalid(root.field("maxReplicas"), max, "must be greater than 0");
    }
    if spec.min_replicas.is_some_and(|min| max < min) {
        errors.invalid(root.field("maxReplicas"), max, "must be greater than or equal to `minReplicas`");
    }
    let target = root.field("scaleTargetRef");
    reference(&mut errors, &spec.scale_target_ref, target);
    if api_version {
        let version = spec.scale_target_ref.api_version.as_deref().unwrap_or_default();
        if version.matches('/').count() > 1 {
            let detail = format!("unexpected GroupVersion string: {version}");
            errors.invalid_text(target.field("apiVersion"), version, detail);
        }
    }
    metrics::check(&mut errors, spec, root.field("metrics"));
    if let Some(rules) = &spec.behavior {
        let tolerance = config.gates.configurable_tolerance && config.compat.behavior_tolerance;
        behavior::check(&mut errors, rules, root.field("behavior"), tolerance);
    }
    errors.list
}

/// Kind and name of a reference to an object.
fn reference(errors: &mut Errors, reference: &TargetRef, at: Path<'_>) {
    for (name, value) in [("kind", &reference.kind), ("name", &reference.name)] {
        if value.is_empty() {
            errors.required(at.field(name), "");
        } else {
            path_segment(errors, value, at.field(name));
        }
    }
}

/// A text that becomes part of a URL's path.
fn path_segment(errors: &mut Errors, value: &str, at: Path<'_>) {
    for detail in names::path_segment(value) {
        errors.invalid_text(at, value, detail);
    }
}
