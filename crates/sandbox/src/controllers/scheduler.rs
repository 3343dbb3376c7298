//! The scheduler of a cluster with one node: binds a pod to it, or leaves it pending.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::cluster::Cluster;
use crate::error::has_code;
use crate::events::Source;
use crate::informer::{Change, Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

/// Name of this scheduler in `spec.schedulerName`.
const SCHEDULER_NAME: &str = "default-scheduler";
/// Kubernetes 1.34's message for a cordoned node.
const UNSCHEDULABLE: &str = "0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, \
    preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
/// Kubernetes 1.34's message for a node without the labels of the pod's node selector.
const MISMATCH: &str = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to \
    deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
/// Kubernetes 1.34's message for a full node.
const FULL: &str = "0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are \
    available: 1 No preemption victims found for incoming pod.";

/// Starts the scheduler.
pub(super) fn start(cluster: &Cluster, node: &str, max_pods: usize) {
    let queue = Queue::<Key>::new();
    let (pods, all_pods) = (Arc::clone(&queue), cluster.pods.clone());
    cluster.pods.on_change(move |change| match change {
        Change::Applied(pod, _) if is_unscheduled(pod) => pods.add(key_of(&**pod)),
        // The node may have room now.
        Change::Deleted(_) => all_pods.select(is_unscheduled).iter().for_each(|pod| pods.add(key_of(&**pod))),
        Change::Applied(pod, _) if meta::is_terminal(pod) => {
            all_pods.select(is_unscheduled).iter().for_each(|pod| pods.add(key_of(&**pod)));
        }
        Change::Applied(..) => {}
    });
    let (pods, all_pods) = (Arc::clone(&queue), cluster.pods.clone());
    cluster.nodes.on_change(move |_| {
        all_pods.select(is_unscheduled).iter().for_each(|pod| pods.add(key_of(&**pod)));
    });
    let (cluster, node) = (cluster.clone(), node.to_owned());
    cluster.tasks.clone().spawn(queue::process("scheduler", queue, move |key| {
        let (cluster, node) = (cluster.clone(), node.clone());
        async move { schedule(&cluster, &node, max_pods, key).await }
    }));
}

fn is_unscheduled(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    let assigned = spec.and_then(|spec| spec.node_name.as_deref()).is_some_and(|node| !node.is_empty());
    let ours = spec.and_then(|spec| spec.scheduler_name.as_deref()).is_none_or(|name| name == SCHEDULER_NAME);
    !assigned && ours && meta::is_active(pod)
}

async fn schedule(cluster: &Cluster, node: &str, max_pods: usize, key: Key) -> Result<(), kube::Error> {
    let Some(pod) = cluster.pods.get(&key.0, &key.1).filter(|pod| is_unscheduled(pod)) else { return Ok(()) };
    let assigned = |pod: &Pod| {
        let on = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        on == Some(node) && !meta::is_terminal(pod)
    };
    let selector = pod.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
    let mismatch =
        selector.is_some_and(|selector| !selector.iter().all(|(label, value)| has_label(node, label, value)));
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let Some(object) = nodes.get_opt(node).await? else { return Ok(()) };
    let refusal = if object.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        Some(UNSCHEDULABLE)
    } else if mismatch {
        Some(MISMATCH)
    } else if cluster.pods.select(assigned).len() >= max_pods {
        Some(FULL)
    } else {
        None
    };
    if let Some(message) = refusal {
        return mark_unschedulable(cluster, &pod, message).await;
    }
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": key.1, "namespace": key.0, "uid": pod.uid()},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    });
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &key.0);
    let answer: Result<serde_json::Value, _> =
        api.create_subresource("binding", &key.1, &PostParams::default(), &binding).await;
    match answer {
        Ok(_) => {
            let message = format!("Successfully assigned {}/{} to {node}", key.0, key.1);
            cluster.recorder.normal(&Source::Scheduler, meta::reference(&*pod), "Scheduled", message);
            // Counts the pod for the next one, before the watch reports it.
            let mut bound = (*pod).clone();
            bound.spec.get_or_insert_default().node_name = Some(node.to_owned());
            cluster.pods.assume(bound);
            Ok(())
        }
        Err(error) if has_code(&error, 404) || has_code(&error, 409) => Ok(()),
        Err(error) => Err(error),
    }
}

fn has_label(node: &str, label: &str, value: &str) -> bool {
    super::node::labels(node).iter().any(|(name, current)| *name == label && current == value)
}

async fn mark_unschedulable(cluster: &Cluster, pod: &Pod, message: &str) -> Result<(), kube::Error> {
    if meta::condition(pod, "PodScheduled").is_some_and(|c| c.message.as_deref() == Some(message)) {
        return Ok(());
    }
    cluster.recorder.warning(&Source::Scheduler, meta::reference(pod), "FailedScheduling", message);
    let change = json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        "lastProbeTime": null, "lastTransitionTime": meta::now(),
    }]}});
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &pod.namespace().unwrap_or_default());
    match api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&change)).await {
        Err(error) if !has_code(&error, 404) => Err(error),
        _ => Ok(()),
    }
}
