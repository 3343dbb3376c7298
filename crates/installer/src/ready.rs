//! Whether a workload is ready, and if not, why not: a pure judgement over what the API says about it and its pods.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::ResourceExt as _;

use super::pull::{self, Missing};
use observed::convert::pod::is_ready;

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
    /// What there is to know about it beyond the sentence.
    pub more: More,
}

/// What there is to know beyond the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum More {
    /// Nothing.
    Nothing,
    /// A container whose last lines say more.
    Log(Log),
    /// An image that cannot be had.
    Image(Missing),
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
        return Reason { what: format!("{counted}: its pods are refused: {complaint}"), more: More::Nothing };
    }
    if let Some(reason) = pods.iter().filter_map(of_pod).min_by_key(|(severity, _)| *severity) {
        return reason.1;
    }
    let warning = events.iter().rfind(|event| event.type_.as_deref() == Some("Warning"));
    if pods.is_empty()
        && let Some(message) = warning.and_then(|event| event.message.as_deref())
    {
        return Reason { what: format!("{counted}: {message}"), more: More::Nothing };
    }
    Reason { what: counted, more: More::Nothing }
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
    if pod.metadata.deletion_timestamp.is_some() || is_ready(pod) {
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
        return Some((Severity::Unschedulable, Reason { what, more: More::Nothing }));
    }
    let runs = |container: &&ContainerStatus| {
        !container.ready && container.state.as_ref().is_some_and(|state| state.running.is_some())
    };
    let reason = match status.container_statuses.iter().flatten().find(runs) {
        Some(container) => Reason {
            what: format!("pod {name} runs and is not ready yet"),
            more: More::Log(Log { pod: name, container: container.name.clone(), when: When::InVain }),
        },
        None => Reason { what: format!("pod {name} starts"), more: More::Nothing },
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
            let message = pull::essence(message);
            let what = format!("pod {pod}: image {} cannot be had: {}", status.image, or(message, reason));
            let missing = Missing {
                pod: pod.to_owned(),
                container: container.clone(),
                image: status.image.clone(),
                reason: reason.to_owned(),
                message: message.to_owned(),
            };
            Some((Severity::Image, Reason { what, more: More::Image(missing) }))
        }
        "CreateContainerConfigError" | "CreateContainerError" => {
            let what = format!("pod {pod}: container {container} cannot be made: {}", or(message, reason));
            Some((Severity::Configuration, Reason { what, more: More::Nothing }))
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
    (Severity::Crashing, Reason { what, more: More::Log(log) })
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

#[cfg(test)]
mod tests;
