//! The registration of the external metrics API, the server behind it, and the adapter's rules.

use contract::names;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use promfmt::adapter::CONFIG_KEY;
use promfmt::percent;
use text::command::Command;

use crate::request::{self, Cluster, get, get_one};
use diagnosis::facts::{Fact, MetricResponse, MetricsApi};

/// Name of the registration.
const REGISTRATION: &str = "v1beta1.external.metrics.k8s.io";

/// Name of the adapter's Service, Deployment and ConfigMap in its chart.
const ADAPTER: &str = "prometheus-adapter";

/// The adapter's argument with the path of its file.
const CONFIG: &str = "--config";

/// Reads everything but the metric's value.
pub(crate) async fn read(cluster: &Cluster) -> MetricsApi {
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{REGISTRATION}");
    let command = Command::kubectl(["get", "apiservice", REGISTRATION]);
    let registration = request::object::<APIService>(cluster, command, &path).await;
    let service = registration.get().and_then(|registration| registration.spec.as_ref()?.service.clone());
    let (namespace, name) = match service {
        Some(service) => (service.namespace.unwrap_or_default(), service.name.unwrap_or_default()),
        // Without a registration, an adapter may exist.
        None => unregistered(cluster).await,
    };
    let backend = backend(cluster, &namespace, &name).await;
    let prometheus_service = prometheus_service(cluster, backend.get()).await;
    let file = backend.get().and_then(config_file);
    let (map, key) = file.unwrap_or_else(|| (name.clone(), CONFIG_KEY.to_owned()));
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/{map}");
    let command = get_one("configmap", &map, &namespace).flag("-o", "yaml");
    let rules: Fact<ConfigMap> = request::object(cluster, command, &path).await;
    let rules = request::part(rules.map(|map| map.data.and_then(|mut data| data.remove(&key))));
    MetricsApi {
        registration,
        backend,
        prometheus_service,
        rules,
        rules_config_map: format!("{namespace}/{map}"),
        rules_key: key,
    }
}

/// Namespace and name of an adapter that no registration names: found by the label of its chart, or else by the usual names.
async fn unregistered(cluster: &Cluster) -> (String, String) {
    let selector = format!("{}={ADAPTER}", names::LABEL_NAME);
    let path = format!("/api/v1/services?labelSelector={}", percent::encode(&selector));
    let command = Command::kubectl(["get", "service", "-A"]).flag("-l", &selector);
    let found: Fact<Vec<Service>> = request::list(cluster, command, &path).await;
    let first = found.all().first().map(|service| &service.metadata);
    let named = first.and_then(|metadata| Some((metadata.namespace.clone()?, metadata.name.clone()?)));
    named.unwrap_or_else(|| (names::MONITORING.to_owned(), ADAPTER.to_owned()))
}

/// The Deployment whose pods the Service selects.
pub(crate) async fn backend(cluster: &Cluster, namespace: &str, name: &str) -> Fact<Deployment> {
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let service = format!("/api/v1/namespaces/{namespace}/services/{name}");
    let (deployments, service) = tokio::join!(
        request::list::<Deployment>(cluster, get("deployment", namespace), &deployments),
        request::object::<Service>(cluster, get_one("service", name, namespace), &service),
    );
    let selector =
        service.get().and_then(|service| service.spec.as_ref()?.selector.clone()).unwrap_or_default();
    let is_selected = |deployment: &Deployment| {
        let labels =
            deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
        !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    };
    request::part(deployments.map(|all| all.into_iter().find(is_selected)))
}

/// The Service that the adapter's `--prometheus-url` names.
async fn prometheus_service(cluster: &Cluster, backend: Option<&Deployment>) -> Fact<Service> {
    let Some(at) = backend.and_then(diagnosis::prometheus_service) else {
        return Fact::not_asked("the adapter's --prometheus-url names no Service of this cluster");
    };
    let command = get_one("service", &at.service, &at.namespace);
    let path = format!("/api/v1/namespaces/{}/services/{}", at.namespace, at.service);
    request::object(cluster, command, &path).await
}

/// The ConfigMap with the adapter's file, and its key: where the path of `--config` is mounted from, or else the first that
/// the adapter mounts.
fn config_file(backend: &Deployment) -> Option<(String, String)> {
    let pods = backend.spec.as_ref()?.template.spec.as_ref()?;
    let volumes = pods.volumes.as_deref()?;
    let mounted = || {
        let path = diagnosis::argument_of(backend, CONFIG)?;
        let mounts = pods.containers.iter().flat_map(|container| container.volume_mounts.iter().flatten());
        let mount = mounts
            .filter(|mount| path.starts_with(&mount.mount_path))
            .max_by_key(|mount| mount.mount_path.len())?;
        let map = volumes.iter().find(|volume| volume.name == mount.name)?.config_map.as_ref()?;
        let file = match &mount.sub_path {
            Some(key) => key.clone(),
            None => path[mount.mount_path.len()..].trim_start_matches('/').to_owned(),
        };
        let item = map.items.iter().flatten().find(|item| item.path == file);
        Some((map.name.clone(), item.map_or(file, |item| item.key.clone())))
    };
    let first = || {
        let map = volumes.iter().find_map(|volume| volume.config_map.as_ref())?;
        Some((map.name.clone(), CONFIG_KEY.to_owned()))
    };
    mounted().filter(|(_, key)| !key.is_empty()).or_else(first)
}

/// The metric's value, requested as the HPA's controller does.
pub(crate) async fn value(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    selector: &str,
) -> Fact<MetricResponse> {
    let path = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}?labelSelector={}",
        percent::encode(namespace),
        percent::encode(name),
        percent::encode(selector),
    );
    request::metric(cluster, request::raw(&path), &path).await
}
