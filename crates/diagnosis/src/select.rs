//! Label selectors as the controllers apply them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use promfmt::selector;

use crate::facts::{Monitor, MonitorKind};

type Labels = BTreeMap<String, String>;

/// Returns whether the selector matches these labels. An empty selector matches all, an invalid one none.
#[must_use]
pub fn matches(selector: &LabelSelector, labels: Option<&Labels>) -> bool {
    selector::matches(selector, labels.unwrap_or(&Labels::new()))
}

/// Returns whether the monitor selects objects of that namespace.
pub(crate) fn selects_namespace(monitor: &Monitor, namespace: &str) -> bool {
    monitor.spec.namespace_selector.includes(monitor.namespace(), namespace)
}

/// Returns whether the monitor selects the Service: by its namespace and by its own labels, not those of its pods.
#[must_use]
pub fn selects_service(monitor: &Monitor, service: &Service) -> bool {
    monitor.kind == MonitorKind::Service
        && selects_namespace(monitor, service.metadata.namespace.as_deref().unwrap_or_default())
        && matches(&monitor.spec.selector, service.metadata.labels.as_ref())
}

/// Returns whether a PodMonitor selects the pod.
#[must_use]
pub fn selects_pod(monitor: &Monitor, pod: &Pod) -> bool {
    monitor.kind == MonitorKind::Pod
        && selects_namespace(monitor, pod.metadata.namespace.as_deref().unwrap_or_default())
        && matches(&monitor.spec.selector, pod.metadata.labels.as_ref())
}

/// Returns whether the selector of a Service selects a pod with these labels.
pub(crate) fn selects_pod_labels(selector: &Labels, labels: Option<&Labels>) -> bool {
    selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// The first label with an invalid value, such as `/`: the HPA's controller rejects such a selector.
pub(crate) fn invalid_value(selector: &LabelSelector) -> Option<(&str, &str)> {
    let equal = selector.match_labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let expressions = selector.match_expressions.iter().flatten().flat_map(|requirement| {
        requirement.values.iter().flatten().map(|value| (requirement.key.as_str(), value.as_str()))
    });
    equal.chain(expressions).find(|(_, value)| !is_label_value(value))
}

/// Label values have at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends. They may be empty.
pub(crate) fn is_label_value(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63 && value.chars().all(inner) && end(value.chars().next()) && end(value.chars().last())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selector(json: serde_json::Value) -> LabelSelector {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_slash_is_no_label_value() {
        for (value, valid) in
            [("Orders", true), ("a.b_c-d", true), ("", true), ("/", false), ("-a", false), ("a b", false)]
        {
            let selector = selector(json!({"matchLabels": {"x": value}}));
            assert_eq!(invalid_value(&selector).is_none(), valid, "{value}");
        }
    }
}
