//! The logs that the examination needs: those of containers that do not work.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::facts::{LogOf, Run};

/// The runs of containers whose logs say why a pod does not work.
#[must_use]
pub fn wanted(pods: &[Pod]) -> Vec<LogOf> {
    let mut wanted = Vec::new();
    for pod in pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let (Some(name), Some(status)) = (&pod.metadata.name, &pod.status) else { continue };
        if status.phase.as_deref() == Some("Succeeded") {
            continue;
        }
        let initial = status.init_container_statuses.iter().flatten();
        let containers = initial.chain(status.container_statuses.iter().flatten());
        for container in containers.filter(|container| !works(container)) {
            for run in runs(container) {
                wanted.push(LogOf { pod: name.clone(), container: container.name.clone(), run });
            }
        }
    }
    wanted
}

/// Returns whether a container does its work: it is ready and was never restarted, or it has ended well.
fn works(container: &ContainerStatus) -> bool {
    let ended = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    let is_done = ended.is_some_and(|ended| ended.exit_code == 0);
    is_done || (container.ready && container.restart_count == 0)
}

/// The runs of a container that have a log.
fn runs(container: &ContainerStatus) -> Vec<Run> {
    let state = container.state.as_ref();
    let has_run = state.is_some_and(|state| state.running.is_some() || state.terminated.is_some());
    let has_run_before = container.last_state.as_ref().is_some_and(|state| state.terminated.is_some());
    let current = has_run.then_some(Run::Current);
    current.into_iter().chain(has_run_before.then_some(Run::Previous)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_containers_in_trouble_have_their_logs_read() {
        let container = |name: &str, ready: bool, restarts: i32, state: Value, last: Value| json!({"name": name, "image": "i", "imageID": "", "ready": ready, "restartCount": restarts, "state": state, "lastState": last});
        let running = || json!({"running": {}});
        let ended = |code: i32| json!({"terminated": {"exitCode": code}});
        let pods = json!([{"metadata": {"name": "p"}, "status": {
            "initContainerStatuses": [
                container("done", true, 0, ended(0), json!({})),
                container("failed", false, 0, ended(1), json!({})),
            ],
            "containerStatuses": [
                container("fine", true, 0, running(), json!({})),
                container("unready", false, 0, running(), json!({})),
                container("restarted", true, 2, running(), ended(1)),
                container("loops", false, 4, json!({"waiting": {"reason": "CrashLoopBackOff"}}), ended(1)),
                container("waits", false, 0, json!({"waiting": {"reason": "ImagePullBackOff"}}), json!({})),
            ]}},
            {"metadata": {"name": "gone", "deletionTimestamp": "2026-01-01T00:00:00Z"},
             "status": {"containerStatuses": [container("x", false, 0, running(), json!({}))]}}]);
        let pods: Vec<Pod> = serde_json::from_value(pods).unwrap();
        let wanted: Vec<(String, Run)> = wanted(&pods).into_iter().map(|of| (of.container, of.run)).collect();
        let expected = [
            ("failed", Run::Current),
            ("unready", Run::Current),
            ("restarted", Run::Current),
            ("restarted", Run::Previous),
            ("loops", Run::Previous),
        ];
        assert_eq!(wanted, expected.map(|(name, run)| (name.to_owned(), run)));
    }
}
