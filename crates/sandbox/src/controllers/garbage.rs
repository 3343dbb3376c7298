//! The garbage collector: what is owned goes with its owners, in the way that the deletion asked for.
//!
//! As in Kubernetes, it watches every kind that can be listed and deleted, keeps a graph of owners and dependents by
//! UID, and asks the API before it deletes anything.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::discovery::{ApiCapabilities, Discovery, Scope};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use super::pods;
use crate::cluster::Cluster;
use crate::queue::{self, Queue};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
/// Until discovery is asked again after it failed.
const RETRY: Duration = Duration::from_millis(200);

/// A kind that is watched.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) resource: ApiResource,
    pub(super) namespaced: bool,
}

impl Watched {
    pub(super) fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        if self.namespaced {
            Api::namespaced_with(client.clone(), namespace, &self.resource)
        } else {
            Api::all_with(client.clone(), &self.resource)
        }
    }
}

/// Every kind whose objects can be listed, watched and deleted. Events own nothing and are owned by nothing.
pub(super) async fn kinds(client: &Client) -> Result<Vec<Watched>, kube::Error> {
    let discovery = Discovery::new(client.clone()).run().await?;
    let mut kinds = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let offers = |verb: &str| capabilities.supports_operation(verb);
            if offers("list") && offers("watch") && offers("delete") && resource.kind != "Event" {
                kinds.push(Watched { namespaced: is_namespaced(&capabilities), resource });
            }
        }
    }
    Ok(kinds)
}

fn is_namespaced(capabilities: &ApiCapabilities) -> bool {
    capabilities.scope == Scope::Namespaced
}

/// Watches, and works.
pub(super) fn start(cluster: &Cluster) {
    let (client, tasks) = (cluster.client.clone(), cluster.tasks.clone());
    cluster.tasks.spawn(async move {
        let kinds = loop {
            match kinds(&client).await {
                Ok(kinds) => break kinds,
                Err(error) => tracing::debug!(%error, "the garbage collector found no kinds; asking again"),
            }
            tokio::time::sleep(RETRY).await;
        };
        let collector =
            Arc::new(Collector { client, graph: Mutex::new(Graph::default()), queue: Queue::new() });
        for kind in kinds {
            tasks.spawn(watch(Arc::clone(&collector), Arc::new(kind)));
        }
        let queue = Arc::clone(&collector.queue);
        queue::work("garbage", queue, move |uid| {
            let collector = Arc::clone(&collector);
            async move { collector.look_at(&uid).await }
        })
        .await;
    });
}

struct Collector {
    client: Client,
    graph: Mutex<Graph>,
    queue: Arc<Queue<String>>,
}

#[derive(Default)]
struct Graph {
    objects: HashMap<String, Known>,
    /// Dependents by the UID of an owner.
    dependents: HashMap<String, HashSet<String>>,
}

#[derive(Clone)]
struct Known {
    kind: Arc<Watched>,
    namespace: String,
    name: String,
    owners: Vec<Owner>,
    finalizers: Vec<String>,
    deleting: bool,
}

#[derive(Clone, Debug)]
struct Owner {
    uid: String,
    api_version: String,
    kind: String,
    name: String,
    blocks: bool,
}

impl Known {
    fn of(object: &DynamicObject, kind: &Arc<Watched>) -> Self {
        let owners = object.owner_references().iter().map(|owner| Owner {
            uid: owner.uid.clone(),
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            name: owner.name.clone(),
            blocks: owner.block_owner_deletion == Some(true),
        });
        Self {
            kind: Arc::clone(kind),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            owners: owners.collect(),
            finalizers: object.finalizers().to_vec(),
            deleting: object.metadata.deletion_timestamp.is_some(),
        }
    }

    fn waits_for(&self, finalizer: &str) -> bool {
        self.deleting && self.finalizers.iter().any(|one| one == finalizer)
    }
}

impl Graph {
    /// Takes in an object; returns whom to look at.
    fn put(&mut self, uid: String, known: Known) -> Vec<String> {
        let mut look = self.cut(&uid);
        look.clear();
        for owner in &known.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
            // An owner that waits for its dependents wants to know.
            if self.objects.get(&owner.uid).is_some_and(|owner| owner.deleting) {
                look.push(owner.uid.clone());
            }
        }
        if known.waits_for(FOREGROUND) || known.waits_for(ORPHAN) || !known.owners.is_empty() {
            look.push(uid.clone());
        }
        self.objects.insert(uid, known);
        look
    }

    /// Takes out an object; returns whom to look at: its dependents, and its owners.
    fn remove(&mut self, uid: &str) -> Vec<String> {
        let mut look = self.cut(uid);
        self.objects.remove(uid);
        look.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        look
    }

    /// Removes the edges to its owners; returns the owners.
    fn cut(&mut self, uid: &str) -> Vec<String> {
        let owners: Vec<String> = self
            .objects
            .get(uid)
            .map(|known| known.owners.iter().map(|o| o.uid.clone()).collect())
            .unwrap_or_default();
        for owner in &owners {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        owners
    }

    fn dependents_of(&self, uid: &str) -> Vec<(String, Known)> {
        let dependents = self.dependents.get(uid).into_iter().flatten();
        dependents.filter_map(|uid| Some((uid.clone(), self.objects.get(uid)?.clone()))).collect()
    }
}

async fn watch(collector: Arc<Collector>, kind: Arc<Watched>) {
    let api: Api<DynamicObject> = Api::all_with(collector.client.clone(), &kind.resource);
    let mut events = Box::pin(watcher::watcher(api, watcher::Config::default()).default_backoff());
    let mut listed: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        let look = match event {
            Ok(Event::Apply(object)) => collector.take(&object, &kind),
            Ok(Event::InitApply(object)) => {
                listed.extend(object.uid());
                collector.take(&object, &kind)
            }
            Ok(Event::Delete(object)) => collector.graph().remove(&object.uid().unwrap_or_default()),
            Ok(Event::Init) => {
                listed.clear();
                Vec::new()
            }
            Ok(Event::InitDone) => collector.forget_unlisted(&kind, &std::mem::take(&mut listed)),
            Err(error) => {
                tracing::debug!(kind = kind.resource.kind, %error, "watching failed; trying again");
                Vec::new()
            }
        };
        for uid in look {
            collector.queue.add(uid);
        }
    }
}

impl Collector {
    fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, object: &DynamicObject, kind: &Arc<Watched>) -> Vec<String> {
        self.graph().put(object.uid().unwrap_or_default(), Known::of(object, kind))
    }

    fn forget_unlisted(&self, kind: &Arc<Watched>, listed: &HashSet<String>) -> Vec<String> {
        let mut graph = self.graph();
        let same = |known: &Known| {
            known.kind.resource.kind == kind.resource.kind && known.kind.resource.group == kind.resource.group
        };
        let gone: Vec<String> = graph
            .objects
            .iter()
            .filter(|(uid, known)| same(known) && !listed.contains(*uid))
            .map(|(uid, _)| uid.clone())
            .collect();
        gone.iter().flat_map(|uid| graph.remove(uid)).collect()
    }

    async fn look_at(&self, uid: &str) -> Result<(), kube::Error> {
        let (known, dependents) = {
            let graph = self.graph();
            let Some(known) = graph.objects.get(uid).cloned() else { return Ok(()) };
            (known, graph.dependents_of(uid))
        };
        if known.waits_for(ORPHAN) {
            for (dependent, object) in &dependents {
                self.let_go(dependent, object, uid).await?;
            }
            return self.drop_finalizer(uid, &known, ORPHAN).await;
        }
        if known.waits_for(FOREGROUND) {
            let blocking: Vec<&(String, Known)> = dependents
                .iter()
                .filter(|(_, object)| object.owners.iter().any(|owner| owner.uid == uid && owner.blocks))
                .collect();
            if blocking.is_empty() {
                return self.drop_finalizer(uid, &known, FOREGROUND).await;
            }
            for (dependent, object) in &dependents {
                if !object.deleting {
                    self.queue.add(dependent.clone());
                }
            }
        }
        if known.deleting || known.owners.is_empty() {
            return Ok(());
        }
        self.collect(uid, &known, !dependents.is_empty()).await
    }

    /// Deletes an object whose owners are all gone, or wait in the foreground for it.
    async fn collect(&self, uid: &str, known: &Known, has_dependents: bool) -> Result<(), kube::Error> {
        // Watches of different kinds are not in step: the end of an owner may be heard of before the object lost its
        // reference to it.
        let api = known.kind.api(&self.client, &known.namespace);
        let Some(object) = api.get_opt(&known.name).await? else { return Ok(()) };
        if object.uid().as_deref() != Some(uid) {
            return Ok(());
        }
        let known = &Known::of(&object, &known.kind);
        if known.deleting || known.owners.is_empty() {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut waiting = false;
        for owner in &known.owners {
            let in_graph = self.graph().objects.get(&owner.uid).cloned();
            match in_graph {
                Some(found) if found.waits_for(FOREGROUND) => waiting = true,
                Some(_) => return self.drop_references(uid, known, &gone).await,
                None if self.exists(owner, known).await? => {
                    return self.drop_references(uid, known, &gone).await;
                }
                None => gone.push(owner.uid.clone()),
            }
        }
        let policy =
            if waiting && has_dependents { DeleteParams::foreground() } else { DeleteParams::background() };
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: object.resource_version(),
            }),
            ..policy
        };
        done(api.delete(&known.name, &parameters).await.map(|_| ()))
    }

    /// Some owners are gone and others live: the references to the gone ones go.
    async fn drop_references(&self, uid: &str, known: &Known, gone: &[String]) -> Result<(), kube::Error> {
        for owner in gone {
            self.let_go(uid, known, owner).await?;
        }
        Ok(())
    }

    /// Asks the API itself, because the graph may be behind. An owner in another namespace counts as absent.
    async fn exists(&self, owner: &Owner, of: &Known) -> Result<bool, kube::Error> {
        let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
        let resource = {
            let graph = self.graph();
            let same =
                |known: &&Known| known.kind.resource.kind == owner.kind && known.kind.resource.group == group;
            graph.objects.values().find(same).map(|known| Arc::clone(&known.kind))
        };
        let kind = match resource {
            Some(kind) => kind,
            None => {
                let wanted = kube::core::GroupVersionKind::gvk(group, version, &owner.kind);
                match kube::discovery::pinned_kind(&self.client, &wanted).await {
                    Ok((resource, capabilities)) => {
                        Arc::new(Watched { namespaced: is_namespaced(&capabilities), resource })
                    }
                    // A kind that is not there cannot have objects, but may come back: as Kubernetes, keep it.
                    Err(_) => return Ok(true),
                }
            }
        };
        let found = kind.api(&self.client, &of.namespace).get_opt(&owner.name).await?;
        Ok(found.is_some_and(|object| object.uid().as_ref() == Some(&owner.uid)))
    }

    async fn let_go(&self, uid: &str, known: &Known, owner: &str) -> Result<(), kube::Error> {
        let api = known.kind.api(&self.client, &known.namespace);
        let Some(object) = api.get_opt(&known.name).await? else { return Ok(()) };
        if object.uid().as_deref() != Some(uid) {
            return Ok(());
        }
        let kept: Vec<_> =
            object.owner_references().iter().filter(|reference| reference.uid != owner).cloned().collect();
        let change = json!({"metadata": {"uid": uid, "ownerReferences": kept}});
        done(api.patch(&known.name, &PatchParams::default(), &Patch::Merge(&change)).await.map(|_| ()))
    }

    async fn drop_finalizer(&self, uid: &str, known: &Known, finalizer: &str) -> Result<(), kube::Error> {
        let api = known.kind.api(&self.client, &known.namespace);
        let Some(object) = api.get_opt(&known.name).await? else { return Ok(()) };
        if object.uid().as_deref() != Some(uid) {
            return Ok(());
        }
        let kept: Vec<&String> = object.finalizers().iter().filter(|one| *one != finalizer).collect();
        let change = json!({"metadata": {
            "uid": uid, "resourceVersion": object.resource_version(), "finalizers": kept,
        }});
        done(api.patch(&known.name, &PatchParams::default(), &Patch::Merge(&change)).await.map(|_| ()))
    }
}

/// Gone already is as good as done.
fn done(answer: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match answer {
        Err(error) if pods::is_code(&error, 404) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(owners: &[&str], finalizers: &[&str], deleting: bool) -> Known {
        let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
        let owner = |uid: &&str| Owner {
            uid: (*uid).to_owned(),
            api_version: "v1".into(),
            kind: "Pod".into(),
            name: (*uid).to_owned(),
            blocks: true,
        };
        Known {
            kind: Arc::new(Watched { resource, namespaced: true }),
            namespace: "demo".into(),
            name: "x".into(),
            owners: owners.iter().map(owner).collect(),
            finalizers: finalizers.iter().map(|&one| one.to_owned()).collect(),
            deleting,
        }
    }

    #[test]
    fn the_graph_knows_whom_a_change_concerns() {
        let mut graph = Graph::default();
        assert!(graph.put("owner".into(), known(&[], &[], false)).is_empty());
        assert_eq!(graph.put("child".into(), known(&["owner"], &[], false)), ["child"]);
        assert_eq!(graph.dependents_of("owner").len(), 1);
        assert_eq!(graph.put("owner".into(), known(&[], &[FOREGROUND], true)), ["owner"]);
        assert_eq!(graph.put("child".into(), known(&["owner"], &[], true)), ["owner", "child"]);
        assert_eq!(graph.remove("child"), ["owner"]);
        assert!(graph.dependents_of("owner").is_empty());
        graph.put("child".into(), known(&["owner"], &[], false));
        assert_eq!(graph.remove("owner"), ["child"]);
    }
}
