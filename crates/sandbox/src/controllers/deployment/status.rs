//! The status of a Deployment: the sums over its ReplicaSets, and the progress of the rollout. Pure.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentSpec, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::super::rollout;
use crate::meta;

const AVAILABLE: &str = "Available";
const PROGRESSING: &str = "Progressing";
const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// A computed status.
pub(super) struct ComputedStatus {
    /// True when it differs from the stored status.
    pub(super) changed: bool,
    /// The status as a merge patch, with null for zero.
    pub(super) json: Value,
    /// Time until the rollout's progress deadline.
    pub(super) until_deadline: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    replicas: i32,
    updated: i32,
    ready: i32,
    available: i32,
    unavailable: i32,
}

fn counts<'a>(sets: impl Iterator<Item = &'a Arc<ReplicaSet>>, new: Option<&ReplicaSet>) -> Counts {
    let mut counts = Counts::default();
    let mut requested = 0;
    for set in sets {
        let status = set.status.clone().unwrap_or_default();
        requested += set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        counts.replicas += status.replicas;
        counts.ready += status.ready_replicas.unwrap_or(0);
        counts.available += status.available_replicas.unwrap_or(0);
    }
    counts.updated = new.and_then(|set| set.status.as_ref()).map_or(0, |status| status.replicas);
    counts.unavailable = (requested - counts.available).max(0);
    counts
}

/// Returns true when the newest set has all replicas, all are available, and no other set has any.
pub(super) fn is_complete<'a>(
    spec: &DeploymentSpec,
    sets: impl Iterator<Item = &'a Arc<ReplicaSet>>,
    new: Option<&Arc<ReplicaSet>>,
) -> bool {
    complete(spec, counts(sets, new.map(|set| &**set)))
}

fn complete(spec: &DeploymentSpec, counts: Counts) -> bool {
    let wanted = spec.replicas.unwrap_or(1);
    counts.updated == wanted && counts.replicas == wanted && counts.available == wanted
}

/// Computes the status at `now`.
pub(super) fn compute(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    sets: &[Arc<ReplicaSet>],
    new: Option<&ReplicaSet>,
    now: Timestamp,
) -> ComputedStatus {
    let counts = counts(sets.iter(), new);
    let before = deployment.status.clone().unwrap_or_default();
    let was = Counts {
        replicas: before.replicas.unwrap_or(0),
        updated: before.updated_replicas.unwrap_or(0),
        ready: before.ready_replicas.unwrap_or(0),
        available: before.available_replicas.unwrap_or(0),
        unavailable: before.unavailable_replicas.unwrap_or(0),
    };
    let mut conditions = Conditions { list: before.conditions.clone().unwrap_or_default(), now };
    let mut until_deadline = None;
    if conditions.get(PROGRESSING).is_none()
        && let Some(new) = new
    {
        let name = new.name_any();
        conditions.set(
            PROGRESSING,
            "True",
            "NewReplicaSetCreated",
            format!("Created new replica set \"{name}\""),
        );
    }
    let rolling = spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let recreate = spec.strategy.as_ref().and_then(|s| s.type_.as_deref()) == Some("Recreate");
    let wanted = spec.replicas.unwrap_or(1);
    let unavailable = if recreate {
        0
    } else {
        let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref());
        rollout::surge_and_unavailable(surge, rolling.and_then(|r| r.max_unavailable.as_ref()), wanted).1
    };
    if counts.available >= wanted - unavailable {
        let message = "Deployment has minimum availability.";
        conditions.set(AVAILABLE, "True", "MinimumReplicasAvailable", message.to_owned());
    } else {
        let message = "Deployment does not have minimum availability.";
        conditions.set(AVAILABLE, "False", "MinimumReplicasUnavailable", message.to_owned());
    }
    if spec.paused == Some(true) {
        let message = "Deployment is paused".to_owned();
        if conditions.reason(PROGRESSING) != Some("DeploymentPaused") {
            conditions.set(PROGRESSING, "Unknown", "DeploymentPaused", message);
        }
    } else {
        if conditions.reason(PROGRESSING) == Some("DeploymentPaused") {
            let message = "Deployment is resumed".to_owned();
            conditions.set(PROGRESSING, "Unknown", "DeploymentResumed", message);
        }
        until_deadline = update_progressing(&mut conditions, spec, deployment, new, counts, was, now);
    }
    update_replica_failure(&mut conditions, sets);
    let nonzero = |number: i32| if number == 0 { Value::Null } else { number.into() };
    let json = json!({
        "observedGeneration": deployment.metadata.generation,
        "replicas": nonzero(counts.replicas),
        "updatedReplicas": nonzero(counts.updated),
        "readyReplicas": nonzero(counts.ready),
        "availableReplicas": nonzero(counts.available),
        "unavailableReplicas": nonzero(counts.unavailable),
        "conditions": conditions.list,
    });
    let changed = counts != was
        || before.observed_generation != deployment.metadata.generation
        || before.conditions.unwrap_or_default() != conditions.list;
    ComputedStatus { changed, json, until_deadline }
}

fn update_progressing(
    conditions: &mut Conditions,
    spec: &DeploymentSpec,
    deployment: &Deployment,
    new: Option<&ReplicaSet>,
    counts: Counts,
    was: Counts,
    now: Timestamp,
) -> Option<Duration> {
    let deadline = i64::from(spec.progress_deadline_seconds.unwrap_or(600));
    if deadline == i64::from(i32::MAX) {
        return None;
    }
    if counts.replicas == counts.updated && conditions.reason(PROGRESSING) == Some(NEW_SET_AVAILABLE) {
        return None;
    }
    let subject = match new {
        Some(set) => format!("ReplicaSet \"{}\"", set.name_any()),
        None => format!("Deployment \"{}\"", deployment.name_any()),
    };
    let advanced = counts.updated > was.updated
        || counts.replicas - counts.updated < was.replicas - was.updated
        || counts.ready > was.ready
        || counts.available > was.available;
    if complete(spec, counts) {
        conditions.set(
            PROGRESSING,
            "True",
            NEW_SET_AVAILABLE,
            format!("{subject} has successfully progressed."),
        );
        return None;
    }
    if advanced {
        conditions.refresh(PROGRESSING, "ReplicaSetUpdated", format!("{subject} is progressing."));
    } else if let Some(condition) = conditions.get(PROGRESSING) {
        let updated = condition.last_update_time.as_ref().map_or(now, |time| time.0);
        let late = condition.reason.as_deref() != Some(NEW_SET_AVAILABLE)
            && now.as_second() - updated.as_second() > deadline;
        if late {
            conditions.set(PROGRESSING, "False", TIMED_OUT, format!("{subject} has timed out progressing."));
        }
    }
    if conditions.reason(PROGRESSING) == Some(TIMED_OUT) {
        return None;
    }
    let updated = conditions.get(PROGRESSING)?.last_update_time.as_ref()?.0;
    let left = updated.as_second() + deadline + 1 - now.as_second();
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0).max(1)))
}

/// Copies condition `ReplicaFailure` from the newest ReplicaSet that has it.
fn update_replica_failure(conditions: &mut Conditions, sets: &[Arc<ReplicaSet>]) {
    let failing = sets
        .iter()
        .rev()
        .flat_map(|set| set.status.iter().flat_map(|status| status.conditions.iter().flatten()))
        .find(|condition| condition.type_ == "ReplicaFailure");
    match failing {
        Some(condition) => {
            let reason = condition.reason.clone().unwrap_or_default();
            let message = condition.message.clone().unwrap_or_default();
            conditions.set("ReplicaFailure", &condition.status, &reason, message);
        }
        None => conditions.list.retain(|condition| condition.type_ != "ReplicaFailure"),
    }
}

struct Conditions {
    list: Vec<DeploymentCondition>,
    now: Timestamp,
}

impl Conditions {
    fn get(&self, of_type: &str) -> Option<&DeploymentCondition> {
        self.list.iter().find(|condition| condition.type_ == of_type)
    }

    fn reason(&self, of_type: &str) -> Option<&str> {
        self.get(of_type)?.reason.as_deref()
    }

    /// Sets a condition. As in Kubernetes, an equal status and reason change nothing, and the transition time changes
    /// only with the status.
    fn set(&mut self, of_type: &str, status: &str, reason: &str, message: String) {
        if self.get(of_type).is_some_and(|c| c.status == status && c.reason.as_deref() == Some(reason)) {
            return;
        }
        self.put(of_type, status, reason, message);
    }

    /// Sets a condition to True and always changes its update time.
    fn refresh(&mut self, of_type: &str, reason: &str, message: String) {
        self.put(of_type, "True", reason, message);
    }

    fn put(&mut self, of_type: &str, status: &str, reason: &str, message: String) {
        let now = Some(Time(meta::whole_seconds(self.now)));
        let kept = self
            .get(of_type)
            .filter(|condition| condition.status == status)
            .and_then(|condition| condition.last_transition_time.clone());
        self.list.retain(|condition| condition.type_ != of_type);
        self.list.push(DeploymentCondition {
            type_: of_type.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_update_time: now.clone(),
            last_transition_time: kept.or(now),
        });
    }
}
