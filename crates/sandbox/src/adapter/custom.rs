//! The custom metrics API: `namespaces/NAMESPACE/RESOURCE/NAME/METRIC`, with `*` for all objects that `labelSelector`
//! selects, `namespaces/NAMESPACE/metrics/METRIC` about the namespace itself, and `RESOURCE/NAME/METRIC` for objects
//! outside of namespaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver::{Aggregated, AggregatedResource, Kind, ListResources, Status};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::{Expression, GroupVersionKind, Selector};
use promfmt::adapter::{Resource, Rule};
use promfmt::api::Element;
use serde_json::{Value, json};

use super::registry::CustomMetric;
use super::server::{Server, milli, selector, whole_seconds};

const GROUP: &str = "custom.metrics.k8s.io";
/// The version whose `APIService` the adapter's chart installs.
const VERSION: &str = "v1beta1";
/// Name of the `APIService`.
pub(super) const API_SERVICE: &str = "v1beta1.custom.metrics.k8s.io";
/// Name in requests about all selected objects.
const ALL: &str = "*";

type Parameters = Query<BTreeMap<String, String>>;
type Answer = Result<Json<Value>, Status>;

/// The API with the values of `server`.
pub(super) fn aggregated(server: &Arc<Server>) -> Aggregated {
    let path = |rest: &str| format!("/apis/{GROUP}/{VERSION}/{rest}");
    let router = Router::new()
        .route(&path("namespaces/{namespace}/{resource}/{name}/{metric}"), get(of_namespaced))
        .route(&path("namespaces/{namespace}/metrics/{metric}"), get(of_namespace))
        .route(&path("{resource}/{name}/{metric}"), get(of_root_scoped))
        .fallback(|| async { Status::unknown_resource() })
        .with_state(Arc::clone(server));
    let lister = Arc::clone(server);
    let resources: ListResources = Arc::new(move || {
        let server = Arc::clone(&lister);
        Box::pin(async move {
            server.refresh().await;
            server.registry().custom().keys().map(resource).collect()
        })
    });
    Aggregated {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        service: server.service(),
        resources,
        router,
    }
}

fn resource(metric: &CustomMetric) -> AggregatedResource {
    AggregatedResource {
        plural: format!("{}/{}", qualified(&metric.plural, &metric.group), metric.metric),
        singular: String::new(),
        kind: "MetricValueList".to_owned(),
        namespaced: metric.namespaced,
        verbs: vec!["get".to_owned()],
    }
}

fn qualified(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

async fn of_namespaced(
    State(server): State<Arc<Server>>,
    Path((namespace, resource, name, metric)): Path<(String, String, String, String)>,
    parameters: Parameters,
) -> Answer {
    values(&server, Some(&namespace), &resource, &name, metric, &parameters).await
}

async fn of_namespace(
    State(server): State<Arc<Server>>,
    Path((namespace, metric)): Path<(String, String)>,
    parameters: Parameters,
) -> Answer {
    values(&server, None, Resource::NAMESPACES.plural, &namespace, metric, &parameters).await
}

async fn of_root_scoped(
    State(server): State<Arc<Server>>,
    Path((resource, name, metric)): Path<(String, String, String)>,
    parameters: Parameters,
) -> Answer {
    values(&server, None, &resource, &name, metric, &parameters).await
}

async fn values(
    server: &Server,
    namespace: Option<&str>,
    resource: &str,
    name: &str,
    metric: String,
    parameters: &BTreeMap<String, String>,
) -> Answer {
    let metric_selector = selector(parameters.get("metricLabelSelector"))?;
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let kinds = server.api.kinds();
    let kind = kinds
        .iter()
        .find(|kind| kind.group == group && (kind.plural == plural || kind.singular == plural))
        .ok_or_else(|| not_found(&metric, resource, ""))?;
    server.refresh().await;
    let key = CustomMetric {
        group: kind.group.clone(),
        plural: kind.plural.clone(),
        namespaced: namespace.is_some(),
        metric,
    };
    let (rules, source) = {
        let registry = server.registry();
        (registry.rules(), registry.custom().get(&key).cloned())
    };
    let names = match name {
        ALL => objects(server, namespace, kind, parameters.get("labelSelector")).await?,
        name => vec![name.to_owned()],
    };
    let unknown = || not_found(&key.metric, resource, "");
    let (rule, series) =
        source.and_then(|source| Some((rules.rules.get(source.rule)?, source.series))).ok_or_else(unknown)?;
    let described = Resource { group: &kind.group, plural: &kind.plural, singular: &kind.singular };
    let query = query(rule, &series, namespace, described, &names, &metric_selector).map_err(|error| {
        tracing::warn!(metric = key.metric, "unable to construct query for metric: {error}");
        unknown()
    })?;
    let elements = server.query(&query).await?;
    let label = rule.label_for(described).map_err(|_| unknown())?;
    let values = by_name(elements, &label);
    if name != ALL && !values.contains_key(name) {
        return Err(not_found(&key.metric, resource, name));
    }
    let found = names.iter().filter_map(|name| Some((name.as_str(), *values.get(name)?)));
    let selector = metric_selector.ok().filter(|selector| !selector.selects_all());
    Ok(Json(list(&key.metric, kind, namespace, found, selector.as_ref(), Timestamp::now())))
}

fn query(
    rule: &Rule,
    series: &str,
    namespace: Option<&str>,
    described: Resource<'_>,
    names: &[String],
    selector: &Result<Selector, String>,
) -> Result<String, String> {
    if names.is_empty() {
        return Err("no resource names requested".to_owned());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let selector = selector.as_ref().map_err(Clone::clone)?;
    rule.object_query(series, namespace.unwrap_or_default(), described, &names, selector)
        .map_err(|error| error.to_string())
}

/// The names of the objects that the selector of the request selects.
async fn objects(
    server: &Server,
    namespace: Option<&str>,
    kind: &Kind,
    selector: Option<&String>,
) -> Result<Vec<String>, Status> {
    let of_kind = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&of_kind, &kind.plural);
    let client = server.cluster.client.clone();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let parameters = ListParams::default().labels(selector.map_or("", String::as_str));
    let list = api.list_metadata(&parameters).await.map_err(|error| {
        tracing::warn!("unable to list matching resource names: {error}");
        Status::internal("unable to list matching resources")
    })?;
    Ok(list.items.iter().map(ResourceExt::name_any).collect())
}

/// The value of each object, whose name is in `label`.
fn by_name(elements: Vec<Element>, label: &str) -> BTreeMap<String, f64> {
    let named = elements
        .into_iter()
        .map(|Element { mut metric, value }| (metric.remove(label).unwrap_or_default(), value.value));
    named.collect()
}

fn list<'a>(
    metric: &str,
    kind: &Kind,
    namespace: Option<&str>,
    values: impl Iterator<Item = (&'a str, f64)>,
    selector: Option<&Selector>,
    now: Timestamp,
) -> Value {
    let items = values.map(|(name, value)| {
        // For the core group the adapter writes `/v1`.
        let api_version = format!("{}/{}", kind.group, kind.version);
        let mut object = json!({"kind": kind.kind, "name": name, "apiVersion": api_version});
        if let Some(namespace) = namespace {
            object["namespace"] = namespace.into();
        }
        json!({
            "describedObject": object,
            "metricName": metric,
            "timestamp": whole_seconds(now),
            "value": milli(value),
            "selector": selector.map(selector_object),
        })
    });
    json!({
        "kind": "MetricValueList",
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "metadata": {},
        "items": items.collect::<Vec<_>>(),
    })
}

/// A selector in the form of an object, with `matchLabels` for equality.
fn selector_object(selector: &Selector) -> Value {
    let mut labels = BTreeMap::new();
    let mut expressions = Vec::new();
    for expression in selector.clone() {
        let (key, operator, values) = match expression {
            Expression::Equal(key, value) => {
                labels.insert(key, value);
                continue;
            }
            Expression::In(key, values) => (key, "In", values.into_iter().collect()),
            Expression::NotEqual(key, value) => (key, "NotIn", vec![value]),
            Expression::NotIn(key, values) => (key, "NotIn", values.into_iter().collect()),
            Expression::Exists(key) => (key, "Exists", Vec::new()),
            Expression::DoesNotExist(key) => (key, "DoesNotExist", Vec::new()),
        };
        expressions.push(json!({"key": key, "operator": operator, "values": values}));
    }
    let mut object = json!({});
    if !labels.is_empty() {
        object["matchLabels"] = json!(labels);
    }
    if !expressions.is_empty() {
        object["matchExpressions"] = expressions.into();
    }
    object
}

fn not_found(metric: &str, resource: &str, name: &str) -> Status {
    let object = if name.is_empty() { String::new() } else { format!(" {name}") };
    let message = format!("the server could not find the metric {metric} for {resource}{object}");
    Status::new(404, "NotFound", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_adapters_form() {
        let kinds = apiserver::kinds::builtin();
        let pods = kinds.iter().find(|kind| kind.plural == "pods").unwrap();
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let selector = Selector::from_iter([
            Expression::Equal("verb".into(), "GET".into()),
            Expression::Exists("code".into()),
        ]);
        let list = list("requests", pods, Some("demo"), [("a", 2.5)].into_iter(), Some(&selector), now);
        assert_eq!(
            list["items"][0],
            json!({
                "describedObject": {"kind": "Pod", "namespace": "demo", "name": "a", "apiVersion": "/v1"},
                "metricName": "requests", "timestamp": "2026-01-02T03:04:05Z", "value": "2500m",
                "selector": {
                    "matchLabels": {"verb": "GET"},
                    "matchExpressions": [{"key": "code", "operator": "Exists", "values": []}],
                },
            })
        );
        assert_eq!(
            (&list["kind"], &list["apiVersion"]),
            (&json!("MetricValueList"), &json!("custom.metrics.k8s.io/v1beta1"))
        );
    }

    #[test]
    fn errors_name_metric_and_object() {
        let texts = [not_found("m", "pods", ""), not_found("m", "deployments.apps", "web")]
            .map(|status| status.to_string());
        assert_eq!(
            texts,
            [
                "the server could not find the metric m for pods",
                "the server could not find the metric m for deployments.apps web"
            ]
        );
    }
}
