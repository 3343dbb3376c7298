//! Targets that follow from the monitors, Services and pods of a cluster. Pure.
//!
//! The rules are those of the configuration that the Prometheus Operator generates. The selector of a ServiceMonitor
//! looks at the labels of a *Service*, its port is a *name* in the Service, and each pod behind the Service is a
//! target. The selector of a PodMonitor looks at the labels of a pod, and its port is a name in the pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::SelectorExt as _;
use promfmt::relabel::relabel;

use crate::labels::{Labels, sanitized};
use crate::monitor::{Endpoint, Monitor, MonitorKind, Port};

/// The objects of a cluster that targets follow from, by `namespace/name`.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) service_monitors: BTreeMap<String, Monitor>,
    pub(crate) pod_monitors: BTreeMap<String, Monitor>,
    pub(crate) services: BTreeMap<String, ServiceFacts>,
    pub(crate) pods: BTreeMap<String, PodFacts>,
}

/// The fields of a Service that matter here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceFacts {
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    selector: BTreeMap<String, String>,
    /// Name, and the container's port by number or name.
    ports: Vec<(String, IntOrString)>,
    publishes_not_ready: bool,
}

/// The fields of a pod that matter here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PodFacts {
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    ip: String,
    ended: bool,
    terminating: bool,
    ports: Vec<ContainerPort>,
}

/// A declared port of a container.
#[derive(Debug, Clone, PartialEq)]
struct ContainerPort {
    container: String,
    name: String,
    number: i32,
}

/// A port of a pod that an endpoint of a monitor may select.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    /// The Service in front of the pod, with the port's name there; `None` for a PodMonitor.
    service: Option<(&'a ServiceFacts, &'a str)>,
    pod: &'a PodFacts,
    port: i32,
}

/// A port that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) pool: String,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) port: i32,
    /// Labels that the target's series get.
    pub(crate) labels: Labels,
    /// Labels before relabelling.
    pub(crate) discovered: Labels,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) sample_limit: usize,
}

/// The targets of an inventory.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub(crate) targets: Vec<Target>,
    /// Number of dropped candidates by pool; each endpoint of each monitor has a pool.
    pub(crate) pools: BTreeMap<String, usize>,
}

impl ServiceFacts {
    pub(crate) fn new(service: &Service) -> Self {
        let spec = service.spec.clone().unwrap_or_default();
        let ports = spec.ports.into_iter().flatten().map(|port| {
            let to = match port.target_port {
                None | Some(IntOrString::Int(0)) => IntOrString::Int(port.port),
                Some(to) => to,
            };
            (port.name.unwrap_or_default(), to)
        });
        Self {
            namespace: service.metadata.namespace.clone().unwrap_or_default(),
            name: service.metadata.name.clone().unwrap_or_default(),
            labels: service.metadata.labels.clone().unwrap_or_default(),
            selector: spec.selector.unwrap_or_default(),
            ports: ports.collect(),
            publishes_not_ready: spec.publish_not_ready_addresses.unwrap_or_default(),
        }
    }

    /// Returns `true` if the Service has an endpoint for the pod. A Service without a selector has none here.
    fn has_endpoint(&self, pod: &PodFacts) -> bool {
        !self.selector.is_empty()
            && self.namespace == pod.namespace
            && self.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
            && !pod.ip.is_empty()
            && !pod.ended
            && (!pod.terminating || self.publishes_not_ready)
    }
}

impl PodFacts {
    pub(crate) fn new(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let ports = containers.flat_map(|container| {
            let ports = container.ports.iter().flatten();
            ports.filter(|port| port.protocol.as_deref() != Some("UDP")).map(|port| ContainerPort {
                container: container.name.clone(),
                name: port.name.clone().unwrap_or_default(),
                number: port.container_port,
            })
        });
        Self {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            ip: status.pod_ip.unwrap_or_default(),
            ended: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            ports: ports.collect(),
        }
    }

    fn number(&self, port: &IntOrString) -> Option<i32> {
        match port {
            IntOrString::Int(number) => Some(*number),
            IntOrString::String(name) => {
                self.ports.iter().find(|port| &port.name == name).map(|port| port.number)
            }
        }
    }
}

impl Inventory {
    /// Finds the targets, at most `limit` of them; each pod and port once per pool.
    pub(crate) fn discover(&self, limit: usize) -> Discovered {
        let mut found = Discovered::default();
        let mut known: BTreeSet<(String, Labels)> = BTreeSet::new();
        for monitor in self.service_monitors.values().chain(self.pod_monitors.values()) {
            let candidates = self.candidates(monitor);
            for (at, endpoint) in monitor.endpoints.iter().enumerate() {
                let pool = monitor.pool(at);
                let endpoint = Arc::new(endpoint.clone());
                let mut dropped = 0;
                for candidate in &candidates {
                    match monitor.target(&pool, &endpoint, *candidate) {
                        Some(target) if found.targets.len() < limit => {
                            if known.insert((pool.clone(), target.labels.clone())) {
                                found.targets.push(target);
                            }
                        }
                        _ => dropped += 1,
                    }
                }
                found.pools.insert(pool, dropped);
            }
        }
        found
    }

    /// The ports in the monitor's namespaces, whether its selector matches or not: Prometheus counts the others as
    /// dropped.
    fn candidates(&self, monitor: &Monitor) -> Vec<Candidate<'_>> {
        let is_included = |namespace: &str| monitor.namespaces.includes(&monitor.namespace, namespace);
        match monitor.kind {
            MonitorKind::Service => {
                let services = self.services.values().filter(|service| is_included(&service.namespace));
                let endpoints = services.flat_map(|service| {
                    self.pods.values().filter(|pod| service.has_endpoint(pod)).map(move |pod| (service, pod))
                });
                let ports = endpoints.flat_map(|(service, pod)| {
                    service.ports.iter().filter_map(move |(name, port)| {
                        Some(Candidate { service: Some((service, name)), pod, port: pod.number(port)? })
                    })
                });
                ports.collect()
            }
            MonitorKind::Pod => {
                let pods = self.pods.values().filter(|pod| is_included(&pod.namespace) && !pod.ip.is_empty());
                let ports = pods.flat_map(|pod| {
                    pod.ports.iter().map(move |port| Candidate { service: None, pod, port: port.number })
                });
                ports.collect()
            }
        }
    }
}

impl Monitor {
    /// The target of an endpoint at a candidate; `None` if the endpoint does not select it.
    fn target(&self, pool: &str, endpoint: &Arc<Endpoint>, candidate: Candidate<'_>) -> Option<Target> {
        let Candidate { service, pod, port } = candidate;
        let selectable = service.map_or(&pod.labels, |(service, _)| &service.labels);
        if !self.selector.matches(selectable) || (endpoint.only_running && pod.ended) {
            return None;
        }
        let container = pod.ports.iter().find(|known| known.number == port);
        let port_name = match service {
            Some((_, name)) => name,
            None => container.map(|port| port.name.as_str()).unwrap_or_default(),
        };
        let endpoint_label = match &endpoint.port {
            Port::Service(name) => (name == port_name).then(|| name.clone())?,
            Port::Container(IntOrString::Int(number)) => (*number == port).then(|| number.to_string())?,
            Port::Container(IntOrString::String(name)) => {
                container.is_some_and(|port| &port.name == name).then(|| name.clone())?
            }
            Port::Every => port_name.to_owned(),
        };
        let discovered = discovered(endpoint, candidate, container);
        let job =
            self.job_label.as_ref().and_then(|label| selectable.get(label)).filter(|job| !job.is_empty());
        let job = job.cloned().unwrap_or_else(|| match service {
            Some((service, _)) => service.name.clone(),
            None => format!("{}/{}", self.namespace, self.name),
        });
        let mut labels = vec![
            ("job".to_owned(), job),
            ("namespace".to_owned(), pod.namespace.clone()),
            ("pod".to_owned(), pod.name.clone()),
            ("container".to_owned(), container.map(|port| port.container.clone()).unwrap_or_default()),
            ("endpoint".to_owned(), endpoint_label),
        ];
        if let Some((service, _)) = service {
            labels.push(("service".to_owned(), service.name.clone()));
        }
        for (wanted, from) in [(&self.service_labels, selectable), (&self.pod_labels, &pod.labels)] {
            for key in wanted {
                labels.push((sanitized(key), from.get(key).cloned().unwrap_or_default()));
            }
        }
        let all = Labels::new(
            discovered
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .chain(labels)
                .filter(|(_, v)| !v.is_empty()),
        );
        let labels = relabel(all.to_map(), &endpoint.relabelings)?;
        let labels = Labels::new(labels.into_iter().filter(|(name, _)| !name.starts_with("__")));
        let address = discovered.get("__address__");
        let labels =
            if labels.get("instance").is_empty() { labels.with("instance", address) } else { labels };
        Some(Target {
            pool: pool.to_owned(),
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            port,
            labels,
            discovered,
            endpoint: Arc::clone(endpoint),
            sample_limit: self.sample_limit,
        })
    }
}

/// The labels that Prometheus' service discovery gives to a candidate.
fn discovered(endpoint: &Endpoint, candidate: Candidate<'_>, container: Option<&ContainerPort>) -> Labels {
    let Candidate { service, pod, port } = candidate;
    let mut labels = vec![
        ("__address__".to_owned(), format!("{}:{port}", pod.ip)),
        ("__scheme__".to_owned(), if endpoint.is_https { "https" } else { "http" }.to_owned()),
        ("__metrics_path__".to_owned(), endpoint.path.clone()),
        ("__meta_kubernetes_namespace".to_owned(), pod.namespace.clone()),
        ("__meta_kubernetes_pod_name".to_owned(), pod.name.clone()),
        ("__meta_kubernetes_pod_ip".to_owned(), pod.ip.clone()),
    ];
    if let Some((service, port_name)) = service {
        labels.extend([
            ("__meta_kubernetes_service_name".to_owned(), service.name.clone()),
            ("__meta_kubernetes_endpoint_port_name".to_owned(), port_name.to_owned()),
        ]);
    }
    if let Some(ContainerPort { container, name, number }) = container {
        labels.extend([
            ("__meta_kubernetes_pod_container_name".to_owned(), container.clone()),
            ("__meta_kubernetes_pod_container_port_name".to_owned(), name.clone()),
            ("__meta_kubernetes_pod_container_port_number".to_owned(), number.to_string()),
        ]);
    }
    let of_service = service.iter().flat_map(|(service, _)| &service.labels).map(|label| ("service", label));
    for (kind, (key, value)) in of_service.chain(pod.labels.iter().map(|label| ("pod", label))) {
        labels.push((format!("__meta_kubernetes_{kind}_label_{}", sanitized(key)), value.clone()));
    }
    Labels::new(labels)
}

#[cfg(test)]
mod tests;
