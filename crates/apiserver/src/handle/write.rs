//! POST, PUT and PATCH of objects, of their status and of other parts that are the object itself.

use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::body;
use super::call::Call;
use super::delete;
use crate::conform::{Fill, Findings, conform};
use crate::kind::StatusPart;
use crate::patch::managed::{self, Writer};
use crate::patch::{apply, json as json_patch, strategic};
use crate::registry::Row;
use crate::store::{Raced, Stored};
use crate::{Cause, Status, meta, names};

/// How often a write is tried again when somebody else was quicker.
const TRIES: usize = 32;
/// Names that are tried for one `generateName`.
const NAMES: usize = 8;

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

/// How unknown fields are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

fn field_validation(call: &Call<'_>) -> Result<FieldValidation, Status> {
    match call.query.get("fieldValidation") {
        None | Some("Warn") => Ok(FieldValidation::Warn),
        Some("Ignore") => Ok(FieldValidation::Ignore),
        Some("Strict") => Ok(FieldValidation::Strict),
        Some(other) => {
            let cause =
                Cause::not_supported("fieldValidation", &json!(other), &["", "Ignore", "Strict", "Warn"]);
            Err(Status::invalid("meta.k8s.io", "CreateOptions", "", vec![cause]))
        }
    }
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

fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(http::header::USER_AGENT)?.to_str().ok()
}

/// Checks what a client sent as an object of this kind and brings it into the stored form.
fn admit(call: &mut Call<'_>, object: &mut Value, fill: Fill) -> Result<(), Status> {
    let row = call.row;
    if !object.is_object() {
        return Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal into Go value",
            row.kind.kind, row.kind.version, row.kind.kind
        )));
    }
    check_type(row, object)?;
    let findings = conform(object, row.shape, fill);
    report(call, findings)?;
    object["kind"] = row.kind.kind.into();
    object["apiVersion"] = row.api_version.clone().into();
    if fill == Fill::Parts {
        (row.kind.default)(object);
    }
    to_stored(call, object);
    Ok(())
}

/// From the form of the path's kind to the stored one.
fn to_stored(call: &Call<'_>, object: &mut Value) {
    if let Some(view) = call.row.view() {
        (view.store)(object);
        object["kind"] = call.storage.kind.kind.into();
        object["apiVersion"] = call.storage.api_version.clone().into();
        let _already_told = conform(object, call.storage.shape, Fill::Parts);
        (call.storage.kind.default)(object);
    }
}

fn check_type(row: &Row, object: &Value) -> Result<(), Status> {
    let kind = object["kind"].as_str().unwrap_or(row.kind.kind);
    if let Some(version) = object["apiVersion"].as_str()
        && version != row.api_version
    {
        return Err(Status::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {}: no kind \"{kind}\" is registered for version \"{version}\"",
            row.kind.kind
        )));
    }
    if kind != row.kind.kind {
        return Err(Status::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {}: unknown conversion",
            row.kind.version, row.kind.kind
        )));
    }
    Ok(())
}

/// Turns what conforming found into an error or warnings.
fn report(call: &mut Call<'_>, findings: Findings) -> Result<(), Status> {
    let (kind, version) = (call.row.kind.kind, call.row.kind.version);
    let refuse = |why: String| {
        Status::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
    };
    if let Some(why) = findings.mistyped {
        return Err(refuse(why));
    }
    let unknown: Vec<String> =
        findings.unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match field_validation(call)? {
        FieldValidation::Strict if !unknown.is_empty() => {
            Err(refuse(format!("strict decoding error: {}", unknown.join(", "))))
        }
        FieldValidation::Warn => {
            call.warnings.extend(unknown);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_namespace(call: &Call<'_>, object: &Value) -> Result<(), Status> {
    let named = meta::text(object, "namespace");
    if !named.is_empty() && named != call.namespace() {
        return Err(Status::bad_request(if call.row.kind.is_namespaced() {
            format!("the namespace of the provided object does not match the namespace sent on the request ({named} does not match {})", call.namespace())
                .split(" (").next().unwrap_or_default().to_owned()
        } else {
            "namespace is not allowed on this type".to_owned()
        }));
    }
    Ok(())
}

/// POST to a collection.
pub(crate) fn create(call: &mut Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let mut object = body::decode(call.headers, bytes)?;
    admit(call, &mut object, Fill::Parts)?;
    let written = insert(call, object, Origin::Update)?;
    Ok(answer(call, 201, written))
}

/// Whose fields those of a new object are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Everything belongs to the writer.
    Update,
    /// An apply has noted it already.
    Apply,
}

/// Stores an object that is new.
fn insert(call: &mut Call<'_>, mut object: Value, origin: Origin) -> Result<Written, Status> {
    check_namespace(call, &object)?;
    let storage = call.storage;
    let namespace = storage.kind.is_namespaced().then(|| call.namespace().to_owned());
    if let Some(namespace) = &namespace {
        call.server.namespace_takes(storage, namespace, meta::text(&object, "name"))?;
    }
    let has_status = storage.kind.status != StatusPart::None;
    if origin == Origin::Update {
        meta::metadata(&mut object).remove("managedFields");
        let before = object.clone();
        let fresh = json!({"metadata": {}});
        managed::updated(&fresh, &mut object, storage.shape, &writer(call, ""), has_status);
        debug_assert_eq!(before["spec"], object["spec"]);
    }
    if storage.kind.status == StatusPart::Subresource {
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
        let _conforms = conform(&mut object, storage.shape, Fill::Parts);
    }
    if !meta::text(&object, "resourceVersion").is_empty() {
        // A plain error in Kubernetes, which makes it a 500 without a reason.
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let generate = meta::text(&object, "generateName").to_owned();
    let wants_name = meta::text(&object, "name").is_empty() && !generate.is_empty();
    meta::create(&mut object, storage, namespace.as_deref(), call.now);
    let tries = if wants_name { NAMES } else { 1 };
    for attempt in 1..=tries {
        if wants_name {
            meta::metadata(&mut object).insert("name".into(), names::generate(&generate).into());
        }
        if attempt == 1 {
            call.server.assign(storage, &mut object)?;
            let mut causes = meta::validate(&object, storage);
            causes.extend(storage.kind.validate.iter().flat_map(|validate| validate(&object, None)));
            if !causes.is_empty() {
                return Err(call.invalid(&object, causes));
            }
        }
        let name = meta::text(&object, "name").to_owned();
        let key = (namespace.clone().unwrap_or_default(), name.clone());
        let store = &call.server.inner.store;
        let exists = || {
            let kind = &call.row.kind;
            Status::already_exists(kind.group, kind.plural, &name)
        };
        if call.dry_run()? {
            if store.get(call.row.shelf, &key).is_some() {
                return Err(exists());
            }
            return Ok(Written::Dry(object));
        }
        match store.create(call.row.shelf, key, object.clone()) {
            Ok(stored) => return Ok(Written::Stored(stored)),
            Err(Raced) if attempt == tries => return Err(exists()),
            Err(Raced) => {}
        }
    }
    Err(Status::internal("no name was tried"))
}

pub(super) fn answer(call: &Call<'_>, code: u16, written: Written) -> Response {
    match written {
        Written::Stored(stored) => call.answer(code, &stored),
        Written::Dry(value) => call.answer_value(code, value),
    }
}

/// PUT of an object or its status.
pub(crate) fn replace(call: &mut Call<'_>, bytes: &[u8], part: Part) -> Result<Response, Status> {
    let mut object = body::decode(call.headers, bytes)?;
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
enum Noted {
    ByServer,
    ByApply,
}

/// Stores `wanted` in the place of `old`. `None` when somebody else was quicker.
fn put(
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
        causes.extend(new_finalizers(&old.value, &wanted));
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
            Err(Raced) => Ok(None),
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
        Err(Raced) => Ok(None),
    }
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

/// PATCH of an object or its status.
pub(crate) fn patch(call: &mut Call<'_>, bytes: &[u8], part: Part) -> Result<Response, Status> {
    let media = body::content_type(call.headers).to_owned();
    let subresource = part.subresource();
    if matches!(media.as_str(), "application/apply-patch+yaml" | "application/apply-patch+cbor") {
        return apply_patch(call, bytes, part);
    }
    if call.query.get("force").is_some() {
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![cause]));
    }
    let patch = decode_patch(&media, bytes)?;
    let written = change_as(call, part, subresource, |call, old| {
        let mut object = shown(call, old);
        lay(&media, &mut object, &patch, call)?;
        admit(call, &mut object, Fill::Parts)?;
        Ok(object)
    })?;
    Ok(answer(call, 200, written))
}

/// The stored object in the form of the path's kind.
fn shown(call: &Call<'_>, stored: &Value) -> Value {
    let mut object = stored.clone();
    if let Some(view) = call.row.view() {
        object["kind"] = call.row.kind.kind.into();
        object["apiVersion"] = call.row.api_version.clone().into();
        (view.show)(&mut object);
    }
    object
}

/// Custom kinds have no strategic merge.
const CUSTOM_PATCH_TYPES: &str = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// Decodes a patch that is not an apply's.
pub(super) fn decode_patch(media: &str, bytes: &[u8]) -> Result<Value, Status> {
    match media {
        "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => body::json(bytes),
        _ => Err(unsupported_patch()),
    }
}

fn unsupported_patch() -> Status {
    let mut status = Status::unsupported_media_type("415: Unsupported Media Type");
    status.details = Some(Box::default());
    status
}

/// Lays a decoded patch over an object in the form of the path's kind.
pub(super) fn lay(media: &str, object: &mut Value, patch: &Value, call: &Call<'_>) -> Result<(), Status> {
    match media {
        "application/json-patch+json" => json_patch::patch(object, patch.clone()),
        "application/merge-patch+json" => {
            ::json_patch::merge(object, patch);
            Ok(())
        }
        // Kinds that Kubernetes keeps as they come have no strategy.
        _ if call.row.kind.schema.is_empty() => Err(Status::unsupported_media_type(CUSTOM_PATCH_TYPES)),
        _ => strategic::patch(object, patch, call.row.shape),
    }
}

fn apply_patch(call: &mut Call<'_>, bytes: &[u8], part: Part) -> Result<Response, Status> {
    if call.query.get("fieldManager").is_none() {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![cause]));
    }
    let force = call.query.flag("force");
    let mut config = body::yaml(bytes)?;
    if config["kind"].as_str().is_none_or(str::is_empty)
        || config["apiVersion"].as_str().is_none_or(str::is_empty)
    {
        let text = |name: &str| config[name].as_str().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "invalid object type: {}/, Kind={}",
            text("apiVersion"),
            text("kind")
        )));
    }
    if config["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    admit(call, &mut config, Fill::Nothing)?;
    check_namespace(call, &config)?;
    let named = meta::text(&config, "name");
    if !named.is_empty() && named != call.name() {
        return Err(Status::bad_request(format!(
            "the name of the object ({named}) does not match the name on the URL ({})",
            call.name()
        )));
    }
    let version = meta::text(&config, "resourceVersion").to_owned();
    if let Some(metadata) = config["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
    }
    if part == Part::Main && call.storage.kind.status != StatusPart::None {
        drop(config.as_object_mut().map(|map| map.remove("status")));
    }
    let has_status = call.storage.kind.status != StatusPart::None;
    let shape = call.storage.shape;
    let writer = writer(call, part.subresource());
    let tidy = |call: &Call<'_>, object: &mut Value| {
        let _conforms = conform(object, shape, Fill::Parts);
        (call.storage.kind.default)(object);
    };
    for _ in 0..TRIES {
        let Ok(old) = call.object() else {
            if part != Part::Main {
                return Err(call.not_found());
            }
            if !version.is_empty() {
                return Err(call.conflict("StorageError: invalid object, Code: 4, resourceVersion was given for an object that does not exist"));
            }
            let fresh = json!({"metadata": {}});
            let mut object = apply::apply(&fresh, &config, shape, &writer, has_status, force)?;
            let name = call.name().to_owned();
            meta::metadata(&mut object).insert("name".into(), name.into());
            tidy(call, &mut object);
            match insert(call, object, Origin::Apply) {
                Err(status) if status.reason == "AlreadyExists" => continue,
                written => return Ok(answer(call, 201, written?)),
            }
        };
        let mut object = apply::apply(&old.value, &config, shape, &writer, has_status, force)?;
        tidy(call, &mut object);
        if !version.is_empty() {
            meta::metadata(&mut object).insert("resourceVersion".into(), version.clone().into());
        }
        if let Some(written) = put(call, &old, object, part, part.subresource(), Noted::ByApply)? {
            return Ok(answer(call, 200, written));
        }
    }
    Err(call.conflict(MODIFIED))
}
