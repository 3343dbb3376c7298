//! Changes to ServiceMonitors and PodMonitors.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use text::command::Command;

use super::json_patch;
use crate::facts::{MetricsEndpoint, Monitor};
use crate::finding::Fix;

/// Labels that last, in the order in which they identify an object best.
const LASTING: [&str; 8] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app",
    "k8s-app",
    "component",
    "name",
];

/// Labels that change with an upgrade or with the tool that installs.
const CHANGING: [&str; 8] = [
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
    "chart",
    "heritage",
    "version",
    "pod-template-hash",
    "controller-revision-hash",
];

/// The labels of a Service that a monitor should select by: those that last.
pub(crate) fn lasting_labels(service: &Service) -> BTreeMap<String, String> {
    let labels = service.metadata.labels.clone().unwrap_or_default();
    let lasting: BTreeMap<String, String> =
        labels.iter().filter(|(key, _)| LASTING[..3].contains(&key.as_str())).map(owned).collect();
    if !lasting.is_empty() {
        return lasting;
    }
    let lasting: BTreeMap<String, String> =
        labels.iter().filter(|(key, _)| LASTING.contains(&key.as_str())).map(owned).collect();
    if !lasting.is_empty() {
        return lasting;
    }
    labels.iter().filter(|(key, _)| !CHANGING.contains(&key.as_str())).map(owned).collect()
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// A JSON patch of a monitor.
pub(crate) fn patch(monitor: &Monitor, operations: &Value) -> Command {
    json_patch(monitor.resource(), monitor.name(), Some(monitor.namespace()), operations)
}

/// Removing a part of an endpoint, such as `scheme`.
pub(crate) fn remove(monitor: &Monitor, endpoint: usize, part: &str, what: &str) -> Fix {
    let path = format!("/spec/{}/{endpoint}/{part}", monitor.endpoints_field());
    Fix::command(what, patch(monitor, &json!([{"op": "remove", "path": path}])))
}

/// Setting a part of an endpoint.
pub(crate) fn set(
    monitor: &Monitor,
    endpoint: usize,
    part: &str,
    value: impl Into<Value>,
    what: &str,
) -> Fix {
    let path = format!("/spec/{}/{endpoint}/{part}", monitor.endpoints_field());
    let value = value.into();
    Fix::command(what, patch(monitor, &json!([{"op": "add", "path": path, "value": value}])))
}

/// Letting a monitor scrape another path with its query.
pub(crate) fn set_path(monitor: &Monitor, endpoint: usize, path: &str, what: &str) -> Fix {
    let at = format!("/spec/{}/{endpoint}", monitor.endpoints_field());
    let (path, params) = path_and_params(path);
    let mut operations = vec![json!({"op": "add", "path": format!("{at}/path"), "value": path})];
    if !params.is_empty() {
        operations.push(json!({"op": "add", "path": format!("{at}/params"), "value": params}));
    } else if monitor.spec.endpoints.get(endpoint).is_some_and(|endpoint| !endpoint.params.is_empty()) {
        operations.push(json!({"op": "remove", "path": format!("{at}/params")}));
    }
    Fix::command(what, patch(monitor, &operations.into()))
}

/// A path without its query, and the query as a monitor has it.
fn path_and_params(path: &str) -> (&str, BTreeMap<&str, Vec<&str>>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut params: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        params.entry(key).or_default().push(value);
    }
    (path, params)
}

/// A monitor for a Service without one: it selects by labels that last, and scrapes the path that has the series.
pub(crate) fn for_service(
    service: &Service,
    endpoint: &MetricsEndpoint,
    labels: &BTreeMap<String, String>,
) -> Value {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let port = ports.iter().find(|port| port.port == i32::from(endpoint.at.port));
    let port = port.and_then(|port| port.name.clone()).unwrap_or_default();
    let (path, params) = path_and_params(endpoint.better_path.as_deref().unwrap_or(&endpoint.path));
    let mut scraped = json!({"port": port, "path": path});
    if !params.is_empty() {
        scraped["params"] = json!(params);
    }
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": service.metadata.name,
            "namespace": service.metadata.namespace,
            "labels": labels,
        },
        "spec": {"selector": {"matchLabels": lasting_labels(service)}, "endpoints": [scraped]},
    })
}
