//! Deployments: versions of a pod template as ReplicaSets, and the way from one to the next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use super::rollout::{self, Set, Wanted};
use super::{deployment_status, pods, template};
use crate::cluster::Cluster;
use crate::events::Source;
use crate::informer::{Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

const SOURCE: Source = Source::Controller("deployment-controller");
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// Not handed on from a Deployment to its ReplicaSets.
const OWN_ANNOTATIONS: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// Listens and works.
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
    // Strategy Recreate waits for the last old pod.
    let (pods_gone, sets) = (Arc::clone(&queue), cluster.replica_sets.clone());
    cluster.pods.on_change(move |change| {
        let crate::informer::Change::Deleted(pod) = change else { return };
        let namespace = pod.namespace().unwrap_or_default();
        let Some(owner) = meta::controller_of(&**pod) else { return };
        let Some(set) = sets.get(&namespace, &owner.name) else { return };
        if let Some(owner) = meta::controller_of(&*set) {
            pods_gone.add((namespace, owner.name.clone()));
        }
    });
    let (cluster, again) = (cluster.clone(), Arc::clone(&queue));
    cluster.tasks.clone().spawn(queue::work("deployment", queue, move |key| {
        let (cluster, again) = (cluster.clone(), Arc::clone(&again));
        async move { reconcile(&cluster, &again, key).await }
    }));
}

/// One look at one Deployment.
struct Look<'a> {
    cluster: &'a Cluster,
    deployment: Arc<Deployment>,
    spec: DeploymentSpec,
    /// All its ReplicaSets but the newest, oldest first.
    old: Vec<Arc<ReplicaSet>>,
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
    let mut look = Look { cluster, deployment, spec, old: sets, new };
    if meta::is_deleting(&*look.deployment) {
        look.write_status().await?;
        return Ok(());
    }
    if look.spec.paused == Some(true) {
        look.scale().await?;
        look.clean_up().await?;
    } else if look.was_scaled() {
        look.new_set(false).await?;
        look.scale().await?;
    } else if look.is_recreate() {
        look.recreate().await?;
    } else {
        look.roll().await?;
    }
    if let Some(after) = look.write_status().await? {
        queue.add_after(key, after);
    }
    Ok(())
}

impl Look<'_> {
    fn replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    fn is_recreate(&self) -> bool {
        self.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
    }

    fn wanted(&self) -> Wanted {
        let rolling = self.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
        let replicas = self.replicas();
        let (max_surge, max_unavailable) = if self.is_recreate() {
            (0, 0)
        } else {
            rollout::limits(
                rolling.and_then(|rolling| rolling.max_surge.as_ref()),
                rolling.and_then(|rolling| rolling.max_unavailable.as_ref()),
                replicas,
            )
        };
        let observed = self.deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or(0);
        Wanted { replicas, max_surge, max_unavailable, observed }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.old.iter().chain(&self.new)
    }

    /// Whether somebody changed the number of replicas since the sets were last scaled.
    fn was_scaled(&self) -> bool {
        self.all()
            .filter(|set| replicas_of(set) > 0)
            .any(|set| number::<i32>(set, DESIRED).is_some_and(|desired| desired != self.replicas()))
    }

    /// The newest set, made if it is missing and `make` says so, with its revision.
    async fn new_set(&mut self, make: bool) -> Result<(), kube::Error> {
        let newest_old = self.old.iter().filter_map(|set| number::<i64>(set, REVISION)).max().unwrap_or(0);
        let revision = newest_old + 1;
        let wanted = self.wanted();
        if let Some(new) = &self.new {
            // After a rollback the newest template belongs to an old set: it becomes the newest revision.
            let revision =
                number::<i64>(new, REVISION).filter(|known| *known >= revision).unwrap_or(revision);
            let mut annotations = handed_on(&self.deployment);
            annotations.insert(REVISION.to_owned(), revision.to_string());
            if annotations.iter().any(|(name, value)| new.annotations().get(name) != Some(value)) {
                let change = json!({"metadata": {"annotations": annotations}});
                self.new = Some(self.patch_set(&new.name_any(), change).await?);
            }
            return self.note_revision(revision).await;
        }
        if !make {
            return Ok(());
        }
        let collisions = self.deployment.status.as_ref().and_then(|status| status.collision_count);
        let hash = template::hash(&self.spec.template, collisions);
        let with_hash = |labels: Option<BTreeMap<String, String>>| {
            let mut labels = labels.unwrap_or_default();
            labels.insert(template::HASH_LABEL.to_owned(), hash.clone());
            Some(labels)
        };
        let mut pod_template = self.spec.template.clone();
        let template_meta = pod_template.metadata.get_or_insert_default();
        template_meta.labels = with_hash(template_meta.labels.take());
        let labels = template_meta.labels.clone();
        let old: Vec<Set> = self.old.iter().map(|set| view(set)).collect();
        let none = Set { replicas: 0, available: 0, created: Timestamp::UNIX_EPOCH, max_replicas: None };
        let replicas =
            if self.is_recreate() { wanted.replicas } else { rollout::new_size(wanted, none, &old) };
        let mut annotations = handed_on(&self.deployment);
        annotations.insert(REVISION.to_owned(), revision.to_string());
        annotations.extend(sizes(wanted));
        let set = ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{}-{hash}", self.deployment.name_any())),
                namespace: self.deployment.namespace(),
                labels,
                annotations: Some(annotations),
                owner_references: Some(vec![meta::controller_ref(&*self.deployment)]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                min_ready_seconds: self.spec.min_ready_seconds,
                replicas: Some(replicas),
                selector: LabelSelector {
                    match_labels: with_hash(self.spec.selector.match_labels.clone()),
                    match_expressions: self.spec.selector.match_expressions.clone(),
                },
                template: Some(pod_template),
            }),
            status: None,
        };
        let set = match self.sets().create(&PostParams::default(), &set).await {
            Ok(set) => set,
            Err(error) if pods::is_code(&error, 409) => return self.collided(&set.name_any(), error).await,
            Err(error) => return Err(error),
        };
        self.cluster.replica_sets.observe(set.clone());
        if replicas > 0 {
            self.say(format!("Scaled up replica set {} from 0 to {replicas}", set.name_any()));
        }
        self.new = Some(Arc::new(set));
        self.note_revision(revision).await
    }

    /// The name of the new set is taken: by itself, when the cache is behind, or by another template.
    async fn collided(&mut self, name: &str, error: kube::Error) -> Result<(), kube::Error> {
        let taken = self.sets().get(name).await?;
        let ours = meta::is_controlled_by(&taken, &*self.deployment)
            && set_template(&taken).is_some_and(|template| template::same(template, &self.spec.template));
        if ours {
            self.cluster.replica_sets.observe(taken.clone());
            self.new = Some(Arc::new(taken));
            return Ok(());
        }
        let collisions = self.deployment.status.as_ref().and_then(|s| s.collision_count).unwrap_or(0) + 1;
        let change = json!({"status": {"collisionCount": collisions}});
        self.patch_status(&change).await?;
        Err(error)
    }

    /// The Deployment bears its newest revision as an annotation.
    async fn note_revision(&mut self, revision: i64) -> Result<(), kube::Error> {
        let revision = revision.to_string();
        if self.deployment.annotations().get(REVISION) == Some(&revision) {
            return Ok(());
        }
        let change = json!({"metadata": {"annotations": {REVISION: revision}}});
        let api: Api<Deployment> = self.deployments();
        let name = self.deployment.name_any();
        let deployment = api.patch(&name, &PatchParams::default(), &Patch::Merge(&change)).await?;
        self.cluster.deployments.observe(deployment.clone());
        self.deployment = Arc::new(deployment);
        Ok(())
    }

    /// Gives all sets their share of a changed number of replicas.
    async fn scale(&mut self) -> Result<(), kube::Error> {
        let wanted = self.wanted();
        let active: Vec<usize> =
            (0..self.old.len()).filter(|&index| replicas_of(&self.old[index]) > 0).collect();
        let new_active = self.new.as_ref().is_some_and(|set| replicas_of(set) > 0);
        let count = active.len() + usize::from(new_active);
        if count <= 1 {
            // The only one that has pods, else the newest.
            match active.first() {
                Some(&index) => return self.scale_old(index, wanted.replicas).await,
                None if self.new.is_some() => return self.scale_new(wanted.replicas).await,
                None => match self.old.len().checked_sub(1) {
                    Some(index) => return self.scale_old(index, wanted.replicas).await,
                    None => return Ok(()),
                },
            }
        }
        let saturated = self.new.as_ref().is_some_and(|set| {
            replicas_of(set) == wanted.replicas
                && number(set, DESIRED) == Some(wanted.replicas)
                && view(set).available == wanted.replicas
        });
        if saturated {
            for index in active {
                self.scale_old(index, 0).await?;
            }
            return Ok(());
        }
        if self.is_recreate() {
            return Ok(());
        }
        let mut sets: Vec<Set> = active.iter().map(|&index| view(&self.old[index])).collect();
        sets.extend(self.new.iter().filter(|_| new_active).map(|set| view(set)));
        let sizes = rollout::proportional(wanted, &sets);
        for (place, &index) in active.iter().enumerate() {
            self.scale_old(index, sizes[place]).await?;
        }
        if new_active && let Some(&size) = sizes.last() {
            self.scale_new(size).await?;
        }
        Ok(())
    }

    async fn roll(&mut self) -> Result<(), kube::Error> {
        self.new_set(true).await?;
        let Some(new) = self.new.clone() else { return Ok(()) };
        let wanted = self.wanted();
        let old: Vec<Set> = self.old.iter().map(|set| view(set)).collect();
        let size = rollout::new_size(wanted, view(&new), &old);
        if size != replicas_of(&new) {
            return self.scale_new(size).await;
        }
        let sizes = rollout::old_sizes(wanted, view(&new), &old);
        let mut changed = false;
        for (index, size) in sizes.into_iter().enumerate() {
            changed |= size != replicas_of(&self.old[index]);
            self.scale_old(index, size).await?;
        }
        if !changed && deployment_status::is_complete(&self.spec, self.all(), Some(&new)) {
            self.clean_up().await?;
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
        self.new_set(true).await?;
        self.scale_new(self.replicas()).await?;
        if deployment_status::is_complete(&self.spec, self.all(), self.new.as_ref()) {
            self.clean_up().await?;
        }
        Ok(())
    }

    /// Removes the oldest versions beyond `revisionHistoryLimit`.
    async fn clean_up(&mut self) -> Result<(), kube::Error> {
        let keep = usize::try_from(self.spec.revision_history_limit.unwrap_or(10)).unwrap_or(usize::MAX);
        let excess = self.old.len().saturating_sub(keep);
        let mut by_revision = self.old.clone();
        by_revision.sort_by_key(|set| number::<i64>(set, REVISION).unwrap_or(0));
        for set in by_revision.into_iter().take(excess) {
            let pods = set.status.as_ref().map_or(0, |status| status.replicas);
            let behind = set.metadata.generation > set.status.as_ref().and_then(|s| s.observed_generation);
            if pods != 0 || replicas_of(&set) != 0 || behind || meta::is_deleting(&*set) {
                continue;
            }
            let parameters = DeleteParams {
                preconditions: Some(Preconditions { uid: set.uid(), resource_version: None }),
                ..DeleteParams::background()
            };
            match self.sets().delete(&set.name_any(), &parameters).await {
                Err(error) if !pods::is_code(&error, 404) && !pods::is_code(&error, 409) => {
                    return Err(error);
                }
                _ => self.cluster.replica_sets.forget(&set),
            }
        }
        Ok(())
    }

    async fn scale_old(&mut self, index: usize, size: i32) -> Result<(), kube::Error> {
        let set = Arc::clone(&self.old[index]);
        if let Some(set) = self.scale_set(&set, size).await? {
            self.old[index] = set;
        }
        Ok(())
    }

    async fn scale_new(&mut self, size: i32) -> Result<(), kube::Error> {
        let Some(set) = self.new.clone() else { return Ok(()) };
        if let Some(set) = self.scale_set(&set, size).await? {
            self.new = Some(set);
        }
        Ok(())
    }

    async fn scale_set(&self, set: &ReplicaSet, size: i32) -> Result<Option<Arc<ReplicaSet>>, kube::Error> {
        let wanted = self.wanted();
        let before = replicas_of(set);
        let notes = sizes(wanted);
        let noted = notes.iter().all(|(name, value)| set.annotations().get(name) == Some(value));
        if before == size && (noted || size == 0) {
            return Ok(None);
        }
        let change = json!({"metadata": {"annotations": notes}, "spec": {"replicas": size}});
        let set = self.patch_set(&set.name_any(), change).await?;
        if before != size {
            let direction = if size > before { "up" } else { "down" };
            self.say(format!("Scaled {direction} replica set {} from {before} to {size}", set.name_any()));
        }
        Ok(Some(set))
    }

    async fn patch_set(&self, name: &str, change: serde_json::Value) -> Result<Arc<ReplicaSet>, kube::Error> {
        let set = self.sets().patch(name, &PatchParams::default(), &Patch::Merge(&change)).await?;
        self.cluster.replica_sets.observe(set.clone());
        Ok(Arc::new(set))
    }

    /// Writes the status if it changed; says when to look again because a deadline runs.
    async fn write_status(&mut self) -> Result<Option<Duration>, kube::Error> {
        let all: Vec<Arc<ReplicaSet>> = self.all().cloned().collect();
        let now = Timestamp::now();
        let next = deployment_status::next(&self.deployment, &self.spec, &all, self.new.as_deref(), now);
        if next.changed {
            self.patch_status(&json!({"status": next.json})).await?;
        }
        Ok(next.again)
    }

    async fn patch_status(&mut self, change: &serde_json::Value) -> Result<(), kube::Error> {
        let name = self.deployment.name_any();
        let patch = Patch::Merge(change);
        match self.deployments().patch_status(&name, &PatchParams::default(), &patch).await {
            Ok(deployment) => {
                self.cluster.deployments.observe(deployment);
                Ok(())
            }
            Err(error) if pods::is_code(&error, 404) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn say(&self, message: String) {
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

fn view(set: &ReplicaSet) -> Set {
    Set {
        replicas: replicas_of(set),
        available: set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0),
        created: set.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        max_replicas: number(set, MAX),
    }
}

fn handed_on(deployment: &Deployment) -> BTreeMap<String, String> {
    let mut annotations = deployment.annotations().clone();
    annotations.retain(|name, _| !OWN_ANNOTATIONS.contains(&name.as_str()));
    annotations
}

fn sizes(wanted: Wanted) -> BTreeMap<String, String> {
    BTreeMap::from([
        (DESIRED.to_owned(), wanted.replicas.to_string()),
        (MAX.to_owned(), (wanted.replicas + wanted.max_surge).to_string()),
    ])
}
