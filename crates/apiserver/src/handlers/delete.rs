//! DELETE of objects and collections.

use std::sync::Arc;

use axum::response::Response;
use serde_json::Value;

use super::body;
use super::call::{Call, dry_run};
use super::read::{ObjectSelector, render};
use crate::registry::Resource;
use crate::storage::{Key, Stored};
use crate::{ApiServer, Details, Status, meta};

/// Attempts to delete while other writes are faster.
const MAX_ATTEMPTS: usize = 32;

/// The options of a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    /// Grace period in seconds.
    pub(crate) grace: Option<i64>,
    /// Dependents lose their owner reference and stay.
    pub(crate) orphan: bool,
    /// The object stays until the garbage collector has deleted its dependents.
    pub(crate) foreground: bool,
    /// Precondition: the UID of the object.
    pub(crate) uid: Option<String>,
    /// Precondition: the resourceVersion of the object.
    pub(crate) version: Option<String>,
    pub(crate) dry_run: bool,
}

impl DeleteOptions {
    pub(crate) fn read(call: &Call<'_>, bytes: &[u8]) -> Result<Self, Status> {
        let sent = if bytes.iter().all(u8::is_ascii_whitespace) {
            Value::Null
        } else {
            body::decode(call.headers, bytes, "DeleteOptions")?
        };
        Self::from_object(call, &sent)
    }

    /// Reads a `DeleteOptions` object, and the query for absent fields.
    pub(crate) fn from_object(call: &Call<'_>, sent: &Value) -> Result<Self, Status> {
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
            dry_run: dry_run(listed)? || call.dry_run()?,
        })
    }
}

/// The outcome of a deletion.
pub(crate) enum Deleted {
    /// The object is removed; with its last state.
    Removed(Arc<Stored>),
    /// The object has a deletion timestamp and waits for its kubelet or for finalizers.
    Marked(Arc<Stored>),
    /// The object that a dry run would have left.
    Dry(Value),
}

/// Returns true for a terminating object that nothing keeps any longer.
pub(crate) fn is_done(object: &Value) -> bool {
    meta::is_terminating(object)
        && !meta::has_finalizers(object)
        && object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && object.pointer("/spec/finalizers").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Handles DELETE of an object.
pub(crate) fn delete(call: &Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let options = DeleteOptions::read(call, bytes)?;
    Ok(match call.server.delete_object(&call.stored_as, &call.key(), &options, call.now)? {
        Deleted::Marked(stored) => call.respond_with(200, &stored),
        Deleted::Dry(value) => call.respond_with_value(200, value),
        Deleted::Removed(stored) if returns_object(&call.stored_as) => call.respond_with(200, &stored),
        Deleted::Removed(stored) => {
            let kind = &call.resource.kind;
            let status = Status {
                code: 200,
                reason: "",
                message: String::new(),
                details: Some(Box::new(Details {
                    name: call.name().to_owned(),
                    group: kind.group.clone(),
                    kind: kind.plural.clone(),
                    uid: meta::text(&stored.value, "uid").to_owned(),
                    ..Details::default()
                })),
            };
            call.respond(200, status.to_json().to_string())
        }
    })
}

/// Returns true for the kinds whose deletion returns the object, for historical reasons.
fn returns_object(resource: &Resource) -> bool {
    resource.kind.group.is_empty()
        && matches!(
            resource.kind.plural.as_str(),
            "pods" | "services" | "serviceaccounts" | "persistentvolumeclaims" | "resourcequotas"
        )
}

/// Handles DELETE of a collection.
pub(crate) fn delete_collection(call: &Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let options = DeleteOptions::read(call, bytes)?;
    let selector = ObjectSelector::read(call)?;
    let (mut objects, version) = call.resource.objects.list(call.info.namespace.as_deref());
    objects.retain(|object| selector.matches(&object.record));
    for object in &objects {
        let key = (object.record.namespace.clone(), object.record.name.clone());
        match call.server.delete_object(&call.stored_as, &key, &options, call.now) {
            Ok(_) => {}
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    // The response is the list of the objects before the deletion.
    let metadata = serde_json::json!({"resourceVersion": version.to_string()});
    Ok(call.respond(200, render(call, &objects, &metadata)))
}

impl ApiServer {
    /// Removes an object, or sets its deletion timestamp when its kubelet or finalizers come first.
    pub(crate) fn delete_object(
        &self,
        resource: &Resource,
        key: &Key,
        options: &DeleteOptions,
        now: jiff::Timestamp,
    ) -> Result<Deleted, Status> {
        let kind = &resource.kind;
        for _ in 0..MAX_ATTEMPTS {
            let absent = || Status::not_found(&kind.group, &kind.plural, &key.1);
            let old = resource.objects.get(key).ok_or_else(absent)?;
            check_preconditions(resource, key, options, &old)?;
            if options.orphan && !options.dry_run {
                self.orphan(meta::text(&old.value, "uid"));
            }
            let mut next = old.value.clone();
            if options.foreground {
                meta::add_finalizer(&mut next, meta::FOREGROUND);
            }
            let grace = grace(resource, &old.value, options);
            let blocked = grace > 0
                || meta::has_finalizers(&next)
                || next.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|l| !l.is_empty());
            let graceful = is_graceful(resource);
            let terminating = meta::is_terminating(&next);
            let known = next["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
            if !terminating && (blocked || graceful) {
                meta::mark_deleted(&mut next, grace, now);
            } else if terminating && grace < known {
                // A second deletion with a shorter grace period counts from the start of the first one.
                let end = next["metadata"]["deletionTimestamp"]
                    .as_str()
                    .and_then(|t| t.parse::<jiff::Timestamp>().ok());
                let begin = end.and_then(|end| jiff::Timestamp::from_second(end.as_second() - known).ok());
                meta::mark_deleted(&mut next, grace, begin.unwrap_or(now));
            }
            if blocked && resource.is_namespace() {
                next["status"]["phase"] = "Terminating".into();
                meta::metadata(&mut next).remove("deletionGracePeriodSeconds");
            }
            if options.dry_run {
                return Ok(Deleted::Dry(next));
            }
            let outcome = if blocked {
                if terminating && next == old.value {
                    return Ok(Deleted::Marked(old));
                }
                resource.objects.replace(key, old.version(), next).map(Deleted::Marked)
            } else {
                resource.objects.remove(key, old.version(), next).map(Deleted::Removed)
            };
            if let Ok(outcome) = outcome {
                if let Deleted::Removed(stored) = &outcome {
                    self.after_removal(resource, stored);
                }
                if resource.is_definition() {
                    self.delete_definition_contents(&key.1, now);
                } else if resource.is_namespace() {
                    self.delete_namespace_contents(&key.1, now);
                }
                return Ok(outcome);
            }
        }
        Err(Status::conflict(&kind.group, &kind.plural, &key.1, Status::MODIFIED))
    }

    /// Continues the deletion of the owner after an object was removed.
    pub(crate) fn after_removal(&self, resource: &Resource, removed: &Stored) {
        if resource.kind.is_namespaced() {
            self.remove_if_empty_namespace(&removed.record.namespace);
        }
        if resource.kind.is_custom() && self.is_definition_terminating(resource) {
            self.remove_if_empty_definition(resource);
        }
        self.after_change(resource);
    }

    /// Serves the kinds of the definitions after one of them has changed.
    pub(crate) fn after_change(&self, resource: &Resource) {
        if resource.is_definition() {
            self.rebuild_registry();
        }
    }

    /// Removes the reference to an owner from all its dependents.
    fn orphan(&self, uid: &str) {
        for resource in self.registry().stored() {
            let (objects, _) = resource.objects.list(None);
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
                if resource.objects.replace(&key, object.version(), next).is_err() {
                    tracing::debug!(
                        name = key.1,
                        "a write was faster than the removal of an owner reference"
                    );
                }
            }
        }
    }
}

/// Compares the preconditions with the stored object, and protects the namespaces of every cluster.
fn check_preconditions(
    resource: &Resource,
    key: &Key,
    options: &DeleteOptions,
    old: &Stored,
) -> Result<(), Status> {
    let refuse = |what: &str, wanted: &str, is: &str, then: &str| {
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({is}). The object might have been {then}"
        );
        // Kubernetes names the kind instead of the resource here.
        Err(Status::conflict(&resource.kind.group, &resource.kind.kind, &key.1, &why))
    };
    let (uid, version) = (meta::text(&old.value, "uid"), meta::text(&old.value, "resourceVersion"));
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        return refuse("UID", wanted, uid, "deleted and then recreated");
    }
    if let Some(wanted) = options.version.as_deref().filter(|wanted| *wanted != version) {
        return refuse("ResourceVersion", wanted, version, "modified");
    }
    if resource.is_namespace() && matches!(key.1.as_str(), "default" | "kube-system" | "kube-public") {
        return Err(Status::forbidden("", "namespaces", &key.1, "this namespace may not be deleted"));
    }
    Ok(())
}

/// Returns true for pods, the only kind with a grace period.
fn is_graceful(resource: &Resource) -> bool {
    resource.kind.is("", "pods")
}

/// Returns the grace period in seconds; 0 for all kinds but pods.
fn grace(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    if !is_graceful(resource) {
        return 0;
    }
    // A pod without a kubelet, or one that has ended, needs no grace period.
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
