//! Creates, deletes and adopts pods for a controller, with Kubernetes' events.

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Resource, ResourceExt as _};
use serde_json::json;

use crate::cluster::Cluster;
use crate::error::{api_message, has_code};
use crate::events::Source;
use crate::meta;

/// Limit of pods that one sync creates or deletes (`BurstReplicas` of the ReplicaSet controller).
pub(super) const BURST_REPLICAS: usize = 500;
/// Limit of concurrent requests.
const MAX_CONCURRENT_REQUESTS: usize = 16;

/// The pod of a template, without a name.
pub(super) fn from_template(template: &PodTemplateSpec, namespace: &str, owner: OwnerReference) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// Creates `count` pods like `pod`, named by its `generateName`, with events about `owner`.
pub(super) async fn create<K: Resource<DynamicType = ()>>(
    cluster: &Cluster,
    source: &Source,
    owner: &K,
    pod: &Pod,
    count: usize,
) -> Result<(), kube::Error> {
    let namespace = owner.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &namespace);
    // Starts with one pod and doubles the batches, because an error of one pod would affect all (`slowStartBatch`).
    let mut created = 0;
    let mut batch_size = 1;
    while created < count {
        let batch = batch_size.min(count - created);
        let parameters = PostParams::default();
        let answers: Vec<_> = futures::stream::iter((0..batch).map(|_| api.create(&parameters, pod)))
            .buffer_unordered(MAX_CONCURRENT_REQUESTS)
            .collect()
            .await;
        for answer in answers {
            match answer {
                Ok(pod) => {
                    cluster.recorder.normal(
                        source,
                        meta::reference(owner),
                        "SuccessfulCreate",
                        format!("Created pod: {}", pod.name_any()),
                    );
                    cluster.pods.observe(pod);
                }
                Err(error) => {
                    // A terminating namespace refuses events too.
                    if !is_namespace_terminating(&error) {
                        cluster.recorder.warning(
                            source,
                            meta::reference(owner),
                            "FailedCreate",
                            format!("Error creating: {}", api_message(&error)),
                        );
                    }
                    return Err(error);
                }
            }
        }
        created += batch;
        batch_size *= 2;
    }
    Ok(())
}

/// Deletes pods, with events about `owner`.
pub(super) async fn delete<K: Resource<DynamicType = ()>>(
    cluster: &Cluster,
    source: &Source,
    owner: &K,
    pods: &[std::sync::Arc<Pod>],
) -> Result<(), kube::Error> {
    let removals = pods.iter().cloned().map(|pod| async move {
        let answer = remove(cluster, &pod).await;
        (pod, answer)
    });
    let answers: Vec<_> =
        futures::stream::iter(removals).buffer_unordered(MAX_CONCURRENT_REQUESTS).collect().await;
    let mut failed = Ok(());
    for (pod, answer) in answers {
        match answer {
            Ok(true) => cluster.recorder.normal(
                source,
                meta::reference(owner),
                "SuccessfulDelete",
                format!("Deleted pod: {}", pod.name_any()),
            ),
            Ok(false) => {}
            Err(error) => {
                cluster.recorder.warning(
                    source,
                    meta::reference(owner),
                    "FailedDelete",
                    format!("Error deleting: {}", api_message(&error)),
                );
                failed = Err(error);
            }
        }
    }
    failed
}

/// Deletes one pod. Returns false when it does not exist any more.
pub(super) async fn remove(cluster: &Cluster, pod: &Pod) -> Result<bool, kube::Error> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &pod.namespace().unwrap_or_default());
    let parameters = DeleteParams {
        preconditions: Some(Preconditions { uid: pod.uid(), resource_version: None }),
        ..DeleteParams::default()
    };
    match api.delete(&pod.name_any(), &parameters).await {
        Ok(answer) => {
            match answer.left() {
                Some(pod) if meta::is_deleting(&pod) => cluster.pods.observe(pod),
                _ => cluster.pods.forget(pod),
            }
            Ok(true)
        }
        Err(error) if has_code(&error, 404) || has_code(&error, 409) => {
            // It is gone, or another pod has its name now.
            cluster.pods.forget(pod);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn is_namespace_terminating(error: &kube::Error) -> bool {
    let cause = |status: &Status| {
        status
            .details
            .as_ref()
            .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
    };
    matches!(error, kube::Error::Api(status) if cause(status))
}

/// Returns the pods that `owner` controls. Adopts matching pods without a controller, and releases pods that no longer
/// match.
pub(super) async fn claim<K: Resource<DynamicType = ()>>(
    cluster: &Cluster,
    owner: &K,
    matches: impl Fn(&Pod) -> bool,
) -> Result<Vec<std::sync::Arc<Pod>>, kube::Error> {
    let namespace = owner.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &namespace);
    let deleting = meta::is_deleting(owner);
    let mut claimed = Vec::new();
    for pod in cluster.pods.in_namespace(&namespace) {
        match meta::controller_of(&*pod) {
            Some(controller) if Some(&controller.uid) == owner.meta().uid.as_ref() => {
                if matches(&pod) {
                    claimed.push(pod);
                } else if !deleting {
                    let uid = owner.uid();
                    let kept: Vec<&OwnerReference> = pod
                        .metadata
                        .owner_references
                        .iter()
                        .flatten()
                        .filter(|reference| Some(&reference.uid) != uid.as_ref())
                        .collect();
                    patch_owners(cluster, &api, &pod, &json!(kept)).await?;
                }
            }
            Some(_) => {}
            None => {
                if matches(&pod) && !deleting && meta::is_active(&pod) {
                    let mut owners = pod.metadata.owner_references.clone().unwrap_or_default();
                    owners.push(meta::controller_ref(owner));
                    if let Some(pod) = patch_owners(cluster, &api, &pod, &json!(owners)).await? {
                        claimed.push(std::sync::Arc::new(pod));
                    }
                }
            }
        }
    }
    Ok(claimed)
}

async fn patch_owners(
    cluster: &Cluster,
    api: &Api<Pod>,
    pod: &Pod,
    owners: &serde_json::Value,
) -> Result<Option<Pod>, kube::Error> {
    let change = json!({"metadata": {"uid": pod.uid(), "ownerReferences": owners}});
    match api.patch(&pod.name_any(), &Default::default(), &kube::api::Patch::Merge(&change)).await {
        Ok(pod) => {
            cluster.pods.observe(pod.clone());
            Ok(Some(pod))
        }
        Err(error) if has_code(&error, 404) => Ok(None),
        Err(error) => Err(error),
    }
}
