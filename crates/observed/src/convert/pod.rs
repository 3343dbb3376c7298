//! Pods, with the words of `kubectl get pods`.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod as ApiPod, PodStatus};

use super::timestamp;
use crate::{Pod, PodPhase, Role};
use text::clean;

/// The pod as the screens need it; `worker` says whether it belongs to the HPA's scale target.
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
    }
}

/// Which workload a pod belongs to, by its labels: the scale target's selector first, then the names of the contract.
pub fn role(labels: &Labels, worker_selector: Option<&Selector>) -> Role {
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

/// A pod's labels in one piece of text, a line each: thousands of pods are kept with theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<str>);

impl Labels {
    /// The labels of a pod.
    pub fn of(object: &ApiPod) -> Self {
        let labels = object.metadata.labels.iter().flatten();
        // Neither names nor values of labels may have a line's end in them, nor names an equals sign.
        let lines: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
        Self(lines.join("\n").into_boxed_str())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0
            .lines()
            .filter_map(|line| line.split_once('='))
            .find_map(|(k, value)| (k == key).then_some(value))
    }
}

/// The equalities of a label selector; a Deployment's has mostly nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<(String, String)>);

impl Selector {
    /// Reads a query string such as `a=b,c=d`; `None` if it selects by no equality at all.
    pub fn parse(query: &str) -> Option<Self> {
        let pairs: Vec<_> = query
            .split(',')
            .filter_map(|part| part.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim_start_matches('=').trim().to_owned()))
            .collect();
        (!pairs.is_empty()).then_some(Self(pairs))
    }

    fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
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

/// The column STATUS of `kubectl get pods`, for pods without init containers: the pod's reason or phase, overridden by
/// what its containers wait for or ended with, and by its deletion.
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

/// Why a container last ended, such as `OOMKilled (137)`.
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
    fn phases_and_words_are_those_of_kubectl() {
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
    fn facts_about_containers_are_kept() {
        let running = json!({"running": {"startedAt": "2026-01-01T00:00:05Z"}});
        let pod = convert(&pod(&with("Running", &running, true), false), Role::Worker);
        assert_eq!(pod.restarts, 2);
        assert_eq!(pod.last_exit.as_deref(), Some("OOMKilled (137)"));
        assert_eq!(pod.started, Some("2026-01-01T00:00:05Z".parse().unwrap()));
    }

    #[test]
    fn the_scale_targets_selector_wins_over_names() {
        let labelled = |labels: Value| {
            Labels::of(&serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap())
        };
        let selector = Selector::parse("app=w, tier==back");
        let worker = labelled(json!({"app": "w", "tier": "back"}));
        let by_name = labelled(json!({"app.kubernetes.io/name": "worker"}));
        let producer = labelled(json!({"app.kubernetes.io/name": "producer"}));
        let broker = labelled(json!({"app.kubernetes.io/name": "rabbitmq"}));
        assert_eq!(role(&worker, selector.as_ref()), Role::Worker);
        assert_eq!(role(&by_name, selector.as_ref()), Role::Other);
        assert_eq!(role(&by_name, None), Role::Worker);
        assert_eq!(role(&producer, selector.as_ref()), Role::Producer);
        assert_eq!(role(&broker, None), Role::Broker);
        assert_eq!(role(&Labels::default(), None), Role::Other);
        assert_eq!(Selector::parse("!a,b in (c)"), None);
    }

    #[test]
    fn a_deleted_pod_takes_no_traffic() {
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
