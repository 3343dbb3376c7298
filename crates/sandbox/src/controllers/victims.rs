//! Which pods go first when there are too many: the order of Kubernetes' ReplicaSet controller.

use std::cmp::Ordering;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

use crate::meta;

/// Annotation by which a user says how dear a pod is.
const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Sorts so that the first pods are the ones to remove.
///
/// Pods without a node before those with one, pending before running, not ready before ready, lower deletion cost
/// first, ready for a shorter time first, more restarts first, younger first. Times are compared by their order of
/// magnitude (powers of two), so that the choice among pods of about the same age is as good as random. Kubernetes
/// also spreads over nodes; there is only one here.
pub(super) fn sort(pods: &mut [Arc<Pod>], now: Timestamp) {
    pods.sort_by(|a, b| compare(a, b, now));
}

fn compare(a: &Pod, b: &Pod, now: Timestamp) -> Ordering {
    let assigned =
        |pod: &Pod| pod.spec.as_ref().is_some_and(|s| s.node_name.as_deref().is_some_and(|n| !n.is_empty()));
    assigned(a)
        .cmp(&assigned(b))
        .then_with(|| rank_of_phase(a).cmp(&rank_of_phase(b)))
        .then_with(|| meta::is_ready(a).cmp(&meta::is_ready(b)))
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| match (meta::ready_since(a), meta::ready_since(b)) {
            (Some(x), Some(y)) => younger_first(x, y, now, a, b),
            _ => Ordering::Equal,
        })
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| match (a.creation_timestamp(), b.creation_timestamp()) {
            (Some(x), Some(y)) => younger_first(x.0, y.0, now, a, b),
            _ => Ordering::Equal,
        })
}

fn rank_of_phase(pod: &Pod) -> u8 {
    match meta::phase(pod) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    }
}

fn cost(pod: &Pod) -> i32 {
    pod.annotations().get(COST).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.map(|status| status.restart_count).max().unwrap_or(0)
}

fn younger_first(a: Timestamp, b: Timestamp, now: Timestamp, of_a: &Pod, of_b: &Pod) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match magnitude(a, now).cmp(&magnitude(b, now)) {
        Ordering::Equal => of_a.metadata.uid.cmp(&of_b.metadata.uid),
        unequal => unequal,
    }
}

/// Power of two of the nanoseconds since `at`; -1 when that is no time at all.
fn magnitude(at: Timestamp, now: Timestamp) -> i32 {
    let nanoseconds = now.as_nanosecond() - at.as_nanosecond();
    if nanoseconds <= 0 { -1 } else { (nanoseconds as f64).log2() as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str, change: &Value) -> Arc<Pod> {
        let mut pod = json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n", "containers": []},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}],
                "containerStatuses": [],
            },
        });
        json_patch::merge(&mut pod, change);
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn the_least_useful_goes_first() {
        let ready = |since: &str| json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]);
        let mut pods = vec![
            pod("old", &json!({})),
            pod("young", &json!({"status": {"conditions": ready("2026-01-01T00:09:59Z")}})),
            pod(
                "restarted",
                &json!({"status": {"containerStatuses": [
                {"name": "c", "restartCount": 3, "ready": true, "image": "", "imageID": ""}]}}),
            ),
            pod("cheap", &json!({"metadata": {"annotations": {COST: "-5"}}})),
            pod("unready", &json!({"status": {"conditions": []}})),
            pod("pending", &json!({"status": {"phase": "Pending", "conditions": []}})),
            pod("homeless", &json!({"spec": {"nodeName": null}, "status": {"phase": "Pending"}})),
        ];
        sort(&mut pods, "2026-01-01T00:10:00Z".parse().unwrap());
        let names: Vec<String> = pods.iter().map(|pod| pod.name_any()).collect();
        assert_eq!(names, ["homeless", "pending", "unready", "cheap", "young", "restarted", "old"]);
    }
}
