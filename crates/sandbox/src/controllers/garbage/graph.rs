//! Who owns whom, by UID. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::{FOREGROUND, ORPHAN, Watched};

#[derive(Default)]
pub(super) struct Graph {
    pub(super) objects: HashMap<String, Known>,
    /// Dependents by the UID of an owner.
    pub(super) dependents: HashMap<String, HashSet<String>>,
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) kind: Arc<Watched>,
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

impl Known {
    pub(super) fn of(object: &DynamicObject, kind: &Arc<Watched>) -> Self {
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
    /// Takes in an object; returns whom to look at.
    pub(super) fn put(&mut self, uid: String, known: Known) -> Vec<String> {
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
    pub(super) fn remove(&mut self, uid: &str) -> Vec<String> {
        let mut look = self.cut(uid);
        self.objects.remove(uid);
        look.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        look
    }

    /// Removes the edges to its owners; returns the owners.
    pub(super) fn cut(&mut self, uid: &str) -> Vec<String> {
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

    pub(super) fn dependents_of(&self, uid: &str) -> Vec<(String, Known)> {
        let dependents = self.dependents.get(uid).into_iter().flatten();
        dependents.filter_map(|uid| Some((uid.clone(), self.objects.get(uid)?.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ApiResource;

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
