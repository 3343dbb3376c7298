//! The scale target: its kind by discovery, its object, its subresource `scale`, and the pods of its selector.

use futures::future::join_all;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroupList, APIResource};
use promfmt::percent;
use serde::Deserialize;
use text::command::Command;

use crate::request::{self, Cluster, get, raw};
use diagnosis::facts::{Candidate, CustomObject, Fact, Kind, Outcome, ScaleTarget, group};

/// Group and version of the core group.
const CORE: &str = "v1";

/// Number of kinds whose objects are looked for at most.
const MAX_CANDIDATES: usize = 8;

/// The resources of a group and version.
#[derive(Deserialize)]
struct Resources {
    resources: Vec<APIResource>,
}

/// Reads the target of a reference.
pub(crate) async fn read(
    cluster: &Cluster,
    namespace: &str,
    reference: &CrossVersionObjectReference,
) -> ScaleTarget {
    let candidates = candidates(cluster, namespace, reference).await;
    let exact = candidates.all().iter().find(|known| {
        known.kind.kind == reference.kind
            && known.kind.group() == group(reference.api_version.as_deref().unwrap_or(CORE))
    });
    let Some(Candidate { kind, object }) = exact else {
        return ScaleTarget { candidates, ..ScaleTarget::not_asked("the kind of the target is unknown") };
    };
    let names = async {
        // Only a wrong name needs the others.
        if !object.is_absent() {
            return Fact::not_asked("the target exists");
        }
        let command = get(&kind.plural, namespace);
        let all = request::list::<CustomObject<()>>(cluster, command, &collection(kind, namespace)).await;
        all.map(|all| all.iter().map(|object| object.name().to_owned()).collect())
    };
    let scale = async {
        if !kind.has_scale || object.is_absent() {
            return (Fact::not_asked("the target has no scale"), Fact::not_asked("the target has no scale"));
        }
        let path = format!("{}/{}/scale", collection(kind, namespace), percent::encode(&reference.name));
        let scale: Fact<Scale> = request::object(cluster, raw(&path), &path).await;
        let selector = scale.get().and_then(|scale| scale.status.as_ref()?.selector.clone());
        let selected = match selector.filter(|_| !is_built_in(kind)) {
            Some(selector) => selected(cluster, namespace, &selector).await,
            None => Fact::not_asked("the target's own selector picks its pods"),
        };
        (scale, selected)
    };
    let (names, (scale, selected)) = tokio::join!(names, scale);
    ScaleTarget { candidates, names, scale, selected }
}

/// Returns whether the doctor lists the objects of that kind with their selectors.
fn is_built_in(kind: &Kind) -> bool {
    kind.group() == "apps" && matches!(kind.kind.as_str(), "Deployment" | "StatefulSet")
}

/// Names of the pods that a selector picks.
async fn selected(cluster: &Cluster, namespace: &str, selector: &str) -> Fact<Vec<String>> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", percent::encode(selector));
    let command = get("pods", namespace).flag("-l", selector);
    let pods: Fact<Vec<Pod>> = request::list(cluster, command, &path).await;
    pods.map(|pods| pods.into_iter().filter_map(|pod| pod.metadata.name).collect())
}

/// The kind of the reference, or else the kinds that differ from it in group or case.
async fn candidates(
    cluster: &Cluster,
    namespace: &str,
    reference: &CrossVersionObjectReference,
) -> Fact<Vec<Candidate>> {
    let api_version = reference.api_version.as_deref().unwrap_or(CORE);
    let named = resources(cluster, api_version).await;
    let mut kinds = match &named.outcome {
        Outcome::Value(resources) => kinds(api_version, resources),
        Outcome::Absent => Vec::new(),
        Outcome::NotPermitted(_) | Outcome::Failed(_) | Outcome::NotAsked(_) => {
            return named.map(|_| Vec::new());
        }
    };
    kinds.retain(|kind| kind.kind == reference.kind);
    if kinds.is_empty() {
        kinds = everywhere(cluster).await;
        kinds.retain(|kind| kind.kind.eq_ignore_ascii_case(&reference.kind));
        kinds.truncate(MAX_CANDIDATES);
    }
    let command = Command::kubectl(["api-resources"]);
    let found = join_all(kinds.into_iter().map(async |kind| {
        let path = format!("{}/{}", collection(&kind, namespace), percent::encode(&reference.name));
        let object = request::object(cluster, raw(&path), &path).await;
        Candidate { kind, object }
    }));
    Fact::value(command, found.await)
}

/// The namespaced resources of a group and version.
async fn resources(cluster: &Cluster, api_version: &str) -> Fact<Vec<APIResource>> {
    let path = match group(api_version) {
        "" => format!("/api/{api_version}"),
        _ => format!("/apis/{api_version}"),
    };
    let found: Fact<Resources> = request::object(cluster, raw(&path), &path).await;
    found.map(|found| found.resources)
}

/// The kinds of all groups, in the versions that the server prefers.
async fn everywhere(cluster: &Cluster) -> Vec<Kind> {
    let groups: Fact<APIGroupList> = request::object(cluster, raw("/apis"), "/apis").await;
    let preferred = groups.get().into_iter().flat_map(|list| &list.groups).filter_map(|group| {
        let version = group.preferred_version.as_ref().or_else(|| group.versions.first())?;
        Some(version.group_version.clone())
    });
    let versions = std::iter::once(CORE.to_owned()).chain(preferred);
    let found = join_all(versions.map(async |version| {
        let resources = resources(cluster, &version).await;
        kinds(&version, resources.all())
    }));
    found.await.concat()
}

/// The namespaced kinds among resources.
fn kinds(api_version: &str, resources: &[APIResource]) -> Vec<Kind> {
    let is_object = |resource: &&APIResource| resource.namespaced && !resource.name.contains('/');
    let objects = resources.iter().filter(is_object);
    objects
        .map(|resource| {
            let scale = format!("{}/scale", resource.name);
            Kind {
                api_version: api_version.to_owned(),
                kind: resource.kind.clone(),
                plural: resource.name.clone(),
                has_scale: resources.iter().any(|other| other.name == scale),
            }
        })
        .collect()
}

/// The path of a kind's objects.
fn collection(kind: &Kind, namespace: &str) -> String {
    let root = if kind.group().is_empty() { "api" } else { "apis" };
    format!("/{root}/{}/namespaces/{}/{}", kind.api_version, percent::encode(namespace), kind.plural)
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, Uri};
    use axum::{Json, Router};
    use kube::Client;
    use serde_json::{Value, json};

    use super::*;

    /// A server with Deployments, custom Runners without a scale, and a Deployment `worker`.
    fn cluster() -> Cluster {
        let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "kind": kind, "namespaced": true, "verbs": ["get"]});
        let app = Router::new().fallback(async move |uri: Uri| {
            let group = |name: &str| {
                json!({"name": name, "versions": [{"groupVersion": format!("{name}/v1"), "version": "v1"}],
                "preferredVersion": {"groupVersion": format!("{name}/v1"), "version": "v1"}})
            };
            let answer: Value = match uri.path() {
                "/apis" => json!({"groups": [group("apps"), group("example.org")]}),
                "/api/v1" => json!({"groupVersion": "v1", "resources": [resource("pods", "Pod")]}),
                "/apis/apps/v1" => json!({"groupVersion": "apps/v1", "resources": [
                    resource("deployments", "Deployment"), resource("deployments/scale", "Scale")]}),
                "/apis/example.org/v1" => {
                    json!({"groupVersion": "example.org/v1", "resources": [resource("runners", "Runner")]})
                }
                "/apis/apps/v1/namespaces/demo/deployments/worker" => json!({"metadata": {"name": "worker"}}),
                "/apis/apps/v1/namespaces/demo/deployments/worker/scale" => {
                    json!({"spec": {"replicas": 2}, "status": {"replicas": 2, "selector": "app=worker"}})
                }
                "/apis/apps/v1/namespaces/demo/deployments" => {
                    json!({"items": [{"metadata": {"name": "worker"}}]})
                }
                "/apis/example.org/v1/namespaces/demo/runners/worker" => {
                    json!({"metadata": {"name": "worker"}})
                }
                _ => {
                    let status =
                        json!({"status": "Failure", "code": 404, "message": "no", "reason": "NotFound"});
                    return (StatusCode::NOT_FOUND, Json(status));
                }
            };
            (StatusCode::OK, Json(answer))
        });
        Cluster { client: Client::new(app, "default"), recorder: None }
    }

    async fn found(api_version: &str, kind: &str, name: &str) -> (Vec<(String, String, bool)>, ScaleTarget) {
        let reference = CrossVersionObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        let target = read(&cluster(), "demo", &reference).await;
        let kinds = target.candidates.all().iter().map(|known| {
            let kind = &known.kind;
            (kind.api_version.clone(), kind.kind.clone(), known.object.get().is_some())
        });
        (kinds.collect(), target)
    }

    #[tokio::test]
    async fn the_kind_is_found_by_discovery() {
        let deployment = |exists| vec![("apps/v1".to_owned(), "Deployment".to_owned(), exists)];
        let (kinds, target) = found("apps/v1", "Deployment", "worker").await;
        assert_eq!(kinds, deployment(true));
        assert_eq!(target.scale.get().and_then(|scale| scale.spec.as_ref()?.replicas), Some(2));
        // Another group, another case, and a version of the same group.
        assert_eq!(found("extensions/v1beta1", "Deployment", "worker").await.0, deployment(true));
        assert_eq!(found("apps/v1", "deployment", "worker").await.0, deployment(true));
        let (kinds, target) = found("apps/v1beta2", "Deployment", "worker").await;
        assert_eq!((kinds, target.scale.get().is_some()), (deployment(true), true));

        let (kinds, target) = found("apps/v1", "Deployment", "workers").await;
        assert_eq!((kinds, target.names.all()), (deployment(false), ["worker".to_owned()].as_slice()));
        let (_, target) = found("example.org/v1", "Runner", "worker").await;
        assert!(!target.candidates.all()[0].kind.has_scale);
        assert_eq!(found("apps/v1", "Nothing", "worker").await.0, []);
    }
}
