//! The workload that owns a pod, by `ownerReferences`.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::facts::Facts;

/// The label that a Deployment gives to the pods of one of its ReplicaSets.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner<'a> {
    /// Its kind, such as `Deployment`.
    pub(crate) kind: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

/// The workload that controls the pod: its owner, or the owner of its ReplicaSet.
pub(crate) fn of<'a>(facts: &'a Facts, pod: &'a Pod) -> Option<Owner<'a>> {
    let owner = controller(&pod.metadata)?;
    if owner.kind != "ReplicaSet" {
        return Some(owner);
    }
    let mut sets = facts.replica_sets.all().iter();
    match sets.find(|set| set.metadata.name.as_deref() == Some(owner.name)) {
        Some(set) => Some(controller(&set.metadata).unwrap_or(owner)),
        // A ReplicaSet that may not be read: its name is that of its Deployment and the hash.
        None => {
            let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get(TEMPLATE_HASH));
            let deployment = hash.and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
            Some(deployment.map_or(owner, |name| Owner { kind: "Deployment", name }))
        }
    }
}

/// The owner that controls an object.
pub(crate) fn controller(metadata: &ObjectMeta) -> Option<Owner<'_>> {
    let mut owners = metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true))?;
    Some(Owner { kind: &owner.kind, name: &owner.name })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tests::fact;

    fn owned(kind: &str, name: &str) -> Value {
        json!([{"apiVersion": "x/v1", "kind": kind, "name": name, "uid": "u", "controller": true}])
    }

    #[test]
    fn owners_are_followed_to_the_workload() {
        let mut facts = Facts::not_asked("no");
        facts.replica_sets = fact(json!([
            {"metadata": {"name": "web-5d", "ownerReferences": owned("Deployment", "web")}},
            {"metadata": {"name": "canary-7f", "ownerReferences": owned("Rollout", "canary")}},
            {"metadata": {"name": "bare"}},
        ]));
        for (owners, labels, expected) in [
            (owned("ReplicaSet", "web-5d"), json!({}), Some(("Deployment", "web"))),
            (owned("ReplicaSet", "canary-7f"), json!({}), Some(("Rollout", "canary"))),
            (owned("ReplicaSet", "bare"), json!({}), Some(("ReplicaSet", "bare"))),
            (owned("ReplicaSet", "api-9c"), json!({"pod-template-hash": "9c"}), Some(("Deployment", "api"))),
            (owned("ReplicaSet", "api-9c"), json!({}), Some(("ReplicaSet", "api-9c"))),
            (owned("StatefulSet", "db"), json!({}), Some(("StatefulSet", "db"))),
            (owned("CloneSet", "x"), json!({}), Some(("CloneSet", "x"))),
            (json!([]), json!({"app": "web"}), None),
        ] {
            let pod = json!({"metadata": {"name": "p", "labels": labels, "ownerReferences": owners}});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            assert_eq!(of(&facts, &pod).map(|owner| (owner.kind, owner.name)), expected);
        }
    }
}
