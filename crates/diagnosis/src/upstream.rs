//! Which Prometheus the adapter asks: its `--prometheus-url`, and the Service that this names. An adapter that starts with one
//! that leads nowhere lists no series, and then says of every metric that it could not find it.

use k8s_openapi::api::apps::v1::Deployment;

use super::api;
use super::facts::{Facts, Seen, ServicePort};
use super::line::{Fix, Pen};

/// The adapter's argument.
pub(super) const ARGUMENT: &str = "--prometheus-url";

/// The label by which a Service selects the pods of an operator's Prometheus.
const SELECTED: &str = "operator.prometheus.io/name";

/// A URL that names a Service of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// Number of its port.
    pub port: u16,
    /// What stands behind that, without a slash at its end; usually nothing.
    path: String,
}

impl Upstream {
    /// A Service as a cluster's DNS has it: `NAME`, in `namespace`, or `NAME.NAMESPACE.svc` with whatever domain. Anything else
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

/// The Service that an adapter asks, where it names one.
#[must_use]
pub fn upstream(adapter: &Deployment) -> Option<Upstream> {
    let namespace = adapter.metadata.namespace.as_deref().unwrap_or_default();
    Upstream::parse(&api::argument_of(adapter, ARGUMENT)?, namespace)
}

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let Some(url) = api::argument(facts, ARGUMENT) else { return };
    let Some(at) = facts.api.backend.get().and_then(upstream) else {
        pen.ok(
            "adapter-url",
            format!("the adapter asks Prometheus at {url}, which is no Service of this cluster"),
            &facts.api.backend.how,
        );
        return;
    };
    let Upstream { namespace, service, port, .. } = &at;
    let fact = &facts.api.upstream;
    let saw = match &fact.seen {
        Seen::Value(found) => {
            let ports = found.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
            if ports.iter().any(|of| of.port == i32::from(*port)) {
                pen.ok(
                    "adapter-url",
                    format!("the adapter asks Prometheus at {url}, a Service that is there"),
                    &fact.how,
                );
                return;
            }
            format!(
                "the adapter asks Prometheus at {url}, and Service {service} of namespace {namespace} has no port {port}"
            )
        }
        Seen::Absent => format!(
            "the adapter asks Prometheus at {url}, and namespace {namespace} has no Service {service}"
        ),
        _ => {
            let _line = pen.seen("adapter-url", fact);
            return;
        }
    };
    pen.fail("adapter-url", saw, &fact.how, lead(facts));
}

/// Whether the URL leads to the Prometheus that answers: by its Service, or by another one that selects the same operator's
/// Prometheus.
pub(super) fn is_found(facts: &Facts) -> bool {
    let Some(at) = facts.api.backend.get().and_then(upstream) else { return false };
    let found = facts.prometheus.services.all();
    let is_same = |found: &ServicePort| {
        found.namespace == at.namespace && found.service == at.service && found.port == at.port
    };
    let selector = facts.api.upstream.get().and_then(|service| service.spec.as_ref()?.selector.as_ref());
    let selected = selector.and_then(|labels| labels.get(SELECTED));
    let resources = facts.prometheus.resources.all();
    let is_selected = resources.iter().any(|resource| {
        resource.namespace() == at.namespace
            && found.iter().any(|found| found.namespace == at.namespace)
            && selected.is_some_and(|name| name == resource.name())
    });
    found.iter().any(is_same) || is_selected
}

/// What leads the adapter to the Prometheus that was found, under the path that it has.
pub(super) fn lead(facts: &Facts) -> Fix {
    let found = facts.prometheus.services.all().first();
    let port = found.map_or(contract::names::PROMETHEUS_PORT, |at| at.port);
    let host = found.map_or_else(
        || format!("http://{}.{}.svc", contract::names::PROMETHEUS_SERVICE, contract::names::MONITORING),
        |at| format!("http://{}.{}.svc", at.service, at.namespace),
    );
    let path = facts.api.backend.get().and_then(upstream).map_or_else(String::new, |at| at.path);
    api::set_argument(
        facts,
        "lead the adapter to the Prometheus that was found",
        ARGUMENT,
        &format!("{host}:{port}{path}"),
        &format!("--set prometheus.url={host} --set prometheus.port={port}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_told_from_what_may_be_anywhere() {
        let parsed = |url: &str| {
            let at = Upstream::parse(url, "own")?;
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
