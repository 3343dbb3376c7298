//! Resources of the Prometheus Operator (`monitoring.coreos.com/v1`): the fields that decide what is scraped.
//!
//! Every field has a default, as in the CRDs, and unknown fields are ignored. The types hold the `spec` alone; the
//! caller brings the metadata.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::Value;

/// The API group of these resources.
pub const GROUP: &str = "monitoring.coreos.com";

/// The version of [`GROUP`] that these types are of.
pub const VERSION: &str = "v1";

/// `spec` of a `Prometheus`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrometheusSpec {
    /// Labels of the ServiceMonitors that Prometheus selects; without it, Prometheus selects none.
    pub service_monitor_selector: Option<LabelSelector>,
    /// Labels of the namespaces to look for ServiceMonitors in; without it, only Prometheus' own namespace.
    pub service_monitor_namespace_selector: Option<LabelSelector>,
    /// Labels of the PodMonitors that Prometheus selects; without it, Prometheus selects none.
    pub pod_monitor_selector: Option<LabelSelector>,
    /// Labels of the namespaces to look for PodMonitors in; without it, only Prometheus' own namespace.
    pub pod_monitor_namespace_selector: Option<LabelSelector>,
    /// Number of replicas; 1 without it.
    pub replicas: Option<i32>,
    /// Interval of the monitors that set none, such as `30s`.
    pub scrape_interval: Option<String>,
}

/// `spec` of a `ServiceMonitor`: scrapes the pods behind Services.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceMonitorSpec {
    /// Labels of the Services.
    pub selector: LabelSelector,
    /// Namespaces of the Services.
    pub namespace_selector: NamespaceSelector,
    /// Label of the Service whose value becomes the label `job`.
    pub job_label: Option<String>,
    /// Labels of the Service that the target gets.
    pub target_labels: Vec<String>,
    /// Labels of the pod that the target gets.
    pub pod_target_labels: Vec<String>,
    /// Most samples of one scrape; 0 is no limit.
    pub sample_limit: Option<usize>,
    /// Ports to scrape.
    pub endpoints: Vec<Endpoint>,
}

/// `spec` of a `PodMonitor`: scrapes pods without a Service.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodMonitorSpec {
    /// Labels of the pods.
    pub selector: LabelSelector,
    /// Namespaces of the pods.
    pub namespace_selector: NamespaceSelector,
    /// Label of the pod whose value becomes the label `job`.
    pub job_label: Option<String>,
    /// Labels of the pod that the target gets.
    pub pod_target_labels: Vec<String>,
    /// Most samples of one scrape; 0 is no limit.
    pub sample_limit: Option<usize>,
    /// Ports to scrape.
    pub pod_metrics_endpoints: Vec<Endpoint>,
}

impl From<PodMonitorSpec> for ServiceMonitorSpec {
    /// The same scrapes in the form of a ServiceMonitor, whose selector and ports are then those of pods.
    fn from(pods: PodMonitorSpec) -> Self {
        Self {
            selector: pods.selector,
            namespace_selector: pods.namespace_selector,
            job_label: pods.job_label,
            target_labels: Vec::new(),
            pod_target_labels: pods.pod_target_labels,
            sample_limit: pods.sample_limit,
            endpoints: pods.pod_metrics_endpoints,
        }
    }
}

/// `namespaceSelector` of a monitor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceSelector {
    /// Selects every namespace.
    pub any: bool,
    /// Names of namespaces. The monitor's own namespace if this is empty and `any` is false.
    pub match_names: Vec<String>,
}

impl NamespaceSelector {
    /// Returns `true` if a monitor in namespace `own` looks into `namespace`.
    #[must_use]
    pub fn includes(&self, own: &str, namespace: &str) -> bool {
        self.any
            || self.match_names.iter().any(|name| name == namespace)
            || (self.match_names.is_empty() && own == namespace)
    }
}

/// An element of `endpoints` of a ServiceMonitor or of `podMetricsEndpoints` of a PodMonitor.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Name of the Service's port; in a PodMonitor, name of the container's port.
    pub port: Option<String>,
    /// Number of the container's port; PodMonitors only.
    pub port_number: Option<i32>,
    /// Name or number of the container's port.
    pub target_port: Option<IntOrString>,
    /// Path; `/metrics` without it.
    pub path: Option<String>,
    /// `http`, the default, or `https`.
    pub scheme: Option<String>,
    /// Query parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// Time between two scrapes, such as `15s`.
    pub interval: Option<String>,
    /// Timeout of a scrape.
    pub scrape_timeout: Option<String>,
    /// Labels of the scraped series win over labels of the target.
    pub honor_labels: bool,
    /// Timestamps of the scraped series count; `true` without it.
    pub honor_timestamps: Option<bool>,
    /// Leaves out pods that have ended; `true` without it.
    pub filter_running: Option<bool>,
    /// Changes to the target's labels.
    pub relabelings: Vec<RelabelConfig>,
    /// Changes to the labels of the scraped series.
    pub metric_relabelings: Vec<RelabelConfig>,
    /// Credentials for HTTP basic authentication.
    pub basic_auth: Option<Value>,
    /// The header `Authorization`.
    pub authorization: Option<Value>,
    /// Credentials for OAuth 2.
    pub oauth2: Option<Value>,
    /// File with a bearer token.
    pub bearer_token_file: Option<String>,
    /// Secret with a bearer token.
    pub bearer_token_secret: Option<Value>,
    /// Proxy to scrape through.
    pub proxy_url: Option<String>,
}

impl Endpoint {
    /// The first field that asks for credentials or for a proxy, if one does.
    #[must_use]
    pub fn credentials_field(&self) -> Option<&'static str> {
        let named = |secret: &Value| secret["name"].as_str().is_some_and(|name| !name.is_empty());
        let fields = [
            ("basicAuth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
            ("bearerTokenFile", self.bearer_token_file.as_ref().is_some_and(|file| !file.is_empty())),
            ("bearerTokenSecret", self.bearer_token_secret.as_ref().is_some_and(named)),
            ("proxyUrl", self.proxy_url.is_some()),
        ];
        fields.into_iter().find(|(_, set)| *set).map(|(field, _)| field)
    }
}

/// A relabelling rule, Prometheus' `relabel_config` in camel case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RelabelConfig {
    /// Labels whose values are joined and matched.
    pub source_labels: Vec<String>,
    /// Text between the joined values; `;` without it.
    pub separator: Option<String>,
    /// Label to write.
    pub target_label: Option<String>,
    /// Regular expression, anchored at both ends; `(.*)` without it.
    pub regex: Option<String>,
    /// New value, with groups of `regex`; `$1` without it.
    pub replacement: Option<String>,
    /// Action, in any case; `replace` without it.
    pub action: Option<String>,
}

/// `spec` of a `PrometheusRule`; only its metadata matter so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct PrometheusRuleSpec {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn namespaces_default_to_the_monitors_own() {
        for (selector, namespace, included) in [
            (json!({}), "own", true),
            (json!({}), "other", false),
            (json!({"matchNames": ["other"]}), "other", true),
            (json!({"matchNames": ["other"]}), "own", false),
            (json!({"any": true}), "other", true),
        ] {
            let parsed: NamespaceSelector = serde_json::from_value(selector.clone()).expect("a selector");
            assert_eq!(parsed.includes("own", namespace), included, "{selector} {namespace}");
        }
    }

    #[test]
    fn reads_monitors_and_ignores_unknown_fields() {
        let monitor: ServiceMonitorSpec = serde_json::from_value(json!({
            "selector": {"matchLabels": {"app": "x"}}, "attachMetadata": {"node": true},
            "endpoints": [{"targetPort": 9090, "bearerTokenSecret": {"key": ""}, "tlsConfig": {}}],
        }))
        .expect("a ServiceMonitor");
        assert_eq!(monitor.endpoints[0].target_port, Some(IntOrString::Int(9090)));
        assert_eq!(monitor.endpoints[0].credentials_field(), None);
        let monitor: PodMonitorSpec = serde_json::from_value(json!({
            "podMetricsEndpoints": [{"portNumber": 80, "basicAuth": {"username": {}}}],
        }))
        .expect("a PodMonitor");
        assert_eq!(monitor.pod_metrics_endpoints[0].port_number, Some(80));
        assert_eq!(monitor.pod_metrics_endpoints[0].credentials_field(), Some("basicAuth"));
    }
}
