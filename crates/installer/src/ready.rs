//! The readiness of a workload, and the reason if it is not ready. Pure functions of the workload, its pods and its events.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::ResourceExt as _;

use super::image_pull::{self, PullFailure};
use observed::convert::pod::is_ready;

/// Time for an HPA's first sync: two sync periods of the controller, which are 15 s by default.
pub const FIRST_SYNC_LIMIT: Duration = Duration::from_secs(30);

/// The state of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// All pods are new and available.
    Done {
        /// Number of pods.
        ready: i32,
    },
    /// Pods are missing.
    InProgress {
        /// Pods that are new and available.
        ready: i32,
        /// Pods wanted.
        wanted: i32,
        /// Error of the workload's controller; may be empty.
        error: String,
    },
}

/// The reason why a workload is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A sentence.
    pub what: String,
    /// A source of further details.
    pub detail: Detail,
}

/// A source of further details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// There is none.
    None,
    /// The log of a container.
    Log(LogSource),
    /// The failing pull of an image.
    Image(PullFailure),
}

/// The log of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// The time to show it.
    pub shown: ShowLog,
}

/// The time to show a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowLog {
    /// At once: the container crashed.
    Now,
    /// After the time limit: until then the container may still be starting.
    AfterTimeout,
}

/// The rollout of a Deployment, as in `kubectl rollout status`.
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

fn rollout(done: bool, ready: i32, wanted: i32, error: Option<String>) -> Rollout {
    if done {
        Rollout::Done { ready }
    } else {
        Rollout::InProgress { ready, wanted, error: error.unwrap_or_default() }
    }
}

/// The reason why a rollout waits: the controller's error, else the most severe reason of a pod. `events` are about the workload
/// itself, newest last; they count if there is no pod.
#[must_use]
pub fn reason(ready: i32, wanted: i32, error: &str, pods: &[Pod], events: &[Event]) -> Reason {
    let counted = format!("{ready} of {wanted} pods ready");
    if !error.is_empty() {
        return Reason { what: format!("{counted}: its pods are refused: {error}"), detail: Detail::None };
    }
    if let Some(reason) = pods.iter().filter_map(of_pod).min_by_key(|(severity, _)| *severity) {
        return reason.1;
    }
    let warning = events.iter().rfind(|event| event.type_.as_deref() == Some("Warning"));
    if pods.is_empty()
        && let Some(message) = warning.and_then(|event| event.message.as_deref())
    {
        return Reason { what: format!("{counted}: {message}"), detail: Detail::None };
    }
    Reason { what: counted, detail: Detail::None }
}

/// The severity of a pod's problem, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Crashing,
    Image,
    Configuration,
    Unschedulable,
    Starting,
}

fn of_pod(pod: &Pod) -> Option<(Severity, Reason)> {
    if pod.metadata.deletion_timestamp.is_some() || is_ready(pod) {
        return None;
    }
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    let containers =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let worst = containers.filter_map(|container| of_container(&name, container)).min_by_key(|(s, _)| *s);
    if worst.is_some() {
        return worst;
    }
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.as_deref().unwrap_or("the scheduler found none");
        let what = format!("pod {name} has no node: {message}");
        return Some((Severity::Unschedulable, Reason { what, detail: Detail::None }));
    }
    let runs = |container: &&ContainerStatus| {
        !container.ready && container.state.as_ref().is_some_and(|state| state.running.is_some())
    };
    let reason = match status.container_statuses.iter().flatten().find(runs) {
        Some(container) => Reason {
            what: format!("pod {name} is running but not ready"),
            detail: Detail::Log(LogSource {
                pod: name,
                container: container.name.clone(),
                shown: ShowLog::AfterTimeout,
            }),
        },
        None => Reason { what: format!("pod {name} is starting"), detail: Detail::None },
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
            let message = image_pull::root_cause(message);
            let what = format!("pod {pod}: pulling image {} fails: {}", status.image, or(message, reason));
            let failure = PullFailure {
                pod: pod.to_owned(),
                container: container.clone(),
                image: status.image.clone(),
                reason: reason.to_owned(),
                message: message.to_owned(),
            };
            Some((Severity::Image, Reason { what, detail: Detail::Image(failure) }))
        }
        "CreateContainerConfigError" | "CreateContainerError" => {
            let what = format!("pod {pod}: creating container {container} fails: {}", or(message, reason));
            Some((Severity::Configuration, Reason { what, detail: Detail::None }))
        }
        // A crashing container is running or terminated for a moment between two restarts.
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
            "it exceeded its memory limit".to_owned()
        }
        Some(ended) => format!("exit code {}", ended.exit_code),
        None => "exit code unknown".to_owned(),
    };
    let what = format!(
        "pod {pod}: container {} keeps crashing ({} restarts, {how})",
        status.name, status.restart_count
    );
    let log = LogSource { pod: pod.to_owned(), container: status.name.clone(), shown: ShowLog::Now };
    (Severity::Crashing, Reason { what, detail: Detail::Log(log) })
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

#[cfg(test)]
mod tests;
