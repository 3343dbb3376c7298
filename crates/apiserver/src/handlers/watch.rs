//! Watches: an endless response with one JSON line for each change.
//!
//! A watcher keeps a version in the collection's event log and a signal for new events. It reads as fast as its client
//! does. When the log no longer reaches back to its version, the watch ends with 410 and the client must list again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http::{HeaderValue, header};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call::{Call, metadata_only, present};
use super::negotiate::Representation;
use super::read::{ObjectSelector, version};
use super::websocket;
use crate::registry::Resource;
use crate::storage::{Event, EventKind, Record, TooOld, encode};
use crate::{Cause, Status, table};

/// Events that a watcher reads from the log at once, so that all watchers make progress.
const MAX_BATCH: usize = 64;
/// Interval of bookmarks, as in kube-apiserver.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// Minimum duration in seconds of a watch without `timeoutSeconds`, as in kube-apiserver's `--min-request-timeout`. The
/// maximum is twice that.
const MIN_TIMEOUT: u64 = 1800;
/// Maximum of `timeoutSeconds`.
const MAX_TIMEOUT: i64 = 24 * 3600;
const END_OF_INITIAL: &str = "k8s.io/initial-events-end";

/// Handles GET of a collection with `watch=true`.
pub(crate) fn watch(call: &mut Call<'_>) -> Result<Response, Status> {
    let inner = &call.server.inner;
    let selector = ObjectSelector::read(call)?;
    let permit = Arc::clone(&inner.watches)
        .try_acquire_owned()
        .map_err(|_| Status::too_many_requests("Too many requests, please try again later.", 1))?;
    let timeout = match call.query.number("timeoutSeconds")? {
        Some(seconds) if seconds > 0 => Duration::from_secs(seconds.min(MAX_TIMEOUT).unsigned_abs()),
        _ => Duration::from_secs(MIN_TIMEOUT + fastrand::u64(..MIN_TIMEOUT)),
    };
    let send_initial = call.query.get("sendInitialEvents");
    let bookmarks = call.query.flag("allowWatchBookmarks");
    check_match(call, send_initial.is_some())?;
    // Kubernetes answers an invalid version with 400 in a list and with 500 in a watch.
    let from = version(call.query.get("resourceVersion"))
        .map_err(|cause| Status::new(500, "", cause.to_string()))?;
    let signal = call.resource.objects.subscribe();
    let mut watcher = Watcher {
        resource: Arc::clone(&call.resource),
        stored_as: Arc::clone(&call.stored_as),
        selector,
        representation: call.representation,
        include: call.include(),
        at: 0,
        signal,
        bookmarks,
        next_bookmark: Instant::now() + BOOKMARK_INTERVAL,
        deadline: Instant::now() + timeout,
        shutdown: call.shutdown.clone(),
        first: BytesMut::new(),
        with_columns: true,
        ended: false,
        _permit: permit,
    };
    let initial = match send_initial {
        Some("true" | "1") => true,
        Some(_) => false,
        None => from.is_none(),
    };
    if initial {
        let (objects, at) = call.resource.objects.list(call.info.namespace.as_deref());
        watcher.at = at;
        let mut first = BytesMut::new();
        for object in &objects {
            if watcher.selector.matches(&object.record) {
                watcher.line(&mut first, EventKind::Added, &object.record);
            }
        }
        if send_initial.is_some() && bookmarks {
            watcher.bookmark(&mut first, true);
        }
        watcher.first = first;
    } else {
        watcher.at = from.unwrap_or_else(|| inner.storage.version());
    }
    let stream = futures::stream::unfold(watcher, |mut watcher| async move {
        let lines = watcher.next().await?;
        Some((lines, watcher))
    });
    if let Some(upgrade) = call.take_websocket() {
        return websocket::send_lines(call.headers, upgrade, stream);
    }
    let stream = stream.map(Ok::<_, std::convert::Infallible>);
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Validates `resourceVersionMatch` of a watch.
fn check_match(call: &Call<'_>, send_initial: bool) -> Result<(), Status> {
    const FIELD: &str = "resourceVersionMatch";
    const ONLY: &str = "NotOlderThan";
    let matching = call.query.get(FIELD);
    let mut causes = Vec::new();
    if send_initial && matching != Some(ONLY) {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(Cause::forbidden(FIELD, why));
    }
    if let Some(word) = matching {
        if !send_initial {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(Cause::forbidden(FIELD, why));
        }
        if word != ONLY {
            causes.push(Cause::not_supported(FIELD, &json!(word), &[ONLY]));
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid("meta.k8s.io", "ListOptions", "", causes)) }
}

struct Watcher {
    resource: Arc<Resource>,
    stored_as: Arc<Resource>,
    selector: ObjectSelector,
    representation: Representation,
    include: table::Include,
    /// The version up to which the client has received everything.
    at: u64,
    signal: watch::Receiver<u64>,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    shutdown: CancellationToken,
    /// The initial lines.
    first: BytesMut,
    /// True until the first table, which contains the columns.
    with_columns: bool,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    /// Returns the next lines; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.first.is_empty() {
            return Some(self.first.split().freeze());
        }
        loop {
            if self.ended {
                return None;
            }
            // This must come before the read of the log, so that later events signal again.
            self.signal.mark_unchanged();
            match self.resource.objects.events_since(self.at, MAX_BATCH) {
                Err(TooOld { oldest }) => {
                    self.ended = true;
                    let status = Status::expired(format!("too old resource version: {} ({oldest})", self.at));
                    return Some(Bytes::from(format!(
                        "{{\"type\":\"ERROR\",\"object\":{}}}\n",
                        status.to_json()
                    )));
                }
                Ok((events, upto)) => {
                    // A client can wait for a future version.
                    self.at = self.at.max(upto);
                    let more = events.len() == MAX_BATCH;
                    let lines = self.lines(&events);
                    if !lines.is_empty() {
                        return Some(lines);
                    }
                    if more {
                        continue;
                    }
                }
            }
            let bookmark = if self.bookmarks { self.next_bookmark } else { self.deadline };
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                changed = self.signal.changed() => changed.ok()?,
                () = tokio::time::sleep_until(self.deadline.min(bookmark)) => {
                    if Instant::now() >= self.deadline {
                        return None;
                    }
                    self.next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
                    let mut out = BytesMut::new();
                    self.bookmark(&mut out, false);
                    return Some(out.freeze());
                }
            }
        }
    }

    fn lines(&mut self, events: &[Arc<Event>]) -> Bytes {
        let mut out = BytesMut::new();
        let plain = self.representation == Representation::Objects && self.resource.view().is_none();
        for event in events {
            let now = self.selector.matches(&event.record);
            let before = event.before.as_ref().map(|record| self.selector.matches(record));
            match (event.kind, before, now) {
                (EventKind::Deleted, Some(false), _) | (_, None | Some(false), false) => {}
                (EventKind::Modified, Some(false), true) => {
                    self.line(&mut out, EventKind::Added, &event.record);
                }
                (EventKind::Modified, Some(true), false) => {
                    // The object leaves the selection, so its watchers see a deletion at this version.
                    let Some(record) = &event.before else { continue };
                    let record = at_version(record, event.version());
                    self.line(&mut out, EventKind::Deleted, &record);
                }
                (kind, _, _) if plain => {
                    let line = event.line.get_or_init(|| {
                        let mut line = BytesMut::with_capacity(event.record.body.len() + 128);
                        self.line_of_objects(&mut line, kind, &event.record);
                        line.freeze()
                    });
                    if events.len() == 1 {
                        return line.clone();
                    }
                    out.put_slice(line);
                }
                (kind, _, _) => self.line(&mut out, kind, &event.record),
            }
        }
        out.freeze()
    }

    fn line_of_objects(&self, out: &mut BytesMut, kind: EventKind, record: &Record) {
        put(out, kind, &present(&self.resource, record));
    }

    fn line(&mut self, out: &mut BytesMut, kind: EventKind, record: &Record) {
        match self.representation {
            Representation::Objects => self.line_of_objects(out, kind, record),
            Representation::Metadata => {
                let value = record.value(&self.resource.kind.kind, &self.resource.api_version);
                put(out, kind, metadata_only(&value).to_string().as_bytes());
            }
            Representation::Table => {
                let stored_as = &self.stored_as;
                let value = record.value(&stored_as.kind.kind, &stored_as.api_version);
                let metadata = &json!({"resourceVersion": record.version.to_string()});
                let now = jiff::Timestamp::now();
                let table =
                    table::render(stored_as, [&value], metadata, self.include, now, self.with_columns);
                self.with_columns = false;
                put(out, kind, table.to_string().as_bytes());
            }
        }
    }

    fn bookmark(&self, out: &mut BytesMut, end_of_initial: bool) {
        let resource = &self.resource;
        let mut metadata = json!({"resourceVersion": self.at.to_string()});
        if end_of_initial {
            metadata["annotations"] = json!({END_OF_INITIAL: "true"});
        }
        let object = match self.representation {
            Representation::Objects => {
                json!({"kind": resource.kind.kind, "apiVersion": resource.api_version, "metadata": metadata})
            }
            Representation::Table => {
                let metadata = json!({"resourceVersion": self.at.to_string()});
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": null, "rows": null})
            }
            Representation::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
        };
        out.put_slice(b"{\"type\":\"BOOKMARK\",\"object\":");
        out.put_slice(&encode(&object));
        out.put_slice(b"}\n");
    }
}

fn put(out: &mut BytesMut, kind: EventKind, object: &[u8]) {
    let word = match kind {
        EventKind::Added => "ADDED",
        EventKind::Modified => "MODIFIED",
        EventKind::Deleted => "DELETED",
    };
    out.put_slice(b"{\"type\":\"");
    out.put_slice(word.as_bytes());
    out.put_slice(b"\",\"object\":");
    out.put_slice(object);
    out.put_slice(b"}\n");
}

/// Returns a record with another version.
fn at_version(record: &Record, version: u64) -> Record {
    let mut value: Value = serde_json::from_slice(&record.body).unwrap_or_default();
    value["metadata"]["resourceVersion"] = version.to_string().into();
    Record {
        version,
        namespace: record.namespace.clone(),
        name: record.name.clone(),
        labels: Vec::new(),
        fields: Vec::new(),
        body: Bytes::from(value.to_string()),
    }
}
