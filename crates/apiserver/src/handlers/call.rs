//! One request to a resource, and the forms of its response.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::negotiate::Representation;
use super::request_info::RequestInfo;
use super::websocket;
use crate::query::Query;
use crate::registry::Resource;
use crate::storage::{Key, Record, Stored, encode};
use crate::{ApiServer, Status, table};

/// Warnings in one response; further ones are dropped.
const MAX_WARNINGS: usize = 20;

/// A request to a resource.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a ApiServer,
    /// The resource in the path.
    pub(crate) resource: Arc<Resource>,
    /// The resource in whose form the objects are stored.
    pub(crate) stored_as: Arc<Resource>,
    pub(crate) info: RequestInfo,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) representation: Representation,
    pub(crate) now: Timestamp,
    pub(crate) shutdown: CancellationToken,
    /// Paths of repeated fields in the body.
    pub(crate) repeated: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// The type of the write's query parameters, for error texts.
    pub(crate) options: &'static str,
    /// The connection, if the client asks to continue with another protocol.
    pub(crate) upgrade: Option<OnUpgrade>,
}

impl Call<'_> {
    /// The namespace in the path; empty for cluster-scoped objects.
    pub(crate) fn namespace(&self) -> &str {
        self.info.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.info.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> Key {
        (self.namespace().to_owned(), self.name().to_owned())
    }

    pub(crate) fn not_found(&self) -> Status {
        Status::not_found(&self.resource.kind.group, &self.resource.kind.plural, self.name())
    }

    /// Returns the stored object in the path.
    pub(crate) fn object(&self) -> Result<Arc<Stored>, Status> {
        self.resource.objects.get(&self.key()).ok_or_else(|| self.not_found())
    }

    pub(crate) fn conflict(&self, why: &str) -> Status {
        Status::conflict(&self.resource.kind.group, &self.resource.kind.plural, self.name(), why)
    }

    /// Returns 409 for an object that has changed since the client read it.
    pub(crate) fn modified(&self) -> Status {
        self.conflict(Status::MODIFIED)
    }

    /// Returns 400 for an object with another name than the path.
    pub(crate) fn other_name(&self, name: &str) -> Status {
        Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            self.name()
        ))
    }

    pub(crate) fn invalid(&self, object: &Value, causes: Vec<crate::Cause>) -> Status {
        let name = crate::meta::text(object, "name");
        Status::invalid(&self.stored_as.kind.group, &self.resource.kind.kind, name, causes)
    }

    /// Takes the connection of a request that asks for a WebSocket.
    pub(crate) fn take_websocket(&mut self) -> Option<OnUpgrade> {
        self.upgrade.take_if(|_| websocket::is_requested(self.headers))
    }

    /// Returns true for `dryRun=All`.
    pub(crate) fn dry_run(&self) -> Result<bool, Status> {
        dry_run(self.query.all("dryRun"))
    }

    /// Responds with a stored object.
    pub(crate) fn respond_with(&self, code: u16, stored: &Stored) -> Response {
        match self.representation {
            Representation::Objects => self.respond(code, present(&self.resource, &stored.record)),
            Representation::Table => {
                let version = stored.version().to_string();
                let rows = [&stored.value];
                let table = table::render(
                    &self.stored_as,
                    rows,
                    &json!({"resourceVersion": version}),
                    self.include(),
                    self.now,
                    true,
                );
                self.respond(code, table.to_string())
            }
            Representation::Metadata => self.respond(code, metadata_only(&stored.value).to_string()),
        }
    }

    /// Responds with an object that is not stored.
    pub(crate) fn respond_with_value(&self, code: u16, mut value: Value) -> Response {
        if let Some(view) = self.resource.view() {
            value["kind"] = self.resource.kind.kind.clone().into();
            value["apiVersion"] = self.resource.api_version.clone().into();
            (view.show)(&mut value);
        }
        self.respond(code, encode(&value))
    }

    /// Returns the parameter `includeObject` of tables.
    pub(crate) fn include(&self) -> table::Include {
        match self.query.get("includeObject") {
            Some("None") => table::Include::Nothing,
            Some("Object") => table::Include::Object,
            _ => table::Include::Metadata,
        }
    }

    /// Responds with JSON and the warnings of this request.
    pub(crate) fn respond(&self, code: u16, body: impl AsRef<[u8]>) -> Response {
        let mut response = json_response(code, body);
        let mut seen: Vec<&str> = Vec::new();
        for warning in self.warnings.iter().take(MAX_WARNINGS) {
            if seen.contains(&warning.as_str()) {
                continue;
            }
            seen.push(warning);
            let text: String = warning.chars().filter(|c| !c.is_control()).collect();
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }
}

/// Parses the values of `dryRun`; `All` is the only valid one.
pub(crate) fn dry_run<'a>(values: impl Iterator<Item = &'a str>) -> Result<bool, Status> {
    let mut dry = false;
    for value in values {
        if value != "All" {
            let cause = crate::Cause::not_supported("dryRun", &json!([value]), &["All"]);
            return Err(Status::invalid("meta.k8s.io", "CreateOptions", "", vec![cause]));
        }
        dry = true;
    }
    Ok(dry)
}

/// Returns the object as JSON in the form of `resource`.
pub(crate) fn present(resource: &Resource, record: &Record) -> Bytes {
    match resource.view() {
        None => record.json(&resource.kind.kind, &resource.api_version),
        Some(view) => {
            let mut value = record.value(&resource.kind.kind, &resource.api_version);
            (view.show)(&mut value);
            encode(&value)
        }
    }
}

/// Returns the `PartialObjectMetadata` of an object.
pub(crate) fn metadata_only(value: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]})
}

/// Builds a JSON response with a final newline, as Kubernetes does.
pub(crate) fn json_response(code: u16, body: impl AsRef<[u8]>) -> Response {
    let body = body.as_ref();
    let mut with_newline = BytesMut::with_capacity(body.len() + 1);
    with_newline.put_slice(body);
    with_newline.put_u8(b'\n');
    let mut response = Response::new(Body::from(with_newline.freeze()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
