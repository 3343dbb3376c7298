//! The lifecycle of namespaces.
//!
//! A deleted namespace becomes `Terminating` and refuses new objects. The server deletes its contents, and removes it
//! with the last object in it.

use jiff::Timestamp;

use crate::handlers::delete::DeleteOptions;
use crate::registry::Resource;
use crate::storage::Key;
use crate::{ApiServer, Cause, Details, Status, meta};

/// Attempts to remove a namespace while others write to it.
const MAX_ATTEMPTS: usize = 32;

impl ApiServer {
    /// Refuses a new object in a namespace that is absent or terminating.
    pub(crate) fn check_namespace_accepts(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), Status> {
        let registry = self.registry();
        let Some(namespaces) = registry.stored_as("", "namespaces") else { return Ok(()) };
        let key: Key = (String::new(), namespace.to_owned());
        match namespaces.objects.get(&key) {
            None => Err(Status::not_found("", "namespaces", namespace)),
            Some(found) if meta::is_terminating(&found.value) => {
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                );
                let mut status = Status::forbidden(&resource.kind.group, &resource.kind.plural, name, &why);
                let cause = Cause {
                    reason: "NamespaceTerminating",
                    message: format!("namespace {namespace} is being terminated"),
                    field: "metadata.namespace".into(),
                };
                status.details.get_or_insert_with(|| Box::new(Details::default())).causes.push(cause);
                Err(status)
            }
            Some(_) => Ok(()),
        }
    }

    /// Deletes all objects of a terminating namespace.
    pub(crate) fn delete_namespace_contents(&self, namespace: &str, now: Timestamp) {
        for resource in self.registry().stored().filter(|resource| resource.kind.is_namespaced()) {
            self.delete_all(resource, Some(namespace), now);
        }
        self.remove_if_empty_namespace(namespace);
    }

    /// Deletes the objects of a resource, in one namespace or in all.
    pub(crate) fn delete_all(&self, resource: &Resource, namespace: Option<&str>, now: Timestamp) {
        for object in resource.objects.list(namespace).0 {
            let key = (object.record.namespace.clone(), object.record.name.clone());
            if let Err(status) = self.delete_object(resource, &key, &DeleteOptions::default(), now) {
                tracing::debug!(%status, "an object was already gone");
            }
        }
    }

    /// Removes a terminating namespace that has no objects.
    pub(crate) fn remove_if_empty_namespace(&self, namespace: &str) {
        let registry = self.registry();
        let Some(namespaces) = registry.stored_as("", "namespaces") else { return };
        let key: Key = (String::new(), namespace.to_owned());
        let is_empty = || {
            let mut namespaced = registry.stored().filter(|resource| resource.kind.is_namespaced());
            namespaced.all(|resource| resource.objects.is_empty(Some(namespace)))
        };
        for _ in 0..MAX_ATTEMPTS {
            let Some(found) = namespaces.objects.get(&key) else { return };
            if !meta::is_terminating(&found.value) || meta::has_finalizers(&found.value) || !is_empty() {
                return;
            }
            let mut last = found.value.clone();
            if let Some(spec) = last["spec"].as_object_mut() {
                spec.remove("finalizers");
            }
            if namespaces.objects.remove(&key, found.version(), last).is_ok() {
                return;
            }
        }
    }
}
