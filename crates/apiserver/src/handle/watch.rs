//! Watches: an endless answer of one JSON line for each change.
//!
//! A watcher is a version in the shelf's log and a signal that the log has grown. It reads only as fast as its client
//! does; when the log no longer reaches back to it, it is told 410 and must list again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderValue, header};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accept::Form;
use super::call::{Call, metadata_only, present};
use super::read::{Pick, version};
use crate::registry::Row;
use crate::store::{Event, EventKind, Record, ShelfId, TooOld, encode};
use crate::{ApiServer, Cause, Status, table};

/// Events that one turn takes from the log, so that many clients get theirs at the same time.
const BATCH: usize = 64;
/// How often a watcher that wants them gets a bookmark, as a kube-apiserver does.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// A watch without `timeoutSeconds` ends after this and up to twice as long, as with kube-apiserver's
/// `--min-request-timeout`.
const MIN_TIMEOUT: u64 = 1800;
/// A longer `timeoutSeconds` is cut to this.
const MAX_TIMEOUT: i64 = 24 * 3600;
const END_OF_INITIAL: &str = "k8s.io/initial-events-end";

/// GET of a collection with `watch=true`.
pub(crate) fn watch(call: &Call<'_>) -> Result<Response, Status> {
    let inner = &call.server.inner;
    let pick = Pick::read(call)?;
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
    // A list with such a version is a bad request, a watch an error of the server.
    let from = version(call.query.get("resourceVersion"))
        .map_err(|cause| Status::new(500, "", cause.to_string()))?;
    let signal = inner.store.subscribe(call.row.shelf);
    let mut watcher = Watcher {
        server: call.server.clone(),
        row: inner.registry.rows().iter().position(|row| std::ptr::eq(row, call.row)).unwrap_or_default(),
        shelf: call.row.shelf,
        pick,
        form: call.form,
        include: call.include(),
        at: 0,
        signal,
        bookmarks,
        next_bookmark: Instant::now() + BOOKMARK_EVERY,
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
        let (objects, at) = inner.store.list(call.row.shelf, call.target.namespace.as_deref());
        watcher.at = at;
        let mut first = BytesMut::new();
        for object in &objects {
            if watcher.pick.takes(&object.record) {
                watcher.line(&mut first, EventKind::Added, &object.record);
            }
        }
        if send_initial.is_some() && bookmarks {
            watcher.bookmark(&mut first, true);
        }
        watcher.first = first;
    } else {
        watcher.at = from.unwrap_or_else(|| inner.store.version());
    }
    let stream = futures::stream::unfold(watcher, |mut watcher| async move {
        let lines = watcher.next().await?;
        Some((Ok::<_, std::convert::Infallible>(lines), watcher))
    });
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// What `resourceVersionMatch` may say in a watch.
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
    server: ApiServer,
    /// Place of the kind in the table.
    row: usize,
    shelf: ShelfId,
    pick: Pick,
    form: Form,
    include: table::Include,
    /// Everything up to this version was sent.
    at: u64,
    signal: watch::Receiver<u64>,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    shutdown: CancellationToken,
    /// What is sent before anything else.
    first: BytesMut,
    /// The next table still needs its columns.
    with_columns: bool,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    /// The next lines; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.first.is_empty() {
            return Some(self.first.split().freeze());
        }
        loop {
            if self.ended {
                return None;
            }
            // Before the log is read: what comes after that is signalled.
            self.signal.mark_unchanged();
            match self.server.inner.store.since(self.shelf, self.at, BATCH) {
                Err(TooOld { oldest }) => {
                    self.ended = true;
                    let status = Status::expired(format!("too old resource version: {} ({oldest})", self.at));
                    return Some(Bytes::from(format!(
                        "{{\"type\":\"ERROR\",\"object\":{}}}\n",
                        status.to_json()
                    )));
                }
                Ok((events, upto)) => {
                    // A client may wait for a version that is still to come.
                    self.at = self.at.max(upto);
                    let more = events.len() == BATCH;
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
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    let mut out = BytesMut::new();
                    self.bookmark(&mut out, false);
                    return Some(out.freeze());
                }
            }
        }
    }

    fn kind(&self) -> &Row {
        &self.server.inner.registry.rows()[self.row]
    }

    fn lines(&mut self, events: &[Arc<Event>]) -> Bytes {
        let mut out = BytesMut::new();
        let plain = self.form == Form::Objects && self.kind().view().is_none();
        for event in events {
            let now = self.pick.takes(&event.record);
            let before = event.before.as_ref().map(|record| self.pick.takes(record));
            match (event.kind, before, now) {
                (EventKind::Deleted, Some(false), _) | (_, None | Some(false), false) => {}
                (EventKind::Modified, Some(false), true) => {
                    self.line(&mut out, EventKind::Added, &event.record);
                }
                (EventKind::Modified, Some(true), false) => {
                    // It leaves the selection: what was picked is gone, as of this version.
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
        put(out, kind, &present(self.kind(), record));
    }

    fn line(&mut self, out: &mut BytesMut, kind: EventKind, record: &Record) {
        match self.form {
            Form::Objects => self.line_of_objects(out, kind, record),
            Form::Metadata => {
                let value = record.value(self.kind().kind.kind, &self.kind().api_version);
                put(out, kind, metadata_only(&value).to_string().as_bytes());
            }
            Form::Table => {
                let storage = self.server.inner.registry.storage(self.kind());
                let value = record.value(storage.kind.kind, &storage.api_version);
                let metadata = &json!({"resourceVersion": record.version.to_string()});
                let now = jiff::Timestamp::now();
                let table = table::render(storage, [&value], metadata, self.include, now, self.with_columns);
                self.with_columns = false;
                put(out, kind, table.to_string().as_bytes());
            }
        }
    }

    fn bookmark(&self, out: &mut BytesMut, end_of_initial: bool) {
        let row = self.kind();
        let mut metadata = json!({"resourceVersion": self.at.to_string()});
        if end_of_initial {
            metadata["annotations"] = json!({END_OF_INITIAL: "true"});
        }
        let object = match self.form {
            Form::Objects => {
                json!({"kind": row.kind.kind, "apiVersion": row.api_version, "metadata": metadata})
            }
            Form::Table => {
                let metadata = json!({"resourceVersion": self.at.to_string()});
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": null, "rows": null})
            }
            Form::Metadata => {
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

/// A record as it would look at another version.
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
