//! Whether a workload is ready, and if not, why not: a pure judgement over what the API says about it and its pods.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::ResourceExt as _;

use crate::source::endpoint;

/// What a workload says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// All its pods are there, new and available.
    Done {
        /// How many.
        ready: i32,
    },
    /// Not yet.
    Going {
        /// Pods that are new and available.
        ready: i32,
        /// Pods wanted.
        wanted: i32,
        /// What its controller could not do; empty where it complains of nothing.
        complaint: String,
    },
}

/// Why a workload is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A sentence without its end.
    pub what: String,
    /// A container whose last lines say more, if there is one.
    pub log: Option<Log>,
}

/// A container whose log is worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// When it is worth it.
    pub when: When,
}

/// When a log is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once: the container crashed.
    Now,
    /// When the wait was in vain: until then the container may just be starting.
    InVain,
}

/// The rollout of a Deployment, by the rules of `kubectl rollout status`.
#[must_use]
pub fn deployment(object: &Deployment) -> Rollout {
    let wanted = object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = object.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0) >= object.metadata.generation.unwrap_or(0);
    let updated = status.updated_replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let refused = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")
        .and_then(|condition| condition.message.clone());
    let done =
        observed && updated >= wanted && available >= wanted && status.replicas.unwrap_or(0) <= updated;
    rollout(done, available.min(updated), wanted, refused)
}

/// The rollout of a StatefulSet.
#[must_use]
pub fn stateful_set(object: &StatefulSet) -> Rollout {
    let wanted = object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = object.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0) >= object.metadata.generation.unwrap_or(0);
    let ready = status.ready_replicas.unwrap_or(0);
    let new = status.update_revision.is_none() || status.current_revision == status.update_revision;
    rollout(observed && new && ready >= wanted, ready, wanted, None)
}

/// The rollout of a DaemonSet.
#[must_use]
pub fn daemon_set(object: &DaemonSet) -> Rollout {
    let status = object.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0) >= object.metadata.generation.unwrap_or(0);
    let wanted = status.desired_number_scheduled;
    let ready = status.number_available.unwrap_or(0).min(status.updated_number_scheduled.unwrap_or(0));
    rollout(observed && ready >= wanted, ready, wanted, None)
}

fn rollout(done: bool, ready: i32, wanted: i32, complaint: Option<String>) -> Rollout {
    if done {
        Rollout::Done { ready }
    } else {
        Rollout::Going { ready, wanted, complaint: complaint.unwrap_or_default() }
    }
}

/// Why the workload behind `rollout` waits: its controller's complaint, else the worst that one of its pods shows. `events`
/// are those about the workload itself, newest last; they speak where there is no pod.
#[must_use]
pub fn reason(ready: i32, wanted: i32, complaint: &str, pods: &[Pod], events: &[Event]) -> Reason {
    let counted = format!("{ready} of {wanted} pods ready");
    if !complaint.is_empty() {
        return Reason { what: format!("{counted}: its pods are refused: {complaint}"), log: None };
    }
    if let Some(reason) = pods.iter().filter_map(of_pod).min_by_key(|(severity, _)| *severity) {
        return reason.1;
    }
    let warning = events.iter().rfind(|event| event.type_.as_deref() == Some("Warning"));
    if pods.is_empty()
        && let Some(message) = warning.and_then(|event| event.message.as_deref())
    {
        return Reason { what: format!("{counted}: {message}"), log: None };
    }
    Reason { what: counted, log: None }
}

/// What ails a pod, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Crashing,
    Image,
    Configuration,
    Unschedulable,
    Starting,
}

fn of_pod(pod: &Pod) -> Option<(Severity, Reason)> {
    if pod.metadata.deletion_timestamp.is_some() || endpoint::is_ready(pod) {
        return None;
    }
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    let containers =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let ailing = containers.filter_map(|container| of_container(&name, container)).min_by_key(|(s, _)| *s);
    if ailing.is_some() {
        return ailing;
    }
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.as_deref().unwrap_or("no node was found for it");
        let what = format!("pod {name} has no node: {message}");
        return Some((Severity::Unschedulable, Reason { what, log: None }));
    }
    let runs = |container: &&ContainerStatus| {
        !container.ready && container.state.as_ref().is_some_and(|state| state.running.is_some())
    };
    let reason = match status.container_statuses.iter().flatten().find(runs) {
        Some(container) => Reason {
            what: format!("pod {name} runs and is not ready yet"),
            log: Some(Log { pod: name, container: container.name.clone(), when: When::InVain }),
        },
        None => Reason { what: format!("pod {name} starts"), log: None },
    };
    Some((Severity::Starting, reason))
}

fn of_container(pod: &str, status: &ContainerStatus) -> Option<(Severity, Reason)> {
    let waiting = status.state.as_ref()?.waiting.as_ref();
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
    let message = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
    let container = &status.name;
    match reason {
        "CrashLoopBackOff" | "RunContainerError" | "StartError" => Some(crashing(pod, status)),
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => {
            let what = format!("pod {pod}: image {} cannot be had: {}", status.image, or(message, reason));
            Some((Severity::Image, Reason { what, log: None }))
        }
        "CreateContainerConfigError" | "CreateContainerError" => {
            let what = format!("pod {pod}: container {container} cannot be made: {}", or(message, reason));
            Some((Severity::Configuration, Reason { what, log: None }))
        }
        // Between two restarts a container that crashes is running or terminated for a moment.
        _ if status.restart_count > 0 && !status.ready => Some(crashing(pod, status)),
        _ => None,
    }
}

fn crashing(pod: &str, status: &ContainerStatus) -> (Severity, Reason) {
    let state = |state: Option<&k8s_openapi::api::core::v1::ContainerState>| {
        state.and_then(|state| state.terminated.clone())
    };
    let ended = state(status.last_state.as_ref()).or_else(|| state(status.state.as_ref()));
    let how = match ended {
        Some(ended) if ended.reason.as_deref() == Some("OOMKilled") => {
            "it needed more memory than its limit".to_owned()
        }
        Some(ended) => format!("exit code {}", ended.exit_code),
        None => "no exit code known".to_owned(),
    };
    let what = format!(
        "pod {pod}: container {} crashes again and again ({} restarts, {how})",
        status.name, status.restart_count
    );
    let log = Log { pod: pod.to_owned(), container: status.name.clone(), when: When::Now };
    (Severity::Crashing, Reason { what, log: Some(log) })
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
    }

    fn container(state: &Value, last: &Value, restarts: i32) -> Value {
        json!({"name": "c", "image": "i:1", "imageID": "", "ready": false, "restartCount": restarts,
               "state": state, "lastState": last})
    }

    fn why(pods: &[Pod]) -> Reason {
        reason(0, 1, "", pods, &[])
    }

    #[test]
    fn a_deployment_is_done_as_kubectl_says() {
        let judge = |status: Value| {
            let object = json!({"metadata": {"generation": 2}, "spec": {"replicas": 2, "selector": {}, "template": {}},
                                "status": status});
            deployment(&serde_json::from_value(object).unwrap())
        };
        let full =
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(judge(full.clone()), Rollout::Done { ready: 2 });
        for (field, value) in
            [("observedGeneration", 1), ("updatedReplicas", 1), ("availableReplicas", 1), ("replicas", 3)]
        {
            let mut status = full.clone();
            status[field] = value.into();
            assert!(matches!(judge(status), Rollout::Going { wanted: 2, .. }), "{field}");
        }
        let refused =
            json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]});
        assert_eq!(judge(refused), Rollout::Going { ready: 0, wanted: 2, complaint: "quota".into() });
    }

    #[test]
    fn sets_are_done_when_their_pods_are_new_and_ready() {
        let set = |status: Value| {
            let object = json!({"spec": {"replicas": 1, "selector": {}, "serviceName": "s", "template": {}}, "status": status});
            stateful_set(&serde_json::from_value(object).unwrap())
        };
        assert_eq!(set(json!({"replicas": 1, "readyReplicas": 1})), Rollout::Done { ready: 1 });
        assert!(matches!(set(json!({"replicas": 1})), Rollout::Going { ready: 0, .. }));
        let old = json!({"replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"});
        assert!(matches!(set(old), Rollout::Going { .. }));
        let daemon = |status: Value| {
            let object = json!({"spec": {"selector": {}, "template": {}}, "status": status});
            daemon_set(&serde_json::from_value(object).unwrap())
        };
        let status = json!({"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1});
        assert!(matches!(daemon(status.clone()), Rollout::Going { .. }));
        let mut done = status;
        (done["numberAvailable"], done["updatedNumberScheduled"]) = (1.into(), 1.into());
        assert_eq!(daemon(done), Rollout::Done { ready: 1 });
    }

    #[test]
    fn the_reasons_of_waiting_are_told() {
        let waiting = |reason: &str, message: &str| {
            container(&json!({"waiting": {"reason": reason, "message": message}}), &json!({}), 0)
        };
        let with = |container: Value| pod(&json!({"containerStatuses": [container]}));
        for (pod, expected) in [
            (
                with(waiting("ImagePullBackOff", "Back-off pulling image \"i:1\"")),
                "pod p: image i:1 cannot be had: Back-off pulling image \"i:1\"",
            ),
            (with(waiting("ErrImageNeverPull", "")), "pod p: image i:1 cannot be had: ErrImageNeverPull"),
            (
                with(waiting("CreateContainerConfigError", "secret \"rabbitmq\" not found")),
                "pod p: container c cannot be made: secret \"rabbitmq\" not found",
            ),
            (
                pod(
                    &json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                           "message": "0/1 nodes are available: 1 Insufficient memory."}]}),
                ),
                "pod p has no node: 0/1 nodes are available: 1 Insufficient memory.",
            ),
            (with(waiting("ContainerCreating", "")), "pod p starts"),
        ] {
            assert_eq!(why(&[pod]), Reason { what: expected.into(), log: None });
        }
        let running = why(&[with(container(&json!({"running": {}}), &json!({}), 0))]);
        assert_eq!(running.what, "pod p runs and is not ready yet");
        assert_eq!(running.log.map(|log| log.when), Some(When::InVain));
    }

    #[test]
    fn a_crash_names_its_log_and_comes_before_anything_else() {
        let ended = |reason: &str| json!({"terminated": {"exitCode": 137, "reason": reason}});
        let looping =
            |reason: &str| container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended(reason), 3);
        let crashing = |reason: &str| pod(&json!({"containerStatuses": [looping(reason)]}));
        let log = Some(Log { pod: "p".into(), container: "c".into(), when: When::Now });
        let starts = pod(&json!({}));
        assert_eq!(
            why(&[starts, crashing("Error")]),
            Reason {
                what: "pod p: container c crashes again and again (3 restarts, exit code 137)".into(),
                log: log.clone()
            }
        );
        assert!(why(&[crashing("OOMKilled")]).what.contains("more memory than its limit"));
        let between = container(&json!({"running": {}}), &ended("Error"), 1);
        assert_eq!(why(&[pod(&json!({"containerStatuses": [between]}))]).log, log);
    }

    #[test]
    fn without_a_pod_the_controller_speaks() {
        let event = |kind: &str, message: &str| -> Event {
            serde_json::from_value(
                json!({"metadata": {}, "involvedObject": {}, "type": kind, "message": message}),
            )
            .unwrap()
        };
        let events = [event("Warning", "create Pod failed: forbidden"), event("Normal", "fine")];
        assert_eq!(reason(0, 1, "", &[], &events).what, "0 of 1 pods ready: create Pod failed: forbidden");
        assert_eq!(
            reason(0, 1, "quota", &[], &events).what,
            "0 of 1 pods ready: its pods are refused: quota"
        );
        assert_eq!(reason(0, 2, "", &[], &[]).what, "0 of 2 pods ready");
    }
}
