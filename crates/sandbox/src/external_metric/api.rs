//! The API: `namespaces/NAMESPACE/METRIC?labelSelector=…`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apiserver::{Aggregated, AggregatedResource, LabelSelector, Requirement, Status};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use hpa::quantity::{Format, format_milli};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::{Expression, Selector};
use kube::{Api, Client, ResourceExt as _};
use promfmt::adapter::{CONFIG_KEY, Rule};
use promfmt::api::Element;
use promfmt::exposition::NAME;
use serde_json::{Value, json};

use super::prometheus::Prometheus;
use super::registry::Registry;

const GROUP: &str = "external.metrics.k8s.io";
const VERSION: &str = "v1beta1";

/// Settings of the adapter.
#[derive(Debug, Clone)]
pub(crate) struct Adapter {
    /// Namespace of the ConfigMap and of Prometheus' Service.
    pub(crate) namespace: String,
    /// Name of the ConfigMap, and of the Service that the `APIService` names.
    pub(crate) name: String,
    /// Prometheus' Service and its port.
    pub(crate) prometheus: (String, u16),
    /// Time for which a list of series is valid: `--metrics-relist-interval`.
    pub(crate) relist: Duration,
    /// Time for which a series counts after its last sample: `--metrics-max-age`.
    pub(crate) max_age: Duration,
}

struct Server {
    client: Client,
    adapter: Adapter,
    prometheus: Prometheus,
    registry: Mutex<Registry>,
}

/// The API; it sends its own requests with `client`.
pub(crate) fn aggregated(client: Client, adapter: Adapter) -> Aggregated {
    let prometheus = Prometheus::new(&adapter.namespace, &adapter.prometheus.0, adapter.prometheus.1);
    let service = (adapter.namespace.clone(), adapter.name.clone());
    let server = Server { client, adapter, prometheus, registry: Mutex::default() };
    let path = format!("/apis/{GROUP}/{VERSION}/namespaces/{{namespace}}/{{metric}}");
    let router = Router::new()
        .route(&path, get(values))
        .fallback(|| async { Status::unknown_resource() })
        .with_state(Arc::new(server));
    served_by(service, router)
}

/// The API with the answers of `router`; `service` is the Service of its `APIService`.
pub(crate) fn served_by(service: (String, String), router: Router) -> Aggregated {
    Aggregated {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        service,
        // KEDA lists one resource of this name too; the adapter lists each metric, which needs Prometheus.
        resources: vec![AggregatedResource {
            plural: "externalmetrics".to_owned(),
            singular: String::new(),
            kind: "ExternalMetricValueList".to_owned(),
            namespaced: true,
            verbs: vec!["get".to_owned()],
        }],
        router,
    }
}

async fn values(
    State(server): State<Arc<Server>>,
    Path((namespace, metric)): Path<(String, String)>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Value>, Status> {
    let selector = LabelSelector::parse(parameters.get("labelSelector").map_or("", String::as_str))?;
    let (rules, index, series) = server.find(&metric).await?;
    let rule = rules.get(index).ok_or_else(|| not_found(&metric))?;
    let query = match kube_selector(&selector) {
        Some(selector) => {
            rule.external_query(&series, &namespace, &selector).map_err(|error| error.to_string())
        }
        None => Err("the selector compares numbers, which Prometheus cannot".to_owned()),
    };
    let query = query.map_err(|error| {
        tracing::warn!(metric, "unable to generate a query for the metric: {error}");
        unable()
    })?;
    let elements = server.prometheus.query(&server.client, &query).await.map_err(|error| {
        tracing::warn!(%query, "unable to fetch metrics from prometheus: {error}");
        unable()
    })?;
    Ok(Json(list(&metric, elements, Timestamp::now())))
}

/// The adapter's answer to every failure; the reason is in its log.
fn unable() -> Status {
    Status::internal("unable to fetch metrics")
}

/// The selector as `kube` has it; `None` for a comparison of numbers.
fn kube_selector(selector: &LabelSelector) -> Option<Selector> {
    let expressions = selector.requirements().iter().map(|requirement| match requirement {
        Requirement::In(label, values) => Some(match values.as_slice() {
            [value] => Expression::Equal(label.clone(), value.clone()),
            _ => Expression::In(label.clone(), values.iter().cloned().collect()),
        }),
        Requirement::NotIn(label, values) => Some(match values.as_slice() {
            [value] => Expression::NotEqual(label.clone(), value.clone()),
            _ => Expression::NotIn(label.clone(), values.iter().cloned().collect()),
        }),
        Requirement::Exists(label) => Some(Expression::Exists(label.clone())),
        Requirement::Absent(label) => Some(Expression::DoesNotExist(label.clone())),
        Requirement::Greater(..) | Requirement::Less(..) => None,
    });
    expressions.collect()
}

fn list(metric: &str, elements: Vec<Element>, now: Timestamp) -> Value {
    // Kubernetes truncates times to whole seconds.
    let stamp = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let items: Vec<Value> = elements
        .into_iter()
        .map(|Element { metric: mut labels, value }| {
            labels.remove(NAME);
            json!({
                "metricName": metric,
                "metricLabels": labels,
                "timestamp": stamp,
                // The adapter multiplies and truncates; NaN is 0 here.
                "value": format_milli((value.value * 1000.0) as i64, Format::DecimalSi),
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

impl Server {
    /// The rules, the index of the rule that makes the metric, and the series that it makes it from.
    async fn find(&self, metric: &str) -> Result<(Arc<Vec<Rule>>, usize, String), Status> {
        self.refresh().await;
        let registry = self.registry();
        let (index, series) = registry.find(metric).ok_or_else(|| not_found(metric))?;
        Ok((registry.rules(), index, series))
    }

    /// Reads the rules, and lists the series if the list is stale. A failure keeps the previous state.
    async fn refresh(&self) {
        let config: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.adapter.namespace);
        match config.get_opt(&self.adapter.name).await {
            Ok(Some(map)) => {
                let text = map.data.as_ref().and_then(|data| data.get(CONFIG_KEY)).map_or("", String::as_str);
                if let Err(error) = self.registry().set_rules(map.resource_version(), text) {
                    tracing::warn!("ConfigMap {}/{}: {error}", self.adapter.namespace, self.adapter.name);
                }
            }
            Ok(None) => {
                tracing::debug!("there is no ConfigMap {}/{}", self.adapter.namespace, self.adapter.name);
            }
            Err(error) => tracing::warn!(%error, "reading the adapter's rules failed"),
        }
        if !self.registry().is_stale(Instant::now(), self.adapter.relist) {
            return;
        }
        let rules = self.registry().rules();
        let max_age = i64::try_from(self.adapter.max_age.as_secs()).unwrap_or(i64::MAX);
        let since = Timestamp::now().as_second().saturating_sub(max_age);
        let mut series = Vec::with_capacity(rules.len());
        for rule in rules.iter() {
            match self.prometheus.series(&self.client, &rule.series_query, since).await {
                Ok(names) => series.push(names),
                Err(error) => {
                    tracing::debug!("listing series failed: {error}");
                    return;
                }
            }
        }
        let mut registry = self.registry();
        // Another request may have read new rules in the meantime; the next one lists their series.
        if Arc::ptr_eq(&registry.rules(), &rules) {
            registry.set_series(Instant::now(), &series);
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    #[test]
    fn selectors_convert_unless_they_compare_numbers() {
        let text = |selector: &str| {
            let selector = LabelSelector::parse(selector).unwrap();
            kube_selector(&selector).map(|selector| selector.to_string())
        };
        for selector in ["", "a=b", "a!=b", "a in (b,c)", "a notin (b,c)", "a", "!a"] {
            assert_eq!(text(selector).as_deref(), Some(selector));
        }
        assert_eq!(text("a>3"), None);
    }
}
