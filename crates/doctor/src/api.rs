//! The external metrics API's registration, what runs behind it, and the adapter's rules.

use contract::names;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Client;

use super::ask;
use cluster::percent;

use diagnosis::facts::{Answer, Fact, MetricsApi};

/// Name of the registration.
const REGISTRATION: &str = "v1beta1.external.metrics.k8s.io";

/// Service, Deployment and ConfigMap of the adapter's chart.
const ADAPTER: &str = "prometheus-adapter";

/// Key of the adapter's file in its ConfigMap.
const KEY: &str = "config.yaml";

/// Reads everything but the metric's value.
pub(super) async fn look(client: &Client) -> MetricsApi {
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{REGISTRATION}");
    let service = ask::object::<APIService>(client, format!("kubectl get apiservice {REGISTRATION}"), &path);
    let service = service.await;
    let at = service.get().and_then(|service| service.spec.as_ref()?.service.clone());
    let (at_namespace, at_name) = match at {
        Some(at) => (at.namespace.unwrap_or_default(), at.name.unwrap_or_default()),
        // Nothing is registered: what would be is looked for where its chart puts it.
        None => (names::MONITORING.to_owned(), ADAPTER.to_owned()),
    };
    let backend = backend(client, &at_namespace, &at_name).await;
    let upstream = upstream(client, backend.get()).await;
    let map = config_map(backend.get()).unwrap_or_else(|| at_name.clone());
    let path = format!("/api/v1/namespaces/{at_namespace}/configmaps/{map}");
    let rules: Fact<ConfigMap> =
        ask::object(client, format!("kubectl get configmap {map} -n {at_namespace} -o yaml"), &path).await;
    let rules = ask::some(rules.map(|map| map.data.and_then(|mut data| data.remove(KEY))));
    MetricsApi {
        service,
        backend,
        upstream,
        rules,
        rules_at: format!("{at_namespace}/{map}"),
        answer: Fact::not_asked("the HPA's metric is not known"),
    }
}

/// The Deployment whose pods the Service selects.
async fn backend(client: &Client, namespace: &str, name: &str) -> Fact<Deployment> {
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let service = format!("/api/v1/namespaces/{namespace}/services/{name}");
    let how = format!("kubectl get deployment -n {namespace}");
    let (deployments, service) = tokio::join!(
        ask::list::<Deployment>(client, how, &deployments),
        ask::object::<Service>(client, String::new(), &service),
    );
    let selector =
        service.get().and_then(|service| service.spec.as_ref()?.selector.clone()).unwrap_or_default();
    let is_selected = |deployment: &Deployment| {
        let labels =
            deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
        !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    };
    ask::some(deployments.map(|all| all.into_iter().find(is_selected)))
}

/// The Service of the Prometheus that the adapter is told to ask.
async fn upstream(client: &Client, backend: Option<&Deployment>) -> Fact<Service> {
    let Some(at) = backend.and_then(diagnosis::upstream) else {
        return Fact::not_asked("the adapter names no Service of this cluster");
    };
    let how = format!("kubectl get service {} -n {}", at.service, at.namespace);
    ask::object(client, how, &format!("/api/v1/namespaces/{}/services/{}", at.namespace, at.service)).await
}

/// The ConfigMap that the adapter mounts.
fn config_map(backend: Option<&Deployment>) -> Option<String> {
    let volumes = backend?.spec.as_ref()?.template.spec.as_ref()?.volumes.as_deref()?;
    volumes.iter().find_map(|volume| Some(volume.config_map.as_ref()?.name.clone()))
}

/// The metric's value, asked for as the HPA's controller does.
pub(super) async fn answer(client: &Client, namespace: &str, name: &str, selector: &str) -> Fact<Answer> {
    let path = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}?labelSelector={}",
        percent::encode(namespace),
        percent::encode(name),
        percent::encode(selector),
    );
    ask::metric(client, format!("kubectl get --raw '{path}'"), &path).await
}
