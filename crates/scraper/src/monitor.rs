//! ServiceMonitors and PodMonitors, parsed and checked.
//!
//! A monitor with an endpoint that cannot be served as written is refused as a whole: a scrape that quietly left
//! something out would give wrong numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::Selector;
use promfmt::duration;
use promfmt::operator::{self, NamespaceSelector, PodMonitorSpec, RelabelConfig, ServiceMonitorSpec};
use promfmt::relabel::RelabelRule;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::Config;

/// The two kinds of monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MonitorKind {
    /// Selects Services, and scrapes the pods behind them.
    Service,
    /// Selects pods.
    Pod,
}

/// A monitor, ready to find targets with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Monitor {
    pub(crate) kind: MonitorKind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) namespaces: NamespaceSelector,
    pub(crate) selector: Selector,
    pub(crate) job_label: Option<String>,
    pub(crate) service_labels: Vec<String>,
    pub(crate) pod_labels: Vec<String>,
    pub(crate) sample_limit: usize,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// Settings of the scrapes of one port.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) port: Port,
    /// The targets should speak TLS.
    pub(crate) is_https: bool,
    pub(crate) path: String,
    pub(crate) params: BTreeMap<String, Vec<String>>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    /// Leave out pods that have ended.
    pub(crate) only_running: bool,
    pub(crate) relabelings: Vec<RelabelRule>,
    pub(crate) metric_relabelings: Vec<RelabelRule>,
}

/// The port that an endpoint selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Port {
    /// The name of the Service's port.
    Service(String),
    /// The name or number of the container's port.
    Container(IntOrString),
    /// Every port.
    Every,
}

impl MonitorKind {
    /// The `kind` of the resource.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service => "ServiceMonitor",
            Self::Pod => "PodMonitor",
        }
    }

    /// The resource's name in the API.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Service => "servicemonitors",
            Self::Pod => "podmonitors",
        }
    }
}

impl Monitor {
    /// Parses the `spec` of the monitor `namespace/name`.
    ///
    /// # Errors
    /// The reason for the refusal, for the monitor's author.
    pub(crate) fn parse(
        kind: MonitorKind,
        namespace: &str,
        name: &str,
        spec: &Value,
        config: &Config,
    ) -> Result<Self, String> {
        let spec: ServiceMonitorSpec = match kind {
            MonitorKind::Service => parsed(spec)?,
            MonitorKind::Pod => parsed::<PodMonitorSpec>(spec)?.into(),
        };
        let selector = Selector::try_from(spec.selector).map_err(|error| format!("selector: {error}"))?;
        let endpoints = spec.endpoints.into_iter().enumerate().map(|(at, endpoint)| {
            Endpoint::parse(kind, endpoint, config).map_err(|error| format!("endpoints[{at}]: {error}"))
        });
        Ok(Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            namespaces: spec.namespace_selector,
            selector,
            job_label: spec.job_label.filter(|label| !label.is_empty()),
            service_labels: spec.target_labels,
            pod_labels: spec.pod_target_labels,
            sample_limit: spec.sample_limit.filter(|limit| *limit > 0).unwrap_or(config.sample_limit),
            endpoints: endpoints.collect::<Result<_, _>>()?,
        })
    }

    /// The name that the Prometheus Operator gives to the targets of one endpoint.
    pub(crate) fn pool(&self, endpoint: usize) -> String {
        let kind = match self.kind {
            MonitorKind::Service => "serviceMonitor",
            MonitorKind::Pod => "podMonitor",
        };
        format!("{kind}/{}/{}/{endpoint}", self.namespace, self.name)
    }
}

impl Endpoint {
    fn parse(kind: MonitorKind, spec: operator::Endpoint, config: &Config) -> Result<Self, String> {
        if let Some(field) = spec.credentials_field() {
            return Err(format!("{field} is not supported by this server"));
        }
        let is_https = match spec.scheme.as_deref().unwrap_or_default() {
            "" => false,
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            scheme => return Err(format!("scheme {scheme:?} is neither http nor https")),
        };
        let interval = positive("interval", spec.interval)?.unwrap_or(config.scrape_interval);
        let timeout = match positive("scrapeTimeout", spec.scrape_timeout)? {
            Some(timeout) if timeout > interval => {
                return Err(format!(
                    "scrapeTimeout {:?} greater than scrapeInterval {:?}",
                    duration::format(timeout),
                    duration::format(interval)
                ));
            }
            Some(timeout) => timeout,
            None => config.scrape_timeout.min(interval),
        };
        let port = match (spec.port.filter(|port| !port.is_empty()), spec.port_number, spec.target_port) {
            (Some(name), _, _) if kind == MonitorKind::Service => Port::Service(name),
            (Some(name), _, _) => Port::Container(IntOrString::String(name)),
            (None, Some(number), _) if kind == MonitorKind::Pod => Port::Container(IntOrString::Int(number)),
            (None, _, Some(port)) => Port::Container(port),
            (None, _, None) => Port::Every,
        };
        let path = spec.path.filter(|path| !path.is_empty()).unwrap_or_else(|| "/metrics".to_owned());
        let rules =
            |configs: &[RelabelConfig]| configs.iter().map(RelabelRule::new).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            port,
            is_https,
            path: if path.starts_with('/') { path } else { format!("/{path}") },
            params: spec.params,
            interval,
            timeout,
            honor_labels: spec.honor_labels,
            honor_timestamps: spec.honor_timestamps.unwrap_or(true),
            only_running: spec.filter_running.unwrap_or(true),
            relabelings: rules(&spec.relabelings)?,
            metric_relabelings: rules(&spec.metric_relabelings)?,
        })
    }
}

fn parsed<T: DeserializeOwned>(spec: &Value) -> Result<T, String> {
    serde_json::from_value(spec.clone()).map_err(|error| format!("spec does not parse: {error}"))
}

fn positive(field: &str, text: Option<String>) -> Result<Option<Duration>, String> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match duration::parse(&text) {
            Some(duration) if !duration.is_zero() => Ok(Some(duration)),
            _ => Err(format!("{field} {text:?} is not a duration above zero such as 1s or 1m30s")),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(kind: MonitorKind, spec: &Value) -> Result<Monitor, String> {
        Monitor::parse(kind, "demo", "broker", spec, &Config::default())
    }

    fn service_monitor(spec: &Value) -> Result<Monitor, String> {
        parse(MonitorKind::Service, spec)
    }

    #[test]
    fn missing_fields_have_defaults() {
        let monitor = service_monitor(&json!({"endpoints": [{"port": "metrics"}]})).expect("accepted");
        assert!(monitor.namespaces.includes(&monitor.namespace, "demo"));
        assert!(!monitor.namespaces.includes(&monitor.namespace, "other"));
        assert_eq!(monitor.pool(0), "serviceMonitor/demo/broker/0");
        let endpoint = &monitor.endpoints[0];
        assert_eq!(
            (endpoint.path.as_str(), endpoint.interval.as_secs(), endpoint.timeout.as_secs()),
            ("/metrics", 30, 10)
        );
        assert!(endpoint.honor_timestamps && endpoint.only_running && !endpoint.honor_labels);
    }

    #[test]
    fn given_fields_are_parsed() {
        let monitor = service_monitor(&json!({
            "namespaceSelector": {"any": true},
            "selector": {"matchLabels": {"app": "x"}},
            "jobLabel": "app",
            "sampleLimit": 7,
            "endpoints": [
                {"port": "metrics", "path": "metrics/detailed", "params": {"family": ["a", "b"]}, "interval": "1s"},
                {"targetPort": 9090, "interval": "20s", "scrapeTimeout": "500ms", "scheme": "HTTP", "honorLabels": true},
            ],
        }))
        .expect("accepted");
        assert_eq!((monitor.namespaces.any, monitor.sample_limit), (true, 7));
        let [first, second] = &monitor.endpoints[..] else { panic!("two endpoints") };
        assert_eq!((first.path.as_str(), first.timeout), ("/metrics/detailed", Duration::from_secs(1)));
        assert_eq!(second.port, Port::Container(IntOrString::Int(9090)));
        assert_eq!(second.timeout, Duration::from_millis(500));
    }

    #[test]
    fn ports_of_pod_monitors_are_the_containers() {
        let monitor = parse(
            MonitorKind::Pod,
            &json!({"podMetricsEndpoints": [{"port": "metrics"}, {"portNumber": 80}, {"targetPort": "m"}, {}]}),
        )
        .expect("accepted");
        let ports: Vec<&Port> = monitor.endpoints.iter().map(|endpoint| &endpoint.port).collect();
        let named = |name: &str| Port::Container(IntOrString::String(name.to_owned()));
        assert_eq!(
            ports,
            [&named("metrics"), &Port::Container(IntOrString::Int(80)), &named("m"), &Port::Every]
        );
        assert_eq!(monitor.pool(3), "podMonitor/demo/broker/3");
    }

    #[test]
    fn a_refusal_gives_the_reason() {
        for (endpoint, reason) in [
            (
                json!({"interval": "1s", "scrapeTimeout": "10s"}),
                r#"scrapeTimeout "10s" greater than scrapeInterval "1s""#,
            ),
            (json!({"interval": "5 seconds"}), "is not a duration"),
            (json!({"interval": "0s"}), "is not a duration above zero"),
            (json!({"scheme": "ftp"}), "neither http nor https"),
            (json!({"basicAuth": {"username": {}}}), "basicAuth is not supported"),
            (json!({"relabelings": [{"action": "hashmod"}]}), "hashmod"),
            (json!({"port": 5}), "does not parse"),
        ] {
            let error = service_monitor(&json!({"endpoints": [endpoint]})).expect_err("refused");
            assert!(error.contains(reason), "{error}");
        }
        let error =
            service_monitor(&json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}));
        assert!(error.expect_err("refused").starts_with("selector: "));
    }
}
