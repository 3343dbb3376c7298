//! What absent fields count as, for the kinds whose defaults clients rely on.
//!
//! The rules are those of `k8s.io/kubernetes/pkg/apis/*/v1/defaults.go`. Every function is idempotent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Sets a field that is absent.
fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = object.as_object_mut() {
        fields.entry(name).or_insert_with(|| value.into());
    }
}

/// The items of a list.
fn items<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// A part that is there.
fn part<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    object.get_mut(name).filter(|part| part.is_object())
}

pub(super) fn pod(object: &mut Value) {
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

/// A pod's spec, in a pod or in a template.
fn pod_spec(spec: &mut Value) {
    set(spec, "dnsPolicy", "ClusterFirst");
    set(spec, "restartPolicy", "Always");
    set(spec, "securityContext", Map::new());
    set(spec, "terminationGracePeriodSeconds", 30);
    set(spec, "schedulerName", "default-scheduler");
    // The older name of the same field is kept equal.
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

fn template(object: &mut Value) -> Option<&mut Value> {
    let spec = part(object, "spec")?;
    if let Some(pod) = spec.pointer_mut("/template/spec") {
        pod_spec(pod);
    }
    Some(spec)
}

pub(super) fn deployment(object: &mut Value) {
    let Some(spec) = template(object) else { return };
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
    set(spec, "strategy", Map::new());
    let strategy = &mut spec["strategy"];
    set(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", Map::new());
        set(&mut strategy["rollingUpdate"], "maxUnavailable", "25%");
        set(&mut strategy["rollingUpdate"], "maxSurge", "25%");
    }
}

pub(super) fn replica_set(object: &mut Value) {
    if let Some(spec) = template(object) {
        set(spec, "replicas", 1);
    }
}

pub(super) fn stateful_set(object: &mut Value) {
    let Some(spec) = template(object) else { return };
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "podManagementPolicy", "OrderedReady");
    set(spec, "persistentVolumeClaimRetentionPolicy", Map::new());
    set(&mut spec["persistentVolumeClaimRetentionPolicy"], "whenDeleted", "Retain");
    set(&mut spec["persistentVolumeClaimRetentionPolicy"], "whenScaled", "Retain");
    set(spec, "updateStrategy", Map::new());
    let strategy = &mut spec["updateStrategy"];
    set(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", Map::new());
        set(&mut strategy["rollingUpdate"], "partition", 0);
    }
    for claim in items(spec, "volumeClaimTemplates") {
        set(claim, "apiVersion", "v1");
        set(claim, "kind", "PersistentVolumeClaim");
        set(&mut claim["spec"], "volumeMode", "Filesystem");
        set(claim, "status", Map::new());
        set(&mut claim["status"], "phase", "Pending");
    }
}

pub(super) fn claim(object: &mut Value) {
    if let Some(spec) = part(object, "spec") {
        set(spec, "volumeMode", "Filesystem");
    }
}

pub(super) fn daemon_set(object: &mut Value) {
    let Some(spec) = template(object) else { return };
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "updateStrategy", Map::new());
    let strategy = &mut spec["updateStrategy"];
    set(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", Map::new());
        set(&mut strategy["rollingUpdate"], "maxUnavailable", 1);
        set(&mut strategy["rollingUpdate"], "maxSurge", 0);
    }
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

pub(super) fn autoscaler(object: &mut Value) {
    let Some(spec) = part(object, "spec") else { return };
    set(spec, "minReplicas", 1);
    if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
    }
    if let Some(behavior) = part(spec, "behavior") {
        scaling_rules(
            behavior,
            "scaleUp",
            json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]),
        );
        set(&mut behavior["scaleUp"], "stabilizationWindowSeconds", 0);
        scaling_rules(behavior, "scaleDown", json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]));
    }
}

fn scaling_rules(behavior: &mut Value, direction: &str, policies: Value) {
    set(behavior, direction, Map::new());
    let rules = &mut behavior[direction];
    set(rules, "selectPolicy", "Max");
    set(rules, "policies", policies);
}

pub(super) fn autoscaler_v1(object: &mut Value) {
    let custom = object.pointer("/metadata/annotations/autoscaling.alpha.kubernetes.io~1metrics").is_some();
    if let Some(spec) = part(object, "spec") {
        set(spec, "minReplicas", 1);
        if !custom {
            set(spec, "targetCPUUtilizationPercentage", 80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policy_follows_the_tag() {
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

    #[test]
    fn defaults_do_not_touch_what_is_set_and_are_idempotent() {
        let mut hpa = json!({"spec": {"maxReplicas": 3, "metrics": [{"type": "External"}], "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}});
        autoscaler(&mut hpa);
        let once = hpa.clone();
        autoscaler(&mut hpa);
        assert_eq!(hpa, once);
        assert_eq!(
            hpa["spec"]["behavior"]["scaleDown"],
            json!({"stabilizationWindowSeconds": 60, "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]})
        );
        assert_eq!(hpa["spec"]["behavior"]["scaleUp"]["stabilizationWindowSeconds"], 0);
        assert_eq!(hpa["spec"]["metrics"], json!([{"type": "External"}]));
    }

    #[test]
    fn texts_of_a_secret_become_data() {
        let mut object = json!({"data": {"a": "eA=="}, "stringData": {"b": "y"}});
        secret(&mut object);
        assert_eq!(object, json!({"type": "Opaque", "data": {"a": "eA==", "b": "eQ=="}}));
    }
}
