//! PUT, and what every change of a stored object goes through.

use axum::response::Response;
use http::HeaderMap;
use serde_json::Value;

use super::admit::{admit, check_namespace, decode};
use super::call::Call;
use super::delete;
use crate::conform::{Fill, conform};
use crate::kind::StatusPart;
use crate::patch::managed::{self, Writer};
use crate::registry::Row;
use crate::store::{Refusal, Stored};
use crate::{Cause, Status, meta};

/// How often a write is tried again when somebody else was quicker.
pub(super) const TRIES: usize = 32;

/// Which part of an object a request writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status.
    Main,
    /// `/status`.
    Status,
    /// Everything, as `binding` does.
    Whole,
}

impl Part {
    pub(super) fn subresource(self) -> &'static str {
        match self {
            Self::Main | Self::Whole => "",
            Self::Status => "status",
        }
    }
}

/// The outcome of a write: the object as it is stored, or as it would be.
pub(crate) enum Written {
    Stored(std::sync::Arc<Stored>),
    Dry(Value),
}

/// The writer for `managedFields`.
pub(super) fn writer(call: &Call<'_>, subresource: &str) -> Writer {
    Writer {
        manager: Writer::name(call.query.get("fieldManager"), user_agent(call.headers)),
        api_version: call.storage.api_version.clone(),
        subresource: subresource.to_owned(),
        now: call.now,
    }
}

pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(http::header::USER_AGENT)?.to_str().ok()
}

pub(super) fn answer(call: &Call<'_>, code: u16, written: Written) -> Response {
    match written {
        Written::Stored(stored) => call.answer(code, &stored),
        Written::Dry(value) => call.answer_value(code, value),
    }
}

/// PUT of an object or its status.
pub(crate) fn replace(call: &mut Call<'_>, bytes: &[u8], part: Part) -> Result<Response, Status> {
    let mut object = decode(call, bytes)?;
    admit(call, &mut object, Fill::Parts)?;
    check_namespace(call, &object)?;
    let name = meta::text(&object, "name");
    if name.is_empty() {
        meta::metadata(&mut object).insert("name".into(), call.name().into());
    } else if name != call.name() {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name()
        )));
    }
    let written = change(call, part, |_, _| Ok(object.clone()))?;
    Ok(answer(call, 200, written))
}

/// Computes a new object from the stored one and puts it in its place; tried again when somebody else was quicker.
///
/// `compute` gets the stored object and returns what the client wants it to be, in the stored form.
pub(super) fn change(
    call: &mut Call<'_>,
    part: Part,
    compute: impl Fn(&mut Call<'_>, &Value) -> Result<Value, Status>,
) -> Result<Written, Status> {
    change_as(call, part, part.subresource(), compute)
}

/// [`change`] for a subresource that writes the main part under its own name, such as `scale`.
pub(super) fn change_as(
    call: &mut Call<'_>,
    part: Part,
    subresource: &str,
    compute: impl Fn(&mut Call<'_>, &Value) -> Result<Value, Status>,
) -> Result<Written, Status> {
    for _ in 0..TRIES {
        let old = call.object()?;
        let wanted = compute(call, &old.value)?;
        let as_noted = Noted::ByServer;
        match put(call, &old, wanted, part, subresource, as_noted)? {
            Some(written) => return Ok(written),
            None => continue,
        }
    }
    Err(call.conflict(MODIFIED))
}

/// [`change_as`] for parts that write the spec and the status at once.
pub(super) fn change_whole(
    call: &mut Call<'_>,
    subresource: &str,
    compute: impl Fn(&mut Call<'_>, &Value) -> Result<Value, Status>,
) -> Result<Written, Status> {
    change_as(call, Part::Whole, subresource, compute)
}

pub(super) const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// Who has kept `managedFields` up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    ByServer,
    ByApply,
}

/// Stores `wanted` in the place of `old`. `None` when somebody else was quicker.
pub(super) fn put(
    call: &mut Call<'_>,
    old: &Stored,
    mut wanted: Value,
    part: Part,
    subresource: &str,
    noted: Noted,
) -> Result<Option<Written>, Status> {
    let storage = call.storage;
    let given = meta::text(&wanted, "resourceVersion");
    if !given.is_empty() && given != meta::text(&old.value, "resourceVersion") {
        return Err(call.conflict(MODIFIED));
    }
    let given = meta::text(&wanted, "uid");
    let uid = meta::text(&old.value, "uid");
    if !given.is_empty() && given != uid {
        return Err(call.conflict(&format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given}, UID in object meta: {uid}",
            storage.kind.plural,
            [call.namespace(), call.name()].join("/").trim_start_matches('/')
        )));
    }
    let has_status = storage.kind.status != StatusPart::None;
    match part {
        Part::Main if has_status => {
            match old.value.get("status") {
                Some(status) => wanted["status"] = status.clone(),
                None => drop(wanted.as_object_mut().map(|map| map.remove("status"))),
            };
        }
        Part::Main | Part::Whole => {}
        Part::Status => {
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
    meta::update(&old.value, &mut wanted, storage, part != Part::Whole);
    if part == Part::Main {
        keep_assigned(storage, &old.value, &mut wanted);
    }
    if part == Part::Whole {
        // What the system writes through these parts belongs to no manager.
    } else if noted == Noted::ByServer {
        let mut base = old.value.clone();
        take_entries(&mut base, &mut wanted);
        let mut writer = writer(call, subresource);
        writer.subresource = subresource.to_owned();
        managed::updated(&base, &mut wanted, storage.shape, &writer, has_status);
    }
    let _fills = conform(&mut wanted, storage.shape, Fill::Parts);
    let mut causes = meta::validate(&wanted, storage);
    causes.extend(storage.kind.validate.iter().flat_map(|validate| validate(&wanted, Some(&old.value))));
    if meta::is_terminating(&old.value) {
        // Kubernetes looks at the metadata of an update twice.
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
    let store = &call.server.inner.store;
    let key = call.key();
    if delete::is_done(&wanted) {
        return match store.remove(call.row.shelf, &key, old.version(), wanted) {
            Ok(stored) => {
                call.server.removed(storage, &stored);
                Ok(Some(Written::Stored(stored)))
            }
            Err(_) => Ok(None),
        };
    }
    if same(&wanted, &old.value) {
        // Nothing changes, so nobody is told and the version stays.
        return Ok(call
            .server
            .inner
            .store
            .get(call.row.shelf, &key)
            .filter(|now| now.version() == old.version())
            .map(Written::Stored));
    }
    match store.replace(call.row.shelf, &key, old.version(), wanted) {
        Ok(stored) => Ok(Some(Written::Stored(stored))),
        Err(Refusal::Raced) => Ok(None),
        Err(Refusal::Full) => Err(full()),
    }
}

/// The bound on all objects together is reached.
pub(super) fn full() -> Status {
    Status::internal("the server's storage is full: delete objects before you make new ones")
}

/// Equal but for the times in `managedFields`.
fn same(a: &Value, b: &Value) -> bool {
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

/// A client that sends `managedFields` replaces those of the object, one that sends an empty entry drops them all, and
/// one that does not know of them keeps them.
fn take_entries(base: &mut Value, wanted: &mut Value) {
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

/// What the server assigned at creation stays when an update leaves it out.
fn keep_assigned(storage: &Row, old: &Value, new: &mut Value) {
    for pointer in crate::assign::kept(storage) {
        let Some(value) = old.pointer(pointer) else { continue };
        let (parent, field) = crate::assign::split(pointer);
        if let Some(Value::Object(parent)) = new.pointer_mut(parent) {
            parent.entry(field).or_insert_with(|| value.clone());
        }
    }
}
