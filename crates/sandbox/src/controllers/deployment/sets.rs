//! What a Deployment does to its ReplicaSets: makes, scales, renames in revisions, and removes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use super::super::rollout::{self, Set, Wanted};
use super::super::{pods, template};
use super::{DESIRED, Look, MAX, OWN_ANNOTATIONS, REVISION, number, replicas_of, set_template, view};
use crate::meta;

impl Look<'_> {
    /// The newest set, made if it is missing and `make` says so, with its revision.
    pub(super) async fn new_set(&mut self, make: bool) -> Result<(), kube::Error> {
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
    pub(super) async fn collided(&mut self, name: &str, error: kube::Error) -> Result<(), kube::Error> {
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
    pub(super) async fn note_revision(&mut self, revision: i64) -> Result<(), kube::Error> {
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
    pub(super) async fn scale(&mut self) -> Result<(), kube::Error> {
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

    /// Removes the oldest versions beyond `revisionHistoryLimit`.
    pub(super) async fn clean_up(&mut self) -> Result<(), kube::Error> {
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

    pub(super) async fn scale_old(&mut self, index: usize, size: i32) -> Result<(), kube::Error> {
        let set = Arc::clone(&self.old[index]);
        if let Some(set) = self.scale_set(&set, size).await? {
            self.old[index] = set;
        }
        Ok(())
    }

    pub(super) async fn scale_new(&mut self, size: i32) -> Result<(), kube::Error> {
        let Some(set) = self.new.clone() else { return Ok(()) };
        if let Some(set) = self.scale_set(&set, size).await? {
            self.new = Some(set);
        }
        Ok(())
    }

    pub(super) async fn scale_set(
        &self,
        set: &ReplicaSet,
        size: i32,
    ) -> Result<Option<Arc<ReplicaSet>>, kube::Error> {
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

    pub(super) async fn patch_set(
        &self,
        name: &str,
        change: serde_json::Value,
    ) -> Result<Arc<ReplicaSet>, kube::Error> {
        let set = self.sets().patch(name, &PatchParams::default(), &Patch::Merge(&change)).await?;
        self.cluster.replica_sets.observe(set.clone());
        Ok(Arc::new(set))
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
