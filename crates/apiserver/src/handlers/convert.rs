//! The conversion between a client's object and the stored form: decoding, defaults and views.

use serde_json::{Value, json};

use super::body;
use super::call::Call;
use crate::decode::{self, Findings, ZeroValues};
use crate::registry::{Registry, Resource};
use crate::{Cause, Status, meta};

/// The treatment of unknown fields.
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
            Err(Status::invalid("meta.k8s.io", call.options, "", vec![cause]))
        }
    }
}

/// Parses an object from a body.
pub(super) fn parse(call: &mut Call<'_>, bytes: &[u8]) -> Result<Value, Status> {
    let kind = &call.resource.kind.kind;
    let (object, repeated) = match body::content_type(call.headers) {
        "application/json" => body::json_with_repeated(bytes, kind)?,
        _ => (body::decode(call.headers, bytes, kind)?, Vec::new()),
    };
    call.repeated = repeated;
    Ok(object)
}

/// Validates the type of a client's object and converts it into the stored form.
pub(super) fn to_stored(
    call: &mut Call<'_>,
    object: &mut Value,
    zero_values: ZeroValues,
) -> Result<(), Status> {
    convert(call, object, zero_values, |call, _, why| {
        let (kind, version) = (&call.resource.kind.kind, &call.resource.kind.version);
        Status::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
    })
}

/// Like [`to_stored`], for the result of a patch: the error blames the patch.
pub(super) fn patched_to_stored(call: &mut Call<'_>, object: &mut Value) -> Result<(), Status> {
    convert(call, object, ZeroValues::Fill, |_, object, why| {
        let cause = Cause::invalid("patch", &object.to_string().into(), &why);
        let mut status = Status::invalid("", "", "", vec![cause]);
        status.message = format!(" {}", status.message.trim_start());
        status
    })
}

fn convert(
    call: &mut Call<'_>,
    object: &mut Value,
    zero_values: ZeroValues,
    refuse: impl Fn(&Call<'_>, &Value, String) -> Status,
) -> Result<(), Status> {
    let resource = std::sync::Arc::clone(&call.resource);
    if !object.is_object() {
        return Err(Status::bad_request(format!(
            "{0} in version \"{1}\" cannot be handled as a {0}: json: cannot unmarshal into Go value",
            resource.kind.kind, resource.kind.version
        )));
    }
    check_type(&call.server.registry(), &resource, object)?;
    let findings = decode::decode(object, resource.shape, zero_values);
    if let Some(why) = report(call, findings)? {
        return Err(refuse(call, object, why));
    }
    object["kind"] = resource.kind.kind.clone().into();
    object["apiVersion"] = resource.api_version.clone().into();
    if zero_values == ZeroValues::Fill {
        (resource.kind.default)(object);
    }
    if let Some(view) = resource.view() {
        (view.store)(object);
        let stored_as = &call.stored_as;
        object["kind"] = stored_as.kind.kind.clone().into();
        object["apiVersion"] = stored_as.api_version.clone().into();
        decode::normalize(object, stored_as.shape);
        (stored_as.kind.default)(object);
    }
    Ok(())
}

/// Rejects an object of another kind or version, with the message of Go's conversion between its own types.
fn check_type(registry: &Registry, resource: &Resource, object: &Value) -> Result<(), Status> {
    let wanted = resource.kind.kind.as_str();
    let kind = object["kind"].as_str().unwrap_or(wanted);
    let api_version = object["apiVersion"].as_str().unwrap_or(&resource.api_version);
    if kind == wanted && api_version == resource.api_version {
        return Ok(());
    }
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let mut known = registry.resources().iter();
    let why = if known.any(|known| known.kind.kind == kind && known.api_version == api_version) {
        let internal = resource.kind.group.split('.').next().filter(|group| !group.is_empty());
        let internal = internal.unwrap_or("core");
        format!("converting ({version}.{kind}) to ({internal}.{wanted}): unknown conversion")
    } else {
        format!(
            "no kind \"{kind}\" is registered for version \"{api_version}\" in scheme \"pkg/runtime/scheme.go:110\""
        )
    };
    Err(Status::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {wanted}: {why}"
    )))
}

/// Turns the findings of the decoder into the reason of a rejection or into warnings.
fn report(call: &mut Call<'_>, findings: Findings) -> Result<Option<String>, Status> {
    if findings.mistyped.is_some() {
        return Ok(findings.mistyped);
    }
    let repeated =
        std::mem::take(&mut call.repeated).into_iter().map(|path| format!("duplicate field \"{path}\""));
    let unknown = findings.unknown.iter().map(|path| format!("unknown field \"{path}\""));
    let unknown: Vec<String> = repeated.chain(unknown).collect();
    match field_validation(call)? {
        FieldValidation::Strict if !unknown.is_empty() => {
            Ok(Some(format!("strict decoding error: {}", unknown.join(", "))))
        }
        FieldValidation::Warn => {
            call.warnings.extend(unknown);
            Ok(None)
        }
        _ => Ok(None),
    }
}

pub(super) fn check_namespace(call: &Call<'_>, object: &Value) -> Result<(), Status> {
    let named = meta::text(object, "namespace");
    if named.is_empty() || named == call.namespace() {
        return Ok(());
    }
    Err(Status::bad_request(if call.resource.kind.is_namespaced() {
        "the namespace of the provided object does not match the namespace sent on the request"
    } else {
        "namespace is not allowed on this type"
    }))
}

/// Converts a stored object into the form of the requested kind.
pub(super) fn from_stored(call: &Call<'_>, stored: &Value) -> Value {
    let mut object = stored.clone();
    object["kind"] = call.resource.kind.kind.clone().into();
    object["apiVersion"] = call.resource.api_version.clone().into();
    if let Some(view) = call.resource.view() {
        (view.show)(&mut object);
    }
    object
}
