//! The network of the sandbox: the real ports of pods, and Services in front of pods.
//!
//! All connections use the loopback interface. A pod's address is invented and never dialled; [`Ports`] maps a declared
//! port to its real one.

mod environment;
mod ports;
mod services;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(crate) use environment::variables;
pub(crate) use ports::Ports;
pub(crate) use services::Services;

/// Returns true when the Service selects the pod. A Service without a selector selects none.
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

/// The container port behind a Service port. A named target port needs a pod that declares it.
pub(crate) fn target_port(port: &ServicePort, pod: Option<&Pod>) -> Option<u16> {
    match &port.target_port {
        None => u16::try_from(port.port).ok(),
        Some(IntOrString::Int(0)) => u16::try_from(port.port).ok(),
        Some(target) => declared_port(target, pod),
    }
}

/// The number of a container port, from its number or name.
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
