//! CustomResourceDefinitions and their objects, through a kube client over HTTPS.

use futures::StreamExt as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use testkit::wait::DEADLINE;

use crate::common::start;

fn definition() -> Value {
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer", "description": "Number of parts."}}},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
            "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}]})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"], "categories": ["all"]},
            "versions": [version("v1alpha1", false), version("v1", true)]}})
}

fn widget(name: &str, size: u32) -> DynamicObject {
    serde_json::from_value(
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name},
        "spec": {"size": size}}),
    )
    .unwrap()
}

fn widgets(client: &Client, version: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("example.com", version, "Widget");
    Api::namespaced_with(client.clone(), "default", &ApiResource::from_gvk_with_plural(&kind, "widgets"))
}

async fn define(client: &Client) -> Api<CustomResourceDefinition> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions.create(&PostParams::default(), &serde_json::from_value(definition()).unwrap()).await.unwrap();
    definitions
}

async fn get(client: &Client, path: &str, accept: &str) -> Value {
    let request = http::Request::get(path).header("accept", accept).body(Vec::new()).unwrap();
    client.request(request).await.unwrap()
}

fn code<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        other => panic!("expected an error: {other:?}"),
    }
}

#[tokio::test]
async fn a_definition_serves_its_kind() {
    let running = start().await;
    let client = &running.client;
    let api = widgets(client, "v1");
    assert_eq!(code(api.list(&ListParams::default()).await).0, 404);
    let definitions = define(client).await;
    let status = definitions.get("widgets.example.com").await.unwrap().status.unwrap();
    let conditions: Vec<(String, String)> =
        status.conditions.unwrap().into_iter().map(|condition| (condition.type_, condition.status)).collect();
    assert_eq!(
        conditions,
        [("NamesAccepted".to_owned(), "True".to_owned()), ("Established".to_owned(), "True".to_owned())]
    );

    let mut events = Box::pin(api.watch(&WatchParams::default(), "0").await.unwrap());
    api.create(&PostParams::default(), &widget("a", 1)).await.unwrap();
    let merged = api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"spec": {"size": 2}}))).await;
    assert_eq!(merged.unwrap().metadata.generation, Some(2));
    let patch = serde_json::from_value(json!([{"op": "replace", "path": "/spec/size", "value": 3}])).unwrap();
    api.patch("a", &PatchParams::default(), &Patch::<()>::Json(patch)).await.unwrap();
    let applied = api.patch("b", &PatchParams::apply("test"), &Patch::Apply(widget("b", 4))).await.unwrap();
    assert_eq!(applied.metadata.managed_fields.unwrap()[0].manager.as_deref(), Some("test"));
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"size": 9}});
    api.patch_status("a", &PatchParams::default(), &Patch::Merge(ready)).await.unwrap();
    for expected in ["a 1", "a 2", "a 3", "b 4", "a 3"] {
        let event = tokio::time::timeout(DEADLINE, events.next()).await.unwrap().unwrap().unwrap();
        let (WatchEvent::Added(object) | WatchEvent::Modified(object)) = event else { panic!("{event:?}") };
        assert_eq!(format!("{} {}", object.name_any(), object.data["spec"]["size"]), expected);
    }

    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let rows = get(client, "/apis/example.com/v1/namespaces/default/widgets", table).await;
    assert_eq!(rows["columnDefinitions"][2]["name"], "Ready");
    assert_eq!(rows["rows"][0]["cells"], json!(["a", 3, "True"]));
    assert_eq!(rows["rows"][1]["cells"], json!(["b", 4, null]));
    let shown = widgets(client, "v1alpha1").get("a").await.unwrap();
    assert_eq!(shown.types.unwrap().api_version, "example.com/v1alpha1");
    let resources = client.list_api_group_resources("example.com/v1").await.unwrap().resources;
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["widgets", "widgets/status"]);
    let groups = client.list_api_groups().await.unwrap().groups;
    let group = groups.into_iter().find(|group| group.name == "example.com").unwrap();
    assert_eq!(group.preferred_version.unwrap().version, "v1");
    let openapi = get(client, "/openapi/v3/apis/example.com/v1", "application/json").await;
    let schema = &openapi["components"]["schemas"]["com.example.v1.Widget"]["properties"];
    assert_eq!(schema["spec"]["properties"]["size"]["description"], "Number of parts.");
    let strategic = Patch::Strategic(json!({"spec": {"size": 5}}));
    assert_eq!(code(api.patch("a", &PatchParams::default(), &strategic).await).0, 415);
}

#[tokio::test]
async fn a_deleted_definition_deletes_its_objects() {
    let running = start().await;
    let client = &running.client;
    let definitions = define(client).await;
    let api = widgets(client, "v1");
    let mut held = widget("held", 1);
    held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    api.create(&PostParams::default(), &held).await.unwrap();
    api.create(&PostParams::default(), &widget("free", 1)).await.unwrap();
    definitions.delete("widgets.example.com", &DeleteParams::default()).await.unwrap();
    let left: Vec<String> =
        api.list(&ListParams::default()).await.unwrap().iter().map(kube::ResourceExt::name_any).collect();
    assert_eq!(left, ["held"]);
    let (status, message) = code(api.create(&PostParams::default(), &widget("new", 1)).await);
    assert_eq!(
        (status, message.as_str()),
        (405, "create not allowed while custom resource definition is terminating")
    );
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut events = Box::pin(api.watch(&WatchParams::default(), &version).await.unwrap());
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("held", &PatchParams::default(), &release).await.unwrap();
    assert_eq!(code(definitions.get("widgets.example.com").await).0, 404);
    assert_eq!(code(api.list(&ListParams::default()).await).0, 404);
    // The watch ends with the kind.
    let ended = tokio::time::timeout(DEADLINE, async { while events.next().await.is_some() {} }).await;
    ended.expect("the watch ends");
    define(client).await;
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_changed_definition_changes_the_kind() {
    let running = start().await;
    let client = &running.client;
    let definitions = define(client).await;
    let api = widgets(client, "v1alpha1");
    api.create(&PostParams::default(), &{
        let mut object = widget("a", 1);
        object.types.as_mut().unwrap().api_version = "example.com/v1alpha1".to_owned();
        object
    })
    .await
    .unwrap();
    let mut changed = definition();
    changed["spec"]["versions"][0]["served"] = false.into();
    let patch = Patch::Merge(json!({"spec": changed["spec"]}));
    definitions.patch("widgets.example.com", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(code(api.get("a").await).0, 404);
    assert_eq!(widgets(client, "v1").get("a").await.unwrap().data["spec"]["size"], 1);
    // The name of another kind of the group is taken.
    let mut other = definition();
    other["metadata"]["name"] = "gadgets.example.com".into();
    other["spec"]["names"]["plural"] = "gadgets".into();
    let created = definitions.create(&PostParams::default(), &serde_json::from_value(other).unwrap()).await;
    let condition = created.unwrap().status.unwrap().conditions.unwrap().remove(0);
    assert_eq!((condition.status.as_str(), condition.reason.as_deref()), ("False", Some("KindConflict")));
    let mut wrong = definition();
    wrong["metadata"]["name"] = "widgets".into();
    let created = definitions.create(&PostParams::default(), &serde_json::from_value(wrong).unwrap()).await;
    let (status, message) = code(created);
    assert_eq!(status, 422);
    assert!(message.ends_with("must be spec.names.plural+\".\"+spec.group"), "{message}");
}

#[tokio::test]
async fn the_prometheus_operator_is_defined_from_the_start() {
    let running = start().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(running.client.clone());
    let names: Vec<String> = definitions
        .list(&ListParams::default())
        .await
        .unwrap()
        .iter()
        .map(kube::ResourceExt::name_any)
        .collect();
    let expected = ["podmonitors", "prometheuses", "prometheusrules", "servicemonitors"];
    assert_eq!(names, expected.map(|plural| format!("{plural}.monitoring.coreos.com")));
}
