//! The status of PodDisruptionBudgets, by which the API server allows or refuses evictions.
//!
//! Source: `k8s.io/kubernetes/pkg/controller/disruption`.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt as _};
use serde_json::json;

use crate::cluster::Cluster;
use crate::error::has_code;
use crate::informer::{Change, Informer, Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

/// Time after which an evicted pod that still exists counts again (`DeletionTimeout`).
const EVICTION_TIMEOUT_SECONDS: i64 = 120;

/// Starts the controller.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<Key>::new();
    let changed = Arc::clone(&queue);
    cluster.budgets.on_change(move |change| {
        if let Change::Applied(budget, _) = change {
            changed.add(key_of(&**budget));
        }
    });
    queue_budgets_of(&cluster.pods, cluster, &queue);
    queue_budgets_of(&cluster.deployments, cluster, &queue);
    queue_budgets_of(&cluster.replica_sets, cluster, &queue);
    queue_budgets_of(&cluster.stateful_sets, cluster, &queue);
    let cluster = cluster.clone();
    cluster.tasks.clone().spawn(queue::process("disruption", queue, move |key| {
        let cluster = cluster.clone();
        async move { sync(&cluster, &key).await }
    }));
}

/// Queues the budgets of a namespace when an object in it changes.
fn queue_budgets_of<K>(informer: &Informer<K>, cluster: &Cluster, queue: &Arc<Queue<Key>>)
where
    K: Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (budgets, queue) = (cluster.budgets.clone(), Arc::clone(queue));
    informer.on_change(move |change| {
        let namespace = change.object().meta().namespace.clone().unwrap_or_default();
        for budget in budgets.in_namespace(&namespace) {
            queue.add(key_of(&*budget));
        }
    });
}

async fn sync(cluster: &Cluster, key: &Key) -> Result<(), kube::Error> {
    let Some(budget) = cluster.budgets.get(&key.0, &key.1) else { return Ok(()) };
    let spec = budget.spec.clone().unwrap_or_default();
    let mut pods = cluster.pods.in_namespace(&key.0);
    pods.retain(|pod| selects(&spec, pod) && !meta::is_terminal(pod));
    let expected = expected_pods(&spec, &pods, |pod| replicas_of(cluster, pod));
    let status = status(&budget, &spec, &pods, expected, &meta::now());
    if budget.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let api: Api<PodDisruptionBudget> = Api::namespaced(cluster.client.clone(), &key.0);
    // The version guards against an eviction that the status does not count yet.
    let metadata = json!({"resourceVersion": budget.resource_version(), "uid": budget.uid()});
    let change = json!({"metadata": metadata, "status": with_nulls(&status)});
    match api.patch_status(&key.1, &PatchParams::default(), &Patch::Merge(&change)).await {
        Ok(budget) => {
            cluster.budgets.observe(budget);
            Ok(())
        }
        Err(error) if has_code(&error, 404) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The status as a merge patch, which must also remove pods from `disruptedPods`.
fn with_nulls(status: &PodDisruptionBudgetStatus) -> serde_json::Value {
    let mut value = json!(status);
    if status.disrupted_pods.is_none() {
        value["disruptedPods"] = serde_json::Value::Null;
    }
    value
}

fn selects(spec: &PodDisruptionBudgetSpec, pod: &Pod) -> bool {
    spec.selector.as_ref().is_some_and(|selector| promfmt::selector::matches(selector, pod.labels()))
}

/// UID and size of the workload that controls a pod: a Deployment, else a ReplicaSet or a StatefulSet.
fn replicas_of(cluster: &Cluster, pod: &Pod) -> Option<(String, i32)> {
    let namespace = pod.namespace().unwrap_or_default();
    let owner = meta::controller_of(pod)?;
    match owner.kind.as_str() {
        "ReplicaSet" => {
            let set = cluster.replica_sets.get(&namespace, &owner.name)?;
            let deployment = meta::controller_of(&*set)
                .filter(|owner| owner.kind == "Deployment")
                .and_then(|owner| cluster.deployments.get(&namespace, &owner.name));
            match deployment {
                Some(deployment) => {
                    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
                    Some((deployment.uid()?, replicas.unwrap_or(1)))
                }
                None => {
                    Some((owner.uid.clone(), set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)))
                }
            }
        }
        "StatefulSet" => {
            let set = cluster.stateful_sets.get(&namespace, &owner.name)?;
            Some((owner.uid.clone(), set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)))
        }
        _ => None,
    }
}

/// The number of pods that should exist: the pods themselves for a plain `minAvailable`, else the sizes of their
/// workloads.
fn expected_pods(
    spec: &PodDisruptionBudgetSpec,
    pods: &[Arc<Pod>],
    replicas_of: impl Fn(&Pod) -> Option<(String, i32)>,
) -> i32 {
    if spec.max_unavailable.is_none() && matches!(spec.min_available, Some(IntOrString::Int(_)) | None) {
        return i32::try_from(pods.len()).unwrap_or(i32::MAX);
    }
    let workloads: BTreeMap<String, i32> = pods.iter().filter_map(|pod| replicas_of(pod)).collect();
    workloads.values().sum()
}

fn status(
    budget: &PodDisruptionBudget,
    spec: &PodDisruptionBudgetSpec,
    pods: &[Arc<Pod>],
    expected: i32,
    now: &Time,
) -> PodDisruptionBudgetStatus {
    let before = budget.status.clone().unwrap_or_default();
    let evicted: BTreeMap<String, Time> = before
        .disrupted_pods
        .into_iter()
        .flatten()
        .filter(|(name, at)| {
            let waits = pods.iter().any(|pod| pod.name_any() == *name && !meta::is_deleting(&**pod));
            waits && now.0.as_second() - at.0.as_second() < EVICTION_TIMEOUT_SECONDS
        })
        .collect();
    let healthy = pods.iter().filter(|pod| {
        meta::is_ready(pod) && !meta::is_deleting(&***pod) && !evicted.contains_key(&pod.name_any())
    });
    let current = i32::try_from(healthy.count()).unwrap_or(i32::MAX);
    let desired = match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => (expected - scaled(most, expected)).max(0),
        (None, Some(least)) => scaled(least, expected),
        (None, None) => 0,
    };
    let allowed = if expected <= 0 { 0 } else { (current - desired).max(0) };
    let (value, reason) =
        if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let known = before.conditions.iter().flatten().find(|condition| condition.type_ == "DisruptionAllowed");
    let since = known.filter(|known| known.status == value).map(|known| known.last_transition_time.clone());
    PodDisruptionBudgetStatus {
        conditions: Some(vec![Condition {
            type_: "DisruptionAllowed".to_owned(),
            status: value.to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
            observed_generation: budget.metadata.generation,
            last_transition_time: since.unwrap_or_else(|| now.clone()),
        }]),
        current_healthy: current,
        desired_healthy: desired,
        disrupted_pods: Some(evicted).filter(|evicted| !evicted.is_empty()),
        disruptions_allowed: allowed,
        expected_pods: expected,
        observed_generation: budget.metadata.generation,
    }
}

/// A number, or a percentage of `total` rounded up.
fn scaled(value: &IntOrString, total: i32) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            i32::try_from((i64::from(total) * percent + 99).div_euclid(100)).unwrap_or(i32::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ready: bool) -> Arc<Pod> {
        let ready = if ready { "True" } else { "False" };
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": name, "labels": {"app": "web"}},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
            }))
            .unwrap(),
        )
    }

    /// `allowed, current, desired, expected` of a budget for three pods, two of them ready, of a Deployment of four.
    fn counts(spec: &serde_json::Value) -> [i32; 4] {
        let budget: PodDisruptionBudget =
            serde_json::from_value(json!({"metadata": {"name": "b", "generation": 1}, "spec": spec}))
                .unwrap();
        let spec = budget.spec.clone().unwrap();
        let pods = [pod("a", true), pod("b", true), pod("c", false)];
        let expected = expected_pods(&spec, &pods, |_| Some(("uid".to_owned(), 4)));
        let status = status(&budget, &spec, &pods, expected, &meta::now());
        [status.disruptions_allowed, status.current_healthy, status.desired_healthy, status.expected_pods]
    }

    #[test]
    fn a_budget_counts_pods_or_the_size_of_their_workload() {
        for (spec, expected) in [
            (json!({"minAvailable": 1}), [1, 2, 1, 3]),
            (json!({"minAvailable": 3}), [0, 2, 3, 3]),
            (json!({"minAvailable": "50%"}), [0, 2, 2, 4]),
            (json!({"maxUnavailable": 3}), [1, 2, 1, 4]),
            (json!({"maxUnavailable": "51%"}), [1, 2, 1, 4]),
            (json!({"maxUnavailable": 0}), [0, 2, 4, 4]),
        ] {
            assert_eq!(counts(&spec), expected, "{spec}");
        }
    }
}
