//! Changes of the cluster that end with the test, also when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use super::Site;

/// Fields of `metadata` that the server sets.
const SET_BY_SERVER: [&str; 5] =
    ["resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"];

/// An object as it was before the test; dropping the value puts it back.
pub(in crate::on_cluster) struct Restored<'a> {
    site: &'a Site,
    reference: Reference,
    before: Value,
}

/// An object that the test creates; dropping the value deletes it.
pub(in crate::on_cluster) struct Removed<'a> {
    site: &'a Site,
    reference: Reference,
}

/// Kind, name and namespace of an object.
#[derive(Debug, Clone)]
struct Reference {
    kind: String,
    name: String,
    namespace: Option<String>,
}

impl Reference {
    fn new(site: &Site, kind: &str, name: &str, namespace: &str) -> Self {
        let namespace = match namespace {
            "" => None,
            "NS" => Some(site.namespace.clone()),
            other => Some(other.to_owned()),
        };
        Self { kind: kind.to_owned(), name: name.to_owned(), namespace }
    }

    fn flags(&self) -> String {
        let namespace = self.namespace.as_ref().map_or(String::new(), |namespace| format!(" -n {namespace}"));
        format!("{} {}{namespace}", self.kind, self.name)
    }
}

impl Site {
    /// Keeps an object, to put it back. `NS` is the demo's namespace, and no namespace is the cluster's.
    pub(in crate::on_cluster) fn restored(&self, kind: &str, name: &str, namespace: &str) -> Restored<'_> {
        let reference = Reference::new(self, kind, name, namespace);
        let before = self.object(&reference);
        Restored { site: self, reference, before }
    }

    /// Keeps an object, and changes it.
    pub(in crate::on_cluster) fn changed(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
        change: impl FnOnce(&mut Value),
    ) -> Restored<'_> {
        let kept = self.restored(kind, name, namespace);
        kept.change(change);
        kept
    }

    /// Creates an object from its YAML or JSON.
    pub(in crate::on_cluster) fn created(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
        object: &Value,
    ) -> Removed<'_> {
        let reference = Reference::new(self, kind, name, namespace);
        let _output =
            self.shell(&format!("kubectl delete {} --ignore-not-found --wait", reference.flags()), "");
        let flag = reference.namespace.as_ref().map_or(String::new(), |namespace| format!(" -n {namespace}"));
        let _output = self.shell(&format!("kubectl create{flag} -f -"), &object.to_string());
        Removed { site: self, reference }
    }

    /// Creates a namespace.
    pub(in crate::on_cluster) fn namespace(&self, name: &str) -> Removed<'_> {
        let object = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.created("namespace", name, "", &object)
    }

    /// The object without the fields that the server sets.
    fn object(&self, reference: &Reference) -> Value {
        let text = self.shell(&format!("kubectl get {} -o json", reference.flags()), "");
        let mut object: Value = serde_json::from_str(&text).unwrap();
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in SET_BY_SERVER {
            metadata.remove(field);
        }
        object.as_object_mut().unwrap().remove("status");
        object
    }
}

impl Restored<'_> {
    /// Changes the object as data.
    pub(in crate::on_cluster) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut object = self.site.object(&self.reference);
        change(&mut object);
        let _output = self.site.shell("kubectl replace -f -", &object.to_string());
    }

    /// A copy of the object with another name.
    pub(in crate::on_cluster) fn copy(&self, name: &str) -> Removed<'_> {
        let mut object = self.before.clone();
        object["metadata"]["name"] = name.into();
        let namespace = self.reference.namespace.clone().unwrap_or_default();
        self.site.created(&self.reference.kind, name, &namespace, &object)
    }
}

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        let flags = self.reference.flags();
        let put_back = || {
            let exists =
                !self.site.shell(&format!("kubectl get {flags} --ignore-not-found -o name"), "").is_empty();
            let verb = if exists { "replace" } else { "create" };
            self.site.shell(&format!("kubectl {verb} -f -"), &self.before.to_string())
        };
        // A second panic would end the process before the other guards.
        if catch_unwind(AssertUnwindSafe(put_back)).is_err() {
            eprintln!("{flags} could not be put back");
        }
    }
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        let flags = self.reference.flags();
        let delete =
            || self.site.shell(&format!("kubectl delete {flags} --ignore-not-found --wait=false"), "");
        if catch_unwind(AssertUnwindSafe(delete)).is_err() {
            eprintln!("{flags} could not be deleted");
        }
    }
}
