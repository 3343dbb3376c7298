//! The lifecycle of objects, through a kube client over HTTPS.

use std::sync::Arc;

use crate::common::{pod, start};
use apiserver::{Aggregated, AggregatedResource};
use axum::Router;
use axum::routing::get;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{
    DeleteParams, EvictParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::core::Status;
use kube::{Api, Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn rejection<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("an error was expected: {other:?}"),
    }
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}})
}

#[tokio::test]
async fn a_stale_write_is_rejected() {
    let running = start().await;
    let api: Api<Deployment> = Api::namespaced(running.client.clone(), "default");
    let mut object = api.create(&PostParams::default(), &typed(deployment("d"))).await.unwrap();
    let mut second = object.clone();
    second.spec.as_mut().unwrap().replicas = Some(2);
    let second = api.replace("d", &PostParams::default(), &second).await.unwrap();
    assert_eq!(second.metadata.generation, Some(2));
    object.spec.as_mut().unwrap().replicas = Some(3);
    let (code, reason, message) = rejection(api.replace("d", &PostParams::default(), &object).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert!(message.contains("the object has been modified; please apply your changes"), "{message}");
    // A write without change keeps the version.
    let same = api.replace("d", &PostParams::default(), &second).await.unwrap();
    assert_eq!(same.resource_version(), second.resource_version());
}

#[tokio::test]
async fn spec_and_status_have_separate_writes() {
    let running = start().await;
    let api: Api<Deployment> = Api::namespaced(running.client.clone(), "default");
    let created = api.create(&PostParams::default(), &typed(deployment("d"))).await.unwrap();
    let both = json!({"spec": {"replicas": 5}, "status": {"replicas": 4}});
    let main = api.patch("d", &PatchParams::default(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!((main.spec.unwrap().replicas, main.status.unwrap().replicas), (Some(5), None));
    assert_eq!(main.metadata.generation, created.metadata.generation.map(|g| g + 1));
    let both = json!({"spec": {"replicas": 9}, "status": {"replicas": 4}});
    let status = api.patch_status("d", &PatchParams::default(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!((status.spec.unwrap().replicas, status.status.unwrap().replicas), (Some(5), Some(4)));
    assert_eq!(status.metadata.generation, main.metadata.generation);

    let scale = api.get_scale("d").await.unwrap();
    assert_eq!(scale.status.as_ref().unwrap().selector.as_deref(), Some("app=d"));
    let three = Patch::Merge(json!({"spec": {"replicas": 3}}));
    let scale = api.patch_scale("d", &PatchParams::default(), &three).await.unwrap();
    assert_eq!((scale.spec.unwrap().replicas, scale.status.unwrap().replicas), (Some(3), 4));
    assert_eq!(api.get("d").await.unwrap().spec.unwrap().replicas, Some(3));
}

#[tokio::test]
async fn appliers_conflict_until_one_forces() {
    let running = start().await;
    let api: Api<Deployment> = Api::namespaced(running.client.clone(), "default");
    let image = |image: &str| {
        let mut object = deployment("d");
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        Patch::Apply(object)
    };
    api.patch("d", &PatchParams::apply("one"), &image("i:1")).await.unwrap();
    let result = api.patch("d", &PatchParams::apply("two"), &image("i:2")).await;
    let Err(kube::Error::Api(status)) = result else { panic!("{result:?}") };
    let Status { code, reason, message, details, .. } = *status;
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    let field = ".spec.template.spec.containers[name=\"c\"].image";
    assert_eq!(message, format!("Apply failed with 1 conflict: conflict with \"one\": {field}"));
    let cause = &details.unwrap().causes[0];
    assert_eq!((cause.reason.as_str(), cause.field.as_str()), ("FieldManagerConflict", field));
    let forced = api.patch("d", &PatchParams::apply("two").force(), &image("i:2")).await.unwrap();
    assert_eq!(forced.spec.unwrap().template.spec.unwrap().containers[0].image.as_deref(), Some("i:2"));
    let managers: Vec<_> =
        forced.metadata.managed_fields.unwrap().into_iter().filter_map(|e| e.manager).collect();
    assert_eq!(managers, ["one", "two"]);
}

#[tokio::test]
async fn a_pod_is_removed_after_its_grace_period() {
    let running = start().await;
    let api: Api<Pod> = Api::namespaced(running.client.clone(), "default");
    api.create(&PostParams::default(), &typed(pod("p"))).await.unwrap();
    let marked =
        api.delete("p", &DeleteParams::default()).await.unwrap().left().expect("the pod still exists");
    assert_eq!(marked.metadata.deletion_grace_period_seconds, Some(30));
    assert!(marked.metadata.deletion_timestamp.is_some());
    let again = api.delete("p", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(again.resource_version(), marked.resource_version());
    let sooner = api.delete("p", &DeleteParams::default().grace_period(5)).await.unwrap().left().unwrap();
    assert_eq!(sooner.metadata.deletion_grace_period_seconds, Some(5));
    let wrong = Preconditions { uid: Some("other".into()), resource_version: None };
    let wrong = DeleteParams { preconditions: Some(wrong), ..DeleteParams::default().grace_period(0) };
    assert_eq!(rejection(api.delete("p", &wrong).await).0, 409);
    let right = Preconditions { uid: marked.uid(), resource_version: None };
    let right = DeleteParams { preconditions: Some(right), ..DeleteParams::default().grace_period(0) };
    api.delete("p", &right).await.unwrap();
    assert_eq!(rejection(api.get("p").await), (404, "NotFound".into(), "pods \"p\" not found".into()));

    // An unscheduled pod is removed immediately.
    let mut unscheduled = pod("q");
    unscheduled["spec"]["nodeName"] = Value::Null;
    api.create(&PostParams::default(), &typed(unscheduled)).await.unwrap();
    api.delete("q", &DeleteParams::default()).await.unwrap();
    assert_eq!(rejection(api.get("q").await).0, 404);
}

#[tokio::test]
async fn finalizers_delay_the_removal() {
    let running = start().await;
    let api: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    let held = json!({"metadata": {"name": "c", "finalizers": ["a.example/hold"]}});
    api.create(&PostParams::default(), &typed(held)).await.unwrap();
    let marked = api.delete("c", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());
    let more = Patch::Merge(json!({"metadata": {"finalizers": ["a.example/hold", "b.example/more"]}}));
    let (code, _, message) = rejection(api.patch("c", &PatchParams::default(), &more).await);
    assert_eq!(code, 422);
    assert!(message.contains("no new finalizers can be added if the object is being deleted"), "{message}");
    let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("c", &PatchParams::default(), &none).await.unwrap();
    assert_eq!(rejection(api.get("c").await).0, 404);
}

#[tokio::test]
async fn a_deleted_namespace_deletes_its_objects() {
    let running = start().await;
    let namespaces: Api<Namespace> = Api::all(running.client.clone());
    namespaces.create(&PostParams::default(), &typed(json!({"metadata": {"name": "n"}}))).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(running.client.clone(), "n");
    let maps: Api<ConfigMap> = Api::namespaced(running.client.clone(), "n");
    pods.create(&PostParams::default(), &typed(pod("p"))).await.unwrap();
    maps.create(&PostParams::default(), &typed(json!({"metadata": {"name": "c"}}))).await.unwrap();
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    // The pod is still stopping, so the namespace still exists and refuses new objects.
    let ending = namespaces.get("n").await.unwrap();
    assert_eq!(ending.status.unwrap().phase.as_deref(), Some("Terminating"));
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 0);
    let new = maps.create(&PostParams::default(), &typed(json!({"metadata": {"name": "d"}}))).await;
    let (code, reason, message) = rejection(new);
    assert_eq!((code, reason.as_str()), (403, "Forbidden"));
    assert!(
        message.ends_with("unable to create new content in namespace n because it is being terminated"),
        "{message}"
    );
    pods.delete("p", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert_eq!(rejection(namespaces.get("n").await).0, 404);
    assert_eq!(rejection(namespaces.delete("default", &DeleteParams::default()).await).0, 403);
}

#[tokio::test]
async fn orphaned_dependents_stay() {
    let running = start().await;
    let maps: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    let owner =
        maps.create(&PostParams::default(), &typed(json!({"metadata": {"name": "owner"}}))).await.unwrap();
    let reference = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid()}]);
    let mut owned = pod("owned");
    owned["metadata"]["ownerReferences"] = reference;
    let pods: Api<Pod> = Api::namespaced(running.client.clone(), "default");
    pods.create(&PostParams::default(), &typed(owned)).await.unwrap();
    let orphan =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    maps.delete("owner", &orphan).await.unwrap();
    assert_eq!(pods.get("owned").await.unwrap().metadata.owner_references, None);
}

#[tokio::test]
async fn delete_collection_uses_the_selector() {
    let running = start().await;
    let api: Api<ReplicaSet> = Api::namespaced(running.client.clone(), "default");
    for name in ["a", "b"] {
        let mut object = deployment(name);
        object["kind"] = "ReplicaSet".into();
        object["metadata"]["labels"] = json!({"app": name});
        api.create(&PostParams::default(), &typed(object)).await.unwrap();
    }
    api.delete_collection(&DeleteParams::default(), &ListParams::default().labels("app in (a)"))
        .await
        .unwrap();
    let left: Vec<String> =
        api.list(&ListParams::default()).await.unwrap().iter().map(kube::ResourceExt::name_any).collect();
    assert_eq!(left, ["b"]);
}

#[tokio::test]
async fn dry_runs_store_nothing() {
    let running = start().await;
    let api: Api<Deployment> = Api::namespaced(running.client.clone(), "default");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let shown = api.create(&dry, &typed(deployment("d"))).await.unwrap();
    assert_eq!(shown.spec.unwrap().replicas, Some(1));
    assert_eq!(rejection(api.get("d").await).0, 404);
    let real = api.create(&PostParams::default(), &typed(deployment("d"))).await.unwrap();
    let change = Patch::Merge(json!({"spec": {"replicas": 7}}));
    let shown = api.patch("d", &PatchParams::default().dry_run(), &change).await.unwrap();
    assert_eq!(shown.spec.unwrap().replicas, Some(7));
    api.delete("d", &DeleteParams::default().dry_run()).await.unwrap();
    let after = api.get("d").await.unwrap();
    assert_eq!(after, real);
}

#[tokio::test]
async fn a_disruption_budget_refuses_an_eviction() {
    let running = start().await;
    let pods: Api<Pod> = Api::namespaced(running.client.clone(), "default");
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(running.client.clone(), "default");
    pods.create(&PostParams::default(), &typed(pod("p"))).await.unwrap();
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let status = Patch::Merge(json!({"status": {"phase": "Running", "conditions": ready}}));
    pods.patch_status("p", &PatchParams::default(), &status).await.unwrap();
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    budgets.create(&PostParams::default(), &typed(budget)).await.unwrap();
    let status = Patch::Merge(
        json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}}),
    );
    budgets.patch_status("b", &PatchParams::default(), &status).await.unwrap();
    let (code, reason, message) = rejection(pods.evict("p", &EvictParams::default()).await);
    assert_eq!((code, reason.as_str()), (429, "TooManyRequests"));
    assert!(message.contains("disruption budget"), "{message}");
    let status = Patch::Merge(json!({"status": {"disruptionsAllowed": 1}}));
    budgets.patch_status("b", &PatchParams::default(), &status).await.unwrap();
    pods.evict("p", &EvictParams::default()).await.unwrap();
    // The eviction counts at once.
    let status = budgets.get("b").await.unwrap().status.unwrap();
    assert_eq!(status.disruptions_allowed, 0);
    assert!(status.disrupted_pods.unwrap().contains_key("p"));
    assert!(pods.get("p").await.unwrap().metadata.deletion_timestamp.is_some());
}

async fn raw(client: &Client, path: &str) -> Value {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn an_aggregated_api_is_listed_and_receives_requests() {
    let running = start().await;
    let router = Router::new().route(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}",
        get(|axum::extract::Path((namespace, metric)): axum::extract::Path<(String, String)>| async move {
            axum::Json(json!({"kind": "ExternalMetricValueList", "namespace": namespace, "metric": metric}))
        }),
    );
    let resource = AggregatedResource {
        plural: "queue".into(),
        singular: String::new(),
        kind: "ExternalMetricValueList".into(),
        namespaced: true,
        verbs: vec!["get".into()],
    };
    running.server.aggregate(Aggregated {
        group: "external.metrics.k8s.io".into(),
        version: "v1beta1".into(),
        service: ("monitoring".into(), "prometheus-adapter".into()),
        resources: Arc::new(move || Box::pin(std::future::ready(vec![resource.clone()]))),
        router,
    });
    let client = &running.client;
    let answer =
        raw(client, "/apis/external.metrics.k8s.io/v1beta1/namespaces/n/queue?labelSelector=queue%3DOrders")
            .await;
    assert_eq!((&answer["namespace"], &answer["metric"]), (&json!("n"), &json!("queue")));
    let list = raw(client, "/apis/external.metrics.k8s.io/v1beta1").await;
    assert_eq!(list["resources"][0]["name"], "queue");
    let service =
        raw(client, "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io").await;
    assert_eq!(service["status"]["conditions"][0]["type"], "Available");
    let is_listed = async || {
        let groups = client.list_api_groups().await.unwrap();
        groups.groups.iter().any(|group| group.name == "external.metrics.k8s.io")
    };
    assert!(is_listed().await);
    // Without its APIService, the API is not served.
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";
    let delete = http::Request::delete(path).body(b"{}".to_vec()).unwrap();
    let _gone: Value = client.request(delete).await.unwrap();
    let request = http::Request::get("/apis/external.metrics.k8s.io/v1beta1/namespaces/n/queue");
    let (code, _, message) = rejection(client.request::<Value>(request.body(Vec::new()).unwrap()).await);
    assert_eq!((code, message.as_str()), (404, "404 page not found"));
    assert!(!is_listed().await);
    let resources = client.list_api_group_resources("apps/v1").await.unwrap();
    assert!(resources.resources.iter().any(|resource| resource.name == "deployments/scale"));
    assert_eq!(client.apiserver_version().await.unwrap().minor, "34");
}
