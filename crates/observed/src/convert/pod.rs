//! Pods, with the status column of `kubectl get pods`.

use std::sync::Arc;

use hpa::spec::LabelSelector;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod as ApiPod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector as ApiSelector, OwnerReference};
use kube_core::{Selector, SelectorExt as _};

use super::timestamp;
use crate::{Pod, PodPhase, Role};
use text::clean;

/// Converts a pod; `role` is its workload, see [`role`].
pub fn convert(object: &ApiPod, role: Role) -> Pod {
    let status = object.status.clone().unwrap_or_default();
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let condition = |kind: &str| {
        let conditions = status.conditions.iter().flatten();
        let found = { conditions }.find(|condition| condition.type_ == kind && condition.status == "True")?;
        timestamp(found.last_transition_time.as_ref())
    };
    let started = containers
        .iter()
        .filter_map(|c| timestamp(c.state.as_ref()?.running.as_ref()?.started_at.as_ref()))
        .min();
    Pod {
        name: clean::text(object.metadata.name.as_deref().unwrap_or_default()),
        uid: clean::text(object.metadata.uid.as_deref().unwrap_or_default()),
        role,
        status: clean::text(&status_word(object, &status)),
        phase: phase(object, &status),
        restarts: containers.iter().map(|container| container.restart_count).sum(),
        created: timestamp(object.metadata.creation_timestamp.as_ref()),
        scheduled: condition("PodScheduled"),
        started,
        ready_since: condition("Ready"),
        last_exit: last_exit(containers).map(|exit| clean::text(&exit)),
        // The API server refuses quantities that cannot be read.
        calculated: hpa::Pod::try_from(object).map_or_else(|_| Arc::default(), Arc::new),
        owner: controller(object).map(|owner| (clean::text(&owner.kind), clean::text(&owner.name))),
        node: object.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).map(clean::text),
        template_hash: label(object, "pod-template-hash").map(clean::text),
    }
}

fn controller(object: &ApiPod) -> Option<&OwnerReference> {
    let mut owners = object.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}

fn label<'a>(object: &'a ApiPod, key: &str) -> Option<&'a str> {
    object.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// The workload of a pod, by its labels: first by the scale target's selector, then by the names of the contract.
pub fn role(labels: &Labels, worker_selector: Option<&PodSelector>) -> Role {
    if worker_selector.is_some_and(|selector| selector.matches(labels)) {
        return Role::Worker;
    }
    match labels.get(contract::names::LABEL_NAME) {
        Some(contract::names::WORKER) if worker_selector.is_none() => Role::Worker,
        Some(contract::names::PRODUCER) => Role::Producer,
        Some(contract::names::RABBITMQ) => Role::Broker,
        _ => Role::Other,
    }
}

/// The labels of a pod as one text, a label a line. The dashboard keeps those of thousands of pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<str>);

impl Labels {
    /// The labels of a pod.
    pub fn of(object: &ApiPod) -> Self {
        let labels = object.metadata.labels.iter().flatten();
        // Keys have no equals sign, and neither keys nor values have a line break.
        let lines: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
        Self(lines.join("\n").into_boxed_str())
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().filter_map(|line| line.split_once('='))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.pairs().find_map(|(k, value)| (k == key).then_some(value))
    }
}

/// The pod selector of a workload, ready for matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSelector(Selector);

impl PodSelector {
    /// `None` for a selector that selects everything or has an unknown operator: it identifies no workload.
    #[must_use]
    pub fn new(selector: &LabelSelector) -> Option<Self> {
        let selector = Selector::try_from(ApiSelector::from(selector)).ok()?;
        (!selector.selects_all()).then_some(Self(selector))
    }

    fn matches(&self, labels: &Labels) -> bool {
        let labels = labels.pairs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.0.matches(&labels)
    }
}

fn is_deleted(object: &ApiPod) -> bool {
    object.metadata.deletion_timestamp.is_some()
}

fn phase(object: &ApiPod, status: &PodStatus) -> PodPhase {
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let waits_in_back_off = containers.iter().any(|container| {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
        reason.ends_with("BackOff") || reason.starts_with("Err") || reason.ends_with("Error")
    });
    let runs = containers.iter().any(|c| c.state.as_ref().is_some_and(|state| state.running.is_some()));
    let ended = containers.iter().any(|c| c.state.as_ref().is_some_and(|state| state.terminated.is_some()));
    match status.phase.as_deref() {
        Some("Succeeded") => PodPhase::Completed,
        Some("Failed") => PodPhase::Failed,
        _ if is_deleted(object) => PodPhase::Terminating,
        _ if waits_in_back_off || (ended && !runs) => PodPhase::Failed,
        _ if is_ready(object) => PodPhase::Ready,
        _ if runs => PodPhase::Starting,
        _ => PodPhase::Pending,
    }
}

/// The column STATUS of `kubectl get pods`, for pods without init containers.
///
/// It is the pod's reason or phase. A waiting or terminated container overrides it, and a deletion overrides both.
fn status_word(object: &ApiPod, status: &PodStatus) -> String {
    let mut word =
        status.reason.clone().or_else(|| status.phase.clone()).unwrap_or_else(|| "Unknown".to_owned());
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    for container in containers.iter().rev() {
        let state = container.state.clone().unwrap_or_default();
        if let Some(reason) = state.waiting.and_then(|waiting| waiting.reason).filter(|r| !r.is_empty()) {
            word = reason;
        } else if let Some(terminated) = state.terminated {
            word = terminated_word(&terminated);
        }
    }
    if is_deleted(object) {
        word =
            if status.reason.as_deref() == Some("NodeLost") { "Unknown" } else { "Terminating" }.to_owned();
    }
    word
}

fn terminated_word(terminated: &ContainerStateTerminated) -> String {
    match (terminated.reason.as_deref().filter(|reason| !reason.is_empty()), terminated.signal) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        (None, _) => format!("ExitCode:{}", terminated.exit_code),
    }
}

/// Reason and exit code of the last container exit, such as `OOMKilled (137)`.
fn last_exit(containers: &[ContainerStatus]) -> Option<String> {
    let terminated = |container: &ContainerStatus| {
        let now = container.state.as_ref().and_then(|state| state.terminated.clone());
        now.or_else(|| container.last_state.as_ref().and_then(|state| state.terminated.clone()))
    };
    containers
        .iter()
        .find_map(terminated)
        .map(|terminated| format!("{} ({})", terminated_word(&terminated), terminated.exit_code))
}

/// Returns true if the pod takes traffic: its condition Ready is True and no deletion was requested.
#[must_use]
pub fn is_ready(pod: &ApiPod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value, deleted: bool) -> ApiPod {
        let mut pod: ApiPod =
            serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap();
        if deleted {
            pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        }
        pod
    }

    fn with(phase: &str, state: &Value, ready: bool) -> Value {
        json!({"phase": phase,
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "containerStatuses": [{"name": "c", "image": "i", "imageID": "", "ready": ready, "restartCount": 2,
                "state": state, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]})
    }

    #[test]
    fn phase_and_status_are_kubectls() {
        let running = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let ended = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
        let bare = json!({"terminated": {"exitCode": 3}});
        for (status, deleted, phase, word) in [
            (json!({"phase": "Pending"}), false, PodPhase::Pending, "Pending"),
            (
                with("Pending", &waiting("ContainerCreating"), false),
                false,
                PodPhase::Pending,
                "ContainerCreating",
            ),
            (with("Pending", &waiting("ErrImagePull"), false), false, PodPhase::Failed, "ErrImagePull"),
            (with("Running", &running, false), false, PodPhase::Starting, "Running"),
            (with("Running", &running, true), false, PodPhase::Ready, "Running"),
            (with("Running", &running, true), true, PodPhase::Terminating, "Terminating"),
            (
                with("Running", &waiting("CrashLoopBackOff"), false),
                false,
                PodPhase::Failed,
                "CrashLoopBackOff",
            ),
            (with("Running", &ended, false), false, PodPhase::Failed, "Error"),
            (with("Running", &bare, false), false, PodPhase::Failed, "ExitCode:3"),
            (json!({"phase": "Failed", "reason": "Evicted"}), false, PodPhase::Failed, "Evicted"),
            (json!({"phase": "Succeeded"}), false, PodPhase::Completed, "Succeeded"),
        ] {
            let pod = convert(&pod(&status, deleted), Role::Other);
            assert_eq!((pod.phase, pod.status.as_str()), (phase, word), "{status}");
        }
    }

    #[test]
    fn restarts_exit_and_start_are_read() {
        let running = json!({"running": {"startedAt": "2026-01-01T00:00:05Z"}});
        let pod = convert(&pod(&with("Running", &running, true), false), Role::Worker);
        assert_eq!(pod.restarts, 2);
        assert_eq!(pod.last_exit.as_deref(), Some("OOMKilled (137)"));
        assert_eq!(pod.started, Some("2026-01-01T00:00:05Z".parse().unwrap()));
    }

    #[test]
    fn foreign_pods_are_recognized_by_their_controller() {
        let owned = |kind: &str, name: &str, hash: &str| {
            let owner = json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
            let labels = json!({"pod-template-hash": hash});
            let pod = json!({"metadata": {"name": "p", "labels": labels, "ownerReferences": owner}});
            convert(&serde_json::from_value(pod).unwrap(), Role::Worker)
        };
        for (pod, target, expected) in [
            (owned("ReplicaSet", "web-5d4", "5d4"), ("Deployment", "web"), true),
            (owned("ReplicaSet", "web-canary-5d4", "5d4"), ("Deployment", "web"), false),
            (owned("StatefulSet", "db", ""), ("StatefulSet", "db"), true),
            (owned("StatefulSet", "db-2", ""), ("StatefulSet", "db"), false),
            (owned("Job", "migrate", ""), ("Deployment", "web"), false),
            (owned("ReplicaSet", "web-5d4", "5d4"), ("Rollout", "web"), true),
            (convert(&ApiPod::default(), Role::Worker), ("Deployment", "web"), false),
        ] {
            assert_eq!(pod.may_belong_to(target), expected, "{:?} {target:?}", pod.owner);
        }
    }

    #[test]
    fn the_scale_targets_selector_comes_before_names() {
        let labelled = |labels: Value| {
            Labels::of(&serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap())
        };
        let selector = |selector: Value| PodSelector::new(&serde_json::from_value(selector).unwrap());
        let back = json!({"key": "tier", "operator": "In", "values": ["back", "middle"]});
        let workers = selector(json!({"matchLabels": {"app": "w"}, "matchExpressions": [back]}));
        let worker = labelled(json!({"app": "w", "tier": "back"}));
        let by_name = labelled(json!({"app.kubernetes.io/name": "worker"}));
        let producer = labelled(json!({"app.kubernetes.io/name": "producer"}));
        let broker = labelled(json!({"app.kubernetes.io/name": "rabbitmq"}));
        assert_eq!(role(&worker, workers.as_ref()), Role::Worker);
        assert_eq!(role(&by_name, workers.as_ref()), Role::Other);
        assert_eq!(role(&by_name, None), Role::Worker);
        assert_eq!(role(&producer, workers.as_ref()), Role::Producer);
        assert_eq!(role(&broker, None), Role::Broker);
        assert_eq!(role(&Labels::default(), None), Role::Other);
        assert_eq!(selector(json!({})), None);
    }

    #[test]
    fn a_deleted_pod_is_not_ready() {
        let mut pod = pod(&json!({}), false);
        assert!(!is_ready(&pod));
        pod.status =
            serde_json::from_value(json!({"conditions": [{"type": "Ready", "status": "True"}]})).unwrap();
        assert!(is_ready(&pod));
        pod.metadata.deletion_timestamp =
            Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
        assert!(!is_ready(&pod));
    }
}
