//! What makes an object of a kind unacceptable, in Kubernetes' words.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cell::list;
use crate::select::LabelSelector;
use crate::{Cause, Validate, names};

/// A rule as the table of kinds wants it.
pub(super) fn with(rule: fn(&Value, Option<&Value>) -> Vec<Cause>) -> Validate {
    Arc::new(rule)
}

const NON_NEGATIVE: &str = "must be greater than or equal to 0";
const IMMUTABLE: &str = "field is immutable";
const PORT: &str = "must be between 1 and 65535, inclusive";

fn labels_of(object: &Value) -> Vec<(String, String)> {
    let labels = object.as_object().into_iter().flatten();
    labels.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

pub(super) fn pod(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = pod_spec(&new["spec"], "spec");
    let Some(old) = old else { return causes };
    // An update may change images, deadlines, tolerations and gates, nothing else; binding sets the node.
    let rest = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "schedulingGates",
            "terminationGracePeriodSeconds",
            "ephemeralContainers",
        ] {
            spec[field] = Value::Null;
        }
        spec
    };
    let (mut before, after) = (rest(old), rest(new));
    if before["nodeName"].as_str().is_none_or(str::is_empty) {
        before["nodeName"] = after["nodeName"].clone();
    }
    let null = |v: &Value| {
        v.as_object().map(|m| {
            m.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>()
        })
    };
    if null(&before) != null(&after) {
        causes.push(Cause::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
    causes
}

/// A pod's spec, in a pod or in a template.
fn pod_spec(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let volumes: Vec<&str> =
        list(spec, "/volumes").iter().map(|volume| volume["name"].as_str().unwrap_or_default()).collect();
    for (place, name) in volumes.iter().enumerate() {
        let path = format!("{path}.volumes[{place}].name");
        if name.is_empty() {
            causes.push(Cause::required(path, ""));
        } else if volumes[..place].contains(name) {
            causes.push(Cause::duplicate(path, &json!(name)));
        }
    }
    if list(spec, "/containers").is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut known: Vec<&str> = Vec::new();
    for lists in ["initContainers", "containers"] {
        for (place, container) in list(spec, &format!("/{lists}")).iter().enumerate() {
            let path = format!("{path}.{lists}[{place}]");
            let name = container["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                causes.push(Cause::required(format!("{path}.name"), ""));
            } else if !names::is_dns_label(name) {
                causes.push(Cause::invalid(format!("{path}.name"), &container["name"], names::LABEL));
            }
            causes.extend(self::container(container, &path));
            for (at, mount) in list(container, "/volumeMounts").iter().enumerate() {
                if !volumes.iter().any(|volume| mount["name"] == *volume) {
                    let message = format!("Not found: {}", mount["name"]);
                    let field = format!("{path}.volumeMounts[{at}].name");
                    causes.push(Cause { reason: "FieldValueNotFound", message, field });
                }
            }
            if !name.is_empty() && known.contains(&name) {
                causes.push(Cause::duplicate(format!("{path}.name"), &container["name"]));
            }
            known.push(name);
        }
    }
    let policy = &spec["restartPolicy"];
    if !matches!(policy.as_str(), Some("Always" | "OnFailure" | "Never") | None) {
        let known = ["Always", "OnFailure", "Never"];
        causes.push(Cause::not_supported(format!("{path}.restartPolicy"), policy, &known));
    }
    let grace = &spec["terminationGracePeriodSeconds"];
    if grace.as_i64().is_some_and(|seconds| seconds < 0) {
        causes.push(Cause::invalid(format!("{path}.terminationGracePeriodSeconds"), grace, NON_NEGATIVE));
    }
    causes
}

fn container(container: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    if container["image"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    let policy = &container["imagePullPolicy"];
    if !matches!(policy.as_str(), Some("Always" | "IfNotPresent" | "Never") | None) {
        causes.push(Cause::not_supported(
            format!("{path}.imagePullPolicy"),
            policy,
            &["Always", "IfNotPresent", "Never"],
        ));
    }
    let mut port_names: Vec<&str> = Vec::new();
    for (place, port) in list(container, "/ports").iter().enumerate() {
        let path = format!("{path}.ports[{place}]");
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) {
            let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
            let mut refuse =
                |why: &str| causes.push(Cause::invalid(format!("{path}.name"), &port["name"], why));
            if name.len() > 15 {
                refuse("must be no more than 15 characters");
            }
            if !name.bytes().all(plain) {
                refuse("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
            }
            if !name.contains(|c: char| c.is_ascii_lowercase()) {
                refuse("must contain at least one letter (a-z)");
            }
            if port_names.contains(&name) {
                causes.push(Cause::duplicate(format!("{path}.name"), &port["name"]));
            }
            port_names.push(name);
        }
        match port["containerPort"].as_i64() {
            None | Some(0) => causes.push(Cause::required(format!("{path}.containerPort"), "")),
            Some(1..=65535) => {}
            Some(_) => {
                causes.push(Cause::invalid(format!("{path}.containerPort"), &port["containerPort"], PORT));
            }
        }
    }
    for (place, variable) in list(container, "/env").iter().enumerate() {
        if variable["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("{path}.env[{place}].name"), ""));
        }
        if !variable["valueFrom"].is_null()
            && variable["value"].as_str().is_some_and(|value| !value.is_empty())
        {
            causes.push(Cause::invalid(
                format!("{path}.env[{place}].valueFrom"),
                &json!(""),
                "may not be specified when `value` is not empty",
            ));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe_path = format!("{path}.{probe}");
        let probe = &container[probe];
        if !probe.is_object() {
            continue;
        }
        if !["exec", "httpGet", "tcpSocket", "grpc"].iter().any(|handler| probe[*handler].is_object()) {
            causes.push(Cause::required(probe_path.clone(), "must specify a handler type"));
        }
        for field in
            ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
        {
            if probe[field].as_i64().is_some_and(|n| n < 0) {
                causes.push(Cause::invalid(format!("{probe_path}.{field}"), &probe[field], NON_NEGATIVE));
            }
        }
    }
    causes
}

/// Deployments, ReplicaSets, StatefulSets, DaemonSets.
pub(super) fn workload(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &new["spec"];
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        if spec[field].as_i64().is_some_and(|n| n < 0) {
            causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], NON_NEGATIVE));
        }
    }
    let (selector, labels) = (&spec["selector"], &spec["template"]["metadata"]["labels"]);
    let parsed = LabelSelector::from_object(selector);
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if parsed.is_empty() {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, why));
    }
    if selector.is_null() || !parsed.matches(&labels_of(labels)) {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
    causes.extend(pod_spec(&spec["template"]["spec"], "spec.template.spec"));
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if matches!(policy.as_str(), Some("OnFailure" | "Never")) {
        causes.push(Cause::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if new["kind"] == "Deployment" {
        let kind = &spec["strategy"]["type"];
        match kind.as_str() {
            Some("Recreate") if !spec["strategy"]["rollingUpdate"].is_null() => {
                causes.push(Cause::forbidden(
                    "spec.strategy.rollingUpdate",
                    "may not be specified when strategy `type` is 'Recreate'",
                ));
            }
            Some("Recreate" | "RollingUpdate") | None => {}
            Some(_) => {
                causes.push(Cause::not_supported("spec.strategy.type", kind, &["Recreate", "RollingUpdate"]));
            }
        }
    }
    let Some(old) = old else { return causes };
    if old["spec"]["selector"] != *selector {
        causes.push(Cause::invalid("spec.selector", selector, IMMUTABLE));
    }
    if new["kind"] == "StatefulSet" {
        let fixed = |set: &Value| {
            let mut spec = set["spec"].clone();
            for field in [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
                "selector",
            ] {
                spec[field] = Value::Null;
            }
            spec
        };
        if fixed(old) != fixed(new) {
            causes.push(Cause::forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
        }
    }
    causes
}

pub(super) fn event(new: &Value, _old: Option<&Value>) -> Vec<Cause> {
    let about = &new["involvedObject"]["namespace"];
    // Events about objects of the cluster have no namespace to agree with.
    let named = about.as_str().filter(|namespace| !namespace.is_empty());
    if named.is_none_or(|namespace| new["metadata"]["namespace"] == namespace) {
        return Vec::new();
    }
    vec![Cause::invalid("involvedObject.namespace", about, "does not match event.namespace")]
}

pub(super) fn service(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &new["spec"];
    let kind = &spec["type"];
    const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let headless = spec["clusterIP"] == "None";
    let ports = list(spec, "/ports");
    if ports.is_empty() && !headless && *kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let mut known: Vec<(i64, &str)> = Vec::new();
    let mut port_names: Vec<&str> = Vec::new();
    for (place, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{place}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if !name.is_empty() && !names::is_dns_label(name) {
            causes.push(Cause::invalid(format!("{path}.name"), &port["name"], names::LABEL));
        } else if !name.is_empty() && port_names.contains(&name) {
            causes.push(Cause::duplicate(format!("{path}.name"), &port["name"]));
        }
        port_names.push(name);
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            causes.push(Cause::invalid(format!("{path}.port"), &json!(number), PORT));
        }
        let protocol = port["protocol"].as_str().unwrap_or_default();
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            causes.push(Cause::not_supported(
                format!("{path}.protocol"),
                &port["protocol"],
                &["SCTP", "TCP", "UDP"],
            ));
        }
        if port["targetPort"].as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
            causes.push(Cause::invalid(format!("{path}.targetPort"), &port["targetPort"], PORT));
        }
        if known.contains(&(number, protocol)) {
            causes.push(Cause::duplicate(path, &json!({"port": number, "protocol": protocol})));
        }
        known.push((number, protocol));
    }
    if !kind.as_str().is_some_and(|kind| TYPES.contains(&kind)) {
        causes.push(Cause::not_supported("spec.type", kind, &TYPES));
    }
    if *kind == "ExternalName" && spec["externalName"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("spec.externalName", ""));
    }
    if let Some(old) = old {
        let was = &old["spec"]["clusterIP"];
        let stays = old["spec"]["type"] != "ExternalName" && *kind != "ExternalName";
        if stays && !was.is_null() && *was != spec["clusterIP"] {
            causes.push(Cause::invalid(
                "spec.clusterIPs[0]",
                &json!([spec["clusterIP"]]),
                "may not change once set",
            ));
        }
    }
    causes
}

/// Bytes of a ConfigMap's or a Secret's data.
const MAX_DATA: usize = 1024 * 1024;
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn keys(object: &Value, field: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, value) in object[field].as_object().into_iter().flatten() {
        size += value.as_str().map_or(0, str::len);
        let fine = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        if key.is_empty() || key.len() > 253 || !key.bytes().all(fine) {
            causes.push(Cause::invalid(format!("{field}[{key}]"), &json!(key), KEY));
        }
    }
    size
}

fn immutable(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|old| old["immutable"] == true) else { return };
    const WHY: &str = "field is immutable when `immutable` is set";
    for field in ["immutable", "data", "binaryData"] {
        if old[field] != new[field] {
            causes.push(Cause::forbidden(field, WHY));
        }
    }
}

pub(super) fn config_map(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = keys(new, "data", &mut causes) + keys(new, "binaryData", &mut causes);
    if size > MAX_DATA {
        causes.push(Cause::too_long("", MAX_DATA));
    }
    immutable(new, old, &mut causes);
    causes
}

pub(super) fn secret(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if keys(new, "data", &mut causes) > MAX_DATA {
        causes.push(Cause::too_long("data", MAX_DATA));
    }
    if old.is_some_and(|old| old["type"] != new["type"]) {
        causes.push(Cause::invalid("type", &new["type"], IMMUTABLE));
    }
    immutable(new, old, &mut causes);
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(causes: &[Cause]) -> Vec<String> {
        causes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_deployment_needs_a_selector_that_fits_and_containers() {
        let empty = shown(&workload(&json!({"kind": "Deployment", "spec": {"replicas": -1}}), None));
        assert_eq!(
            empty,
            [
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                "spec.selector: Required value",
                "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                "spec.template.spec.containers: Required value",
            ]
        );
        let spec = |label: &str| {
            json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": label}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
        };
        assert_eq!(
            shown(&workload(&spec("x"), None)),
            [
                "spec.template.metadata.labels: Invalid value: {\"a\":\"x\"}: `selector` does not match template `labels`"
            ]
        );
        assert!(workload(&spec("b"), Some(&spec("b"))).is_empty());
    }

    #[test]
    fn a_pods_spec_stands_but_for_its_images() {
        let old = json!({"spec": {"nodeName": "", "containers": [{"name": "c", "image": "1"}]}});
        let mut new = json!({"spec": {"nodeName": "n", "containers": [{"name": "c", "image": "2"}]}});
        assert!(pod(&new, Some(&old)).is_empty());
        new["spec"]["containers"][0]["args"] = json!(["x"]);
        assert_eq!(pod(&new, Some(&old)).len(), 1);
    }

    #[test]
    fn services_need_ports() {
        let causes = service(
            &json!({"spec": {"type": "ClusterIP", "ports": [{"port": 1, "protocol": "TCP"}, {"name": "b", "port": 1, "protocol": "TCP"}]}}),
            None,
        );
        assert_eq!(
            shown(&causes),
            [
                "spec.ports[0].name: Required value",
                "spec.ports[1]: Duplicate value: {\"port\":1,\"protocol\":\"TCP\"}"
            ]
        );
        assert!(service(&json!({"spec": {"type": "ClusterIP", "clusterIP": "None"}}), None).is_empty());
    }
}
