//! The life of namespaces: what they take in, and how they end.
//!
//! A namespace that is deleted turns `Terminating`, everything in it is deleted, and with the last object it goes too.

use jiff::Timestamp;

use crate::handle::delete::Options;
use crate::registry::Row;
use crate::store::{Key, Stored};
use crate::{ApiServer, Cause, Details, Status, meta};

/// Removals that a namespace's end is tried for when others write to it.
const TRIES: usize = 32;

impl ApiServer {
    fn namespaces(&self) -> Option<&Row> {
        self.inner.registry.stored("", "namespaces")
    }

    /// Refuses a new object in a namespace that is absent or about to go.
    pub(crate) fn namespace_takes(&self, row: &Row, namespace: &str, name: &str) -> Result<(), Status> {
        let Some(namespaces) = self.namespaces() else { return Ok(()) };
        let key: Key = (String::new(), namespace.to_owned());
        match self.inner.store.get(namespaces.shelf, &key) {
            None => Err(Status::not_found("", "namespaces", namespace)),
            Some(found) if meta::is_terminating(&found.value) => {
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                );
                let mut status = Status::forbidden(row.kind.group, row.kind.plural, name, &why);
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

    /// Deletes everything in a namespace that is being deleted.
    pub(crate) fn empty_namespace(&self, namespace: &str, now: Timestamp) {
        for row in self.inner.registry.stored_rows().filter(|row| row.kind.is_namespaced()) {
            for object in self.inner.store.list(row.shelf, Some(namespace)).0 {
                let key = (namespace.to_owned(), object.record.name.clone());
                if let Err(status) = self.delete_key(row, &key, &Options::default(), now) {
                    tracing::debug!(%status, "an object went before its namespace's end reached it");
                }
            }
        }
        self.end_namespace(namespace);
    }

    /// Told of each object that is gone.
    pub(crate) fn removed(&self, row: &Row, stored: &Stored) {
        if row.kind.is_namespaced() {
            self.end_namespace(&stored.record.namespace);
        }
    }

    /// Removes a namespace that is being deleted and has nothing in it.
    fn end_namespace(&self, namespace: &str) {
        let Some(namespaces) = self.namespaces() else { return };
        let key: Key = (String::new(), namespace.to_owned());
        let is_empty = || {
            let mut rows = self.inner.registry.stored_rows().filter(|row| row.kind.is_namespaced());
            rows.all(|row| self.inner.store.list(row.shelf, Some(namespace)).0.is_empty())
        };
        for _ in 0..TRIES {
            let Some(found) = self.inner.store.get(namespaces.shelf, &key) else { return };
            if !meta::is_terminating(&found.value) || meta::has_finalizers(&found.value) || !is_empty() {
                return;
            }
            let mut last = found.value.clone();
            if let Some(spec) = last["spec"].as_object_mut() {
                spec.remove("finalizers");
            }
            if self.inner.store.remove(namespaces.shelf, &key, found.version(), last).is_ok() {
                return;
            }
        }
    }
}
