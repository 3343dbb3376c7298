//! The network of the sandbox: where declared ports listen in truth, and Services in front of pods.
//!
//! All of it is loopback. A pod's address is made up and nobody dials it; whoever wants to reach a declared port asks
//! [`Ports`] where it listens.

mod environment;
mod ports;
mod services;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(crate) use environment::variables;
pub(crate) use ports::Ports;
pub(crate) use services::Services;

/// Whether the Service's selector picks the pod; a Service without a selector picks none.
pub(crate) fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let labels = pod.metadata.labels.as_ref();
    selector.is_some_and(|selector| {
        !selector.is_empty()
            && selector
                .iter()
                .all(|(label, value)| labels.and_then(|labels| labels.get(label)) == Some(value))
    })
}

/// The number of the container port that a Service's port leads to. A name needs a pod that declares it.
pub(crate) fn target_port(port: &ServicePort, pod: Option<&Pod>) -> Option<u16> {
    match &port.target_port {
        None => u16::try_from(port.port).ok(),
        Some(IntOrString::Int(0)) => u16::try_from(port.port).ok(),
        Some(target) => declared_port(target, pod),
    }
}

/// The number of a container port that is given by number or by name.
pub(crate) fn declared_port(port: &IntOrString, pod: Option<&Pod>) -> Option<u16> {
    match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let containers =
                pod.and_then(|pod| pod.spec.as_ref()).into_iter().flat_map(|spec| &spec.containers);
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            let named = ports.find(|port| port.name.as_ref() == Some(name));
            named.and_then(|port| u16::try_from(port.container_port).ok()).or_else(|| name.parse().ok())
        }
    }
}
