//! Endpoints and EndpointSlices of Services.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::has_code;
use crate::informer::{Change, Key, key_of};
use crate::meta;
use crate::network;
use crate::queue::{self, Queue};

/// Limit of addresses, Kubernetes' own limit of one Endpoints object.
const MAX_ADDRESSES: usize = 1000;

/// Starts the controller.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<Key>::new();
    let services = Arc::clone(&queue);
    cluster.services.on_change(move |change| services.add(key_of(&**change.object())));
    let (backends, all_services) = (Arc::clone(&queue), cluster.services.clone());
    cluster.pods.on_change(move |change| {
        let pod = change.object();
        for service in all_services.in_namespace(&pod.namespace().unwrap_or_default()) {
            let selected_before = match change {
                Change::Applied(_, Some(before)) => network::selects(&service, before),
                _ => false,
            };
            if selected_before || network::selects(&service, pod) {
                backends.add(key_of(&*service));
            }
        }
    });
    let cluster = cluster.clone();
    cluster.tasks.clone().spawn(queue::process("endpoints", queue, move |key| {
        let cluster = cluster.clone();
        async move { reconcile(&cluster, key).await }
    }));
}

async fn reconcile(cluster: &Cluster, (namespace, name): Key) -> Result<(), kube::Error> {
    // The garbage collector removes the slice, which has an owner reference.
    let Some(service) = cluster.services.get(&namespace, &name) else {
        return remove(cluster, &namespace, &name).await;
    };
    let has_selector =
        service.spec.as_ref().and_then(|spec| spec.selector.as_ref()).is_some_and(|s| !s.is_empty());
    if meta::is_deleting(&*service) || !has_selector {
        return Ok(());
    }
    let mut backends: Vec<Arc<Pod>> = cluster
        .pods
        .in_namespace(&namespace)
        .into_iter()
        .filter(|pod| network::selects(&service, pod) && !meta::is_terminal(pod) && address(pod).is_some())
        .collect();
    backends.sort_by_key(|pod| (pod.creation_timestamp(), pod.name_any()));
    backends.truncate(MAX_ADDRESSES);
    apply(cluster, &endpoints_kind(), &namespace, &endpoints(&service, &backends)).await?;
    apply(cluster, &slice_kind(), &namespace, &slice(&service, &backends)).await
}

fn endpoints_kind() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Endpoints"))
}

fn slice_kind() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("discovery.k8s.io", "v1", "EndpointSlice"))
}

async fn apply(
    cluster: &Cluster,
    kind: &ApiResource,
    namespace: &str,
    object: &Value,
) -> Result<(), kube::Error> {
    let mut kind = kind.clone();
    if kind.kind == "Endpoints" {
        kind.plural = "endpoints".to_owned();
    }
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client.clone(), namespace, &kind);
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    api.patch(name, &PatchParams::apply("endpoint-controller").force(), &Patch::Apply(object)).await?;
    Ok(())
}

async fn remove(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), kube::Error> {
    let mut kind = endpoints_kind();
    kind.plural = "endpoints".to_owned();
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client.clone(), namespace, &kind);
    match api.delete(name, &Default::default()).await {
        Err(error) if !has_code(&error, 404) => Err(error),
        _ => Ok(()),
    }
}

fn address(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref()
}

fn target(pod: &Pod) -> Value {
    json!({"kind": "Pod", "name": pod.name_any(), "namespace": pod.namespace(), "uid": pod.uid()})
}

fn tolerates_unready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true)
}

/// The ports of the endpoints, with the numbers that the pod declares.
fn ports(service: &Service, pod: Option<&Arc<Pod>>) -> Vec<Value> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let number = network::target_port(port, pod.map(|pod| &**pod))?;
            let mut value = json!({"port": number, "protocol": port.protocol.as_deref().unwrap_or("TCP")});
            value["name"] = port.name.as_deref().unwrap_or_default().into();
            if let Some(protocol) = &port.app_protocol {
                value["appProtocol"] = protocol.as_str().into();
            }
            Some(value)
        })
        .collect()
}

fn labels(service: &Service) -> serde_json::Map<String, Value> {
    service.labels().iter().map(|(label, value)| (label.clone(), value.as_str().into())).collect()
}

fn endpoints(service: &Service, backends: &[Arc<Pod>]) -> Value {
    let mut ready = Vec::new();
    let mut unready = Vec::new();
    for pod in backends {
        let entry = json!({
            "ip": address(pod), "targetRef": target(pod),
            "nodeName": pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        });
        let usable = (meta::is_ready(pod) && !meta::is_deleting(&**pod)) || tolerates_unready(service);
        if usable {
            ready.push(entry);
        } else if !meta::is_deleting(&**pod) {
            unready.push(entry);
        }
    }
    let mut ports = ports(service, backends.first());
    for port in &mut ports {
        if port["name"] == "" {
            port.as_object_mut().map(|port| port.remove("name"));
        }
    }
    let mut subset = json!({"ports": ports});
    if !ready.is_empty() {
        subset["addresses"] = ready.into();
    }
    if !unready.is_empty() {
        subset["notReadyAddresses"] = unready.into();
    }
    let empty = subset.get("addresses").is_none() && subset.get("notReadyAddresses").is_none();
    let mut labels = labels(service);
    labels.insert("endpoints.kubernetes.io/managed-by".to_owned(), "endpoint-controller".into());
    json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": service.name_any(), "namespace": service.namespace(), "labels": labels},
        "subsets": if empty { Vec::new() } else { vec![subset] },
    })
}

fn slice(service: &Service, backends: &[Arc<Pod>]) -> Value {
    let entries: Vec<Value> = backends
        .iter()
        .map(|pod| {
            let deleting = meta::is_deleting(&**pod);
            json!({
                "addresses": [address(pod)],
                "conditions": {
                    "ready": (meta::is_ready(pod) && !deleting) || tolerates_unready(service),
                    "serving": meta::is_ready(pod),
                    "terminating": deleting,
                },
                "nodeName": pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
                "targetRef": target(pod),
            })
        })
        .collect();
    let mut labels = labels(service);
    labels.insert("kubernetes.io/service-name".to_owned(), service.name_any().into());
    labels.insert(
        "endpointslice.kubernetes.io/managed-by".to_owned(),
        "endpointslice-controller.k8s.io".into(),
    );
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": slice_name(service), "namespace": service.namespace(), "labels": labels,
            "ownerReferences": [meta::controller_ref(service)],
        },
        "addressType": "IPv4",
        "endpoints": entries,
        "ports": ports(service, backends.first()),
    })
}

/// A stable name for the Service's slice in Kubernetes' form.
fn slice_name(service: &Service) -> String {
    let uid = service.uid().unwrap_or_default();
    let tail: String = uid.chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    format!("{}-{tail}", service.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_separate_ready_and_unready_pods() {
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "demo", "uid": "abcde-1"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        }))
        .unwrap();
        let pod = |name: &str, ready: &str| {
            Arc::new(
                serde_json::from_value::<Pod>(json!({
                    "metadata": {"name": name, "namespace": "demo", "labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 3000}]}]},
                    "status": {"podIP": "10.244.0.2", "conditions": [{"type": "Ready", "status": ready}]},
                }))
                .unwrap(),
            )
        };
        let backends = [pod("a", "True"), pod("b", "False")];
        let endpoints = endpoints(&service, &backends);
        assert_eq!(endpoints["subsets"][0]["addresses"][0]["targetRef"]["name"], "a");
        assert_eq!(endpoints["subsets"][0]["notReadyAddresses"][0]["targetRef"]["name"], "b");
        assert_eq!(endpoints["subsets"][0]["ports"][0]["port"], 3000);
        let slice = slice(&service, &backends);
        assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
        assert_eq!(slice["endpoints"][1]["conditions"]["ready"], false);
        assert_eq!(slice["metadata"]["name"], "web-abcde");
    }
}
