//! Deployments: one ReplicaSet for each version of the pod template, and the rollout from one version to the next.

mod sets;
mod status;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::rollout::{self, DeploymentSizes, SetSizes};
use super::template;
use crate::cluster::Cluster;
use crate::error::has_code;
use crate::events::Source;
use crate::informer::{Change, Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

const SOURCE: Source = Source::Controller("deployment-controller");
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations that are not copied from a Deployment to its ReplicaSets.
const NOT_COPIED_ANNOTATIONS: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// Starts the controller.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<Key>::new();
    let deployments = Arc::clone(&queue);
    cluster.deployments.on_change(move |change| deployments.add(key_of(&**change.object())));
    let owners = Arc::clone(&queue);
    cluster.replica_sets.on_change(move |change| {
        let set = change.object();
        if let Some(owner) = meta::controller_of(&**set).filter(|owner| owner.kind == "Deployment") {
            owners.add((set.namespace().unwrap_or_default(), owner.name.clone()));
        }
    });
    // Strategy Recreate waits for the deletion of the last old pod.
    let (pods_gone, sets) = (Arc::clone(&queue), cluster.replica_sets.clone());
    cluster.pods.on_change(move |change| {
        let Change::Deleted(pod) = change else { return };
        let namespace = pod.namespace().unwrap_or_default();
        let Some(owner) = meta::controller_of(&**pod) else { return };
        let Some(set) = sets.get(&namespace, &owner.name) else { return };
        if let Some(owner) = meta::controller_of(&*set) {
            pods_gone.add((namespace, owner.name.clone()));
        }
    });
    let (cluster, delayed) = (cluster.clone(), Arc::clone(&queue));
    cluster.tasks.clone().spawn(queue::process("deployment", queue, move |key| {
        let (cluster, delayed) = (cluster.clone(), Arc::clone(&delayed));
        async move { reconcile(&cluster, &delayed, key).await }
    }));
}

/// One sync of a Deployment.
struct DeploymentSync<'a> {
    cluster: &'a Cluster,
    deployment: Arc<Deployment>,
    spec: DeploymentSpec,
    /// All ReplicaSets except the one of the current template, oldest first.
    old: Vec<Arc<ReplicaSet>>,
    /// The ReplicaSet of the current template.
    new: Option<Arc<ReplicaSet>>,
}

async fn reconcile(cluster: &Cluster, queue: &Queue<Key>, key: Key) -> Result<(), kube::Error> {
    let Some(deployment) = cluster.deployments.get(&key.0, &key.1) else { return Ok(()) };
    let spec = deployment.spec.clone().unwrap_or_default();
    let mut sets = cluster.replica_sets.select(|set| {
        set.namespace().as_deref() == Some(&key.0) && meta::is_controlled_by(set, &*deployment)
    });
    sets.sort_by_key(|set| (set.creation_timestamp(), set.name_any()));
    let newest = sets
        .iter()
        .position(|set| set_template(set).is_some_and(|template| template::same(template, &spec.template)));
    let new = newest.map(|index| sets.remove(index));
    let mut sync = DeploymentSync { cluster, deployment, spec, old: sets, new };
    if meta::is_deleting(&*sync.deployment) {
        sync.write_status().await?;
        return Ok(());
    }
    if sync.spec.paused == Some(true) {
        sync.scale().await?;
        sync.remove_old_sets().await?;
    } else if sync.was_scaled() {
        sync.ensure_new_set(false).await?;
        sync.scale().await?;
    } else if sync.is_recreate() {
        sync.recreate().await?;
    } else {
        sync.roll().await?;
    }
    if let Some(after) = sync.write_status().await? {
        queue.add_after(key, after);
    }
    Ok(())
}

impl DeploymentSync<'_> {
    fn replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    fn is_recreate(&self) -> bool {
        self.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
    }

    fn sizes(&self) -> DeploymentSizes {
        let rolling = self.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
        let replicas = self.replicas();
        let (max_surge, max_unavailable) = if self.is_recreate() {
            (0, 0)
        } else {
            rollout::surge_and_unavailable(
                rolling.and_then(|rolling| rolling.max_surge.as_ref()),
                rolling.and_then(|rolling| rolling.max_unavailable.as_ref()),
                replicas,
            )
        };
        let observed = self.deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or(0);
        DeploymentSizes { replicas, max_surge, max_unavailable, observed }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.old.iter().chain(&self.new)
    }

    /// Returns true when `spec.replicas` changed since the sets were last scaled.
    fn was_scaled(&self) -> bool {
        self.all()
            .filter(|set| replicas_of(set) > 0)
            .any(|set| number::<i32>(set, DESIRED_REPLICAS).is_some_and(|desired| desired != self.replicas()))
    }

    async fn roll(&mut self) -> Result<(), kube::Error> {
        self.ensure_new_set(true).await?;
        let Some(new) = self.new.clone() else { return Ok(()) };
        let sizes = self.sizes();
        let old: Vec<SetSizes> = self.old.iter().map(|set| sizes_of(set)).collect();
        let size = rollout::new_size(sizes, sizes_of(&new), &old);
        if size != replicas_of(&new) {
            return self.scale_new(size).await;
        }
        let old_sizes = rollout::old_sizes(sizes, sizes_of(&new), &old);
        let mut changed = false;
        for (index, size) in old_sizes.into_iter().enumerate() {
            changed |= size != replicas_of(&self.old[index]);
            self.scale_old(index, size).await?;
        }
        if !changed && status::is_complete(&self.spec, self.all(), Some(&new)) {
            self.remove_old_sets().await?;
        }
        Ok(())
    }

    async fn recreate(&mut self) -> Result<(), kube::Error> {
        let mut waiting = false;
        for index in 0..self.old.len() {
            waiting |= replicas_of(&self.old[index]) > 0;
            self.scale_old(index, 0).await?;
        }
        let namespace = self.deployment.namespace().unwrap_or_default();
        let old_pods = self.cluster.pods.in_namespace(&namespace).into_iter().any(|pod| {
            !meta::is_terminal(&pod) && self.old.iter().any(|set| meta::is_controlled_by(&*pod, &**set))
        });
        if waiting || old_pods {
            return Ok(());
        }
        self.ensure_new_set(true).await?;
        self.scale_new(self.replicas()).await?;
        if status::is_complete(&self.spec, self.all(), self.new.as_ref()) {
            self.remove_old_sets().await?;
        }
        Ok(())
    }

    /// Writes a changed status. Returns the time until the rollout's deadline.
    async fn write_status(&mut self) -> Result<Option<Duration>, kube::Error> {
        let all: Vec<Arc<ReplicaSet>> = self.all().cloned().collect();
        let now = Timestamp::now();
        let next = status::compute(&self.deployment, &self.spec, &all, self.new.as_deref(), now);
        if next.changed {
            self.patch_status(&json!({"status": next.json})).await?;
        }
        Ok(next.until_deadline)
    }

    async fn patch_status(&mut self, change: &serde_json::Value) -> Result<(), kube::Error> {
        let name = self.deployment.name_any();
        let patch = Patch::Merge(change);
        match self.deployments().patch_status(&name, &PatchParams::default(), &patch).await {
            Ok(deployment) => {
                self.cluster.deployments.observe(deployment);
                Ok(())
            }
            Err(error) if has_code(&error, 404) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn record_scaling(&self, message: String) {
        let about = meta::reference(&*self.deployment);
        self.cluster.recorder.normal(&SOURCE, about, "ScalingReplicaSet", message);
    }

    fn sets(&self) -> Api<ReplicaSet> {
        Api::namespaced(self.cluster.client.clone(), &self.deployment.namespace().unwrap_or_default())
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.cluster.client.clone(), &self.deployment.namespace().unwrap_or_default())
    }
}

fn set_template(set: &ReplicaSet) -> Option<&k8s_openapi::api::core::v1::PodTemplateSpec> {
    set.spec.as_ref()?.template.as_ref()
}

fn replicas_of(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn number<T: std::str::FromStr>(set: &ReplicaSet, annotation: &str) -> Option<T> {
    set.annotations().get(annotation)?.parse().ok()
}

fn sizes_of(set: &ReplicaSet) -> SetSizes {
    SetSizes {
        replicas: replicas_of(set),
        available: set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0),
        created: set.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        max_replicas: number(set, MAX_REPLICAS),
    }
}
