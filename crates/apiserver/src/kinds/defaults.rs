//! The defaults of absent fields, for the kinds whose defaults clients rely on. Every function is idempotent.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/*/v1/defaults.go`.

mod autoscaler;
mod pod;
mod workload;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub(super) use autoscaler::{autoscaler, autoscaler_v1};
pub(super) use pod::pod;
pub(super) use workload::{claim, daemon_set, deployment, replica_set, stateful_set};

/// Sets an absent field.
pub(super) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.entry(name).or_insert_with(|| value.into());
    }
}

/// Returns the items of a list.
fn items<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Returns a field that is an object.
pub(super) fn part<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    object.get_mut(name).filter(|part| part.is_object())
}

pub(super) fn service(object: &mut Value) {
    let Some(spec) = part(object, "spec") else { return };
    set(spec, "sessionAffinity", "None");
    set(spec, "type", "ClusterIP");
    if spec["sessionAffinity"] == "ClientIP" && spec["sessionAffinityConfig"].is_null() {
        spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": 10800}});
    }
    for port in items(spec, "ports") {
        set(port, "protocol", "TCP");
        if port["targetPort"].is_null() || port["targetPort"] == 0 || port["targetPort"] == "" {
            port["targetPort"] = port["port"].clone();
        }
    }
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
    }
    if kind != "ExternalName" {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
}

pub(super) fn secret(object: &mut Value) {
    set(object, "type", "Opaque");
    let texts = object.as_object_mut().and_then(|fields| fields.remove("stringData"));
    for (name, text) in texts.as_ref().and_then(Value::as_object).into_iter().flatten() {
        if let Some(text) = text.as_str() {
            object["data"][name] = STANDARD.encode(text).into();
        }
    }
}

pub(super) fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if !name.is_empty() {
        if !object["metadata"]["labels"].is_object() {
            object["metadata"]["labels"] = json!({});
        }
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
    }
}

pub(super) fn endpoints(object: &mut Value) {
    for subset in items(object, "subsets") {
        for port in items(subset, "ports") {
            set(port, "protocol", "TCP");
        }
    }
}

pub(super) fn endpoint_slice(object: &mut Value) {
    for port in items(object, "ports") {
        set(port, "name", "");
        set(port, "protocol", "TCP");
    }
}

pub(super) fn network_policy(object: &mut Value) {
    let Some(spec) = part(object, "spec") else { return };
    for direction in ["ingress", "egress"] {
        for rule in items(spec, direction) {
            for port in items(rule, "ports") {
                set(port, "protocol", "TCP");
            }
        }
    }
    if spec["policyTypes"].as_array().is_none_or(Vec::is_empty) {
        let mut types = vec!["Ingress"];
        if spec["egress"].as_array().is_some_and(|rules| !rules.is_empty()) {
            types.push("Egress");
        }
        spec["policyTypes"] = types.into();
    }
}

pub(super) fn binding(object: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if let Some(role) = part(object, "roleRef") {
        set(role, "apiGroup", GROUP);
    }
    for subject in items(object, "subjects") {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            set(subject, "apiGroup", GROUP);
        }
    }
}

pub(super) fn priority_class(object: &mut Value) {
    set(object, "preemptionPolicy", "PreemptLowerPriority");
}

pub(super) fn api_service(object: &mut Value) {
    if let Some(service) = object.get_mut("spec").and_then(|spec| part(spec, "service")) {
        set(service, "port", 443);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_of_a_secret_becomes_data() {
        let mut object = json!({"data": {"a": "eA=="}, "stringData": {"b": "y"}});
        secret(&mut object);
        assert_eq!(object, json!({"type": "Opaque", "data": {"a": "eA==", "b": "eQ=="}}));
    }
}
