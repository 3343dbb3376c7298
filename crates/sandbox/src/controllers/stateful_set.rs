//! StatefulSets: pods with fixed names, created and deleted in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{claims, pods, template};
use crate::cluster::Cluster;
use crate::error::{api_message, has_code};
use crate::events::Source;
use crate::informer::{Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

const SOURCE: Source = Source::Controller("statefulset-controller");
const REVISION_LABEL: &str = "controller-revision-hash";
const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// Starts the controller.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<Key>::new();
    let sets = Arc::clone(&queue);
    cluster.stateful_sets.on_change(move |change| sets.add(key_of(&**change.object())));
    let owners = Arc::clone(&queue);
    cluster.pods.on_change(move |change| {
        let pod = change.object();
        if let Some(owner) = meta::controller_of(&**pod).filter(|owner| owner.kind == "StatefulSet") {
            owners.add((pod.namespace().unwrap_or_default(), owner.name.clone()));
        }
    });
    let (cluster, delayed) = (cluster.clone(), Arc::clone(&queue));
    cluster.tasks.clone().spawn(queue::process("statefulset", queue, move |key| {
        let (cluster, delayed) = (cluster.clone(), Arc::clone(&delayed));
        async move { reconcile(&cluster, &delayed, key).await }
    }));
}

async fn reconcile(cluster: &Cluster, queue: &Queue<Key>, key: Key) -> Result<(), kube::Error> {
    let Some(set) = cluster.stateful_sets.get(&key.0, &key.1) else { return Ok(()) };
    let spec = set.spec.clone().unwrap_or_default();
    let owned = pods::claim(cluster, &*set, |pod| {
        promfmt::selector::matches(&spec.selector, pod.labels()) && ordinal(&set, pod).is_some()
    })
    .await?;
    let mut by_ordinal: BTreeMap<i32, Arc<Pod>> = BTreeMap::new();
    for pod in owned {
        if let Some(ordinal) = ordinal(&set, &pod) {
            by_ordinal.insert(ordinal, pod);
        }
    }
    let update = revision_name(&set, &spec);
    let status = set.status.clone().unwrap_or_default();
    let current = status.current_revision.clone().unwrap_or_else(|| update.clone());
    store_revision(cluster, &set, &spec, &update).await?;
    let sync = StatefulSetSync {
        cluster,
        set: &set,
        spec: &spec,
        pods: &by_ordinal,
        update: &update,
        current: &current,
    };
    let managed = if meta::is_deleting(&*set) { Ok(()) } else { sync.manage().await };
    let unavailable = sync.write_status().await?;
    if unavailable && spec.min_ready_seconds.unwrap_or(0) > 0 {
        queue.add_after(key, std::time::Duration::from_secs(1));
    }
    managed
}

/// One sync of a StatefulSet.
struct StatefulSetSync<'a> {
    cluster: &'a Cluster,
    set: &'a StatefulSet,
    spec: &'a StatefulSetSpec,
    pods: &'a BTreeMap<i32, Arc<Pod>>,
    /// Name of the newest revision.
    update: &'a str,
    /// Name of the revision of the last completed update.
    current: &'a str,
}

impl StatefulSetSync<'_> {
    fn first(&self) -> i32 {
        self.spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0)
    }

    fn replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    fn is_parallel(&self) -> bool {
        self.spec.pod_management_policy.as_deref() == Some("Parallel")
    }

    fn is_available(&self, pod: &Pod) -> bool {
        meta::is_available(pod, self.spec.min_ready_seconds.unwrap_or(0), Timestamp::now())
    }

    /// Creates, replaces or deletes the next pod; waits for the pod before unless the policy is `Parallel`.
    async fn manage(&self) -> Result<(), kube::Error> {
        let end = self.first() + self.replicas();
        for ordinal in self.first()..end {
            match self.pods.get(&ordinal) {
                None => {
                    self.create(ordinal).await?;
                    if !self.is_parallel() {
                        return Ok(());
                    }
                }
                Some(pod) if meta::is_terminal(pod) && !meta::is_deleting(&**pod) => {
                    let (namespace, name) = key_of(self.set);
                    let message =
                        format!("StatefulSet {namespace}/{name} is recreating failed Pod {}", pod.name_any());
                    self.record_event("Warning", "RecreatingFailedPod", message);
                    self.delete(pod).await?;
                    if !self.is_parallel() {
                        return Ok(());
                    }
                }
                Some(pod)
                    if !self.is_parallel() && (meta::is_deleting(&**pod) || !self.is_available(pod)) =>
                {
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        // Deletes surplus pods, the last one first, one at a time.
        for (_, pod) in
            self.pods.iter().rev().filter(|(ordinal, _)| **ordinal >= end || **ordinal < self.first())
        {
            if !meta::is_deleting(&**pod) {
                self.delete(pod).await?;
            }
            if !self.is_parallel() {
                return Ok(());
            }
        }
        self.update(end).await
    }

    /// Replaces pods of older revisions, the last one first.
    async fn update(&self, end: i32) -> Result<(), kube::Error> {
        let strategy = self.spec.update_strategy.as_ref();
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete") {
            return Ok(());
        }
        let partition = strategy
            .and_then(|s| s.rolling_update.as_ref())
            .and_then(|r| r.partition)
            .unwrap_or(0)
            .max(self.first());
        for (_, pod) in self.pods.range(partition..end.max(partition)).rev() {
            if revision_of(pod) != Some(self.update) {
                if !meta::is_deleting(&**pod) {
                    self.delete(pod).await?;
                }
                return Ok(());
            }
            if meta::is_deleting(&**pod) || !self.is_available(pod) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn create(&self, ordinal: i32) -> Result<(), kube::Error> {
        let (namespace, set_name) = key_of(self.set);
        let partition = self
            .spec
            .update_strategy
            .as_ref()
            .and_then(|strategy| strategy.rolling_update.as_ref())
            .and_then(|rolling| rolling.partition)
            .unwrap_or(0);
        // Kubernetes creates pods below the partition from the stored template of the current revision. This controller
        // does not read stored templates: it uses the newest template with the current revision's name.
        let revision = if ordinal < partition { self.current } else { self.update };
        let mut pod = pods::from_template(&self.spec.template, &namespace, meta::controller_ref(self.set));
        let name = format!("{set_name}-{ordinal}");
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert(INDEX_LABEL.to_owned(), ordinal.to_string());
        labels.insert(REVISION_LABEL.to_owned(), revision.to_owned());
        labels.insert(NAME_LABEL.to_owned(), name.clone());
        pod.metadata.name = Some(name.clone());
        pod.metadata.generate_name = Some(format!("{set_name}-"));
        let pod_spec = pod.spec.get_or_insert_default();
        pod_spec.hostname = Some(name.clone());
        pod_spec.subdomain = self.spec.service_name.clone().filter(|name| !name.is_empty());
        claims::mount(&mut pod, self.spec, &name);
        for claim in claims::for_pod(self.set, self.spec, &name) {
            if claims::create_if_missing(&self.cluster.client, &claim).await? {
                let claim = claim.name_any();
                let message = format!("create Claim {claim} Pod {name} in StatefulSet {set_name} success");
                self.record_event("Normal", "SuccessfulCreate", message);
            }
        }
        let api: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &namespace);
        match api.create(&PostParams::default(), &pod).await {
            Ok(pod) => {
                self.cluster.pods.observe(pod);
                let message = format!("create Pod {name} in StatefulSet {set_name} successful");
                self.record_event("Normal", "SuccessfulCreate", message);
                Ok(())
            }
            // The cache is behind, or another object has the name: the next sync decides.
            Err(error) if has_code(&error, 409) => Err(error),
            Err(error) => {
                let message = format!(
                    "create Pod {name} in StatefulSet {set_name} failed error: {}",
                    api_message(&error)
                );
                self.record_event("Warning", "FailedCreate", message);
                Err(error)
            }
        }
    }

    async fn delete(&self, pod: &Pod) -> Result<(), kube::Error> {
        let set_name = self.set.name_any();
        if pods::remove(self.cluster, pod).await? {
            let message = format!("delete Pod {} in StatefulSet {set_name} successful", pod.name_any());
            self.record_event("Normal", "SuccessfulDelete", message);
        }
        Ok(())
    }

    fn record_event(&self, event_type: &'static str, reason: &str, message: String) {
        self.cluster.recorder.record(&SOURCE, meta::reference(self.set), event_type, reason, message);
    }

    /// Writes a changed status. Returns true when a pod is ready but not yet available.
    async fn write_status(&self) -> Result<bool, kube::Error> {
        let key = key_of(self.set);
        let owned = self.cluster.pods.select(|pod| {
            key.0 == pod.metadata.namespace.as_deref().unwrap_or_default()
                && meta::is_controlled_by(pod, self.set)
        });
        let count = |wanted: &dyn Fn(&Pod) -> bool| owned.iter().filter(|pod| wanted(pod)).count() as i64;
        let created = |pod: &Pod| !meta::phase(pod).is_empty();
        let live = |pod: &Pod| created(pod) && !meta::is_deleting(pod);
        let replicas = count(&created);
        let ready = count(&|pod| created(pod) && meta::is_ready(pod));
        let available = count(&|pod| created(pod) && self.is_available(pod));
        let updated = count(&|pod| live(pod) && revision_of(pod) == Some(self.update));
        let in_current = count(&|pod| live(pod) && revision_of(pod) == Some(self.current));
        let done = updated == i64::from(self.replicas()) && replicas == updated && ready == replicas;
        let current = if done { self.update } else { self.current };
        let nonzero = |number: i64| if number == 0 { serde_json::Value::Null } else { number.into() };
        let next = json!({
            "observedGeneration": self.set.metadata.generation,
            "replicas": replicas,
            "readyReplicas": nonzero(ready),
            "availableReplicas": available,
            "currentReplicas": nonzero(if done { updated } else { in_current }),
            "updatedReplicas": nonzero(updated),
            "currentRevision": current,
            "updateRevision": self.update,
            "collisionCount": 0,
        });
        let before = json!(self.set.status);
        let changed =
            next.as_object().is_some_and(|next| next.iter().any(|(field, value)| before[field] != *value));
        if changed {
            let api: Api<StatefulSet> = Api::namespaced(self.cluster.client.clone(), &key.0);
            let change = json!({"metadata": {"uid": self.set.uid()}, "status": next});
            match api.patch_status(&key.1, &PatchParams::default(), &Patch::Merge(&change)).await {
                Ok(set) => self.cluster.stateful_sets.observe(set),
                Err(error) if has_code(&error, 404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(available < ready)
    }
}

fn revision_of(pod: &Pod) -> Option<&str> {
    pod.metadata.labels.as_ref()?.get(REVISION_LABEL).map(String::as_str)
}

/// The number at the end of a pod's name, if the rest is the set's name.
fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<i32> {
    let name = pod.metadata.name.as_deref()?;
    let (parent, number) = name.rsplit_once('-')?;
    (Some(parent) == set.metadata.name.as_deref()).then(|| number.parse().ok()).flatten()
}

fn revision_name(set: &StatefulSet, spec: &StatefulSetSpec) -> String {
    format!("{}-{}", set.name_any(), template::hash(&spec.template, None))
}

/// Stores the revision, which `kubectl rollout history` lists.
async fn store_revision(
    cluster: &Cluster,
    set: &StatefulSet,
    spec: &StatefulSetSpec,
    name: &str,
) -> Result<(), kube::Error> {
    let known = set.status.as_ref().and_then(|status| status.update_revision.as_deref());
    if known == Some(name) || meta::is_deleting(set) {
        return Ok(());
    }
    let api: Api<ControllerRevision> =
        Api::namespaced(cluster.client.clone(), &set.namespace().unwrap_or_default());
    let all = api.list(&Default::default()).await?;
    let newest = all
        .iter()
        .filter(|revision| meta::is_controlled_by(*revision, set))
        .map(|revision| revision.revision)
        .max()
        .unwrap_or(0);
    let mut labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    labels.insert("controller.kubernetes.io/hash".to_owned(), template::hash(&spec.template, None));
    let revision = ControllerRevision {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: set.namespace(),
            labels: Some(labels),
            owner_references: Some(vec![meta::controller_ref(set)]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(json!({"spec": {"template": spec.template}}))),
        revision: newest + 1,
    };
    match api.create(&PostParams::default(), &revision).await {
        Ok(_) => Ok(()),
        Err(error) if has_code(&error, 409) => {
            // An earlier template is the newest again.
            let change = json!({"revision": newest + 1});
            api.patch(name, &PatchParams::default(), &Patch::Merge(&change)).await.map(|_| ())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_come_from_names() {
        let set: StatefulSet = serde_json::from_value(json!({"metadata": {"name": "db"}})).unwrap();
        for (name, expected) in
            [("db-0", Some(0)), ("db-12", Some(12)), ("db-x", None), ("other-1", None), ("db", None)]
        {
            let pod: Pod = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
            assert_eq!(ordinal(&set, &pod), expected, "{name}");
        }
    }
}
