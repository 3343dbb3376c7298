//! The graph of owners and dependents, by UID. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kube::api::{Api, ApiResource, DynamicObject};
use kube::{Client, ResourceExt as _};

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";

/// A kind that the collector watches.
#[derive(Clone)]
pub(super) struct WatchedKind {
    pub(super) resource: ApiResource,
    pub(super) namespaced: bool,
}

impl WatchedKind {
    pub(super) fn api(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        if self.namespaced {
            Api::namespaced_with(client.clone(), namespace, &self.resource)
        } else {
            Api::all_with(client.clone(), &self.resource)
        }
    }
}

#[derive(Default)]
pub(super) struct Graph {
    pub(super) objects: HashMap<String, GraphObject>,
    /// Dependents by the UID of an owner.
    dependents: HashMap<String, HashSet<String>>,
}

#[derive(Clone)]
pub(super) struct GraphObject {
    pub(super) kind: Arc<WatchedKind>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) owners: Vec<Owner>,
    pub(super) finalizers: Vec<String>,
    pub(super) deleting: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) uid: String,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) blocks: bool,
}

impl GraphObject {
    pub(super) fn new(object: &DynamicObject, kind: &Arc<WatchedKind>) -> Self {
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

    pub(super) fn waits_for(&self, finalizer: &str) -> bool {
        self.deleting && self.finalizers.iter().any(|one| one == finalizer)
    }
}

impl Graph {
    /// Inserts or replaces an object. Returns the objects to process.
    pub(super) fn upsert(&mut self, uid: String, object: GraphObject) -> Vec<String> {
        let mut affected = Vec::new();
        self.remove_edges(&uid);
        for owner in &object.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
            // A deleting owner may wait for this dependent.
            if self.objects.get(&owner.uid).is_some_and(|owner| owner.deleting) {
                affected.push(owner.uid.clone());
            }
        }
        if object.waits_for(FOREGROUND) || object.waits_for(ORPHAN) || !object.owners.is_empty() {
            affected.push(uid.clone());
        }
        self.objects.insert(uid, object);
        affected
    }

    /// Removes an object. Returns the objects to process: its owners and dependents.
    pub(super) fn remove(&mut self, uid: &str) -> Vec<String> {
        let mut affected = self.remove_edges(uid);
        self.objects.remove(uid);
        affected.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        affected
    }

    /// Removes the edges from an object to its owners. Returns the owners.
    fn remove_edges(&mut self, uid: &str) -> Vec<String> {
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

    pub(super) fn dependents_of(&self, uid: &str) -> Vec<(String, GraphObject)> {
        let dependents = self.dependents.get(uid).into_iter().flatten();
        dependents.filter_map(|uid| Some((uid.clone(), self.objects.get(uid)?.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(owners: &[&str], finalizers: &[&str], deleting: bool) -> GraphObject {
        let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
        let owner = |uid: &&str| Owner {
            uid: (*uid).to_owned(),
            api_version: "v1".into(),
            kind: "Pod".into(),
            name: (*uid).to_owned(),
            blocks: true,
        };
        GraphObject {
            kind: Arc::new(WatchedKind { resource, namespaced: true }),
            namespace: "demo".into(),
            name: "x".into(),
            owners: owners.iter().map(owner).collect(),
            finalizers: finalizers.iter().map(|&one| one.to_owned()).collect(),
            deleting,
        }
    }

    #[test]
    fn changes_affect_owners_and_dependents() {
        let mut graph = Graph::default();
        assert!(graph.upsert("owner".into(), object(&[], &[], false)).is_empty());
        assert_eq!(graph.upsert("child".into(), object(&["owner"], &[], false)), ["child"]);
        assert_eq!(graph.dependents_of("owner").len(), 1);
        assert_eq!(graph.upsert("owner".into(), object(&[], &[FOREGROUND], true)), ["owner"]);
        assert_eq!(graph.upsert("child".into(), object(&["owner"], &[], true)), ["owner", "child"]);
        assert_eq!(graph.remove("child"), ["owner"]);
        assert!(graph.dependents_of("owner").is_empty());
        graph.upsert("child".into(), object(&["owner"], &[], false));
        assert_eq!(graph.remove("owner"), ["child"]);
    }
}
