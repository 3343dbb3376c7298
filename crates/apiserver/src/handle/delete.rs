//! DELETE of objects and of collections.

use axum::response::Response;
use serde_json::Value;

use super::body;
use super::call::{Call, dry_run};
use super::read::{Pick, render};
use super::write::MODIFIED;
use crate::registry::Row;
use crate::store::Stored;
use crate::{ApiServer, Details, Status, meta};

/// How often a deletion is tried again when somebody else was quicker.
const TRIES: usize = 32;

/// What a client says about a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) grace: Option<i64>,
    /// Dependents lose their reference instead of being collected.
    pub(crate) orphan: bool,
    /// The object stays, marked, until the garbage collector has seen its dependents go.
    pub(crate) foreground: bool,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) dry: bool,
}

impl Options {
    pub(crate) fn read(call: &Call<'_>, bytes: &[u8]) -> Result<Self, Status> {
        let sent = if bytes.iter().all(u8::is_ascii_whitespace) {
            Value::Null
        } else {
            body::decode(call.headers, bytes, "DeleteOptions")?
        };
        Self::from_parts(call, &sent)
    }

    /// From a `DeleteOptions` object, or the query when there is none.
    pub(crate) fn from_parts(call: &Call<'_>, sent: &Value) -> Result<Self, Status> {
        let policy = sent["propagationPolicy"].as_str().or_else(|| call.query.get("propagationPolicy"));
        let orphan = match policy {
            None => sent["orphanDependents"] == true || call.query.get("orphanDependents") == Some("true"),
            Some("Orphan") => true,
            Some("Background" | "Foreground") => false,
            Some(other) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                let cause = crate::Cause::not_supported("propagationPolicy", &Value::from(other), &supported);
                return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", vec![cause]));
            }
        };
        let grace = match sent["gracePeriodSeconds"].as_i64() {
            Some(seconds) => Some(seconds),
            None => call.query.number("gracePeriodSeconds")?,
        };
        let preconditions = &sent["preconditions"];
        let text = |name: &str| preconditions[name].as_str().map(str::to_owned);
        let listed = sent["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            grace,
            orphan,
            foreground: policy == Some("Foreground"),
            uid: text("uid"),
            version: text("resourceVersion"),
            dry: dry_run(listed)? || call.dry_run()?,
        })
    }
}

/// How a deletion ended.
pub(crate) enum Deleted {
    /// It is gone; with its last state.
    Gone(std::sync::Arc<Stored>),
    /// It is marked and somebody has to do something first.
    Marked(std::sync::Arc<Stored>),
    /// Nothing was done; this is what would be left.
    Dry(Value),
}

/// True when nothing stands against the removal of an object that is being deleted.
pub(crate) fn is_done(object: &Value) -> bool {
    meta::is_terminating(object)
        && !meta::has_finalizers(object)
        && object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && object.pointer("/spec/finalizers").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// DELETE of an object.
pub(crate) fn delete(call: &Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let options = Options::read(call, bytes)?;
    Ok(match call.server.delete(call, call.name(), &options)? {
        Deleted::Marked(stored) => call.answer(200, &stored),
        Deleted::Dry(value) => call.answer_value(200, value),
        Deleted::Gone(stored) if returns_object(call.storage) => call.answer(200, &stored),
        Deleted::Gone(stored) => {
            let kind = &call.row.kind;
            let status = Status {
                code: 200,
                reason: "",
                message: String::new(),
                details: Some(Box::new(Details {
                    name: call.name().to_owned(),
                    group: kind.group.to_owned(),
                    kind: kind.plural.to_owned(),
                    uid: meta::text(&stored.value, "uid").to_owned(),
                    ..Details::default()
                })),
            };
            call.respond(200, status.to_json().to_string())
        }
    })
}

/// Kinds whose deletion is answered with the object, for reasons of history.
fn returns_object(row: &Row) -> bool {
    row.kind.group.is_empty()
        && matches!(
            row.kind.plural,
            "pods" | "services" | "serviceaccounts" | "persistentvolumeclaims" | "resourcequotas"
        )
}

/// DELETE of a collection.
pub(crate) fn delete_collection(call: &Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let options = Options::read(call, bytes)?;
    let pick = Pick::read(call)?;
    let (mut objects, version) =
        call.server.inner.store.list(call.row.shelf, call.target.namespace.as_deref());
    objects.retain(|object| pick.takes(&object.record));
    for object in &objects {
        let key = (object.record.namespace.clone(), object.record.name.clone());
        match call.server.delete_key(call.storage, &key, &options, call.now) {
            Ok(_) => {}
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    // Kubernetes answers with the list of what was deleted, each as it was before.
    let metadata = serde_json::json!({"resourceVersion": version.to_string()});
    Ok(call.respond(200, render(call, &objects, &metadata)))
}

impl ApiServer {
    fn delete(&self, call: &Call<'_>, name: &str, options: &Options) -> Result<Deleted, Status> {
        let key = (call.namespace().to_owned(), name.to_owned());
        self.delete_key(call.storage, &key, options, call.now)
    }

    /// Deletes an object or marks it as being deleted.
    pub(crate) fn delete_key(
        &self,
        row: &Row,
        key: &crate::store::Key,
        options: &Options,
        now: jiff::Timestamp,
    ) -> Result<Deleted, Status> {
        let kind = &row.kind;
        for _ in 0..TRIES {
            let old = self
                .inner
                .store
                .get(row.shelf, key)
                .ok_or_else(|| Status::not_found(kind.group, kind.plural, &key.1))?;
            self.check(row, key, options, &old)?;
            if options.orphan && !options.dry {
                self.orphan(meta::text(&old.value, "uid"));
            }
            let mut next = old.value.clone();
            if options.foreground {
                meta::add_finalizer(&mut next, meta::FOREGROUND);
            }
            let grace = grace(row, &old.value, options);
            let blocked = grace > 0
                || meta::has_finalizers(&next)
                || next.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|l| !l.is_empty());
            let graceful = is_graceful(row);
            let terminating = meta::is_terminating(&next);
            let known = next["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
            if !terminating && (blocked || graceful) {
                meta::mark_deleted(&mut next, grace, now);
            } else if terminating && grace < known {
                // A second, more impatient deletion counts from the first one's beginning.
                let end = next["metadata"]["deletionTimestamp"]
                    .as_str()
                    .and_then(|t| t.parse::<jiff::Timestamp>().ok());
                let begin = end.and_then(|end| jiff::Timestamp::from_second(end.as_second() - known).ok());
                meta::mark_deleted(&mut next, grace, begin.unwrap_or(now));
            }
            if blocked && kind.group.is_empty() && kind.plural == "namespaces" {
                next["status"]["phase"] = "Terminating".into();
                meta::metadata(&mut next).remove("deletionGracePeriodSeconds");
            }
            if options.dry {
                return Ok(Deleted::Dry(next));
            }
            let outcome = if blocked {
                if terminating && next == old.value {
                    return Ok(Deleted::Marked(old));
                }
                self.inner.store.replace(row.shelf, key, old.version(), next).map(Deleted::Marked)
            } else {
                self.inner.store.remove(row.shelf, key, old.version(), next).map(Deleted::Gone)
            };
            if let Ok(outcome) = outcome {
                if let Deleted::Gone(stored) = &outcome {
                    self.removed(row, stored);
                }
                if kind.group.is_empty() && kind.plural == "namespaces" {
                    self.empty_namespace(&key.1, now);
                }
                return Ok(outcome);
            }
        }
        Err(Status::conflict(kind.group, kind.plural, &key.1, MODIFIED))
    }

    fn check(
        &self,
        row: &Row,
        key: &crate::store::Key,
        options: &Options,
        old: &Stored,
    ) -> Result<(), Status> {
        let refuse = |what: &str, wanted: &str, is: &str, then: &str| {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({is}). The object might have been {then}"
            );
            // Kubernetes names the kind in the place of the resource here.
            Err(Status::conflict(row.kind.group, row.kind.kind, &key.1, &why))
        };
        let (uid, version) = (meta::text(&old.value, "uid"), meta::text(&old.value, "resourceVersion"));
        if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
            return refuse("UID", wanted, uid, "deleted and then recreated");
        }
        if let Some(wanted) = options.version.as_deref().filter(|wanted| *wanted != version) {
            return refuse("ResourceVersion", wanted, version, "modified");
        }
        if row.kind.group.is_empty()
            && row.kind.plural == "namespaces"
            && matches!(key.1.as_str(), "default" | "kube-system" | "kube-public")
        {
            return Err(Status::forbidden("", "namespaces", &key.1, "this namespace may not be deleted"));
        }
        Ok(())
    }

    /// Takes the reference to an owner out of everything that it owns.
    fn orphan(&self, uid: &str) {
        for row in self.inner.registry.stored_rows() {
            let (objects, _) = self.inner.store.list(row.shelf, None);
            for object in objects {
                let owners = object.value["metadata"]["ownerReferences"].as_array();
                if !owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid)) {
                    continue;
                }
                let mut next = object.value.clone();
                if let Some(owners) = next["metadata"]["ownerReferences"].as_array_mut() {
                    owners.retain(|owner| owner["uid"] != uid);
                    if owners.is_empty() {
                        meta::metadata(&mut next).remove("ownerReferences");
                    }
                }
                let key = (object.record.namespace.clone(), object.record.name.clone());
                if self.inner.store.replace(row.shelf, &key, object.version(), next).is_err() {
                    tracing::debug!(name = key.1, "an object changed while its owner let go of it");
                }
            }
        }
    }
}

/// Pods are the one kind whose end takes time.
fn is_graceful(row: &Row) -> bool {
    row.kind.group.is_empty() && row.kind.plural == "pods"
}

/// Seconds until a pod may be removed; all else goes at once.
fn grace(row: &Row, object: &Value, options: &Options) -> i64 {
    if !is_graceful(row) {
        return 0;
    }
    // A pod that no kubelet has, or that has ended, has nobody to wait for.
    let scheduled =
        object.pointer("/spec/nodeName").and_then(Value::as_str).is_some_and(|node| !node.is_empty());
    let ended =
        matches!(object.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"));
    if !scheduled || ended {
        return 0;
    }
    let own = || object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    options.grace.or_else(own).unwrap_or(30).max(0)
}
