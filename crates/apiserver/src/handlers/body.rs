//! Request bodies: size limit, JSON, YAML and protobuf.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::Value;

use super::{protobuf, strict_json};
use crate::Status;

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Status> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                return Status::new(
                    413,
                    "RequestEntityTooLarge",
                    format!("Request entity too large: limit is {limit}"),
                );
            }
            cause = error.source();
        }
        Status::bad_request(format!("cannot read the request body: {error}"))
    })
}

/// Returns the media type without parameters; JSON when absent.
pub(crate) fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split(';').next().map(str::trim) {
        None | Some("" | "*/*") => "application/json",
        Some(media) => media,
    }
}

/// Parses a body by its media type. `kind` is the expected kind, for errors.
pub(crate) fn decode(headers: &HeaderMap, body: &[u8], kind: &str) -> Result<Value, Status> {
    match content_type(headers) {
        "application/json" => json_with_repeated(body, kind).map(|(value, _)| value),
        "application/yaml" => yaml(body),
        "application/vnd.kubernetes.protobuf" => protobuf::decode(body),
        _ => Err(Status::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// Parses a patch.
pub(crate) fn json(body: &[u8]) -> Result<Value, Status> {
    not_empty(body)?;
    let parsed = strict_json::parse(body).map(|(value, _)| value);
    parsed.map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))
}

/// Parses an object. Also returns the paths of repeated fields.
pub(crate) fn json_with_repeated(body: &[u8], kind: &str) -> Result<(Value, Vec<String>), Status> {
    not_empty(body)?;
    strict_json::parse(body).map_err(|error| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error}"
        ))
    })
}

fn not_empty(body: &[u8]) -> Result<(), Status> {
    if body.is_empty() { Err(Status::bad_request("the request has no body")) } else { Ok(()) }
}

pub(crate) fn yaml(body: &[u8]) -> Result<Value, Status> {
    let failed = |why: String| Status::bad_request(format!("error decoding YAML: {why}"));
    let text = std::str::from_utf8(body).map_err(|error| failed(error.to_string()))?;
    serde_saphyr::from_str(text).map_err(|error| failed(error.to_string()))
}
