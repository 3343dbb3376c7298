//! The order in which surplus pods are deleted: `ActivePodsWithRanks` of Kubernetes' ReplicaSet controller.

use std::cmp::Reverse;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

use crate::meta;

/// Annotation with which a user ranks pods.
const COST_ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Sorts the pods to delete to the front.
///
/// Pods without a node before those with one, pending before running, not ready before ready, lower deletion cost
/// first, ready for a shorter time first, more restarts first, younger first. Times are compared by their power of two,
/// so that the UID decides between pods of about the same age. Kubernetes compares UIDs before restarts when two ready
/// times differ within a power of two. That comparison is not transitive, so it is not used here. Kubernetes also
/// spreads pods over nodes; here is only one.
pub(super) fn sort(pods: &mut [Arc<Pod>], now: Timestamp) {
    pods.sort_by_cached_key(|pod| {
        (
            is_assigned(pod),
            rank_of_phase(pod),
            meta::is_ready(pod),
            cost(pod),
            meta::ready_since(pod).map(|since| magnitude(since, now)),
            Reverse(restarts(pod)),
            pod.creation_timestamp().map(|time| magnitude(time.0, now)),
            pod.uid(),
        )
    });
}

fn is_assigned(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.as_deref().is_some_and(|node| !node.is_empty()))
}

fn rank_of_phase(pod: &Pod) -> u8 {
    match meta::phase(pod) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    }
}

fn cost(pod: &Pod) -> i32 {
    pod.annotations().get(COST_ANNOTATION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.map(|status| status.restart_count).max().unwrap_or(0)
}

/// Power of two of the nanoseconds since `at`; -1 when `at` is not in the past.
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
    fn the_least_useful_pod_is_first() {
        let ready = |since: &str| json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]);
        let mut pods = vec![
            pod("old", &json!({})),
            pod("young", &json!({"status": {"conditions": ready("2026-01-01T00:09:59Z")}})),
            pod(
                "restarted",
                &json!({"status": {"containerStatuses": [
                {"name": "c", "restartCount": 3, "ready": true, "image": "", "imageID": ""}]}}),
            ),
            pod("cheap", &json!({"metadata": {"annotations": {COST_ANNOTATION: "-5"}}})),
            pod("unready", &json!({"status": {"conditions": []}})),
            pod("pending", &json!({"status": {"phase": "Pending", "conditions": []}})),
            pod("unassigned", &json!({"spec": {"nodeName": null}, "status": {"phase": "Pending"}})),
        ];
        sort(&mut pods, "2026-01-01T00:10:00Z".parse().unwrap());
        let names: Vec<String> = pods.iter().map(|pod| pod.name_any()).collect();
        assert_eq!(names, ["unassigned", "pending", "unready", "cheap", "young", "restarted", "old"]);
    }

    #[test]
    fn the_order_of_many_pods_is_consistent() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let mut pods: Vec<Arc<Pod>> = (0_u32..300)
            .map(|number| {
                let scrambled = number.wrapping_mul(2_654_435_761);
                let since = Timestamp::from_second(now.as_second() - i64::from(scrambled % 50)).unwrap();
                pod(&format!("{scrambled:x}"), &json!({"status": {
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
                    "containerStatuses": [{
                        "name": "c", "restartCount": scrambled % 3, "ready": true, "image": "", "imageID": "",
                    }],
                }}))
            })
            .collect();
        sort(&mut pods, now);
        let magnitudes: Vec<i32> =
            pods.iter().map(|pod| magnitude(meta::ready_since(pod).unwrap(), now)).collect();
        assert!(magnitudes.is_sorted());
    }
}
