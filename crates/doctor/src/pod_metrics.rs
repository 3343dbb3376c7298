//! The resource metrics API and the custom metrics API: their registrations, and their responses for the HPA's metrics.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::core::{ApiResource, GroupVersionKind};
use promfmt::percent;
use serde::Deserialize;
use text::command::Command;

use crate::metrics_api::backend;
use crate::request::{self, Cluster, raw};
use diagnosis::facts::{AggregatedApi, Fact, PodMetrics, Readings};

/// The group of the resource metrics API.
const RESOURCE: &str = "metrics.k8s.io";
/// The group of the custom metrics API.
const CUSTOM: &str = "custom.metrics.k8s.io";

/// Reads the APIs that the HPA's metrics need, and their responses for the pods that a selector picks.
pub(crate) async fn read(
    cluster: &Cluster,
    namespace: &str,
    hpa: Option<&HorizontalPodAutoscaler>,
    selector: Option<&str>,
) -> PodMetrics {
    let metrics = hpa.and_then(|hpa| hpa.spec.as_ref()?.metrics.as_deref()).unwrap_or_default();
    let has = |types: [&str; 2]| metrics.iter().any(|metric| types.contains(&metric.type_.as_str()));
    let unneeded = || AggregatedApi::not_asked("the HPA has no such metric");
    let resource = async {
        match has(["Resource", "ContainerResource"]) {
            true => api(cluster, RESOURCE, &["v1", "v1beta1"]).await,
            false => unneeded(),
        }
    };
    let custom = async {
        if !has(["Pods", "Object"]) {
            return unneeded();
        }
        let api = api(cluster, CUSTOM, &["v1beta2", "v1beta1"]).await;
        let listed = listed(cluster, &api).await;
        AggregatedApi { listed, ..api }
    };
    let (resource, custom) = tokio::join!(resource, custom);
    let readings = metrics.iter().enumerate().map(async |(index, metric)| {
        let reading = match metric.type_.as_str() {
            "Resource" | "ContainerResource" => {
                usage(cluster, namespace, version(&resource), metric, selector).await
            }
            "Pods" | "Object" => values(cluster, namespace, version(&custom), metric, selector).await,
            _ => None,
        };
        Some((index, reading?))
    });
    let readings = join_all(readings).await.into_iter().flatten().collect();
    PodMetrics { resource, custom, readings }
}

/// The newest registration of an API group, and the server behind it.
async fn api(cluster: &Cluster, group: &str, versions: &[&str]) -> AggregatedApi {
    let found = join_all(versions.iter().map(async |version| {
        let name = format!("{version}.{group}");
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}");
        let command = Command::kubectl(["get", "apiservice", &name]);
        let registration: Fact<APIService> = request::object(cluster, command, &path).await;
        (name, registration)
    }));
    let mut found = found.await;
    let at = found.iter().position(|(_, registration)| registration.get().is_some());
    // Without any, the last version is the one that servers register.
    let (name, registration) = found.swap_remove(at.unwrap_or(versions.len() - 1));
    let service = registration.get().and_then(|registration| registration.spec.as_ref()?.service.clone());
    let backend = match service {
        Some(service) => {
            let (namespace, name) = (service.namespace.unwrap_or_default(), service.name.unwrap_or_default());
            backend(cluster, &namespace, &name).await
        }
        None => Fact::not_asked("no server is registered"),
    };
    AggregatedApi { name, registration, backend, listed: Fact::not_asked("only custom metrics are listed") }
}

/// The version of an API that is registered.
fn version(api: &AggregatedApi) -> Option<&str> {
    api.registration.get()?;
    api.name.split('.').next()
}

/// The metrics that a custom metrics API lists.
async fn listed(cluster: &Cluster, api: &AggregatedApi) -> Fact<Vec<String>> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default)]
        resources: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let Some(version) = version(api) else { return Fact::not_asked("no server is registered") };
    let path = format!("/apis/{CUSTOM}/{version}");
    let found: Fact<Listed> = request::object(cluster, raw(&path), &path).await;
    found.map(|found| found.resources.into_iter().map(|resource| resource.name).collect())
}

#[derive(Deserialize)]
struct PodUsage {
    metadata: Named,
    #[serde(default)]
    containers: Vec<ContainerUsage>,
}

#[derive(Deserialize)]
struct ContainerUsage {
    name: String,
    #[serde(default)]
    usage: BTreeMap<String, hpa::quantity::Quantity>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

/// The usage of the pods' containers.
async fn usage(
    cluster: &Cluster,
    namespace: &str,
    version: Option<&str>,
    metric: &MetricSpec,
    selector: Option<&str>,
) -> Option<Fact<Readings>> {
    let resource = metric
        .resource
        .as_ref()
        .map(|source| &source.name)
        .or_else(|| metric.container_resource.as_ref().map(|source| &source.name))?;
    let version = version?;
    let path = format!(
        "/apis/{RESOURCE}/{version}/namespaces/{}/pods?labelSelector={}",
        percent::encode(namespace),
        percent::encode(selector?),
    );
    let command = raw(&path);
    Some(
        request::answer(cluster, command, &path, |pods: Vec<PodUsage>| {
            let of_container = |container: ContainerUsage| {
                Some((container.name, container.usage.get(resource)?.milli().ok()?))
            };
            let of_pod = |pod: PodUsage| {
                (pod.metadata.name, pod.containers.into_iter().filter_map(of_container).collect())
            };
            Readings::Containers(pods.into_iter().map(of_pod).collect())
        })
        .await,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomValue {
    described_object: Named,
    value: hpa::quantity::Quantity,
}

/// The values of a Pods or an Object metric.
async fn values(
    cluster: &Cluster,
    namespace: &str,
    version: Option<&str>,
    metric: &MetricSpec,
    selector: Option<&str>,
) -> Option<Fact<Readings>> {
    let root = format!("/apis/{CUSTOM}/{}/namespaces/{}", version?, percent::encode(namespace));
    let of_metric = |selector: Option<&LabelSelector>| match selector.map(promfmt::selector::text) {
        Some(text) if !text.is_empty() => format!("metricLabelSelector={}", percent::encode(&text)),
        _ => String::new(),
    };
    let path = if let Some(source) = &metric.pods {
        let pods = format!("labelSelector={}", percent::encode(selector?));
        let of_metric = of_metric(source.metric.selector.as_ref());
        let name = percent::encode(&source.metric.name);
        format!("{root}/pods/*/{name}?{pods}&{of_metric}").trim_end_matches('&').to_owned()
    } else {
        let source = metric.object.as_ref()?;
        let object = &source.described_object;
        let (group, version) =
            object.api_version.as_deref().unwrap_or("v1").split_once('/').unwrap_or(("", "v1"));
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &object.kind));
        let resource = match (kind.plural.as_str(), group) {
            // A namespace describes itself.
            ("namespaces", "") => "metrics".to_owned(),
            (plural, "") => format!("{plural}/{}", percent::encode(&object.name)),
            (plural, group) => format!("{plural}.{group}/{}", percent::encode(&object.name)),
        };
        let name = percent::encode(&source.metric.name);
        let of_metric = of_metric(source.metric.selector.as_ref());
        format!("{root}/{resource}/{name}?{of_metric}").trim_end_matches('?').to_owned()
    };
    let command = raw(&path);
    Some(
        request::answer(cluster, command, &path, |values: Vec<CustomValue>| {
            let of = |value: CustomValue| Some((value.described_object.name, value.value.milli().ok()?));
            Readings::Objects(values.into_iter().filter_map(of).collect())
        })
        .await,
    )
}
