//! The API itself: `namespaces/NAMESPACE/METRIC?labelSelector=…`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apiserver::{Aggregated, AggregatedResource, LabelSelector, Status};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use hpa::quantity::{Format, format_milli};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::matchers::Matchers;
use super::prometheus::{Point, Prometheus};
use super::rules::Rule;
use super::series::Known;
use super::template::{self, Values};

const GROUP: &str = "external.metrics.k8s.io";
const VERSION: &str = "v1beta1";

/// Key of the ConfigMap that holds the adapter's file.
const KEY: &str = "config.yaml";

/// Where the adapter finds what it needs, and its delays.
#[derive(Debug, Clone)]
pub(crate) struct Adapter {
    /// Namespace of the ConfigMap and of Prometheus' Service.
    pub(crate) namespace: String,
    /// Name of the ConfigMap, and of the Service that the `APIService` names.
    pub(crate) name: String,
    /// Prometheus' Service and its port.
    pub(crate) prometheus: (String, u16),
    /// How long a list of series is good for: `--metrics-relist-interval`.
    pub(crate) relist: Duration,
    /// For how long a series without samples still counts: `--metrics-max-age`.
    pub(crate) max_age: Duration,
}

struct Server {
    client: Client,
    adapter: Adapter,
    prometheus: Prometheus,
    known: Mutex<Known>,
}

/// The API, asking through `client`.
pub(crate) fn aggregated(client: Client, adapter: Adapter) -> Aggregated {
    let prometheus = Prometheus::new(&adapter.namespace, &adapter.prometheus.0, adapter.prometheus.1);
    let service = (adapter.namespace.clone(), adapter.name.clone());
    let server = Server { client, adapter, prometheus, known: Mutex::default() };
    let path = format!("/apis/{GROUP}/{VERSION}/namespaces/{{namespace}}/{{metric}}");
    let router = Router::new()
        .route(&path, get(values))
        .fallback(|| async { Status::unknown_resource() })
        .with_state(Arc::new(server));
    served_by(service, router)
}

/// The API as this router answers for it; `service` is what its `APIService` names.
pub(crate) fn served_by(service: (String, String), router: Router) -> Aggregated {
    Aggregated {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        service,
        // KEDA lists one resource of this name as well; the adapter lists each metric, which needs Prometheus.
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
    let query = render(rule, &series, &namespace, &selector)?;
    let points = server.prometheus.query(&server.client, &query).await.map_err(|why| {
        tracing::warn!(%query, "unable to fetch metrics from prometheus: {why}");
        Status::internal("unable to fetch metrics")
    })?;
    Ok(Json(list(&metric, &points, Timestamp::now())))
}

fn render(rule: &Rule, series: &str, namespace: &str, selector: &LabelSelector) -> Result<String, Status> {
    let mut matchers = Matchers::new(selector).map_err(Status::bad_request)?;
    if let Some(label) = &rule.namespace_label {
        matchers.equal(label, namespace);
    }
    let values = Values {
        series: series.to_owned(),
        label_matchers: matchers.text.join(","),
        label_values: matchers.values,
    };
    template::query(&rule.metrics_query, &values).map_err(|why| {
        tracing::warn!("the adapter's rule cannot be rendered: {why}");
        Status::internal(why)
    })
}

fn list(metric: &str, points: &[Point], now: Timestamp) -> Value {
    // Kubernetes writes times in whole seconds and cuts the rest off.
    let stamp = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let items: Vec<Value> = points
        .iter()
        .map(|point| {
            json!({
                "metricName": metric,
                "metricLabels": point.labels,
                "timestamp": stamp,
                // The adapter multiplies and cuts off; what is no number (NaN) is 0 here.
                "value": format_milli((point.value * 1000.0) as i64, Format::DecimalSi),
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
    /// The rules, and which of them makes this metric of which series.
    async fn find(&self, metric: &str) -> Result<(Arc<Vec<Rule>>, usize, String), Status> {
        self.refresh().await;
        let known = self.known();
        let (index, series) = known.find(metric).ok_or_else(|| not_found(metric))?;
        Ok((known.rules(), index, series))
    }

    /// Reads the rules and lists the series, where that is due. What fails leaves what was known before.
    async fn refresh(&self) {
        let config: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.adapter.namespace);
        match config.get_opt(&self.adapter.name).await {
            Ok(Some(map)) => {
                let text = map.data.as_ref().and_then(|data| data.get(KEY)).map_or("", String::as_str);
                if let Err(why) = self.known().read(map.resource_version(), text) {
                    tracing::warn!("ConfigMap {}/{}: {why}", self.adapter.namespace, self.adapter.name);
                }
            }
            Ok(None) => {
                tracing::debug!("there is no ConfigMap {}/{}", self.adapter.namespace, self.adapter.name);
            }
            Err(error) => tracing::warn!(%error, "reading the adapter's rules failed"),
        }
        if !self.known().is_stale(Instant::now(), self.adapter.relist) {
            return;
        }
        let rules = self.known().rules();
        let max_age = i64::try_from(self.adapter.max_age.as_secs()).unwrap_or(i64::MAX);
        let since = Timestamp::now().as_second().saturating_sub(max_age);
        let mut series = Vec::with_capacity(rules.len());
        for rule in rules.iter() {
            match self.prometheus.series(&self.client, &rule.series_query, since).await {
                Ok(names) => series.push(names),
                Err(why) => {
                    tracing::debug!("listing series failed: {why}");
                    return;
                }
            }
        }
        let mut known = self.known();
        // Another request may have read other rules meanwhile; the next one lists theirs.
        if Arc::ptr_eq(&known.rules(), &rules) {
            known.listed(Instant::now(), &series);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_adapters() {
        let points = [
            Point { labels: BTreeMap::new(), value: 100.0 },
            Point { labels: BTreeMap::from([("queue".into(), "Orders".into())]), value: 2.5 },
        ];
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let list = list("rabbitmq_queue_length", &points, now);
        assert_eq!(list["items"][0]["value"], "100");
        assert_eq!(list["items"][0]["timestamp"], "2026-01-02T03:04:05Z");
        assert_eq!(list["items"][1]["value"], "2500m");
        assert_eq!(list["items"][1]["metricLabels"]["queue"], "Orders");
        assert_eq!(list["kind"], "ExternalMetricValueList");
    }
}
