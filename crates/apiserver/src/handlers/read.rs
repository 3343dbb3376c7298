//! GET of objects and collections.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Map, Value, json};

use super::call::{Call, metadata_only, present};
use super::negotiate::Representation;
use crate::query::Query;
use crate::select::{FieldSelector, LabelSelector};
use crate::storage::{Record, Stored};
use crate::{Cause, Details, Status, table};

/// The selection of a list or a watch.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectSelector {
    pub(crate) namespace: Option<String>,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl ObjectSelector {
    pub(crate) fn read(call: &Call<'_>) -> Result<Self, Status> {
        let labels = LabelSelector::parse(call.query.get("labelSelector").unwrap_or_default())?;
        let fields =
            FieldSelector::parse(call.query.get("fieldSelector").unwrap_or_default(), &call.stored_as.kind)?;
        Ok(Self { namespace: call.info.namespace.clone(), labels, fields })
    }

    pub(crate) fn matches(&self, record: &Record) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == record.namespace)
            && self.labels.matches(&record.labels)
            && self.fields.matches(&record.namespace, &record.name, &record.fields)
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}

/// Handles GET of one object.
pub(crate) fn get(call: &Call<'_>) -> Result<Response, Status> {
    let wanted = version(call.query.get("resourceVersion"))
        .map_err(|cause| Status::bad_request(format!("invalid resource version: {cause}")))?;
    if let Some(wanted) = wanted {
        check_not_ahead(wanted, call.server.inner.storage.version())?;
    }
    Ok(call.respond_with(200, &*call.object()?))
}

/// Parses the resourceVersion of a query. `None` is the newest version, which also serves 0 ("any").
pub(crate) fn version(text: Option<&str>) -> Result<Option<u64>, Cause> {
    match text {
        None | Some("" | "0") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
            Cause::invalid("resourceVersion", &json!(text), &why)
        }),
    }
}

/// Validates `resourceVersionMatch` of a list.
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

/// Returns 504 for a future version.
fn check_not_ahead(wanted: u64, current: u64) -> Result<(), Status> {
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

/// The position of the next page of a list.
struct ContinueToken {
    version: u64,
    snapshot: u64,
    at: usize,
}

impl ContinueToken {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!({"rv": self.version, "s": self.snapshot, "at": self.at}).to_string())
    }

    fn decode(text: &str) -> Result<Self, Status> {
        let refused = |why: &str| {
            Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| refused(&error.to_string()))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| refused(&error.to_string()))?;
        let number = |name: &str| value[name].as_u64();
        match (number("rv"), number("s"), number("at")) {
            (Some(version), Some(snapshot), Some(at)) => {
                Ok(Self { version, snapshot, at: usize::try_from(at).unwrap_or(usize::MAX) })
            }
            _ => Err(refused("server does not recognize this encoded version")),
        }
    }
}

/// Handles GET of a collection.
pub(crate) fn list(call: &Call<'_>) -> Result<Response, Status> {
    let collection = &call.resource.objects;
    let selector = ObjectSelector::read(call)?;
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
        let token = ContinueToken::decode(token)?;
        if wanted.is_some() {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let objects = collection.snapshot(token.snapshot).ok_or_else(|| {
                Status::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
            })?;
        (objects, token.version, token.snapshot, token.at)
    } else {
        if let Some(wanted) = wanted {
            check_not_ahead(wanted, call.server.inner.storage.version())?;
        }
        let namespace = call.info.namespace.as_deref();
        let (mut objects, version) = match wanted {
            Some(wanted) if matching == Some("Exact") => {
                let then = collection.list_at(namespace, wanted).map_err(|_too_old| {
                    Status::expired("The resourceVersion for the provided list is too old.")
                })?;
                (then, wanted)
            }
            _ => collection.list(namespace),
        };
        if !selector.is_everything() {
            objects.retain(|object| selector.matches(&object.record));
        }
        (objects.into(), version, fastrand::u64(..u64::from(u32::MAX)), 0)
    };
    let from = from.min(objects.len());
    let until = if limit == 0 { objects.len() } else { from.saturating_add(limit).min(objects.len()) };
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), version.to_string().into());
    if until < objects.len() {
        collection.keep_snapshot(snapshot, Arc::clone(&objects));
        metadata.insert("continue".into(), ContinueToken { version, snapshot, at: until }.encode().into());
        if selector.is_everything() {
            metadata.insert("remainingItemCount".into(), (objects.len() - until).into());
        }
    }
    let page = &objects[from..until];
    Ok(call.respond(200, render(call, page, &metadata.into())))
}

/// Renders a list of objects in the requested representation.
pub(super) fn render(call: &Call<'_>, page: &[Arc<Stored>], metadata: &Value) -> Bytes {
    match call.representation {
        Representation::Table => {
            let values = page.iter().map(|object| &object.value);
            let table = table::render(&call.stored_as, values, metadata, call.include(), call.now, true);
            Bytes::from(table.to_string())
        }
        Representation::Metadata => {
            // Go writes an empty list as null here.
            let items: Option<Vec<Value>> =
                (!page.is_empty()).then(|| page.iter().map(|object| metadata_only(&object.value)).collect());
            let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items});
            Bytes::from(list.to_string())
        }
        Representation::Objects => {
            let size: usize = page.iter().map(|object| object.record.body.len() + 1).sum();
            let mut out = BytesMut::with_capacity(size + 256);
            let (kind, api_version) = (&call.resource.kind.kind, &call.resource.api_version);
            out.put_slice(
                format!("{{\"kind\":\"{kind}List\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":[").as_bytes(),
            );
            for (place, object) in page.iter().enumerate() {
                if place > 0 {
                    out.put_u8(b',');
                }
                // List items have a `kind` of their own only for custom kinds.
                if call.resource.view().is_none() && !call.resource.kind.is_custom() {
                    out.put_slice(&object.record.body);
                } else {
                    out.put_slice(&present(&call.resource, &object.record));
                }
            }
            out.put_slice(b"]}");
            out.freeze()
        }
    }
}
