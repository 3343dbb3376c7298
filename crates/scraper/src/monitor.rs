//! What a ServiceMonitor asks for, read and checked.
//!
//! A monitor is refused whole where one of its endpoints cannot be served as written: a scrape that quietly left
//! something out would answer with wrong numbers. The shape is that of `monitoring.coreos.com/v1`.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Config;
use crate::duration;
use crate::relabel::{Rule, RuleSpec};

/// A monitor, ready to find targets with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Monitor {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) namespaces: Namespaces,
    pub(crate) selector: LabelSelector,
    pub(crate) job_label: Option<String>,
    pub(crate) service_labels: Vec<String>,
    pub(crate) pod_labels: Vec<String>,
    pub(crate) sample_limit: usize,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// Where a monitor looks for Services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Namespaces {
    Any,
    These(Vec<String>),
}

/// One way to scrape each selected Service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) port: Port,
    pub(crate) path: String,
    pub(crate) params: BTreeMap<String, Vec<String>>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    /// Leave out pods that have ended.
    pub(crate) only_running: bool,
    pub(crate) relabelings: Vec<Rule>,
    pub(crate) metric_relabelings: Vec<Rule>,
}

/// Which of a Service's ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Port {
    /// The name of the Service's port.
    Service(String),
    /// The name or number of the container's port.
    Container(IntOrString),
    /// Every port of the Service.
    Every,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Spec {
    namespace_selector: NamespaceSelector,
    selector: LabelSelector,
    job_label: Option<String>,
    target_labels: Vec<String>,
    pod_target_labels: Vec<String>,
    sample_limit: Option<usize>,
    endpoints: Vec<EndpointSpec>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct NamespaceSelector {
    any: bool,
    match_names: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct EndpointSpec {
    port: Option<String>,
    target_port: Option<IntOrString>,
    path: Option<String>,
    scheme: Option<String>,
    params: BTreeMap<String, Vec<String>>,
    interval: Option<String>,
    scrape_timeout: Option<String>,
    honor_labels: bool,
    honor_timestamps: Option<bool>,
    filter_running: Option<bool>,
    relabelings: Vec<RuleSpec>,
    metric_relabelings: Vec<RuleSpec>,
    basic_auth: Option<Value>,
    authorization: Option<Value>,
    oauth2: Option<Value>,
    bearer_token_file: Option<String>,
    bearer_token_secret: Option<Value>,
    proxy_url: Option<String>,
}

impl Monitor {
    /// Reads the `spec` of the monitor `namespace/name`.
    ///
    /// # Errors
    /// Why it is refused, as a sentence for the one who wrote it.
    pub(crate) fn read(namespace: &str, name: &str, spec: &Value, config: &Config) -> Result<Self, String> {
        let spec: Spec =
            serde_json::from_value(spec.clone()).map_err(|error| format!("spec does not parse: {error}"))?;
        let namespaces = match spec.namespace_selector {
            NamespaceSelector { any: true, .. } => Namespaces::Any,
            NamespaceSelector { match_names, .. } if match_names.is_empty() => {
                Namespaces::These(vec![namespace.to_owned()])
            }
            NamespaceSelector { match_names, .. } => Namespaces::These(match_names),
        };
        for requirement in spec.selector.match_expressions.iter().flatten() {
            if !matches!(requirement.operator.as_str(), "In" | "NotIn" | "Exists" | "DoesNotExist") {
                return Err(format!("selector: {:?} is not a valid operator", requirement.operator));
            }
        }
        let endpoints = spec
            .endpoints
            .into_iter()
            .enumerate()
            .map(|(at, endpoint)| {
                Endpoint::read(endpoint, config).map_err(|error| format!("endpoints[{at}]: {error}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            namespaces,
            selector: spec.selector,
            job_label: spec.job_label.filter(|label| !label.is_empty()),
            service_labels: spec.target_labels,
            pod_labels: spec.pod_target_labels,
            sample_limit: spec.sample_limit.filter(|limit| *limit > 0).unwrap_or(config.sample_limit),
            endpoints,
        })
    }

    /// The name that Prometheus and its operator give to the targets of one endpoint.
    pub(crate) fn pool(&self, endpoint: usize) -> String {
        format!("serviceMonitor/{}/{}/{endpoint}", self.namespace, self.name)
    }
}

impl Endpoint {
    fn read(spec: EndpointSpec, config: &Config) -> Result<Self, String> {
        let secured = [
            ("basicAuth", spec.basic_auth.is_some()),
            ("authorization", spec.authorization.is_some()),
            ("oauth2", spec.oauth2.is_some()),
            ("bearerTokenFile", spec.bearer_token_file.is_some_and(|file| !file.is_empty())),
            (
                "bearerTokenSecret",
                spec.bearer_token_secret.is_some_and(|secret| secret["name"].as_str() > Some("")),
            ),
            ("proxyUrl", spec.proxy_url.is_some()),
        ];
        if let Some((field, _)) = secured.into_iter().find(|(_, set)| *set) {
            return Err(format!("{field} is not offered by this server"));
        }
        if let Some(scheme) = spec.scheme.filter(|scheme| !scheme.eq_ignore_ascii_case("http")) {
            return Err(format!("scheme {scheme:?} is not offered by this server, only http"));
        }
        let interval = positive("interval", spec.interval)?.unwrap_or(config.scrape_interval);
        let timeout = match positive("scrapeTimeout", spec.scrape_timeout)? {
            Some(timeout) if timeout > interval => {
                return Err(format!(
                    "scrapeTimeout {:?} greater than scrapeInterval {:?}",
                    duration::written(timeout),
                    duration::written(interval)
                ));
            }
            Some(timeout) => timeout,
            None => config.scrape_timeout.min(interval),
        };
        let port = match (spec.port.filter(|port| !port.is_empty()), spec.target_port) {
            (Some(name), _) => Port::Service(name),
            (None, Some(port)) => Port::Container(port),
            (None, None) => Port::Every,
        };
        let path = spec.path.filter(|path| !path.is_empty()).unwrap_or_else(|| "/metrics".to_owned());
        let rules = |specs: Vec<RuleSpec>| specs.iter().map(Rule::new).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            port,
            path: if path.starts_with('/') { path } else { format!("/{path}") },
            params: spec.params,
            interval,
            timeout,
            honor_labels: spec.honor_labels,
            honor_timestamps: spec.honor_timestamps.unwrap_or(true),
            only_running: spec.filter_running.unwrap_or(true),
            relabelings: rules(spec.relabelings)?,
            metric_relabelings: rules(spec.metric_relabelings)?,
        })
    }
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

    fn read(spec: &Value) -> Result<Monitor, String> {
        Monitor::read("demo", "broker", spec, &Config::default())
    }

    #[test]
    fn fills_in_what_is_left_out() {
        let monitor = read(&json!({"endpoints": [{"port": "metrics"}]})).expect("taken");
        assert_eq!(monitor.namespaces, Namespaces::These(vec!["demo".to_owned()]));
        assert_eq!(monitor.pool(0), "serviceMonitor/demo/broker/0");
        let endpoint = &monitor.endpoints[0];
        assert_eq!(
            (endpoint.path.as_str(), endpoint.interval.as_secs(), endpoint.timeout.as_secs()),
            ("/metrics", 30, 10)
        );
        assert!(endpoint.honor_timestamps && endpoint.only_running && !endpoint.honor_labels);
    }

    #[test]
    fn reads_what_is_given() {
        let monitor = read(&json!({
            "namespaceSelector": {"any": true},
            "selector": {"matchLabels": {"app": "x"}},
            "jobLabel": "app",
            "sampleLimit": 7,
            "endpoints": [
                {"port": "metrics", "path": "metrics/detailed", "params": {"family": ["a", "b"]}, "interval": "1s"},
                {"targetPort": 9090, "interval": "20s", "scrapeTimeout": "500ms", "scheme": "HTTP", "honorLabels": true},
            ],
        }))
        .expect("taken");
        assert_eq!((monitor.namespaces, monitor.sample_limit), (Namespaces::Any, 7));
        let [first, second] = &monitor.endpoints[..] else { panic!("two endpoints") };
        assert_eq!((first.path.as_str(), first.timeout), ("/metrics/detailed", Duration::from_secs(1)));
        assert_eq!(second.port, Port::Container(IntOrString::Int(9090)));
        assert_eq!(second.timeout, Duration::from_millis(500));
    }

    #[test]
    fn refuses_with_the_reason() {
        for (endpoint, reason) in [
            (
                json!({"interval": "1s", "scrapeTimeout": "10s"}),
                r#"scrapeTimeout "10s" greater than scrapeInterval "1s""#,
            ),
            (json!({"interval": "5 seconds"}), "is not a duration"),
            (json!({"interval": "0s"}), "is not a duration above zero"),
            (json!({"scheme": "https"}), "only http"),
            (json!({"basicAuth": {"username": {}}}), "basicAuth is not offered"),
            (json!({"relabelings": [{"action": "hashmod"}]}), "hashmod"),
            (json!({"port": 5}), "does not parse"),
        ] {
            let error = read(&json!({"endpoints": [endpoint]})).expect_err("refused");
            assert!(error.contains(reason), "{error}");
        }
        let error = read(&json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}));
        assert!(error.expect_err("refused").contains("Like"));
    }
}
