//! Which targets follow from the monitors, Services and Pods of a cluster. Pure.
//!
//! The rules are those of the Prometheus Operator's generated configuration: the selector looks at a *Service's*
//! labels, the port is a *name* in the Service, and each pod behind the Service is a target with the labels `job`, `namespace`,
//! `service`, `pod`, `container`, `endpoint` and `instance`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::labels::{Labels, sanitized};
use crate::monitor::{Endpoint, Monitor, Namespaces, Port};
use crate::relabel::relabel;

/// What stands in a cluster, as far as targets follow from it.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// By `namespace/name`; the monitors that are taken.
    pub(crate) monitors: BTreeMap<String, Monitor>,
    pub(crate) services: BTreeMap<String, ServiceFacts>,
    pub(crate) pods: BTreeMap<String, PodFacts>,
}

/// What matters of a Service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceFacts {
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    selector: BTreeMap<String, String>,
    /// Name, and the container's port by number or name.
    ports: Vec<(String, IntOrString)>,
    unready: bool,
}

/// What matters of a Pod.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PodFacts {
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    ip: String,
    ended: bool,
    leaving: bool,
    /// Container, port's name, port's number.
    ports: Vec<(String, String, i32)>,
}

/// One thing to scrape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) pool: String,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) port: i32,
    /// What the target's series bear.
    pub(crate) labels: Labels,
    /// What was known before relabelling.
    pub(crate) discovered: Labels,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) sample_limit: usize,
}

/// What follows from an inventory.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub(crate) targets: Vec<Target>,
    /// Every pool of a monitor that is taken, with how many candidates were dropped.
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
            unready: spec.publish_not_ready_addresses.unwrap_or_default(),
        }
    }

    /// Whether an endpoint of this Service stands for the pod; a Service without a selector has none here.
    fn fronts(&self, pod: &PodFacts) -> bool {
        !self.selector.is_empty()
            && self.namespace == pod.namespace
            && self.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
            && !pod.ip.is_empty()
            && !pod.ended
            && (!pod.leaving || self.unready)
    }
}

impl PodFacts {
    pub(crate) fn new(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let ports = containers.flat_map(|container| {
            let ports =
                container.ports.iter().flatten().filter(|port| port.protocol.as_deref() != Some("UDP"));
            ports.map(|port| {
                (container.name.clone(), port.name.clone().unwrap_or_default(), port.container_port)
            })
        });
        Self {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            ip: status.pod_ip.unwrap_or_default(),
            ended: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
            leaving: pod.metadata.deletion_timestamp.is_some(),
            ports: ports.collect(),
        }
    }

    fn number(&self, port: &IntOrString) -> Option<i32> {
        match port {
            IntOrString::Int(number) => Some(*number),
            IntOrString::String(name) => {
                self.ports.iter().find(|(_, known, _)| known == name).map(|(_, _, number)| *number)
            }
        }
    }
}

impl Inventory {
    /// The targets, at most `limit` of them; each pod and port once per pool.
    pub(crate) fn discover(&self, limit: usize) -> Discovered {
        let mut found = Discovered::default();
        let mut known: BTreeSet<(String, Labels)> = BTreeSet::new();
        for monitor in self.monitors.values() {
            for (at, endpoint) in monitor.endpoints.iter().enumerate() {
                let pool = monitor.pool(at);
                let endpoint = Arc::new(endpoint.clone());
                let mut dropped = 0;
                for service in self.services.values().filter(|service| monitor.looks_into(&service.namespace))
                {
                    for pod in self.pods.values().filter(|pod| service.fronts(pod)) {
                        for (name, port) in &service.ports {
                            let target = pod
                                .number(port)
                                .filter(|_| selects(&monitor.selector, &service.labels))
                                .and_then(|number| {
                                    monitor.target(&pool, &endpoint, service, pod, name, number)
                                });
                            match target {
                                Some(target) if found.targets.len() < limit => {
                                    if known.insert((pool.clone(), target.labels.clone())) {
                                        found.targets.push(target);
                                    }
                                }
                                _ => dropped += 1,
                            }
                        }
                    }
                }
                found.pools.insert(pool, dropped);
            }
        }
        found
    }
}

impl Monitor {
    fn looks_into(&self, namespace: &str) -> bool {
        match &self.namespaces {
            Namespaces::Any => true,
            Namespaces::These(names) => names.iter().any(|name| name == namespace),
        }
    }

    fn target(
        &self,
        pool: &str,
        endpoint: &Arc<Endpoint>,
        service: &ServiceFacts,
        pod: &PodFacts,
        port_name: &str,
        port: i32,
    ) -> Option<Target> {
        let container = pod.ports.iter().find(|(_, _, number)| *number == port);
        let endpoint_label = match &endpoint.port {
            Port::Service(name) => (name == port_name).then(|| name.clone())?,
            Port::Container(IntOrString::Int(number)) => (*number == port).then(|| number.to_string())?,
            Port::Container(IntOrString::String(name)) => {
                (container.is_some_and(|(_, known, _)| known == name)).then(|| name.clone())?
            }
            Port::Every => port_name.to_owned(),
        };
        let address = format!("{}:{port}", pod.ip);
        let job =
            self.job_label.as_ref().and_then(|label| service.labels.get(label)).filter(|job| !job.is_empty());
        let mut discovered = vec![
            ("__address__".to_owned(), address.clone()),
            ("__scheme__".to_owned(), "http".to_owned()),
            ("__metrics_path__".to_owned(), endpoint.path.clone()),
            ("__meta_kubernetes_namespace".to_owned(), service.namespace.clone()),
            ("__meta_kubernetes_service_name".to_owned(), service.name.clone()),
            ("__meta_kubernetes_endpoint_port_name".to_owned(), port_name.to_owned()),
            ("__meta_kubernetes_pod_name".to_owned(), pod.name.clone()),
            ("__meta_kubernetes_pod_ip".to_owned(), pod.ip.clone()),
        ];
        if let Some((container, name, number)) = container {
            discovered.extend([
                ("__meta_kubernetes_pod_container_name".to_owned(), container.clone()),
                ("__meta_kubernetes_pod_container_port_name".to_owned(), name.clone()),
                ("__meta_kubernetes_pod_container_port_number".to_owned(), number.to_string()),
            ]);
        }
        for (kind, labels) in [("service", &service.labels), ("pod", &pod.labels)] {
            for (key, value) in labels {
                discovered
                    .push((format!("__meta_kubernetes_{kind}_label_{}", sanitized(key)), value.clone()));
            }
        }
        let mut labels = vec![
            ("job".to_owned(), job.unwrap_or(&service.name).clone()),
            ("namespace".to_owned(), service.namespace.clone()),
            ("service".to_owned(), service.name.clone()),
            ("pod".to_owned(), pod.name.clone()),
            ("container".to_owned(), container.map(|(name, _, _)| name.clone()).unwrap_or_default()),
            ("endpoint".to_owned(), endpoint_label),
        ];
        for (wanted, from) in [(&self.service_labels, &service.labels), (&self.pod_labels, &pod.labels)] {
            for key in wanted {
                labels.push((sanitized(key), from.get(key).cloned().unwrap_or_default()));
            }
        }
        let discovered = Labels::new(discovered);
        let all = Labels::new(
            discovered
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .chain(labels)
                .filter(|(_, v)| !v.is_empty()),
        );
        let labels = relabel(all, &endpoint.relabelings)?.filter(|name| !name.starts_with("__"));
        let labels =
            if labels.get("instance").is_empty() { labels.with("instance", &address) } else { labels };
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

/// Whether a label selector takes these labels; an empty one takes all.
pub(crate) fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let fits = selector.match_expressions.iter().flatten().all(|requirement| {
        let value = labels.get(&requirement.key);
        let listed = || requirement.values.iter().flatten().any(|known| Some(known) == value);
        match requirement.operator.as_str() {
            "In" => value.is_some() && listed(),
            "NotIn" => !listed(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    });
    equal && fits
}

#[cfg(test)]
mod tests;
