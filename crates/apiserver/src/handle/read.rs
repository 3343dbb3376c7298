//! GET of one object and of collections.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Map, Value, json};

use super::accept::Form;
use super::call::{Call, metadata_only, present};
use crate::query::Query;
use crate::select::{FieldSelector, LabelSelector};
use crate::store::{Record, Stored};
use crate::{Cause, Details, Status, go, table};

/// What a list or a watch picks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pick {
    pub(crate) namespace: Option<String>,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl Pick {
    pub(crate) fn read(call: &Call<'_>) -> Result<Self, Status> {
        let labels = LabelSelector::parse(call.query.get("labelSelector").unwrap_or_default())?;
        let fields =
            FieldSelector::parse(call.query.get("fieldSelector").unwrap_or_default(), &call.storage.kind)?;
        Ok(Self { namespace: call.target.namespace.clone(), labels, fields })
    }

    pub(crate) fn takes(&self, record: &Record) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == record.namespace)
            && self.labels.matches(&record.labels)
            && self.fields.matches(&record.namespace, &record.name, &record.fields)
    }

    pub(crate) fn takes_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}

/// GET of one object.
pub(crate) fn get(call: &Call<'_>) -> Result<Response, Status> {
    let wanted = version(call.query.get("resourceVersion"))
        .map_err(|cause| Status::bad_request(format!("invalid resource version: {cause}")))?;
    if let Some(wanted) = wanted {
        not_ahead(wanted, call.server.inner.store.version())?;
    }
    Ok(call.answer(200, &*call.object()?))
}

/// A resourceVersion of a query; `None` for the newest, which is also what 0, "any", gets.
pub(crate) fn version(text: Option<&str>) -> Result<Option<u64>, Cause> {
    match text {
        None | Some("" | "0") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
            Cause::invalid("resourceVersion", &json!(text), &why)
        }),
    }
}

/// What `resourceVersionMatch` may say in a list, and beside what.
fn check_match(matching: Option<&str>, query: &Query) -> Result<(), Status> {
    const FIELD: &str = "resourceVersionMatch";
    let Some(word) = matching else { return Ok(()) };
    let cause = match (word, query.get("resourceVersion")) {
        (_, None) => {
            Cause::forbidden(FIELD, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        _ if query.get("continue").is_some() => {
            Cause::forbidden(FIELD, "resourceVersionMatch is forbidden when continue is provided")
        }
        ("Exact", Some("0")) => {
            Cause::forbidden(FIELD, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        ("Exact" | "NotOlderThan", _) => return Ok(()),
        (other, _) => Cause::not_supported(FIELD, &json!(other), &["Exact", "NotOlderThan", ""]),
    };
    Err(Status::invalid("meta.k8s.io", "ListOptions", "", vec![cause]))
}

/// 504 for a version that is not there yet.
pub(crate) fn not_ahead(wanted: u64, current: u64) -> Result<(), Status> {
    if wanted <= current {
        return Ok(());
    }
    let message = "Too large resource version";
    let mut status = Status::new(504, "Timeout", format!("Timeout: {message}: {wanted}, current: {current}"));
    let cause = Cause { reason: "ResourceVersionTooLarge", message: message.into(), field: String::new() };
    status.details =
        Some(Box::new(Details { causes: vec![cause], retry_after_seconds: Some(1), ..Details::default() }));
    Err(status)
}

/// The rest of a list that was asked for in pages.
struct Token {
    version: u64,
    snapshot: u64,
    at: usize,
}

impl Token {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!({"rv": self.version, "s": self.snapshot, "at": self.at}).to_string())
    }

    fn decode(text: &str) -> Result<Self, Status> {
        let refused = |why: &str| {
            Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| refused(&error.to_string()))?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| refused(&go::json_error(&bytes, &error)))?;
        let number = |name: &str| value[name].as_u64();
        match (number("rv"), number("s"), number("at")) {
            (Some(version), Some(snapshot), Some(at)) => {
                Ok(Self { version, snapshot, at: usize::try_from(at).unwrap_or(usize::MAX) })
            }
            _ => Err(refused("server does not recognize this encoded version")),
        }
    }
}

/// GET of a collection.
pub(crate) fn list(call: &Call<'_>) -> Result<Response, Status> {
    let store = &call.server.inner.store;
    let pick = Pick::read(call)?;
    let limit = call.query.number("limit")?.unwrap_or(0);
    let limit = usize::try_from(limit).unwrap_or(0);
    let wanted = version(call.query.get("resourceVersion"))
        .map_err(|cause| Status::bad_request(format!("invalid resource version: {cause}")))?;
    let matching = call.query.get("resourceVersionMatch");
    check_match(matching, call.query)?;
    if call.query.get("sendInitialEvents").is_some() {
        let cause = Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        return Err(Status::invalid("meta.k8s.io", "ListOptions", "", vec![cause]));
    }
    let (objects, version, snapshot, from): (Arc<[Arc<Stored>]>, u64, u64, usize) = if let Some(token) =
        call.query.get("continue")
    {
        let token = Token::decode(token)?;
        if wanted.is_some() {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let objects = store.snapshot(call.row.shelf, token.snapshot).ok_or_else(|| {
                Status::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
            })?;
        (objects, token.version, token.snapshot, token.at)
    } else {
        if let Some(wanted) = wanted {
            not_ahead(wanted, store.version())?;
        }
        let namespace = call.target.namespace.as_deref();
        let (mut objects, version) = match wanted {
            Some(wanted) if matching == Some("Exact") => {
                let then = store.list_at(call.row.shelf, namespace, wanted).map_err(|_too_old| {
                    Status::expired("The resourceVersion for the provided list is too old.")
                })?;
                (then, wanted)
            }
            _ => store.list(call.row.shelf, namespace),
        };
        if !pick.takes_all() {
            objects.retain(|object| pick.takes(&object.record));
        }
        (objects.into(), version, fastrand::u64(..u64::from(u32::MAX)), 0)
    };
    let from = from.min(objects.len());
    let until = if limit == 0 { objects.len() } else { from.saturating_add(limit).min(objects.len()) };
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), version.to_string().into());
    if until < objects.len() {
        store.keep_snapshot(call.row.shelf, snapshot, Arc::clone(&objects));
        metadata.insert("continue".into(), Token { version, snapshot, at: until }.encode().into());
        if pick.takes_all() {
            metadata.insert("remainingItemCount".into(), (objects.len() - until).into());
        }
    }
    let page = &objects[from..until];
    Ok(call.respond(200, render(call, page, &metadata.into())))
}

/// A list of these objects in the form that the client wants.
pub(super) fn render(call: &Call<'_>, page: &[Arc<Stored>], metadata: &Value) -> Bytes {
    match call.form {
        Form::Table => {
            let values = page.iter().map(|object| &object.value);
            let table = table::render(call.storage, values, metadata, call.include(), call.now, true);
            Bytes::from(table.to_string())
        }
        Form::Metadata => {
            // Go writes no items as null here, and as a list for the kind itself.
            let items: Option<Vec<Value>> =
                (!page.is_empty()).then(|| page.iter().map(|object| metadata_only(&object.value)).collect());
            let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items});
            Bytes::from(list.to_string())
        }
        Form::Objects => {
            let size: usize = page.iter().map(|object| object.record.body.len() + 1).sum();
            let mut out = BytesMut::with_capacity(size + 256);
            let (kind, api_version) = (call.row.kind.kind, &call.row.api_version);
            out.put_slice(
                format!("{{\"kind\":\"{kind}List\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":[").as_bytes(),
            );
            for (place, object) in page.iter().enumerate() {
                if place > 0 {
                    out.put_u8(b',');
                }
                // Items of kinds that Kubernetes knows as types bear no kind of their own; custom ones do.
                if call.row.view().is_none() && !call.row.kind.schema.is_empty() {
                    out.put_slice(&object.record.body);
                } else {
                    out.put_slice(&present(call.row, &object.record));
                }
            }
            out.put_slice(b"]}");
            out.freeze()
        }
    }
}
