//! What a client may send as an object of a kind, and the stored form of it.

use serde_json::{Value, json};

use super::body;
use super::call::Call;
use crate::conform::{Fill, Findings, conform};
use crate::registry::{Registry, Row};
use crate::{Cause, Status, meta};

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
            Err(Status::invalid("meta.k8s.io", call.options, "", vec![cause]))
        }
    }
}

/// Reads an object from a body.
pub(super) fn decode(call: &mut Call<'_>, bytes: &[u8]) -> Result<Value, Status> {
    let (object, repeated) = match body::content_type(call.headers) {
        "application/json" => body::json_with_repeated(bytes, call.row.kind.kind)?,
        _ => (body::decode(call.headers, bytes, call.row.kind.kind)?, Vec::new()),
    };
    call.repeated = repeated;
    Ok(object)
}

/// Checks what a client sent as an object of this kind and brings it into the stored form.
pub(super) fn admit(call: &mut Call<'_>, object: &mut Value, fill: Fill) -> Result<(), Status> {
    let (kind, version) = (call.row.kind.kind, call.row.kind.version);
    admit_or(call, object, fill, |_, why| {
        Status::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
    })
}

/// [`admit`] for what a patch made of an object: fields that do not fit are the patch's fault.
pub(super) fn admit_patched(call: &mut Call<'_>, object: &mut Value) -> Result<(), Status> {
    admit_or(call, object, Fill::Parts, |object, why| {
        let cause = Cause::invalid("patch", &object.to_string().into(), &why);
        let mut status = Status::invalid("", "", "", vec![cause]);
        status.message = format!(" {}", status.message.trim_start());
        status
    })
}

fn admit_or(
    call: &mut Call<'_>,
    object: &mut Value,
    fill: Fill,
    refuse: impl Fn(&Value, String) -> Status,
) -> Result<(), Status> {
    let row = call.row;
    if !object.is_object() {
        return Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal into Go value",
            row.kind.kind, row.kind.version, row.kind.kind
        )));
    }
    check_type(&call.server.inner.registry, row, object)?;
    let findings = conform(object, row.shape, fill);
    if let Some(why) = report(call, findings)? {
        return Err(refuse(object, why));
    }
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

/// Refuses an object of another kind or version in the words of Go's conversion, which knows the kinds by its own types.
fn check_type(registry: &Registry, row: &Row, object: &Value) -> Result<(), Status> {
    let wanted = row.kind.kind;
    let kind = object["kind"].as_str().unwrap_or(wanted);
    let api_version = object["apiVersion"].as_str().unwrap_or(&row.api_version);
    if kind == wanted && api_version == row.api_version {
        return Ok(());
    }
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let is_known = registry.rows().iter().any(|row| row.kind.kind == kind && row.api_version == api_version);
    let why = if is_known {
        let internal = row.kind.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
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

/// Turns what conforming found into the reason of a refusal or into warnings.
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

/// The stored object in the form of the path's kind.
pub(super) fn shown(call: &Call<'_>, stored: &Value) -> Value {
    let mut object = stored.clone();
    if let Some(view) = call.row.view() {
        object["kind"] = call.row.kind.kind.into();
        object["apiVersion"] = call.row.api_version.clone().into();
        (view.show)(&mut object);
    }
    object
}
