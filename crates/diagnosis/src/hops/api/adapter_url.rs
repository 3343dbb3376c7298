//! The adapter's `--prometheus-url` and the Service that it names. An adapter with a wrong URL lists no series, and then
//! reports every metric as missing.

use k8s_openapi::api::apps::v1::Deployment;

use crate::chain::{self, PROMETHEUS_URL};
use crate::facts::{Facts, Outcome, ServicePort};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, messages};

/// The label by which a Service selects the pods of an operator's Prometheus.
const OPERATOR_LABEL: &str = "operator.prometheus.io/name";

/// A URL that names a Service of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusService {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// Number of its port.
    pub port: u16,
    /// Path of the URL without a slash at its end; usually empty.
    path: String,
}

impl PrometheusService {
    /// Parses a Service name of a cluster's DNS: `NAME`, in `namespace`, or `NAME.NAMESPACE.svc` with any domain. Other hosts
    /// may be anywhere.
    fn parse(url: &str, namespace: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match host.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (host, if scheme == "https" { 443 } else { 80 }),
        };
        let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
        let (service, namespace) = match labels.as_slice() {
            ["" | "localhost"] => return None,
            [name] => (*name, namespace),
            [name, namespace, "svc", ..] => (*name, *namespace),
            _ => return None,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        Some(Self {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            port,
            path: path.to_owned(),
        })
    }
}

/// The Service that an adapter's `--prometheus-url` names, if it names one.
#[must_use]
pub fn prometheus_service(adapter: &Deployment) -> Option<PrometheusService> {
    let namespace = adapter.metadata.namespace.as_deref().unwrap_or_default();
    PrometheusService::parse(&chain::argument_of(adapter, PROMETHEUS_URL)?, namespace)
}

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    const CHECK: &str = "adapter-url";
    let Some(url) = chain::adapter_argument(facts, PROMETHEUS_URL) else { return };
    let Some(at) = facts.api.backend.get().and_then(prometheus_service) else {
        let command = facts.api.backend.command.as_ref();
        return writer.ok(CHECK, messages::adapter_url_outside(url), command);
    };
    let PrometheusService { namespace, service, port, .. } = &at;
    let fact = &facts.api.prometheus_service;
    let command = fact.command.as_ref();
    let detail = match &fact.outcome {
        Outcome::Value(found) => {
            let ports = found.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
            if ports.iter().any(|known| known.port == i32::from(*port)) {
                return writer.ok(CHECK, messages::adapter_url_found(url), command);
            }
            messages::adapter_url_no_port(url, service, namespace, port)
        }
        Outcome::Absent => messages::adapter_url_no_service(url, service, namespace),
        _ => {
            let _written = writer.require(CHECK, fact);
            return;
        }
    };
    writer.fail(CHECK, detail, command, point_at_prometheus(facts));
}

/// Pointing the adapter at the Prometheus that answers, with the path of its present URL.
pub(crate) fn point_at_prometheus(facts: &Facts) -> Fix {
    let path = facts.api.backend.get().and_then(prometheus_service).map_or_else(String::new, |at| at.path);
    fixes::point_adapter_at_prometheus(facts, &path)
}

/// Returns whether the URL leads to the Prometheus that answers: to its Service, or to another Service that selects the same
/// operator's Prometheus.
pub(crate) fn leads_to_prometheus(facts: &Facts) -> bool {
    let Some(at) = facts.api.backend.get().and_then(prometheus_service) else { return false };
    let found = facts.prometheus.services.all();
    let is_same = |found: &ServicePort| {
        found.namespace == at.namespace && found.service == at.service && found.port == at.port
    };
    let service = facts.api.prometheus_service.get();
    let selector = service.and_then(|service| service.spec.as_ref()?.selector.as_ref());
    let selected = selector.and_then(|labels| labels.get(OPERATOR_LABEL));
    let is_selected = facts.prometheus.resources.all().iter().any(|resource| {
        resource.namespace() == at.namespace
            && found.iter().any(|found| found.namespace == at.namespace)
            && selected.is_some_and(|name| name == resource.name())
    });
    found.iter().any(is_same) || is_selected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_recognized() {
        let parsed = |url: &str| {
            let at = PrometheusService::parse(url, "own")?;
            Some(format!("{}/{}:{}{}", at.namespace, at.service, at.port, at.path))
        };
        for (url, expected) in [
            ("http://prom.monitoring.svc:9090", Some("monitoring/prom:9090")),
            ("http://prom.monitoring.svc:9090/", Some("monitoring/prom:9090")),
            ("http://prom.monitoring.svc.cluster.local.:9090/prom/", Some("monitoring/prom:9090/prom")),
            ("https://prom.monitoring.svc", Some("monitoring/prom:443")),
            ("http://user:pass@prom.monitoring.svc/?a=b", Some("monitoring/prom:80")),
            ("http://prom:9090", Some("own/prom:9090")),
            ("http://10.0.0.1:9090", None),
            ("http://[::1]:9090", None),
            ("http://localhost:9090", None),
            ("https://prometheus.example.com", None),
            ("https://prometheus.io", None),
            ("http://prom.monitoring.svc:port", None),
            ("prom.monitoring.svc", None),
            ("http://", None),
        ] {
            assert_eq!(parsed(url).as_deref(), expected, "{url}");
        }
    }
}
