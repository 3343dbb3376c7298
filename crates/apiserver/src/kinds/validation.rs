//! The validation of objects, with the error texts of Kubernetes.

mod data;
mod pod;
mod service;
mod workload;

use std::sync::Arc;

use serde_json::Value;

use crate::{Cause, Validate};

pub(super) use data::{config_map, secret};
pub(super) use pod::pod;
pub(super) use service::service;
pub(super) use workload::workload;

/// Wraps a function as the rule of a kind.
pub(in crate::kinds) fn rule(rule: fn(&Value, Option<&Value>) -> Vec<Cause>) -> Validate {
    Arc::new(rule)
}

pub(super) const NON_NEGATIVE: &str = "must be greater than or equal to 0";
pub(super) const IMMUTABLE: &str = "field is immutable";
pub(super) const PORT: &str = "must be between 1 and 65535, inclusive";

/// Refuses taints, which the scheduler of the one node does not read.
pub(in crate::kinds) fn node(new: &Value, _old: Option<&Value>) -> Vec<Cause> {
    if new["spec"]["taints"].as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    vec![Cause::forbidden("spec.taints", "taints have no effect in the sandbox; use kubectl cordon")]
}

pub(in crate::kinds) fn event(new: &Value, _old: Option<&Value>) -> Vec<Cause> {
    let about = &new["involvedObject"]["namespace"];
    // Events about cluster-scoped objects can be in any namespace.
    let named = about.as_str().filter(|namespace| !namespace.is_empty());
    if named.is_none_or(|namespace| new["metadata"]["namespace"] == namespace) {
        return Vec::new();
    }
    vec![Cause::invalid("involvedObject.namespace", about, "does not match event.namespace")]
}
