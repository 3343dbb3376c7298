//! PATCH of objects and their status: JSON, merge, strategic-merge and apply patches.

use axum::response::Response;
use serde_json::{Value, json};

use super::body;
use super::call::Call;
use super::convert::{check_namespace, from_stored, patched_to_stored, to_stored};
use super::create::insert;
use super::write::{MAX_ATTEMPTS, WriteScope, change, manager, put, respond};
use crate::decode::{self, ZeroValues};
use crate::kind::StatusSubresource;
use crate::patch::managed_fields::Operation;
use crate::patch::{apply, json as json_patch, strategic};
use crate::{Cause, Status, meta};

/// Handles PATCH of an object or its status.
pub(crate) fn patch(call: &mut Call<'_>, bytes: &[u8], scope: WriteScope) -> Result<Response, Status> {
    let media = body::content_type(call.headers).to_owned();
    if matches!(media.as_str(), "application/apply-patch+yaml" | "application/apply-patch+cbor") {
        return apply_patch(call, bytes, scope);
    }
    if call.query.get("force").is_some() {
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![cause]));
    }
    let patch = decode_patch(&media, bytes)?;
    let written = change(call, scope, scope.subresource(), |call, old| {
        let mut object = from_stored(call, old);
        apply_to(&mut object, &media, &patch, call)?;
        patched_to_stored(call, &mut object)?;
        check_identity(call, old, &object)?;
        Ok(object)
    })?;
    Ok(respond(call, 200, written))
}

/// Rejects a patch that changes the name or the UID.
fn check_identity(call: &Call<'_>, old: &Value, object: &Value) -> Result<(), Status> {
    let name = meta::text(object, "name");
    if name != call.name() {
        return Err(call.other_name(name));
    }
    let uid = meta::text(object, "uid");
    if !uid.is_empty() && uid != meta::text(old, "uid") {
        let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
        // Kubernetes validates the metadata of an update twice.
        return Err(call.invalid(old, vec![cause.clone(), cause]));
    }
    Ok(())
}

/// The error text for a strategic-merge patch of a custom kind.
const CUSTOM_PATCH_TYPES: &str = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// Parses a patch, except for server-side apply.
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

/// Applies a parsed patch to an object in the form of the requested kind.
fn apply_to(object: &mut Value, media: &str, patch: &Value, call: &Call<'_>) -> Result<(), Status> {
    match media {
        "application/json-patch+json" => json_patch::patch(object, patch.clone()),
        "application/merge-patch+json" => {
            ::json_patch::merge(object, patch);
            Ok(())
        }
        _ if call.resource.kind.is_custom() => Err(Status::unsupported_media_type(CUSTOM_PATCH_TYPES)),
        _ => strategic::patch(object, patch, call.resource.shape),
    }
}

fn apply_patch(call: &mut Call<'_>, bytes: &[u8], scope: WriteScope) -> Result<Response, Status> {
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
    let kind = &call.resource.kind;
    let sent = meta::group_version_kind(&config);
    if !sent.starts_with(&format!("{}/", kind.group)) || !sent.ends_with(&format!(", Kind={}", kind.kind)) {
        return Err(Status::bad_request(format!("invalid object type: {sent}")));
    }
    if config["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    to_stored(call, &mut config, ZeroValues::Omit)?;
    check_namespace(call, &config)?;
    let named = meta::text(&config, "name");
    if !named.is_empty() && named != call.name() {
        return Err(call.other_name(named));
    }
    let version = meta::text(&config, "resourceVersion").to_owned();
    if let Some(metadata) = config["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
    }
    let has_status = call.stored_as.kind.status != StatusSubresource::None;
    if scope == WriteScope::Main && has_status {
        drop(config.as_object_mut().map(|map| map.remove("status")));
    }
    let shape = call.stored_as.shape;
    let manager = manager(call, scope.subresource());
    let set_defaults = |call: &Call<'_>, object: &mut Value| {
        decode::normalize(object, shape);
        (call.stored_as.kind.default)(object);
    };
    for _ in 0..MAX_ATTEMPTS {
        let Ok(old) = call.object() else {
            if scope != WriteScope::Main {
                return Err(call.not_found());
            }
            if !version.is_empty() {
                return Err(call.conflict("StorageError: invalid object, Code: 4, resourceVersion was given for an object that does not exist"));
            }
            let fresh = json!({"metadata": {}});
            let mut object = apply::apply(&fresh, &config, shape, &manager, has_status, force)?;
            let name = call.name().to_owned();
            meta::metadata(&mut object).insert("name".into(), name.into());
            set_defaults(call, &mut object);
            match insert(call, object, Operation::Apply) {
                Err(status) if status.reason == "AlreadyExists" => continue,
                written => return Ok(respond(call, 201, written?)),
            }
        };
        let mut object = apply::apply(&old.value, &config, shape, &manager, has_status, force)?;
        set_defaults(call, &mut object);
        if !version.is_empty() {
            meta::metadata(&mut object).insert("resourceVersion".into(), version.clone().into());
        }
        if let Some(written) = put(call, &old, object, scope, scope.subresource(), Operation::Apply)? {
            return Ok(respond(call, 200, written));
        }
    }
    Err(call.modified())
}
