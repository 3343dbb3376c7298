//! PATCH of objects and their status: JSON, merge, strategic-merge and apply patches.

use axum::response::Response;
use serde_json::{Value, json};

use super::admit::{admit, admit_patched, check_namespace, shown};
use super::body;
use super::call::Call;
use super::create::{Origin, insert};
use super::write::{MODIFIED, Noted, Part, TRIES, answer, change_as, put, writer};
use crate::conform::{Fill, conform};
use crate::kind::StatusPart;
use crate::patch::{apply, json as json_patch, strategic};
use crate::{Cause, Status, meta};

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
        admit_patched(call, &mut object)?;
        keeps_identity(call, old, &object)?;
        Ok(object)
    })?;
    Ok(answer(call, 200, written))
}

/// A patch may not make another object of it.
fn keeps_identity(call: &Call<'_>, old: &Value, object: &Value) -> Result<(), Status> {
    let name = meta::text(object, "name");
    if name != call.name() {
        return Err(other_name(call, name));
    }
    let uid = meta::text(object, "uid");
    if !uid.is_empty() && uid != meta::text(old, "uid") {
        let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
        // Kubernetes looks at the metadata of an update twice.
        return Err(call.invalid(old, vec![cause.clone(), cause]));
    }
    Ok(())
}

fn other_name(call: &Call<'_>, name: &str) -> Status {
    Status::bad_request(format!(
        "the name of the object ({name}) does not match the name on the URL ({})",
        call.name()
    ))
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
    let kind = &call.row.kind;
    let sent = meta::group_version_kind(&config);
    if !sent.starts_with(&format!("{}/", kind.group)) || !sent.ends_with(&format!(", Kind={}", kind.kind)) {
        return Err(Status::bad_request(format!("invalid object type: {sent}")));
    }
    if config["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    admit(call, &mut config, Fill::Nothing)?;
    check_namespace(call, &config)?;
    let named = meta::text(&config, "name");
    if !named.is_empty() && named != call.name() {
        return Err(other_name(call, named));
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
