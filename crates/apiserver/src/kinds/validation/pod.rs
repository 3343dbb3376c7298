//! Pods and pod templates.

use serde_json::{Value, json};

use super::{NON_NEGATIVE, PORT};
use crate::kinds::cells::list;
use crate::{Cause, names};

pub(in crate::kinds) fn pod(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = pod_spec(&new["spec"], "spec");
    let Some(old) = old else { return causes };
    // An update can change only images, deadlines, tolerations and gates. Binding sets the node.
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

/// Validates a pod's spec, in a pod or in a template.
pub(in crate::kinds) fn pod_spec(spec: &Value, path: &str) -> Vec<Cause> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_can_change_only_images() {
        let old = json!({"spec": {"nodeName": "", "containers": [{"name": "c", "image": "1"}]}});
        let mut new = json!({"spec": {"nodeName": "n", "containers": [{"name": "c", "image": "2"}]}});
        assert!(pod(&new, Some(&old)).is_empty());
        new["spec"]["containers"][0]["args"] = json!(["x"]);
        assert_eq!(pod(&new, Some(&old)).len(), 1);
    }
}
