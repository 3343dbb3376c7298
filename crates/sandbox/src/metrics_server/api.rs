//! The API: PodMetrics of the running pods and NodeMetrics of the node.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;

use apiserver::{Aggregated, AggregatedResource, FieldSelector, LabelSelector, Status};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use hpa::Quantity;
use http::HeaderMap;
use jiff::Timestamp;
use kube::{Resource, ResourceExt as _};
use serde_json::{Value, json};

use super::samples::Usage;
use super::{MetricsServer, WHOLE_NODE};
use crate::go_duration;
use crate::informer::{Key, key_of};

const GROUP: &str = "metrics.k8s.io";
const VERSION: &str = "v1beta1";
const API_VERSION: &str = "metrics.k8s.io/v1beta1";
/// Namespace and name of metrics-server's Service.
const SERVICE: (&str, &str) = ("kube-system", "metrics-server");

type Parameters = Query<BTreeMap<String, String>>;
type Answer = Result<Json<Value>, Status>;

pub(super) fn aggregated(server: &Arc<MetricsServer>) -> Aggregated {
    let path = |rest: &str| format!("/apis/{API_VERSION}/{rest}");
    let router = Router::new()
        .route(&path("nodes"), get(nodes))
        .route(&path("nodes/{name}"), get(node))
        .route(&path("pods"), get(all_pods))
        .route(&path("namespaces/{namespace}/pods"), get(pods))
        .route(&path("namespaces/{namespace}/pods/{name}"), get(pod))
        .method_not_allowed_fallback(async || Status::method_not_allowed())
        .fallback(async || Status::unknown_resource())
        .with_state(Arc::clone(server));
    let resource = |plural: &str, kind: &str, namespaced| AggregatedResource {
        plural: plural.to_owned(),
        singular: String::new(),
        kind: kind.to_owned(),
        namespaced,
        verbs: vec!["get".to_owned(), "list".to_owned()],
    };
    let resources = vec![resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)];
    Aggregated {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        service: (SERVICE.0.to_owned(), SERVICE.1.to_owned()),
        resources: Arc::new(move || Box::pin(std::future::ready(resources.clone()))),
        router,
    }
}

async fn all_pods(
    State(server): State<Arc<MetricsServer>>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Answer {
    list_pods(&server, None, &parameters, &headers)
}

async fn pods(
    State(server): State<Arc<MetricsServer>>,
    Path(namespace): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Answer {
    list_pods(&server, Some(&namespace), &parameters, &headers)
}

fn list_pods(
    server: &MetricsServer,
    namespace: Option<&str>,
    parameters: &BTreeMap<String, String>,
    headers: &HeaderMap,
) -> Answer {
    let wanted = Wanted::parse(parameters)?;
    let pods = match namespace {
        Some(namespace) => server.cluster.pods.in_namespace(namespace),
        None => server.cluster.pods.select(|_| true),
    };
    let items = sorted(
        pods.iter().filter(|pod| wanted.selects(&***pod)).filter_map(|pod| pod_metrics(server, &**pod)),
    );
    Ok(Json(list("PodMetricsList", items, headers)))
}

async fn pod(
    State(server): State<Arc<MetricsServer>>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let pod =
        server.cluster.pods.get(&namespace, &name).ok_or_else(|| Status::not_found("", "pods", &name))?;
    let unknown = || Status::not_found(GROUP, "podmetrics", &format!("{namespace}/{name}"));
    Ok(Json(single("PodMetrics", pod_metrics(&server, &*pod).ok_or_else(unknown)?, &headers)))
}

async fn nodes(
    State(server): State<Arc<MetricsServer>>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Answer {
    let wanted = Wanted::parse(&parameters)?;
    let nodes = server.cluster.nodes.select(|node| wanted.selects(node));
    let items = sorted(nodes.iter().filter_map(|node| node_metrics(&server, &**node)));
    Ok(Json(list("NodeMetricsList", items, &headers)))
}

async fn node(
    State(server): State<Arc<MetricsServer>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let node = server.cluster.nodes.get("", &name).ok_or_else(|| Status::not_found("", "nodes", &name))?;
    let unknown = || Status::not_found(GROUP, "nodemetrics", &name);
    Ok(Json(single("NodeMetrics", node_metrics(&server, &*node).ok_or_else(unknown)?, &headers)))
}

/// The selectors of a list.
struct Wanted {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Wanted {
    fn parse(parameters: &BTreeMap<String, String>) -> Result<Self, Status> {
        let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
        if matches!(parameter("watch"), "true" | "1") {
            return Err(Status::method_not_allowed());
        }
        Ok(Self {
            labels: LabelSelector::parse(parameter("labelSelector"))?,
            fields: FieldSelector::parse_metadata(parameter("fieldSelector"))?,
        })
    }

    fn selects<K: Resource>(&self, object: &K) -> bool {
        let (namespace, name) = key_of(object);
        self.labels.selects(object.labels()) && self.fields.matches(&namespace, &name, &[])
    }
}

/// The metrics of one object, by its key.
type Item = (Key, Value);

fn sorted(items: impl Iterator<Item = Item>) -> Vec<Item> {
    let mut items: Vec<Item> = items.collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    items
}

fn pod_metrics<K: Resource>(server: &MetricsServer, pod: &K) -> Option<Item> {
    let key = key_of(pod);
    let samples = server.samples();
    let usages = samples.usage(&key)?;
    // The time of a pod is that of its oldest container.
    let oldest = *usages.values().min_by_key(|usage| usage.at)?;
    let containers: Vec<Value> =
        usages.iter().map(|(name, usage)| json!({"name": name, "usage": quantities(usage)})).collect();
    let mut metrics = metrics_of(pod, &oldest);
    metrics["containers"] = containers.into();
    Some((key, metrics))
}

fn node_metrics<K: Resource>(server: &MetricsServer, node: &K) -> Option<Item> {
    let key = key_of(node);
    let samples = server.samples();
    let usage = *samples.usage(&key)?.get(WHOLE_NODE)?;
    let mut metrics = metrics_of(node, &usage);
    metrics["usage"] = quantities(&usage);
    Some((key, metrics))
}

/// Metadata, time and window.
fn metrics_of<K: Resource>(object: &K, usage: &Usage) -> Value {
    let seconds = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    let mut metadata = json!({"name": object.name_any(), "creationTimestamp": seconds(Timestamp::now())});
    if let Some(namespace) = object.namespace() {
        metadata["namespace"] = namespace.into();
    }
    if !object.labels().is_empty() {
        metadata["labels"] = json!(object.labels());
    }
    json!({"metadata": metadata, "timestamp": seconds(usage.at), "window": go_duration::format(usage.window)})
}

fn quantities(usage: &Usage) -> Value {
    json!({"cpu": cpu(usage.cpu_nanos), "memory": memory(usage.memory)})
}

fn cpu(nanos: u64) -> String {
    canonical(format!("{nanos}n"))
}

fn memory(bytes: u64) -> String {
    // `Ki` selects the family of suffixes; resident memory comes in pages.
    canonical(format!("{}Ki", bytes / 1024))
}

fn canonical(text: String) -> String {
    Quantity::from_str(&text).map_or(text, |quantity| quantity.to_string())
}

fn list(kind: &str, items: Vec<Item>, headers: &HeaderMap) -> Value {
    if apiserver::wants_table(headers) {
        return table(&items);
    }
    let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    json!({"kind": kind, "apiVersion": API_VERSION, "metadata": {}, "items": items})
}

fn single(kind: &str, item: Item, headers: &HeaderMap) -> Value {
    if apiserver::wants_table(headers) {
        return table(&[item]);
    }
    let mut object = item.1;
    object["kind"] = kind.into();
    object["apiVersion"] = API_VERSION.into();
    object
}

fn table(items: &[Item]) -> Value {
    let column = |name: &str, format: &str| {
        let description = if name == "Name" { "Name of the resource" } else { "" };
        json!({"name": name, "type": "string", "format": format, "description": description, "priority": 0})
    };
    let columns = match items {
        [] => Value::Null,
        _ => json!([
            column("Name", "name"),
            column("cpu", "quantity"),
            column("memory", "quantity"),
            column("Window", "duration")
        ]),
    };
    let rows = items.iter().map(|(_, item)| {
        let containers = item["containers"].as_array();
        let usages: Vec<&Value> = match containers {
            Some(containers) => containers.iter().map(|container| &container["usage"]).collect(),
            None => vec![&item["usage"]],
        };
        let cells = json!([item["metadata"]["name"], sum(&usages, "cpu"), sum(&usages, "memory"), item["window"]]);
        let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]});
        json!({"cells": cells, "object": object})
    });
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": columns, "rows": rows.collect::<Vec<_>>(),
    })
}

/// The sum of a resource over containers.
fn sum(usages: &[&Value], resource: &str) -> String {
    let texts: Vec<&str> = usages.iter().filter_map(|usage| usage[resource].as_str()).collect();
    if let [only] = texts.as_slice() {
        return (*only).to_owned();
    }
    let milli: i64 = texts.iter().filter_map(|text| Quantity::from_str(text).ok()?.milli().ok()).sum();
    hpa::quantity::format_milli(milli, hpa::quantity::status_format(resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_canonical() {
        for (nanos, expected) in
            [(0, "0"), (1, "1n"), (5_000_000, "5m"), (12_345_678, "12345678n"), (2_000_000_000, "2")]
        {
            assert_eq!(cpu(nanos), expected);
        }
        for (bytes, expected) in [(0, "0"), (4096, "4Ki"), (1 << 20, "1Mi"), (13_516 * 1024, "13516Ki")] {
            assert_eq!(memory(bytes), expected);
        }
    }

    #[test]
    fn a_table_sums_the_containers() {
        let pod = json!({
            "metadata": {"name": "web"}, "window": "15s",
            "containers": [{"usage": {"cpu": "5m", "memory": "1Mi"}}, {"usage": {"cpu": "20m", "memory": "512Ki"}}],
        });
        let node =
            json!({"metadata": {"name": "n"}, "window": "15s", "usage": {"cpu": "1n", "memory": "4Ki"}});
        let key = Key::default();
        let table = table(&[(key.clone(), pod), (key, node)]);
        assert_eq!(table["rows"][0]["cells"], json!(["web", "25m", "1536Ki", "15s"]));
        assert_eq!(table["rows"][1]["cells"], json!(["n", "1n", "4Ki", "15s"]));
    }
}
