//! An object at one version, with the bytes that every client receives.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::Value;

use super::Key;

/// The part of an object that responses and watch events need: the serialised form and the fields for selectors. The
/// event log keeps only this.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) version: u64,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) fields: Vec<(&'static str, String)>,
    /// The object as JSON without `kind` and `apiVersion`, which depend on the requested version.
    pub(crate) body: Bytes,
}

/// An object in a collection.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) record: Arc<Record>,
}

impl Stored {
    pub(super) fn new(
        mut value: Value,
        version: u64,
        key: &Key,
        fields: &'static [(&'static str, &'static str)],
    ) -> Self {
        value["metadata"]["resourceVersion"] = version.to_string().into();
        let record = Record {
            version,
            namespace: key.0.clone(),
            name: key.1.clone(),
            labels: labels(&value),
            fields: fields.iter().map(|(label, pointer)| (*label, text(value.pointer(pointer)))).collect(),
            body: body(&value),
        };
        Self { value, record: Arc::new(record) }
    }

    /// The object at an earlier version.
    pub(super) fn from_record(record: &Arc<Record>) -> Self {
        Self { value: serde_json::from_slice(&record.body).unwrap_or_default(), record: Arc::clone(record) }
    }

    pub(crate) fn version(&self) -> u64 {
        self.record.version
    }
}

impl Record {
    /// Returns the object as JSON with `kind` and `apiVersion` first.
    pub(crate) fn json(&self, kind: &str, api_version: &str) -> Bytes {
        let mut out = BytesMut::with_capacity(self.body.len() + 64);
        with_header(&mut out, kind, api_version, &self.body);
        out.freeze()
    }

    /// Parses the object and sets `kind` and `apiVersion`.
    pub(crate) fn value(&self, kind: &str, api_version: &str) -> Value {
        let mut value: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        value["kind"] = kind.into();
        value["apiVersion"] = api_version.into();
        value
    }
}

fn labels(value: &Value) -> Vec<(String, String)> {
    let labels = value.pointer("/metadata/labels").and_then(Value::as_object);
    labels.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn body(value: &Value) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    for (name, field) in value.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "kind" | "apiVersion") {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        // Serialising a `Value` into memory cannot fail.
        let _ = serde_json::to_writer(&mut out, name);
        out.push(b':');
        let _ = serde_json::to_writer(&mut out, field);
    }
    out.push(b'}');
    Bytes::from(out)
}

/// Writes `body`, which lacks `kind` and `apiVersion`, with these two first, as Kubernetes does.
pub(crate) fn with_header(out: &mut BytesMut, kind: &str, api_version: &str, body: &[u8]) {
    out.put_slice(b"{\"kind\":\"");
    out.put_slice(kind.as_bytes());
    out.put_slice(b"\",\"apiVersion\":\"");
    out.put_slice(api_version.as_bytes());
    out.put_slice(b"\"");
    let rest = body.get(1..).unwrap_or(b"}");
    if rest != b"}" {
        out.put_slice(b",");
    }
    out.put_slice(rest);
}

/// Serialises an object that is not stored in the same form.
pub(crate) fn encode(value: &Value) -> Bytes {
    let word = |name: &str| value[name].as_str().unwrap_or_default();
    let mut out = BytesMut::new();
    with_header(&mut out, word("kind"), word("apiVersion"), &body(value));
    out.freeze()
}
