//! Validation of `spec.behavior`.

use super::field_error::Errors;
use crate::field_path::FieldPath;
use crate::spec::{Behavior, Policy, ScalingRules};

/// The longest period of a policy in seconds.
pub const MAX_PERIOD_SECONDS: i32 = 1800;
/// The longest stabilisation window in seconds.
pub const MAX_STABILIZATION_WINDOW_SECONDS: i32 = 3600;

pub(super) fn check(errors: &mut Errors, behavior: &Behavior, at: FieldPath<'_>, tolerance: bool) {
    for (name, given) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        if let Some(given) = given {
            rules(errors, given, at.field(name), tolerance);
        }
    }
}

fn rules(errors: &mut Errors, rules: &ScalingRules, at: FieldPath<'_>, tolerance: bool) {
    if let Some(window) = rules.stabilization_window_seconds {
        let field = at.field("stabilizationWindowSeconds");
        if window < 0 {
            errors.invalid(field, window, "must be greater than or equal to zero");
        }
        if window > MAX_STABILIZATION_WINDOW_SECONDS {
            let max = MAX_STABILIZATION_WINDOW_SECONDS;
            errors.invalid(field, window, format!("must be less than or equal to {max}"));
        }
    }
    let select = rules.select_policy.as_deref();
    if let Some(select) = select.filter(|s| !matches!(*s, "Max" | "Min" | "Disabled")) {
        errors.not_supported(at.field("selectPolicy"), select, &["Disabled", "Max", "Min"]);
    }
    let policies = rules.policies.as_deref().unwrap_or_default();
    let list = at.field("policies");
    if policies.is_empty() {
        errors.required(list, "must specify at least one Policy");
    }
    for (i, given) in policies.iter().enumerate() {
        policy(errors, given, list.index(i));
    }
    if let Some(given) = rules.tolerance.filter(|t| tolerance && t.is_negative()) {
        errors.invalid_text(at.field("tolerance"), &given.to_string(), "must be greater than or equal to 0");
    }
}

fn policy(errors: &mut Errors, policy: &Policy, at: FieldPath<'_>) {
    if !matches!(policy.type_.as_str(), "Pods" | "Percent") {
        errors.not_supported(at.field("type"), &policy.type_, &["Percent", "Pods"]);
    }
    if policy.value <= 0 {
        errors.invalid(at.field("value"), policy.value, "must be greater than zero");
    }
    let (field, period) = (at.field("periodSeconds"), policy.period_seconds);
    if period <= 0 {
        errors.invalid(field, period, "must be greater than zero");
    }
    if period > MAX_PERIOD_SECONDS {
        errors.invalid(field, period, format!("must be less than or equal to {MAX_PERIOD_SECONDS}"));
    }
}
