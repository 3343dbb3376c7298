//! Waiting for workloads: when one is ready, and what it waits for until then.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use crate::cluster::Cluster;
use crate::meta;
use crate::progress::StepState;

/// A workload that a caller waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// What it is.
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
    /// As messages call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

impl Workload {
    /// How far it has come.
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
        match self.trouble(cluster) {
            Some(trouble) => StepState::Waiting(trouble),
            None => StepState::Starting,
        }
    }

    /// What keeps its pods from running, in their own words.
    fn trouble(&self, cluster: &Cluster) -> Option<String> {
        let mine = |pod: &Pod| {
            let owner = meta::controller_of(pod);
            pod.metadata.namespace.as_deref() == Some(&self.namespace)
                && owner.is_some_and(|owner| match self.kind {
                    WorkloadKind::StatefulSet => owner.kind == "StatefulSet" && owner.name == self.name,
                    WorkloadKind::Deployment => {
                        let set = cluster.replica_sets.get(&self.namespace, &owner.name);
                        let of = set.as_ref().and_then(|set| meta::controller_of(&**set));
                        of.is_some_and(|of| of.kind == "Deployment" && of.name == self.name)
                    }
                })
        };
        cluster.pods.select(mine).iter().find_map(|pod| trouble_of(pod))
    }
}

fn trouble_of(pod: &Pod) -> Option<String> {
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
