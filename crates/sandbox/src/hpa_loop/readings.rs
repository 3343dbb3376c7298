//! Reads the metrics of an HPA from the API server's metrics APIs, with kube-controller-manager's error messages.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use ::hpa::input::{ContainerUsage, PodReading, PodUsage};
use ::hpa::spec::{LabelSelector, Metric, TargetRef};
use ::hpa::{Quantity, Reading, Time};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::core::GroupVersionKind;
use promfmt::percent;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::target;
use crate::error::api_message;

const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1";
const CUSTOM: &str = "/apis/custom.metrics.k8s.io/v1beta1";
const RESOURCE: &str = "/apis/metrics.k8s.io/v1beta1";
/// The controller's text while no version of the custom metrics API is registered.
const NO_CUSTOM_API: &str = "no custom metrics API (custom.metrics.k8s.io) registered";
/// The API server's text for a path that it does not serve.
const UNKNOWN_PATH: [&str; 2] = ["404 page not found", "the server could not find the requested resource"];
/// Window of a custom metric that reports none (`metricServerDefaultMetricWindow`).
const DEFAULT_WINDOW_SECONDS: i64 = 60;

/// Reads one metric for an HPA of this namespace; `pods` is the selector of its target.
pub(super) async fn read(client: &Client, namespace: &str, pods: &str, metric: &Metric) -> Reading {
    let read = match (metric.type_.as_str(), &metric.external, &metric.pods, &metric.object) {
        ("External", Some(source), ..) => {
            external(client, namespace, &source.metric.name, source.metric.selector.as_ref()).await
        }
        ("Pods", _, Some(source), _) => {
            of_pods(client, namespace, pods, &source.metric.name, source.metric.selector.as_ref()).await
        }
        ("Object", .., Some(source)) => {
            let (name, selector) = (&source.metric.name, source.metric.selector.as_ref());
            of_object(client, namespace, &source.described_object, name, selector).await
        }
        ("Resource" | "ContainerResource", ..) => resource(client, namespace, pods).await,
        // The decision reports the absent source.
        _ => Ok(Reading::External(Vec::new())),
    };
    read.unwrap_or_else(Reading::Failed)
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

#[derive(Deserialize)]
struct ExternalValue {
    value: String,
}

async fn external(
    client: &Client,
    namespace: &str,
    name: &str,
    selector: Option<&LabelSelector>,
) -> Result<Reading, String> {
    let path = format!("{EXTERNAL}/namespaces/{namespace}/{name}");
    let selector = selector.map(LabelSelector::query).unwrap_or_default();
    let list: List<ExternalValue> = get(client, &path, &[("labelSelector", &selector)])
        .await
        .map_err(|error| named(&error, &format!("{name}.external.metrics.k8s.io")))?;
    let values: Result<Vec<i64>, String> = list.items.iter().map(|item| milli(&item.value)).collect();
    Ok(Reading::External(values?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomValue {
    described_object: DescribedObject,
    timestamp: Timestamp,
    window_seconds: Option<i64>,
    value: String,
}

#[derive(Deserialize)]
struct DescribedObject {
    name: String,
}

async fn of_pods(
    client: &Client,
    namespace: &str,
    pods: &str,
    metric: &str,
    selector: Option<&LabelSelector>,
) -> Result<Reading, String> {
    let path = format!("{CUSTOM}/namespaces/{namespace}/pods/*/{metric}");
    let items = custom(client, &path, Some(pods), selector).await?;
    let values: Result<Vec<PodReading>, String> = items
        .into_iter()
        .map(|item| {
            Ok(PodReading {
                pod: item.described_object.name,
                milli: milli(&item.value)?,
                at: time(item.timestamp),
                window_seconds: item.window_seconds.unwrap_or(DEFAULT_WINDOW_SECONDS),
            })
        })
        .collect();
    Ok(Reading::Pods(values?))
}

async fn of_object(
    client: &Client,
    namespace: &str,
    object: &TargetRef,
    metric: &str,
    selector: Option<&LabelSelector>,
) -> Result<Reading, String> {
    let api_version = object.api_version.as_deref().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let path = if group.is_empty() && object.kind == "Namespace" {
        // The controller ignores the name, so that an HPA reaches its own namespace only.
        format!("{CUSTOM}/namespaces/{namespace}/metrics/{metric}")
    } else {
        let kind = GroupVersionKind::gvk(group, version, &object.kind);
        let resource = target::resource(client, &kind).await.ok_or_else(|| {
            let qualified =
                if group.is_empty() { object.kind.clone() } else { format!("{}.{group}", object.kind) };
            format!(
                "unable to map kind {qualified} to resource: no matches for kind \"{}\" in group \"{group}\"",
                object.kind
            )
        })?;
        let suffix = if group.is_empty() { String::new() } else { format!(".{group}") };
        format!("{CUSTOM}/namespaces/{namespace}/{}{suffix}/{}/{metric}", resource.plural, object.name)
    };
    match custom(client, &path, None, selector).await?.as_slice() {
        [only] => Ok(Reading::Object(milli(&only.value)?)),
        many => Err(format!(
            "the custom metrics API server returned {} results when we asked for exactly one",
            many.len()
        )),
    }
}

async fn custom(
    client: &Client,
    path: &str,
    objects: Option<&str>,
    selector: Option<&LabelSelector>,
) -> Result<Vec<CustomValue>, String> {
    let selector = selector.map(LabelSelector::query).unwrap_or_default();
    let parameters = [("labelSelector", objects.unwrap_or_default()), ("metricLabelSelector", &selector)];
    match get::<List<CustomValue>>(client, path, &parameters).await {
        Ok(list) => Ok(list.items),
        Err(error) if UNKNOWN_PATH.contains(&error.as_str()) => Err(NO_CUSTOM_API.to_owned()),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct PodMetrics {
    metadata: DescribedObject,
    timestamp: Timestamp,
    window: String,
    #[serde(default)]
    containers: Vec<ContainerMetrics>,
}

#[derive(Deserialize)]
struct ContainerMetrics {
    name: String,
    #[serde(default)]
    usage: BTreeMap<String, String>,
}

async fn resource(client: &Client, namespace: &str, pods: &str) -> Result<Reading, String> {
    let path = format!("{RESOURCE}/namespaces/{namespace}/pods");
    let list: List<PodMetrics> = get(client, &path, &[("labelSelector", pods)])
        .await
        .map_err(|error| named(&error, "pods.metrics.k8s.io"))?;
    let usages: Result<Vec<PodUsage>, String> = list.items.into_iter().map(pod_usage).collect();
    Ok(Reading::Resource(usages?))
}

fn pod_usage(pod: PodMetrics) -> Result<PodUsage, String> {
    let window: SignedDuration = pod
        .window
        .parse()
        .map_err(|error| format!("window {:?} of pod {}: {error}", pod.window, pod.metadata.name))?;
    let containers: Result<Vec<ContainerUsage>, String> = pod
        .containers
        .into_iter()
        .map(|container| {
            let usage = container.usage.into_iter();
            let milli: Result<BTreeMap<String, i64>, String> =
                usage.map(|(resource, text)| Ok((resource, milli(&text)?))).collect();
            Ok(ContainerUsage { name: container.name, milli: milli? })
        })
        .collect();
    Ok(PodUsage {
        pod: pod.metadata.name,
        at: time(pod.timestamp),
        // Times have whole seconds, so a part of one decides as a whole one.
        window_seconds: window.as_secs() + i64::from(window.subsec_nanos() > 0),
        containers: containers?,
    })
}

/// Sends a GET request; parameters without a value are left out.
///
/// # Errors
/// Returns the API server's message.
async fn get<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    parameters: &[(&str, &str)],
) -> Result<T, String> {
    let query = percent::query(parameters.iter().copied().filter(|(_, value)| !value.is_empty()));
    let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let request = http::Request::get(uri).body(Vec::new()).map_err(|error| error.to_string())?;
    client.request(request).await.map_err(|error| api_message(&error).trim_end_matches('\n').to_owned())
}

fn milli(text: &str) -> Result<i64, String> {
    let quantity = Quantity::from_str(text).map_err(|error| error.to_string())?;
    quantity.milli().map_err(|error| error.to_string())
}

fn time(at: Timestamp) -> Time {
    Time(at.as_millisecond())
}

/// Adds the resource to messages without it, as client-go does.
fn named(message: &str, resource: &str) -> String {
    let nameless = [
        "404 page not found",
        "the server could not find the requested resource",
        "the server is currently unable to handle the request",
    ];
    match nameless.iter().position(|text| *text == message) {
        Some(0) => format!("{} (get {resource})", nameless[1]),
        Some(_) => format!("{message} (get {resource})"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_name_the_resource() {
        let resource = "m.external.metrics.k8s.io";
        let missing = "the server could not find the requested resource (get m.external.metrics.k8s.io)";
        for (message, expected) in [
            ("the server could not find the requested resource", missing),
            ("404 page not found", missing),
            ("the server could not find the metric m for ", "the server could not find the metric m for "),
        ] {
            assert_eq!(named(message, resource), expected);
        }
    }

    #[test]
    fn pod_metrics_are_readings() {
        let pod = json!({
            "metadata": {"name": "web", "namespace": "demo"}, "timestamp": "2026-01-02T03:04:05Z", "window": "15.062s",
            "containers": [{"name": "c", "usage": {"cpu": "12345678n", "memory": "4Ki"}}],
        });
        let usage = pod_usage(serde_json::from_value(pod).unwrap()).unwrap();
        assert_eq!((usage.pod.as_str(), usage.window_seconds, usage.at.0), ("web", 16, 1_767_323_045_000));
        // The controller rounds a quantity up.
        assert_eq!(
            usage.containers[0].milli,
            BTreeMap::from([("cpu".into(), 13), ("memory".into(), 4_096_000)])
        );
    }
}
