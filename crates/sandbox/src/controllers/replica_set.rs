//! ReplicaSets: a number of equal pods.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::{pod_deletion_order, pods};
use crate::cluster::Cluster;
use crate::error::{api_message, has_code};
use crate::events::Source;
use crate::informer::{Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

const SOURCE: Source = Source::Controller("replicaset-controller");

/// Starts the controller.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<Key>::new();
    let sets = Arc::clone(&queue);
    cluster.replica_sets.on_change(move |change| sets.add(key_of(&**change.object())));
    let (owners, replica_sets) = (Arc::clone(&queue), cluster.replica_sets.clone());
    cluster.pods.on_change(move |change| {
        let pod = change.object();
        let namespace = pod.namespace().unwrap_or_default();
        match meta::controller_of(&**pod) {
            Some(owner) if owner.kind == "ReplicaSet" => owners.add((namespace, owner.name.clone())),
            Some(_) => {}
            // A set may adopt it.
            None => {
                for set in replica_sets.in_namespace(&namespace) {
                    owners.add(key_of(&*set));
                }
            }
        }
    });
    let (cluster, delayed) = (cluster.clone(), Arc::clone(&queue));
    cluster.tasks.clone().spawn(queue::process("replicaset", queue, move |key| {
        let (cluster, delayed) = (cluster.clone(), Arc::clone(&delayed));
        async move { reconcile(&cluster, &delayed, key).await }
    }));
}

async fn reconcile(cluster: &Cluster, queue: &Queue<Key>, key: Key) -> Result<(), kube::Error> {
    let Some(set) = cluster.replica_sets.get(&key.0, &key.1) else { return Ok(()) };
    let spec = set.spec.clone().unwrap_or_default();
    let owned =
        pods::claim(cluster, &*set, |pod| promfmt::selector::matches(&spec.selector, pod.labels())).await?;
    let active: Vec<Arc<Pod>> = owned.into_iter().filter(|pod| meta::is_active(pod)).collect();
    let managed = if meta::is_deleting(&*set) { Ok(()) } else { manage(cluster, &set, active.clone()).await };
    let now = Timestamp::now();
    let min_ready = spec.min_ready_seconds.unwrap_or(0);
    let mut status = status(&set, &active, now);
    set_failure(&mut status, managed.as_ref().err(), active.len(), &set);
    if Some(&status) != set.status.as_ref() {
        write_status(cluster, &set, &status).await?;
    }
    if min_ready > 0 && status.available_replicas < status.ready_replicas {
        queue.add_after(key, std::time::Duration::from_secs(1));
    }
    managed
}

async fn manage(cluster: &Cluster, set: &ReplicaSet, mut active: Vec<Arc<Pod>>) -> Result<(), kube::Error> {
    let spec = set.spec.clone().unwrap_or_default();
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    if active.len() < wanted {
        let namespace = set.namespace().unwrap_or_default();
        let template = spec.template.unwrap_or_default();
        let mut pod = pods::from_template(&template, &namespace, meta::controller_ref(set));
        pod.metadata.generate_name = Some(format!("{}-", set.name_any()));
        let missing = (wanted - active.len()).min(pods::BURST_REPLICAS);
        pods::create(cluster, &SOURCE, set, &pod, missing).await
    } else if active.len() > wanted {
        pod_deletion_order::sort(&mut active, Timestamp::now());
        active.truncate((active.len() - wanted).min(pods::BURST_REPLICAS));
        pods::delete(cluster, &SOURCE, set, &active).await
    } else {
        Ok(())
    }
}

/// The status that follows from the pods.
fn status(set: &ReplicaSet, active: &[Arc<Pod>], now: Timestamp) -> ReplicaSetStatus {
    let spec = set.spec.clone().unwrap_or_default();
    let template = LabelSelector {
        match_labels: spec.template.and_then(|template| template.metadata).and_then(|meta| meta.labels),
        match_expressions: None,
    };
    let count = |wanted: &dyn Fn(&Pod) -> bool| {
        i32::try_from(active.iter().filter(|pod| wanted(pod)).count()).unwrap_or(i32::MAX)
    };
    let min_ready = spec.min_ready_seconds.unwrap_or(0);
    let nonzero = |number: i32| (number != 0).then_some(number);
    ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: nonzero(count(&|pod| promfmt::selector::matches(&template, pod.labels()))),
        ready_replicas: nonzero(count(&meta::is_ready)),
        available_replicas: nonzero(count(&|pod| meta::is_available(pod, min_ready, now))),
        observed_generation: set.metadata.generation,
        conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
        terminating_replicas: None,
    }
}

/// Sets condition `ReplicaFailure` while pods cannot be created or deleted.
fn set_failure(status: &mut ReplicaSetStatus, error: Option<&kube::Error>, active: usize, set: &ReplicaSet) {
    let mut conditions = status.conditions.take().unwrap_or_default();
    match error {
        None => conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
        Some(error) if conditions.iter().all(|condition| condition.type_ != "ReplicaFailure") => {
            let wanted = usize::try_from(set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1));
            let reason = if active < wanted.unwrap_or(0) { "FailedCreate" } else { "FailedDelete" };
            conditions.push(ReplicaSetCondition {
                type_: "ReplicaFailure".to_owned(),
                status: "True".to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(api_message(error)),
                last_transition_time: Some(meta::now()),
            });
        }
        Some(_) => {}
    }
    status.conditions = (!conditions.is_empty()).then_some(conditions);
}

async fn write_status(
    cluster: &Cluster,
    set: &ReplicaSet,
    status: &ReplicaSetStatus,
) -> Result<(), kube::Error> {
    let api: Api<ReplicaSet> = Api::namespaced(cluster.client.clone(), &set.namespace().unwrap_or_default());
    // A merge patch removes only fields that are null.
    let mut status = json!(status);
    for field in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas", "conditions"] {
        if status.get(field).is_none() {
            status[field] = serde_json::Value::Null;
        }
    }
    let change = json!({"metadata": {"uid": set.uid()}, "status": status});
    match api.patch_status(&set.name_any(), &PatchParams::default(), &Patch::Merge(&change)).await {
        Ok(set) => {
            cluster.replica_sets.observe(set);
            Ok(())
        }
        Err(error) if has_code(&error, 404) => Ok(()),
        Err(error) => Err(error),
    }
}
