//! Creates, scales, numbers and removes the ReplicaSets of a Deployment.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use super::super::rollout::{self, DeploymentSizes, SetSizes};
use super::super::template;
use super::{
    DESIRED_REPLICAS, DeploymentSync, MAX_REPLICAS, NOT_COPIED_ANNOTATIONS, REVISION, number, replicas_of,
    set_template, sizes_of,
};
use crate::error::has_code;
use crate::meta;

impl DeploymentSync<'_> {
    /// Updates the revision of the new set; creates a missing set when `create` is true.
    pub(super) async fn ensure_new_set(&mut self, create: bool) -> Result<(), kube::Error> {
        let newest_old = self.old.iter().filter_map(|set| number::<i64>(set, REVISION)).max().unwrap_or(0);
        let revision = newest_old + 1;
        let sizes = self.sizes();
        if let Some(new) = &self.new {
            // After a rollback the current template is that of an old set, which becomes the newest revision.
            let revision =
                number::<i64>(new, REVISION).filter(|known| *known >= revision).unwrap_or(revision);
            let mut annotations = copied_annotations(&self.deployment);
            annotations.insert(REVISION.to_owned(), revision.to_string());
            if annotations.iter().any(|(name, value)| new.annotations().get(name) != Some(value)) {
                let change = json!({"metadata": {"annotations": annotations}});
                self.new = Some(self.patch_set(&new.name_any(), change).await?);
            }
            return self.write_revision(revision).await;
        }
        if !create {
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
        let old: Vec<SetSizes> = self.old.iter().map(|set| sizes_of(set)).collect();
        let none = SetSizes { replicas: 0, available: 0, created: Timestamp::UNIX_EPOCH, max_replicas: None };
        let replicas = if self.is_recreate() { sizes.replicas } else { rollout::new_size(sizes, none, &old) };
        let mut annotations = copied_annotations(&self.deployment);
        annotations.insert(REVISION.to_owned(), revision.to_string());
        annotations.extend(size_annotations(sizes));
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
            Err(error) if has_code(&error, 409) => {
                return self.handle_name_collision(&set.name_any(), error).await;
            }
            Err(error) => return Err(error),
        };
        self.cluster.replica_sets.observe(set.clone());
        if replicas > 0 {
            self.record_scaling(format!("Scaled up replica set {} from 0 to {replicas}", set.name_any()));
        }
        self.new = Some(Arc::new(set));
        self.write_revision(revision).await
    }

    /// Handles a taken name: the set exists already and the cache is behind, or another template has the same hash.
    async fn handle_name_collision(&mut self, name: &str, error: kube::Error) -> Result<(), kube::Error> {
        let existing = self.sets().get(name).await?;
        let ours = meta::is_controlled_by(&existing, &*self.deployment)
            && set_template(&existing).is_some_and(|template| template::same(template, &self.spec.template));
        if ours {
            self.cluster.replica_sets.observe(existing.clone());
            self.new = Some(Arc::new(existing));
            return Ok(());
        }
        let collisions = self.deployment.status.as_ref().and_then(|s| s.collision_count).unwrap_or(0) + 1;
        let change = json!({"status": {"collisionCount": collisions}});
        self.patch_status(&change).await?;
        Err(error)
    }

    /// Writes the newest revision to the Deployment's annotation.
    async fn write_revision(&mut self, revision: i64) -> Result<(), kube::Error> {
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

    /// Distributes a changed number of replicas over all sets.
    pub(super) async fn scale(&mut self) -> Result<(), kube::Error> {
        let sizes = self.sizes();
        let active: Vec<usize> =
            (0..self.old.len()).filter(|&index| replicas_of(&self.old[index]) > 0).collect();
        let new_active = self.new.as_ref().is_some_and(|set| replicas_of(set) > 0);
        let count = active.len() + usize::from(new_active);
        if count <= 1 {
            // Scales the only set with pods, else the newest set.
            match active.first() {
                Some(&index) => return self.scale_old(index, sizes.replicas).await,
                None if self.new.is_some() => return self.scale_new(sizes.replicas).await,
                None => match self.old.len().checked_sub(1) {
                    Some(index) => return self.scale_old(index, sizes.replicas).await,
                    None => return Ok(()),
                },
            }
        }
        let saturated = self.new.as_ref().is_some_and(|set| {
            replicas_of(set) == sizes.replicas
                && number(set, DESIRED_REPLICAS) == Some(sizes.replicas)
                && sizes_of(set).available == sizes.replicas
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
        let mut sets: Vec<SetSizes> = active.iter().map(|&index| sizes_of(&self.old[index])).collect();
        sets.extend(self.new.iter().filter(|_| new_active).map(|set| sizes_of(set)));
        let shares = rollout::proportional(sizes, &sets);
        for (&index, &share) in active.iter().zip(&shares) {
            self.scale_old(index, share).await?;
        }
        if new_active && let Some(&share) = shares.last() {
            self.scale_new(share).await?;
        }
        Ok(())
    }

    /// Removes the oldest sets beyond `revisionHistoryLimit`.
    pub(super) async fn remove_old_sets(&mut self) -> Result<(), kube::Error> {
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
                Err(error) if !has_code(&error, 404) && !has_code(&error, 409) => {
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

    async fn scale_set(&self, set: &ReplicaSet, size: i32) -> Result<Option<Arc<ReplicaSet>>, kube::Error> {
        let sizes = self.sizes();
        let before = replicas_of(set);
        let annotations = size_annotations(sizes);
        let annotated = annotations.iter().all(|(name, value)| set.annotations().get(name) == Some(value));
        if before == size && (annotated || size == 0) {
            return Ok(None);
        }
        let change = json!({"metadata": {"annotations": annotations}, "spec": {"replicas": size}});
        let set = self.patch_set(&set.name_any(), change).await?;
        if before != size {
            let direction = if size > before { "up" } else { "down" };
            self.record_scaling(format!(
                "Scaled {direction} replica set {} from {before} to {size}",
                set.name_any()
            ));
        }
        Ok(Some(set))
    }

    async fn patch_set(&self, name: &str, change: serde_json::Value) -> Result<Arc<ReplicaSet>, kube::Error> {
        let set = self.sets().patch(name, &PatchParams::default(), &Patch::Merge(&change)).await?;
        self.cluster.replica_sets.observe(set.clone());
        Ok(Arc::new(set))
    }
}

fn copied_annotations(deployment: &Deployment) -> BTreeMap<String, String> {
    let mut annotations = deployment.annotations().clone();
    annotations.retain(|name, _| !NOT_COPIED_ANNOTATIONS.contains(&name.as_str()));
    annotations
}

fn size_annotations(sizes: DeploymentSizes) -> BTreeMap<String, String> {
    BTreeMap::from([
        (DESIRED_REPLICAS.to_owned(), sizes.replicas.to_string()),
        (MAX_REPLICAS.to_owned(), (sizes.replicas + sizes.max_surge).to_string()),
    ])
}
