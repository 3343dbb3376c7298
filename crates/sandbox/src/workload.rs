//! Readiness of workloads, and the reason why one is not ready.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use crate::cluster::Cluster;
use crate::meta;
use crate::progress::StepState;

/// A workload whose readiness a caller waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Title of its step in [`crate::Progress`].
    pub title: String,
}

/// Kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
}

impl WorkloadKind {
    /// The kind's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

impl Workload {
    /// The state of its step: ready when all replicas of the newest generation are.
    pub(crate) fn state(&self, cluster: &Cluster) -> StepState {
        let numbers = match self.kind {
            WorkloadKind::Deployment => cluster.deployments.get(&self.namespace, &self.name).map(|one| {
                let status = one.status.clone().unwrap_or_default();
                let wanted = one.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
                let current = status.observed_generation >= one.metadata.generation;
                (
                    wanted,
                    status.available_replicas.unwrap_or(0),
                    current && status.updated_replicas.unwrap_or(0) >= wanted,
                )
            }),
            WorkloadKind::StatefulSet => cluster.stateful_sets.get(&self.namespace, &self.name).map(|one| {
                let status = one.status.clone().unwrap_or_default();
                let wanted = one.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
                let current = status.observed_generation >= one.metadata.generation;
                (wanted, status.ready_replicas.unwrap_or(0), current)
            }),
        };
        let Some((wanted, ready, current)) = numbers else {
            return StepState::Waiting(format!("{} {} is not applied yet", self.kind.name(), self.name));
        };
        if current && ready >= wanted {
            return StepState::Ready;
        }
        match self.waiting_reason(cluster) {
            Some(reason) => StepState::Waiting(reason),
            None => StepState::Starting,
        }
    }

    /// The first reason that one of its pods reports for not running.
    fn waiting_reason(&self, cluster: &Cluster) -> Option<String> {
        let owned = |pod: &Pod| {
            let owner = meta::controller_of(pod);
            pod.metadata.namespace.as_deref() == Some(&self.namespace)
                && owner.is_some_and(|owner| match self.kind {
                    WorkloadKind::StatefulSet => owner.kind == "StatefulSet" && owner.name == self.name,
                    WorkloadKind::Deployment => {
                        let set = cluster.replica_sets.get(&self.namespace, &owner.name);
                        let controller = set.as_ref().and_then(|set| meta::controller_of(&**set));
                        controller.is_some_and(|owner| owner.kind == "Deployment" && owner.name == self.name)
                    }
                })
        };
        cluster.pods.select(owned).iter().find_map(|pod| pod_waiting_reason(pod))
    }
}

fn pod_waiting_reason(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(|container| container.state.as_ref()?.waiting.as_ref())
        .find(|waiting| waiting.message.is_some());
    if let Some(waiting) = waiting {
        let reason = waiting.reason.as_deref().unwrap_or("waiting");
        return Some(format!(
            "pod {}: {reason}: {}",
            pod.name_any(),
            waiting.message.as_deref().unwrap_or_default()
        ));
    }
    let scheduled = meta::condition(pod, "PodScheduled")?;
    (scheduled.status == "False").then(|| {
        format!("pod {}: {}", pod.name_any(), scheduled.message.as_deref().unwrap_or("not scheduled"))
    })
}
