//! Pods and pod templates.

use serde_json::{Map, Value};

use super::{items, part, set};

pub(in crate::kinds) fn pod(object: &mut Value) {
    let Some(spec) = part(object, "spec") else { return };
    pod_spec(spec);
    set(spec, "enableServiceLinks", true);
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let Some(limits) = container["resources"]["limits"].as_object().cloned() else { return };
    let Some(resources) = part(container, "resources") else { return };
    set(resources, "requests", Map::new());
    for (name, limit) in limits {
        set(&mut resources["requests"], &name, limit);
    }
}

/// Sets the defaults of a pod's spec, in a pod or in a template.
pub(in crate::kinds) fn pod_spec(spec: &mut Value) {
    set(spec, "dnsPolicy", "ClusterFirst");
    set(spec, "restartPolicy", "Always");
    set(spec, "securityContext", Map::new());
    set(spec, "terminationGracePeriodSeconds", 30);
    set(spec, "schedulerName", "default-scheduler");
    // `serviceAccount` is the old name of the same field.
    match (spec["serviceAccountName"].as_str(), spec["serviceAccount"].as_str()) {
        (Some(name), _) => spec["serviceAccount"] = name.to_owned().into(),
        (None, Some(name)) => spec["serviceAccountName"] = name.to_owned().into(),
        (None, None) => drop(spec.as_object_mut().map(|map| map.remove("serviceAccount"))),
    }
    if spec["serviceAccountName"].is_null() {
        drop(spec.as_object_mut().map(|map| map.remove("serviceAccountName")));
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        for container in items(spec, list) {
            self::container(container, host_network);
        }
    }
    for volume in items(spec, "volumes") {
        self::volume(volume);
    }
}

fn container(container: &mut Value, host_network: bool) {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit_once('/').map_or(image, |(_, last)| last).split_once(':').map(|(_, tag)| tag);
    let policy = match tag {
        _ if image.contains('@') => "IfNotPresent",
        None | Some("latest") => "Always",
        Some(_) => "IfNotPresent",
    };
    set(container, "imagePullPolicy", policy);
    set(container, "terminationMessagePath", "/dev/termination-log");
    set(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        set(port, "protocol", "TCP");
        if host_network && !port["containerPort"].is_null() {
            let number = port["containerPort"].clone();
            set(port, "hostPort", number);
        }
    }
    for variable in items(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            set(field, "apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = part(container, name) {
            self::probe(probe);
        }
    }
    for pointer in ["/lifecycle/postStart/httpGet", "/lifecycle/preStop/httpGet"] {
        if let Some(get) = container.pointer_mut(pointer) {
            http_get(get);
        }
    }
}

fn probe(probe: &mut Value) {
    set(probe, "timeoutSeconds", 1);
    set(probe, "periodSeconds", 10);
    set(probe, "successThreshold", 1);
    set(probe, "failureThreshold", 3);
    if let Some(get) = part(probe, "httpGet") {
        http_get(get);
    }
    if let Some(call) = part(probe, "grpc") {
        set(call, "service", "");
    }
}

fn http_get(get: &mut Value) {
    set(get, "path", "/");
    set(get, "scheme", "HTTP");
}

/// Octal 0644.
const MODE: i64 = 420;

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|fields| fields.len() == 1) {
        set(volume, "emptyDir", Map::new());
    }
    for kind in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = part(volume, kind) {
            set(source, "defaultMode", MODE);
            for source in items(source, "sources") {
                if let Some(token) = part(source, "serviceAccountToken") {
                    set(token, "expirationSeconds", 3600);
                }
                for item in source
                    .pointer_mut("/downwardAPI/items")
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    if let Some(field) = part(item, "fieldRef") {
                        set(field, "apiVersion", "v1");
                    }
                }
            }
            for item in items(source, "items") {
                if let Some(field) = part(item, "fieldRef") {
                    set(field, "apiVersion", "v1");
                }
            }
        }
    }
    if let Some(path) = part(volume, "hostPath") {
        set(path, "type", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pull_policy_follows_the_tag() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
            ("registry:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:0", "IfNotPresent"),
        ] {
            let mut c = json!({"image": image});
            container(&mut c, false);
            assert_eq!(c["imagePullPolicy"], policy, "{image}");
        }
    }
}
