//! What the server assigns to new objects beside their metadata, and what stays assigned.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::kind::Assign;
use crate::registry::Row;
use crate::{ApiServer, Status};

/// Node ports are taken from here, as with kube-apiserver's `--service-node-port-range`.
const NODE_PORTS: std::ops::Range<u16> = 30_000..32_768;

/// Fields that an update which leaves them out keeps.
pub(crate) fn kept(row: &Row) -> &'static [&'static str] {
    match row.kind.assign {
        Assign::ServiceAddresses => {
            &["/spec/clusterIP", "/spec/clusterIPs", "/spec/ipFamilies", "/spec/ipFamilyPolicy"]
        }
        Assign::PodStatus => &["/spec/nodeName"],
        Assign::NamespaceLife => &["/spec/finalizers"],
        Assign::Nothing => &[],
    }
}

/// A pointer's parent and last step.
pub(crate) fn split(pointer: &str) -> (&str, &str) {
    pointer.rsplit_once('/').unwrap_or(("", pointer))
}

impl ApiServer {
    /// Assigns what the row says.
    pub(crate) fn assign(&self, row: &Row, object: &mut Value) -> Result<(), Status> {
        match row.kind.assign {
            Assign::Nothing => Ok(()),
            Assign::PodStatus => {
                pod(object);
                Ok(())
            }
            Assign::ServiceAddresses => self.service(row, object),
            Assign::NamespaceLife => {
                object["spec"]["finalizers"] = json!(["kubernetes"]);
                object["status"] = json!({"phase": "Active"});
                Ok(())
            }
        }
    }

    fn service(&self, row: &Row, object: &mut Value) -> Result<(), Status> {
        let spec = &object["spec"];
        let kind = spec["type"].as_str().unwrap_or("ClusterIP").to_owned();
        if kind == "ExternalName" {
            return Ok(());
        }
        let (services, _) = self.inner.store.list(row.shelf, None);
        let wanted = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
        let address = match wanted.as_str() {
            "" => {
                let taken: HashSet<&str> =
                    services.iter().filter_map(|s| s.value.pointer("/spec/clusterIP")?.as_str()).collect();
                // 10.96.0.1 is the API's own address in a cluster.
                let free = (2..u32::from(u16::MAX)).map(|n| format!("10.96.{}.{}", n >> 8, n & 255));
                let mut free = free.filter(|address| !taken.contains(address.as_str()));
                free.next()
                    .ok_or_else(|| Status::internal("failed to allocate a serviceIP: range is full"))?
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
}

/// What admission and the registry of a real cluster set on a new pod.
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

/// `Guaranteed` when every container's limits equal its requests for CPU and memory, `BestEffort` when none has any.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_of_service() {
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
