//! The garbage collector: what is owned goes with its owners, in the way that the deletion asked for.
//!
//! As in Kubernetes, it watches every kind that can be listed and deleted, keeps a graph of owners and dependents by
//! UID, and asks the API before it deletes anything.

mod graph;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::discovery::{ApiCapabilities, Discovery, Scope};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use graph::{Graph, Known, Owner};

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
