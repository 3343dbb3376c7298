//! What an API server refuses.
//!
//! Every function gives the **complete** list of errors, in the order and words of Kubernetes, so that a client's user
//! sees all of them at once. As an API server does, fill in the defaults first (rules without policies are an error
//! here) and call [`drop_disabled_fields`].
//!
//! Source: `pkg/apis/autoscaling/validation/validation.go` and `pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go`.

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
    check(spec, None, config)
}

/// Checks a changed specification. What the stored one already had is allowed: a `minReplicas` of 0, and an
/// `apiVersion` that cannot be used.
#[must_use]
pub fn validate_update(spec: &Spec, old: &Spec, config: &Config) -> Vec<FieldError> {
    check(spec, Some(old), config)
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

/// What an `apiVersion` must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ApiVersion {
    /// Anything.
    Any,
    /// At most one slash.
    Readable,
    /// A group and a version.
    WithGroup,
}

impl ApiVersion {
    fn error(self, version: &str) -> Option<String> {
        let slashes = version.matches('/').count();
        match self {
            Self::Any => None,
            _ if slashes > 1 => Some(format!("unexpected GroupVersion string: {version}")),
            Self::WithGroup if slashes == 0 || version.starts_with('/') => {
                Some("apiVersion must specify API group".to_owned())
            }
            Self::Readable | Self::WithGroup => None,
        }
    }
}

/// What the target's `apiVersion` must be, and that of objects that metrics describe.
fn api_versions(spec: &Spec, old: Option<&Spec>, config: &Config) -> (ApiVersion, ApiVersion) {
    if !config.compat.validate_api_version {
        return (ApiVersion::Any, ApiVersion::Any);
    }
    let target = &spec.scale_target_ref;
    let target = match old.map(|old| &old.scale_target_ref) {
        Some(old) if old.api_version == target.api_version && old.kind == target.kind => ApiVersion::Any,
        // The only kind of the core group that has a size.
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
    let root = Path::Root("spec");
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
    reference(&mut errors, &spec.scale_target_ref, root.field("scaleTargetRef"), target);
    metrics::check(&mut errors, spec, root.field("metrics"), described);
    if let Some(rules) = &spec.behavior {
        behavior::check(&mut errors, rules, root.field("behavior"), config.compat.behavior_tolerance);
    }
    errors.list
}

/// A reference to an object.
fn reference(errors: &mut Errors, reference: &TargetRef, at: Path<'_>, api_version: ApiVersion) {
    for (name, value) in [("kind", &reference.kind), ("name", &reference.name)] {
        if value.is_empty() {
            errors.required(at.field(name), "");
        } else {
            path_segment(errors, value, at.field(name));
        }
    }
    let version = reference.api_version.as_deref().unwrap_or_default();
    if let Some(detail) = api_version.error(version) {
        errors.invalid_text(at.field("apiVersion"), version, detail);
    }
}

/// A text that becomes part of a URL's path.
fn path_segment(errors: &mut Errors, value: &str, at: Path<'_>) {
    for detail in names::path_segment(value) {
        errors.invalid_text(at, value, detail);
    }
}
