//! The garbage collector: deletes objects whose owners are gone, by the propagation policy of the owner's deletion.
//!
//! As in Kubernetes, it watches every kind that can be listed and deleted, keeps a graph of owners and dependents by
//! UID, and reads an object from the API server before it deletes the object.

mod graph;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::discovery::{ApiCapabilities, Discovery, Scope};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use self::graph::{FOREGROUND, Graph, GraphObject, ORPHAN, Owner, WatchedKind};
use crate::cluster::Cluster;
use crate::error::has_code;
use crate::queue::{self, Queue};

/// Pause after discovery failed.
const DISCOVERY_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Every kind whose objects can be listed, watched and deleted. Events are left out: they have neither owners nor
/// dependents.
async fn kinds(client: &Client) -> Result<Vec<WatchedKind>, kube::Error> {
    let discovery = Discovery::new(client.clone()).run().await?;
    let mut kinds = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let offers = |verb: &str| capabilities.supports_operation(verb);
            if offers("list") && offers("watch") && offers("delete") && resource.kind != "Event" {
                kinds.push(WatchedKind { namespaced: is_namespaced(&capabilities), resource });
            }
        }
    }
    Ok(kinds)
}

fn is_namespaced(capabilities: &ApiCapabilities) -> bool {
    capabilities.scope == Scope::Namespaced
}

/// Starts the collector.
pub(super) fn start(cluster: &Cluster) {
    let (client, tasks) = (cluster.client.clone(), cluster.tasks.clone());
    cluster.tasks.spawn(async move {
        let kinds = loop {
            match kinds(&client).await {
                Ok(kinds) => break kinds,
                Err(error) => tracing::debug!(%error, "discovery for the garbage collector failed; retrying"),
            }
            tokio::time::sleep(DISCOVERY_RETRY_DELAY).await;
        };
        let collector =
            Arc::new(Collector { client, graph: Mutex::new(Graph::default()), queue: Queue::new() });
        for kind in kinds {
            tasks.spawn(watch(Arc::clone(&collector), Arc::new(kind)));
        }
        let queue = Arc::clone(&collector.queue);
        queue::process("garbage", queue, move |uid| {
            let collector = Arc::clone(&collector);
            async move { collector.process(&uid).await }
        })
        .await;
    });
}

struct Collector {
    client: Client,
    graph: Mutex<Graph>,
    queue: Arc<Queue<String>>,
}

async fn watch(collector: Arc<Collector>, kind: Arc<WatchedKind>) {
    let api: Api<DynamicObject> = Api::all_with(collector.client.clone(), &kind.resource);
    let mut events = Box::pin(watcher::watcher(api, watcher::Config::default()).default_backoff());
    let mut listed: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        let affected = match event {
            Ok(Event::Apply(object)) => collector.upsert(&object, &kind),
            Ok(Event::InitApply(object)) => {
                listed.extend(object.uid());
                collector.upsert(&object, &kind)
            }
            Ok(Event::Delete(object)) => collector.graph().remove(&object.uid().unwrap_or_default()),
            Ok(Event::Init) => {
                listed.clear();
                Vec::new()
            }
            Ok(Event::InitDone) => collector.forget_unlisted(&kind, &std::mem::take(&mut listed)),
            Err(error) => {
                tracing::debug!(kind = kind.resource.kind, %error, "the watch failed; retrying");
                Vec::new()
            }
        };
        for uid in affected {
            collector.queue.add(uid);
        }
    }
}

impl Collector {
    fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upsert(&self, object: &DynamicObject, kind: &Arc<WatchedKind>) -> Vec<String> {
        self.graph().upsert(object.uid().unwrap_or_default(), GraphObject::new(object, kind))
    }

    fn forget_unlisted(&self, kind: &Arc<WatchedKind>, listed: &HashSet<String>) -> Vec<String> {
        let mut graph = self.graph();
        let same_kind = |known: &GraphObject| {
            known.kind.resource.kind == kind.resource.kind && known.kind.resource.group == kind.resource.group
        };
        let gone: Vec<String> = graph
            .objects
            .iter()
            .filter(|(uid, known)| same_kind(known) && !listed.contains(*uid))
            .map(|(uid, _)| uid.clone())
            .collect();
        gone.iter().flat_map(|uid| graph.remove(uid)).collect()
    }

    async fn process(&self, uid: &str) -> Result<(), kube::Error> {
        let (known, dependents) = {
            let graph = self.graph();
            let Some(known) = graph.objects.get(uid).cloned() else { return Ok(()) };
            (known, graph.dependents_of(uid))
        };
        if known.waits_for(ORPHAN) {
            for (dependent, object) in &dependents {
                self.remove_owner(dependent, object, uid).await?;
            }
            return self.remove_finalizer(uid, &known, ORPHAN).await;
        }
        if known.waits_for(FOREGROUND) {
            let blocking: Vec<&(String, GraphObject)> = dependents
                .iter()
                .filter(|(_, object)| object.owners.iter().any(|owner| owner.uid == uid && owner.blocks))
                .collect();
            if blocking.is_empty() {
                return self.remove_finalizer(uid, &known, FOREGROUND).await;
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

    /// Deletes an object whose owners are all gone or wait for it in foreground deletion.
    async fn collect(&self, uid: &str, known: &GraphObject, has_dependents: bool) -> Result<(), kube::Error> {
        // Watches of different kinds are not synchronised: the graph may learn of an owner's deletion before it learns
        // that the object lost its reference to that owner.
        let api = known.kind.api(&self.client, &known.namespace);
        let Some(object) = api.get_opt(&known.name).await? else { return Ok(()) };
        if object.uid().as_deref() != Some(uid) {
            return Ok(());
        }
        let known = &GraphObject::new(&object, &known.kind);
        if known.deleting || known.owners.is_empty() {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut waiting = false;
        for owner in &known.owners {
            let in_graph = self.graph().objects.get(&owner.uid).cloned();
            match in_graph {
                Some(found) if found.waits_for(FOREGROUND) => waiting = true,
                Some(_) => return self.remove_owners(uid, known, &gone).await,
                None if self.exists(owner, known).await? => {
                    return self.remove_owners(uid, known, &gone).await;
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
        ignore_not_found(api.delete(&known.name, &parameters).await.map(|_| ()))
    }

    /// Removes the references to owners that are gone from an object with living owners.
    async fn remove_owners(
        &self,
        uid: &str,
        known: &GraphObject,
        gone: &[String],
    ) -> Result<(), kube::Error> {
        for owner in gone {
            self.remove_owner(uid, known, owner).await?;
        }
        Ok(())
    }

    /// Asks the API server, because the graph may be behind. An owner in another namespace counts as absent.
    async fn exists(&self, owner: &Owner, dependent: &GraphObject) -> Result<bool, kube::Error> {
        let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
        let resource = {
            let graph = self.graph();
            let same_kind = |known: &&GraphObject| {
                known.kind.resource.kind == owner.kind && known.kind.resource.group == group
            };
            graph.objects.values().find(same_kind).map(|known| Arc::clone(&known.kind))
        };
        let kind = match resource {
            Some(kind) => kind,
            None => {
                let wanted = kube::core::GroupVersionKind::gvk(group, version, &owner.kind);
                match kube::discovery::pinned_kind(&self.client, &wanted).await {
                    Ok((resource, capabilities)) => {
                        Arc::new(WatchedKind { namespaced: is_namespaced(&capabilities), resource })
                    }
                    // The kind may come back: keeps the object, as Kubernetes does.
                    Err(_) => return Ok(true),
                }
            }
        };
        let found = kind.api(&self.client, &dependent.namespace).get_opt(&owner.name).await?;
        Ok(found.is_some_and(|object| object.uid().as_ref() == Some(&owner.uid)))
    }

    /// Removes one owner reference.
    async fn remove_owner(&self, uid: &str, known: &GraphObject, owner: &str) -> Result<(), kube::Error> {
        let api = known.kind.api(&self.client, &known.namespace);
        let Some(object) = api.get_opt(&known.name).await? else { return Ok(()) };
        if object.uid().as_deref() != Some(uid) {
            return Ok(());
        }
        let kept: Vec<_> =
            object.owner_references().iter().filter(|reference| reference.uid != owner).cloned().collect();
        let change = json!({"metadata": {"uid": uid, "ownerReferences": kept}});
        ignore_not_found(
            api.patch(&known.name, &PatchParams::default(), &Patch::Merge(&change)).await.map(|_| ()),
        )
    }

    async fn remove_finalizer(
        &self,
        uid: &str,
        known: &GraphObject,
        finalizer: &str,
    ) -> Result<(), kube::Error> {
        let api = known.kind.api(&self.client, &known.namespace);
        let Some(object) = api.get_opt(&known.name).await? else { return Ok(()) };
        if object.uid().as_deref() != Some(uid) {
            return Ok(());
        }
        let kept: Vec<&String> = object.finalizers().iter().filter(|one| *one != finalizer).collect();
        let change = json!({"metadata": {
            "uid": uid, "resourceVersion": object.resource_version(), "finalizers": kept,
        }});
        ignore_not_found(
            api.patch(&known.name, &PatchParams::default(), &Patch::Merge(&change)).await.map(|_| ()),
        )
    }
}

/// Treats 404 as success.
fn ignore_not_found(answer: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match answer {
        Err(error) if has_code(&error, 404) => Ok(()),
        other => other,
    }
}
