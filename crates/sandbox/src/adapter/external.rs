//! The external metrics API: `namespaces/NAMESPACE/METRIC?labelSelector=…`.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver::{Aggregated, AggregatedResource, ListResources, Status};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use promfmt::api::Element;
use promfmt::exposition::NAME;
use serde_json::{Value, json};

use super::server::{Server, milli, selector, unable, whole_seconds};

const GROUP: &str = "external.metrics.k8s.io";
const VERSION: &str = "v1beta1";

/// The API with the values of `server`.
pub(super) fn aggregated(server: &Arc<Server>) -> Aggregated {
    let path = format!("/apis/{GROUP}/{VERSION}/namespaces/{{namespace}}/{{metric}}");
    let router = Router::new()
        .route(&path, get(values))
        .fallback(|| async { Status::unknown_resource() })
        .with_state(Arc::clone(server));
    let lister = Arc::clone(server);
    let resources: ListResources = Arc::new(move || {
        let server = Arc::clone(&lister);
        Box::pin(async move {
            server.refresh().await;
            server.registry().external().keys().map(|metric| resource(metric)).collect()
        })
    });
    Aggregated { resources, ..served_by(server.service(), router) }
}

/// The API with the answers of `router`; `service` is the Service of its `APIService`.
pub(crate) fn served_by(service: (String, String), router: Router) -> Aggregated {
    Aggregated {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        service,
        // As KEDA, which lists one resource for all metrics.
        resources: Arc::new(|| Box::pin(async { vec![resource("externalmetrics")] })),
        router,
    }
}

fn resource(name: &str) -> AggregatedResource {
    AggregatedResource {
        plural: name.to_owned(),
        singular: String::new(),
        kind: "ExternalMetricValueList".to_owned(),
        namespaced: true,
        verbs: vec!["get".to_owned()],
    }
}

async fn values(
    State(server): State<Arc<Server>>,
    Path((namespace, metric)): Path<(String, String)>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Value>, Status> {
    let selector = selector(parameters.get("labelSelector"))?;
    server.refresh().await;
    let (rules, source) = {
        let registry = server.registry();
        (registry.rules(), registry.external().get(&metric).cloned())
    };
    let found = source.and_then(|source| Some((rules.external_rules.get(source.rule)?, source.series)));
    let (rule, series) = found.ok_or_else(|| not_found(&metric))?;
    let query = selector
        .and_then(|selector| {
            rule.external_query(&series, &namespace, &selector).map_err(|error| error.to_string())
        })
        .map_err(|error| {
            tracing::warn!(metric, "unable to generate a query for the metric: {error}");
            unable()
        })?;
    let elements = server.query(&query).await?;
    Ok(Json(list(&metric, elements, Timestamp::now())))
}

fn list(metric: &str, elements: Vec<Element>, now: Timestamp) -> Value {
    let stamp = whole_seconds(now);
    let items: Vec<Value> = elements
        .into_iter()
        .map(|Element { metric: mut labels, value }| {
            labels.remove(NAME);
            json!({
                "metricName": metric,
                "metricLabels": labels,
                "timestamp": stamp,
                "value": milli(value.value),
            })
        })
        .collect();
    json!({
        "kind": "ExternalMetricValueList",
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "metadata": {},
        "items": items,
    })
}

fn not_found(metric: &str) -> Status {
    Status::new(404, "NotFound", format!("the server could not find the metric {metric} for "))
}

#[cfg(test)]
mod tests {
    use promfmt::api::Point;

    use super::*;

    #[test]
    fn the_list_has_the_adapters_form() {
        let element = |labels: &[(&str, &str)], value| Element {
            metric: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            value: Point { time: 0.0, value },
        };
        let elements = vec![element(&[], 100.0), element(&[(NAME, "m"), ("queue", "Orders")], 2.5)];
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let list = list("rabbitmq_queue_length", elements, now);
        assert_eq!(list["items"][0]["value"], "100");
        assert_eq!(list["items"][0]["timestamp"], "2026-01-02T03:04:05Z");
        assert_eq!(list["items"][1]["value"], "2500m");
        assert_eq!(list["items"][1]["metricLabels"], json!({"queue": "Orders"}));
        assert_eq!(list["kind"], "ExternalMetricValueList");
    }
}
