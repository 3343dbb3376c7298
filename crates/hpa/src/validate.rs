//! The validation of an API server.
//!
//! Each function returns **all** errors in the order and with the texts of Kubernetes. As an API server does, set the
//! defaults and call [`drop_disabled_fields`] first (rules without policies are an error here).
//!
//! Source: `pkg/apis/autoscaling/validation/validation.go` and `pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go`.

mod behavior;
mod field_error;
mod metrics;
mod names;
mod reference;

pub use behavior::{MAX_PERIOD_SECONDS, MAX_STABILIZATION_WINDOW_SECONDS};
pub use field_error::{ErrorKind, FieldError};

use crate::compat::Config;
use crate::field_path::FieldPath;
use crate::spec::Spec;
use field_error::Errors;
use reference::ApiVersion;

/// Checks the specification of a new object.
#[must_use]
pub fn validate(spec: &Spec, config: &Config) -> Vec<FieldError> {
    check(spec, None, config)
}

/// Checks a changed specification.
///
/// A `minReplicas` of 0 or an unusable `apiVersion` is no error if the stored specification has it too.
#[must_use]
pub fn validate_update(spec: &Spec, old: &Spec, config: &Config) -> Vec<FieldError> {
    check(spec, Some(old), config)
}

/// Removes the fields of disabled feature gates, as an API server does silently before validation.
///
/// These are the tolerances. They stay if the stored object has any.
pub fn drop_disabled_fields(spec: &mut Spec, old: Option<&Spec>, config: &Config) {
    let has_tolerance = |spec: &Spec| {
        let behavior = spec.behavior.as_ref();
        let rules = behavior.into_iter().flat_map(|b| [&b.scale_up, &b.scale_down]);
        rules.flatten().any(|r| r.tolerance.is_some())
    };
    let enabled = config.gates.configurable_tolerance && config.compat.behavior_tolerance;
    if enabled || old.is_some_and(has_tolerance) {
        return;
    }
    if let Some(behavior) = &mut spec.behavior {
        for rules in [&mut behavior.scale_up, &mut behavior.scale_down].into_iter().flatten() {
            rules.tolerance = None;
        }
    }
}

/// The rules for the `apiVersion` of the target and of objects that metrics describe.
fn api_versions(spec: &Spec, old: Option<&Spec>, config: &Config) -> (ApiVersion, ApiVersion) {
    if !config.compat.validate_api_version {
        return (ApiVersion::Any, ApiVersion::Any);
    }
    let target = &spec.scale_target_ref;
    let target = match old.map(|old| &old.scale_target_ref) {
        Some(old) if old.api_version == target.api_version && old.kind == target.kind => ApiVersion::Any,
        // The only kind of the core group with a scale subresource.
        _ if target.kind == "ReplicationController" => ApiVersion::Readable,
        _ => ApiVersion::WithGroup,
    };
    let described = old.into_iter().flat_map(|old| &old.metrics).filter_map(|metric| {
        let version = metric.object.as_ref()?.described_object.api_version.as_deref();
        ApiVersion::Readable.error(version.unwrap_or_default())
    });
    (target, if described.count() > 0 { ApiVersion::Any } else { ApiVersion::Readable })
}

fn check(spec: &Spec, old: Option<&Spec>, config: &Config) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let root = FieldPath::Root("spec");
    let zero = config.gates.scale_to_zero || old.is_some_and(|old| old.min_replicas == Some(0));
    let lowest = i32::from(!zero);
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
    let (target, described) = api_versions(spec, old, config);
    reference::check(&mut errors, &spec.scale_target_ref, root.field("scaleTargetRef"), target);
    metrics::check(&mut errors, spec, root.field("metrics"), described);
    if let Some(rules) = &spec.behavior {
        behavior::check(&mut errors, rules, root.field("behavior"), config.compat.behavior_tolerance);
    }
    errors.list
}
