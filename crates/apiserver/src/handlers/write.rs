//! PUT, and the common path of all changes to a stored object.

use std::sync::Arc;

use axum::response::Response;
use http::HeaderMap;
use serde_json::Value;

use super::call::Call;
use super::convert::{check_namespace, parse, to_stored};
use super::delete;
use crate::decode::{self, ZeroValues};
use crate::kind::StatusSubresource;
use crate::patch::managed_fields::{self, FieldManager, Operation};
use crate::registry::Resource;
use crate::storage::{Refusal, Stored};
use crate::{Cause, Status, meta, strategy};

/// Attempts to write while other writes are faster.
pub(super) const MAX_ATTEMPTS: usize = 32;

/// The part of an object that a request writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteScope {
    /// Everything but the status.
    Main,
    /// The status, through `/status`.
    Status,
    /// Everything, as `binding` does.
    Whole,
}

impl WriteScope {
    pub(super) fn subresource(self) -> &'static str {
        match self {
            Self::Main | Self::Whole => "",
            Self::Status => "status",
        }
    }
}

/// The outcome of a write.
pub(crate) enum Written {
    /// The stored object.
    Stored(Arc<Stored>),
    /// The object that a dry run would have stored.
    Dry(Value),
}

/// The author of this request's write, for `managedFields`.
pub(super) fn manager(call: &Call<'_>, subresource: &str) -> FieldManager {
    FieldManager {
        manager: FieldManager::name(call.query.get("fieldManager"), user_agent(call.headers)),
        api_version: call.stored_as.api_version.clone(),
        subresource: subresource.to_owned(),
        now: call.now,
    }
}

pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(http::header::USER_AGENT)?.to_str().ok()
}

pub(super) fn respond(call: &Call<'_>, code: u16, written: Written) -> Response {
    match written {
        Written::Stored(stored) => call.respond_with(code, &stored),
        Written::Dry(value) => call.respond_with_value(code, value),
    }
}

/// Handles PUT of an object or its status.
pub(crate) fn replace(call: &mut Call<'_>, bytes: &[u8], scope: WriteScope) -> Result<Response, Status> {
    let mut object = parse(call, bytes)?;
    to_stored(call, &mut object, ZeroValues::Fill)?;
    check_namespace(call, &object)?;
    let name = meta::text(&object, "name");
    if name.is_empty() {
        meta::metadata(&mut object).insert("name".into(), call.name().into());
    } else if name != call.name() {
        return Err(call.other_name(name));
    }
    let written = change(call, scope, scope.subresource(), |_, _| Ok(object.clone()))?;
    Ok(respond(call, 200, written))
}

/// Computes a new object from the stored one and stores it. Tries again when another write was faster.
///
/// `compute` receives the stored object and returns the new one, in the stored form. `subresource` is the name for
/// `managedFields`; `scale` writes the main part under its own name.
pub(super) fn change(
    call: &mut Call<'_>,
    scope: WriteScope,
    subresource: &str,
    compute: impl Fn(&mut Call<'_>, &Value) -> Result<Value, Status>,
) -> Result<Written, Status> {
    for _ in 0..MAX_ATTEMPTS {
        let old = call.object()?;
        let wanted = compute(call, &old.value)?;
        if let Some(written) = put(call, &old, wanted, scope, subresource, Operation::Update)? {
            return Ok(written);
        }
    }
    Err(call.modified())
}

/// Stores `wanted` in place of `old`. Returns `None` when another write was faster. With `Operation::Apply` the caller
/// has set the `managedFields`.
pub(super) fn put(
    call: &mut Call<'_>,
    old: &Stored,
    mut wanted: Value,
    scope: WriteScope,
    subresource: &str,
    operation: Operation,
) -> Result<Option<Written>, Status> {
    let resource = Arc::clone(&call.stored_as);
    check_preconditions(call, &old.value, &wanted)?;
    let has_status = resource.kind.status != StatusSubresource::None;
    match scope {
        WriteScope::Main if has_status => {
            match old.value.get("status") {
                Some(status) => wanted["status"] = status.clone(),
                None => drop(wanted.as_object_mut().map(|map| map.remove("status"))),
            };
        }
        WriteScope::Main | WriteScope::Whole => {}
        WriteScope::Status => {
            let mut kept = old.value.clone();
            match wanted.get_mut("status").map(Value::take) {
                Some(status) => kept["status"] = status,
                None => drop(kept.as_object_mut().map(|map| map.remove("status"))),
            }
            kept["metadata"]["managedFields"] = wanted["metadata"]["managedFields"].take();
            if kept["metadata"]["managedFields"].is_null() {
                meta::metadata(&mut kept).remove("managedFields");
            }
            wanted = kept;
        }
    }
    meta::update(&old.value, &mut wanted, &resource, scope != WriteScope::Whole);
    if scope == WriteScope::Main {
        keep_server_fields(&resource, &old.value, &mut wanted);
    }
    // Writes of the whole object come from the system, which is no field manager.
    if scope != WriteScope::Whole && operation == Operation::Update {
        let mut base = old.value.clone();
        take_managed_fields(&mut base, &mut wanted);
        let manager = manager(call, subresource);
        managed_fields::record_update(&base, &mut wanted, resource.shape, &manager, has_status);
    }
    if scope == WriteScope::Main {
        strategy::prepare_for_update(&call.server.registry(), &resource, &old.value, &mut wanted);
    }
    decode::normalize(&mut wanted, resource.shape);
    let mut causes = meta::validate(&wanted, &resource);
    causes.extend(resource.kind.validate.iter().flat_map(|validate| validate(&wanted, Some(&old.value))));
    if meta::is_terminating(&old.value) {
        // Kubernetes validates the metadata of an update twice.
        let added = new_finalizers(&old.value, &wanted);
        causes.extend(added.iter().cloned().chain(added.clone()));
    }
    if !causes.is_empty() {
        return Err(call.invalid(&wanted, causes));
    }
    wanted["metadata"]["resourceVersion"] = old.value["metadata"]["resourceVersion"].clone();
    if call.dry_run()? {
        return Ok(Some(Written::Dry(wanted)));
    }
    let (objects, key) = (&resource.objects, call.key());
    if delete::is_done(&wanted) {
        let Ok(stored) = objects.remove(&key, old.version(), wanted) else { return Ok(None) };
        call.server.after_removal(&resource, &stored);
        return Ok(Some(Written::Stored(stored)));
    }
    if is_unchanged(&wanted, &old.value) {
        // There is no watch event, and the version stays.
        return Ok(objects.get(&key).filter(|now| now.version() == old.version()).map(Written::Stored));
    }
    match objects.replace(&key, old.version(), wanted) {
        Ok(stored) => {
            call.server.after_change(&resource);
            if resource.is_namespace() {
                // Its last finalizer may be gone now.
                call.server.remove_if_empty_namespace(call.name());
            }
            Ok(Some(Written::Stored(stored)))
        }
        Err(Refusal::Raced) => Ok(None),
        Err(Refusal::Full) => Err(storage_full()),
    }
}

/// Compares the `resourceVersion` and `uid` that the client sent, if any.
fn check_preconditions(call: &Call<'_>, old: &Value, wanted: &Value) -> Result<(), Status> {
    let given = meta::text(wanted, "resourceVersion");
    if !given.is_empty() && given != meta::text(old, "resourceVersion") {
        return Err(call.modified());
    }
    let (given, uid) = (meta::text(wanted, "uid"), meta::text(old, "uid"));
    if !given.is_empty() && given != uid {
        return Err(call.conflict(&format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object meta: {uid}",
            call.stored_as.kind.plural,
            [call.namespace(), call.name()].join("/").trim_start_matches('/')
        )));
    }
    Ok(())
}

/// Returns the error for a storage at its limit.
pub(super) fn storage_full() -> Status {
    Status::internal("the storage is full: delete objects before you create new ones")
}

/// Compares two objects except for the times in `managedFields`.
fn is_unchanged(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    let timeless = |object: &Value| {
        let mut copy = object.clone();
        for entry in copy["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            entry["time"] = Value::Null;
        }
        copy
    };
    a["spec"] == b["spec"] && a["status"] == b["status"] && timeless(a) == timeless(b)
}

/// Moves the `managedFields` that the client sent to `base`. One empty entry removes those of `base`; a client that sends
/// none keeps them.
fn take_managed_fields(base: &mut Value, wanted: &mut Value) {
    let sent = meta::metadata(wanted).remove("managedFields");
    match sent.as_ref().and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) if only.as_object().is_some_and(serde_json::Map::is_empty) => {
            meta::metadata(base).remove("managedFields");
        }
        Some([_, ..]) => {
            meta::metadata(base).insert("managedFields".into(), sent.unwrap_or_default());
        }
        _ => {}
    }
}

fn new_finalizers(old: &Value, new: &Value) -> Option<Cause> {
    let list = |object: &Value| object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let before = list(old);
    let added: Vec<Value> = list(new).into_iter().filter(|name| !before.contains(name)).collect();
    (!added.is_empty()).then(|| {
        let shown: Vec<String> = added.iter().map(Value::to_string).collect();
        Cause::forbidden(
            "metadata.finalizers",
            &format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                shown.join(", ")
            ),
        )
    })
}

/// Restores the server's fields that an update omits.
fn keep_server_fields(resource: &Resource, old: &Value, new: &mut Value) {
    for pointer in strategy::kept_on_update(resource) {
        let Some(value) = old.pointer(pointer) else { continue };
        let (parent, field) = strategy::split(pointer);
        if let Some(Value::Object(parent)) = new.pointer_mut(parent) {
            parent.entry(field).or_insert_with(|| value.clone());
        }
    }
}
