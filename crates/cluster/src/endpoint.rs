//! Ready pods and their ports behind a Service. Tunnels lead to pods, while manifests and users name Services.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use observed::convert::pod::is_ready;

use crate::errors;

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// By its name.
    Named {
        /// Name of the Service's port.
        name: &'static str,
        /// Number of the pod's port, for a Service that cannot be read.
        number: u16,
    },
    /// By the Service's port number.
    Number(u16),
}

impl From<contract::names::Port> for Port {
    fn from(port: contract::names::Port) -> Self {
        Self::Named { name: port.name, number: port.number }
    }
}

/// A port of a Service in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Namespace of the Service.
    pub namespace: String,
    /// Name of the Service.
    pub service: String,
    /// The port.
    pub port: Port,
}

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPort {
    /// Name of the pod.
    pub pod: String,
    /// Its UID: a later pod may reuse the name.
    pub uid: String,
    /// Number of the port.
    pub port: u16,
}

/// The reason why there is no pod to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No pod behind the Service is ready.
    #[error("no pod behind Service {service} in namespace {namespace} is ready")]
    NoReadyPod {
        /// Service.
        service: String,
        /// Namespace.
        namespace: String,
    },
    /// The Service does not have the port.
    #[error("Service {service} in namespace {namespace} has no port {port}")]
    NoSuchPort {
        /// Service.
        service: String,
        /// Namespace.
        namespace: String,
        /// The port.
        port: String,
    },
    /// The API server refused or could not be reached.
    #[error("{what}: {}", errors::kube(source))]
    Api {
        /// The request.
        what: String,
        /// The error.
        source: kube::Error,
    },
}

impl Endpoint {
    /// The ready pods behind the Service, with the pod's port that the Service's port leads to; at least one.
    ///
    /// If the Service is missing or may not be read, pods labelled with its name are used.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn ready(&self, client: &Client) -> Result<Vec<PodPort>, ResolveError> {
        let services: Api<Service> = Api::namespaced(client.clone(), &self.namespace);
        let service = match services.get_opt(&self.service).await {
            Ok(service) => service,
            Err(error) if errors::is_forbidden(&error) => None,
            Err(source) => {
                return Err(ResolveError::Api { what: format!("reading Service {}", self.service), source });
            }
        };
        let selector = selector(service.as_ref(), &self.service);
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        let mut ready: Vec<Pod> = pods
            .list(&ListParams::default().labels(&selector))
            .await
            .map_err(|source| ResolveError::Api { what: format!("listing pods of {selector}"), source })?
            .items;
        ready.retain(is_ready);
        if ready.is_empty() {
            return Err(ResolveError::NoReadyPod {
                service: self.service.clone(),
                namespace: self.namespace.clone(),
            });
        }
        let port = |pod: &Pod| {
            let port = self.pod_port(service.as_ref(), pod)?;
            Some(PodPort { pod: pod.name_any(), uid: pod.uid().unwrap_or_default(), port })
        };
        let found: Vec<PodPort> = ready.iter().filter_map(port).collect();
        if found.is_empty() {
            return Err(ResolveError::NoSuchPort {
                service: self.service.clone(),
                namespace: self.namespace.clone(),
                port: match &self.port {
                    Port::Named { name, .. } => (*name).to_owned(),
                    Port::Number(number) => number.to_string(),
                },
            });
        }
        Ok(found)
    }

    /// The pod's port that the Service's port leads to.
    fn pod_port(&self, service: Option<&Service>, pod: &Pod) -> Option<u16> {
        let ports = service.and_then(|service| service.spec.as_ref()?.ports.as_deref()).unwrap_or_default();
        let wanted = ports.iter().find(|port| match &self.port {
            Port::Named { name, .. } => port.name.as_deref() == Some(name),
            Port::Number(number) => port.port == i32::from(*number),
        });
        let number = match (wanted, &self.port) {
            (Some(port), _) => match &port.target_port {
                Some(IntOrString::String(name)) => container_port(pod, name)?,
                Some(IntOrString::Int(number)) => *number,
                None => port.port,
            },
            // The Service does not publish the port; the pod may have it all the same.
            (None, Port::Named { name, number }) => {
                container_port(pod, name).unwrap_or_else(|| i32::from(*number))
            }
            (None, Port::Number(number)) if service.is_none() => i32::from(*number),
            (None, Port::Number(_)) => return None,
        };
        u16::try_from(number).ok()
    }
}

fn selector(service: Option<&Service>, name: &str) -> String {
    let labels: Option<&BTreeMap<String, String>> =
        service.and_then(|service| service.spec.as_ref()?.selector.as_ref());
    match labels {
        Some(labels) if !labels.is_empty() => {
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        }
        _ => format!("{}={name}", contract::names::LABEL_NAME),
    }
}

fn container_port(pod: &Pod, name: &str) -> Option<i32> {
    let containers = pod.spec.as_ref()?.containers.iter();
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(ports: &serde_json::Value) -> Service {
        serde_json::from_value(json!({"spec": {"selector": {"a": "b", "c": "d"}, "ports": ports}})).unwrap()
    }

    fn pod() -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 3000}]}]},
        }))
        .unwrap()
    }

    fn port_of(port: Port, service: Option<&Service>) -> Option<u16> {
        Endpoint { namespace: "n".into(), service: "s".into(), port }.pod_port(service, &pod())
    }

    #[test]
    fn a_service_port_is_resolved_to_a_pod_port() {
        let named = || Port::Named { name: "http", number: 3000 };
        let by_name = service(&json!([{"name": "http", "port": 80, "targetPort": "http"}]));
        let by_number = service(&json!([{"name": "http", "port": 80, "targetPort": 8080}]));
        let same = service(&json!([{"name": "http", "port": 80}]));
        let other = service(&json!([{"name": "amqp", "port": 5672}]));
        let unknown = service(&json!([{"name": "http", "port": 80, "targetPort": "nowhere"}]));
        for (port, service, expected) in [
            (named(), Some(&by_name), Some(3000)),
            (named(), Some(&by_number), Some(8080)),
            (named(), Some(&same), Some(80)),
            (named(), Some(&other), Some(3000)),
            (named(), Some(&unknown), None),
            (named(), None, Some(3000)),
            (Port::Named { name: "management", number: 15672 }, None, Some(15672)),
            (Port::Number(80), Some(&by_name), Some(3000)),
            (Port::Number(81), Some(&by_name), None),
            (Port::Number(9090), None, Some(9090)),
        ] {
            assert_eq!(port_of(port.clone(), service), expected, "{port:?} {service:?}");
        }
    }

    #[test]
    fn pods_are_selected_by_selector_or_service_name() {
        assert_eq!(selector(Some(&service(&json!([]))), "s"), "a=b,c=d");
        assert_eq!(selector(Some(&Service::default()), "s"), "app.kubernetes.io/name=s");
        assert_eq!(selector(None, "s"), "app.kubernetes.io/name=s");
    }
}
