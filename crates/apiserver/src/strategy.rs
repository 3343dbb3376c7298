//! Fields that the server sets on new objects, and fields that an update keeps.
//!
//! Upstream calls this a kind's strategy: `PrepareForCreate` and `PrepareForUpdate`.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::CreateStrategy;
use crate::registry::{Registry, Resource};
use crate::{Status, meta, time};

/// The range of node ports, as in kube-apiserver's `--service-node-port-range`.
const NODE_PORTS: std::ops::Range<u16> = 30_000..32_768;

/// The finalizer that keeps a definition until its objects are deleted.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Returns the fields that keep their value when an update omits them.
pub(crate) fn kept_on_update(resource: &Resource) -> &'static [&'static str] {
    match resource.kind.create_strategy {
        CreateStrategy::ServiceAddresses => {
            &["/spec/clusterIP", "/spec/clusterIPs", "/spec/ipFamilies", "/spec/ipFamilyPolicy"]
        }
        CreateStrategy::PodStatus => &["/spec/nodeName"],
        CreateStrategy::NamespacePhase => &["/spec/finalizers"],
        CreateStrategy::Nothing | CreateStrategy::DefinitionStatus => &[],
    }
}

/// Splits a JSON pointer into its parent and its last segment.
pub(crate) fn split(pointer: &str) -> (&str, &str) {
    pointer.rsplit_once('/').unwrap_or(("", pointer))
}

/// Sets the fields that the kind's strategy names.
pub(crate) fn prepare_for_create(
    registry: &Registry,
    resource: &Resource,
    object: &mut Value,
) -> Result<(), Status> {
    match resource.kind.create_strategy {
        CreateStrategy::Nothing => Ok(()),
        CreateStrategy::PodStatus => {
            pod(object);
            Ok(())
        }
        CreateStrategy::ServiceAddresses => service(resource, object),
        CreateStrategy::NamespacePhase => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({"phase": "Active"});
            Ok(())
        }
        CreateStrategy::DefinitionStatus => {
            accept_definition(registry, object, None);
            Ok(())
        }
    }
}

/// Updates the server's fields of a changed object.
pub(crate) fn prepare_for_update(registry: &Registry, resource: &Resource, old: &Value, new: &mut Value) {
    if resource.kind.create_strategy == CreateStrategy::DefinitionStatus {
        accept_definition(registry, new, Some(old));
    }
}

fn service(resource: &Resource, object: &mut Value) -> Result<(), Status> {
    let spec = &object["spec"];
    let kind = spec["type"].as_str().unwrap_or("ClusterIP").to_owned();
    if kind == "ExternalName" {
        return Ok(());
    }
    let (services, _) = resource.objects.list(None);
    let wanted = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
    let address = match wanted.as_str() {
        "" => {
            let taken: HashSet<&str> =
                services.iter().filter_map(|s| s.value.pointer("/spec/clusterIP")?.as_str()).collect();
            // 10.96.0.1 is the address of the API server.
            let free = (2..u32::from(u16::MAX)).map(|n| format!("10.96.{}.{}", n >> 8, n & 255));
            let mut free = free.filter(|address| !taken.contains(address.as_str()));
            free.next().ok_or_else(|| Status::internal("failed to allocate a serviceIP: range is full"))?
        }
        _ => wanted,
    };
    let spec = &mut object["spec"];
    spec["clusterIP"] = address.clone().into();
    spec["clusterIPs"] = json!([address]);
    spec["ipFamilies"] = json!(["IPv4"]);
    if spec["ipFamilyPolicy"].is_null() {
        spec["ipFamilyPolicy"] = "SingleStack".into();
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        let ports = |service: &Value| -> Vec<u64> {
            let ports = service.pointer("/spec/ports").and_then(Value::as_array);
            ports.into_iter().flatten().filter_map(|port| port["nodePort"].as_u64()).collect()
        };
        let mut taken: HashSet<u64> = services.iter().flat_map(|s| ports(&s.value)).collect();
        taken.extend(ports(object));
        for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
            if port["nodePort"].as_u64().unwrap_or(0) == 0 {
                let free = NODE_PORTS.map(u64::from).find(|port| !taken.contains(port));
                let free =
                    free.ok_or_else(|| Status::internal("failed to allocate a nodePort: range is full"))?;
                taken.insert(free);
                port["nodePort"] = free.into();
            }
        }
    }
    Ok(())
}

/// Sets the fields that admission and the pod strategy of a real cluster set on a new pod.
fn pod(object: &mut Value) {
    let class = qos_class(&object["spec"]);
    object["status"] = json!({"phase": "Pending", "qosClass": class});
    let spec = &mut object["spec"];
    let account = ["serviceAccountName", "serviceAccount"].iter().find_map(|name| spec[*name].as_str());
    let account = account.unwrap_or("default").to_owned();
    spec["serviceAccountName"] = account.clone().into();
    spec["serviceAccount"] = account.into();
    if spec["priority"].is_null() {
        spec["priority"] = 0.into();
    }
    if spec["preemptionPolicy"].is_null() {
        spec["preemptionPolicy"] = "PreemptLowerPriority".into();
    }
    if spec["tolerations"].is_null() {
        spec["tolerations"] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
            .map(|key| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}))
            .into_iter()
            .collect();
    }
}

/// Returns `Guaranteed` when every container's limits equal its requests for CPU and memory, and `BestEffort` when no
/// container has any.
fn qos_class(spec: &Value) -> &'static str {
    let (mut any, mut guaranteed) = (false, true);
    let lists = ["containers", "initContainers"].map(|name| spec[name].as_array());
    for container in lists.into_iter().flatten().flatten() {
        let resources = &container["resources"];
        for resource in ["cpu", "memory"] {
            let (limit, request) = (&resources["limits"][resource], &resources["requests"][resource]);
            any |= !limit.is_null() || !request.is_null();
            guaranteed &= !limit.is_null() && (request.is_null() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Sets the finalizer and the status of a definition whose spec is new or has changed.
fn accept_definition(registry: &Registry, definition: &mut Value, old: Option<&Value>) {
    if !meta::is_terminating(definition) {
        meta::add_finalizer(definition, CLEANUP);
    }
    if old.is_some_and(|old| old["spec"] == definition["spec"]) {
        return;
    }
    let spec = &definition["spec"];
    let names = spec["names"].clone();
    let taken = ["kind", "plural"].into_iter().find(|field| is_taken(registry, spec, field));
    let now = time::seconds(Timestamp::now());
    let condition = |kind: &str, is_true: bool, reason: &str, message: String| {
        json!({"type": kind, "status": if is_true { "True" } else { "False" }, "lastTransitionTime": now,
               "reason": reason, "message": message})
    };
    let conditions = match taken {
        None => json!([
            condition("NamesAccepted", true, "NoConflicts", "no conflicts found".to_owned()),
            condition(
                "Established",
                true,
                "InitialNamesAccepted",
                "the initial names have been accepted".to_owned()
            ),
        ]),
        Some(field) => {
            let reason = if field == "kind" { "KindConflict" } else { "PluralConflict" };
            json!([
                condition("NamesAccepted", false, reason, format!("{} is already in use", names[field])),
                condition("Established", false, "NotAccepted", "not all names are accepted".to_owned()),
            ])
        }
    };
    let before = old.and_then(|old| old["status"]["storedVersions"].as_array().cloned());
    let mut stored = before.unwrap_or_default();
    let versions = spec["versions"].as_array().into_iter().flatten();
    let storage =
        versions.filter(|version| version["storage"] == true).map(|version| version["name"].clone());
    for version in storage {
        if !stored.contains(&version) {
            stored.push(version);
        }
    }
    definition["status"] =
        json!({"conditions": conditions, "acceptedNames": names, "storedVersions": stored});
}

/// Returns true when another resource of the group has the kind or the plural of the definition.
fn is_taken(registry: &Registry, spec: &Value, field: &str) -> bool {
    let (group, names) = (&spec["group"], &spec["names"]);
    registry.resources().iter().any(|known| {
        let kind = &known.kind;
        let is_own = kind.is_custom() && names["plural"] == kind.plural;
        let value = if field == "kind" { &kind.kind } else { &kind.plural };
        *group == kind.group && !is_own && names[field] == *value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qos_class_follows_requests_and_limits() {
        for (resources, class) in [
            (json!({}), "BestEffort"),
            (json!({"requests": {"cpu": "1"}}), "Burstable"),
            (json!({"limits": {"cpu": "1"}}), "Burstable"),
            (json!({"limits": {"cpu": "1", "memory": "1Mi"}}), "Guaranteed"),
            (json!({"limits": {"cpu": "1", "memory": "1Mi"}, "requests": {"cpu": "500m"}}), "Burstable"),
        ] {
            assert_eq!(qos_class(&json!({"containers": [{"resources": resources}]})), class, "{resources}");
        }
    }
}
