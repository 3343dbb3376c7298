//! One request to a resource: what it is about, and the forms of its answer.

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::accept::Form;
use super::target::Target;
use crate::query::Query;
use crate::registry::Row;
use crate::store::{Key, Record, Stored, encode};
use crate::{ApiServer, Status, table};

/// Warnings that an answer carries; the rest is passed over.
const MAX_WARNINGS: usize = 20;

/// A request to a resource.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a ApiServer,
    /// The kind that the path names.
    pub(crate) row: &'a Row,
    /// The kind in whose form the objects are stored.
    pub(crate) storage: &'a Row,
    pub(crate) target: Target,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) form: Form,
    pub(crate) now: Timestamp,
    pub(crate) shutdown: CancellationToken,
    /// Fields that stand twice in the body.
    pub(crate) repeated: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// What Kubernetes calls the query of such a write, where it refuses one.
    pub(crate) options: &'static str,
}

impl Call<'_> {
    /// The namespace in the path; empty for objects of the cluster.
    pub(crate) fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> Key {
        (self.namespace().to_owned(), self.name().to_owned())
    }

    pub(crate) fn not_found(&self) -> Status {
        Status::not_found(self.row.kind.group, self.row.kind.plural, self.name())
    }

    /// The object that the path names.
    pub(crate) fn object(&self) -> Result<std::sync::Arc<Stored>, Status> {
        self.server.inner.store.get(self.row.shelf, &self.key()).ok_or_else(|| self.not_found())
    }

    pub(crate) fn conflict(&self, why: &str) -> Status {
        Status::conflict(self.row.kind.group, self.row.kind.plural, self.name(), why)
    }

    pub(crate) fn invalid(&self, object: &Value, causes: Vec<crate::Cause>) -> Status {
        let name = crate::meta::text(object, "name");
        Status::invalid(self.storage.kind.group, self.row.kind.kind, name, causes)
    }

    /// `dryRun=All`.
    pub(crate) fn dry_run(&self) -> Result<bool, Status> {
        dry_run(self.query.all("dryRun"))
    }

    /// A stored object as the answer.
    pub(crate) fn answer(&self, code: u16, stored: &Stored) -> Response {
        match self.form {
            Form::Objects => self.respond(code, present(self.row, &stored.record)),
            Form::Table => {
                let version = stored.version().to_string();
                let rows = [&stored.value];
                let table = table::render(
                    self.storage,
                    rows,
                    &json!({"resourceVersion": version}),
                    self.include(),
                    self.now,
                    true,
                );
                self.respond(code, table.to_string())
            }
            Form::Metadata => self.respond(code, metadata_only(&stored.value).to_string()),
        }
    }

    /// An object that is not stored, as the answer.
    pub(crate) fn answer_value(&self, code: u16, mut value: Value) -> Response {
        if let Some(view) = self.row.view() {
            value["kind"] = self.row.kind.kind.into();
            value["apiVersion"] = self.row.api_version.clone().into();
            (view.show)(&mut value);
        }
        self.respond(code, encode(&value))
    }

    /// `includeObject` of tables.
    pub(crate) fn include(&self) -> table::Include {
        match self.query.get("includeObject") {
            Some("None") => table::Include::Nothing,
            Some("Object") => table::Include::Object,
            _ => table::Include::Metadata,
        }
    }

    /// A JSON answer with this request's warnings.
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

/// Reads the values of `dryRun`; there is only one.
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

/// The object as JSON in the form of `row`.
pub(crate) fn present(row: &Row, record: &Record) -> Bytes {
    match row.view() {
        None => record.json(row.kind.kind, &row.api_version),
        Some(view) => {
            let mut value = record.value(row.kind.kind, &row.api_version);
            (view.show)(&mut value);
            encode(&value)
        }
    }
}

/// `PartialObjectMetadata` of an object.
pub(crate) fn metadata_only(value: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]})
}

/// A JSON answer; ended by a newline, as Kubernetes ends it.
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
