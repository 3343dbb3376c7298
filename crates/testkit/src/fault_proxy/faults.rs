//! The injected faults, and the record of requests, streams and bookmarks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

/// A request of a client.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The HTTP method, such as `GET`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The raw query without its question mark.
    pub query: String,
    /// Time of arrival.
    pub at: Instant,
}

impl RecordedRequest {
    /// Returns whether the request opens a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.has("watch=true") || self.has("watch=1")
    }

    /// Returns whether the request opens a watch on this resource, such as `pods`.
    #[must_use]
    pub fn watches(&self, plural: &str) -> bool {
        self.is_watch() && self.is_about(plural)
    }

    /// Returns whether the request lists this resource.
    #[must_use]
    pub fn lists(&self, plural: &str) -> bool {
        self.method == "GET" && !self.is_watch() && self.is_about(plural)
    }

    /// Returns whether the request opens a tunnel to a pod.
    #[must_use]
    pub fn is_tunnel(&self) -> bool {
        self.path.ends_with("/portforward")
    }

    /// Returns whether the response has no end of its own: a watch, a tunnel or followed logs.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.is_watch() || self.is_tunnel() || self.has("follow=true")
    }

    /// Returns whether the query has this parameter, written `name=value`.
    #[must_use]
    pub fn has(&self, parameter: &str) -> bool {
        self.query.split('&').any(|part| part == parameter)
    }

    fn is_about(&self, plural: &str) -> bool {
        self.path.rsplit('/').next() == Some(plural)
    }
}

/// A fault that a request meets.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A `Status` with this HTTP code, reason and message.
    Status(u16, &'static str, String),
    /// HTTP 200 with this JSON body.
    Reply(String),
    /// A delay before the proxy forwards the request.
    Delay(Duration),
    /// No response and no end while the fault lasts.
    Hang,
    /// The connection closes without a response.
    Close,
}

/// The end of a watch or another stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// A regular end after a whole line, as at a timeout of the server.
    Clean,
    /// The connection breaks between two lines.
    Cut,
    /// The connection breaks within a line.
    Torn,
    /// An `ERROR` event with code 410: the resource version is too old.
    Expired,
}

pub(super) type Matcher = Box<dyn Fn(&RecordedRequest) -> bool + Send>;

/// Lifts its fault when dropped.
pub struct FaultGuard {
    shared: Arc<Shared>,
    id: u64,
}

impl FaultGuard {
    pub(super) fn new(shared: &Arc<Shared>, which: Matcher, fault: Fault) -> Self {
        let id = shared.next_id();
        shared.state().faults.push((id, which, fault));
        Self { shared: Arc::clone(shared), id }
    }
}

impl Drop for FaultGuard {
    fn drop(&mut self) {
        self.shared.state().faults.retain(|(id, ..)| *id != self.id);
    }
}

#[derive(Default)]
struct State {
    faults: Vec<(u64, Matcher, Fault)>,
    requests: Vec<RecordedRequest>,
    streams: Vec<(u64, RecordedRequest, UnboundedSender<StreamEnd>)>,
    bookmarks: Vec<(RecordedRequest, String)>,
}

/// The state that all connections of the proxy share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    ids: AtomicU64,
    /// Seconds that the proxy adds to every `Date`.
    pub(super) date_shift: AtomicI64,
    /// Number of connections so far.
    pub(super) connections: AtomicU64,
    /// Number of bytes sent to clients.
    pub(super) bytes_down: AtomicU64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn record(&self, request: RecordedRequest) {
        self.state().requests.push(request);
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// The newest fault that matches the request, with its id.
    pub(super) fn fault(&self, request: &RecordedRequest) -> Option<(u64, Fault)> {
        let state = self.state();
        let found = state.faults.iter().rev().find(|(_, which, _)| which(request));
        found.map(|(id, _, fault)| (*id, fault.clone()))
    }

    /// Returns whether the fault with this id is still active.
    pub(super) fn lasts(&self, id: u64) -> bool {
        self.state().faults.iter().any(|(fault, ..)| *fault == id)
    }

    /// Registers a stream that `commands` can end, and returns its id.
    pub(super) fn add_stream(&self, request: RecordedRequest, commands: UnboundedSender<StreamEnd>) -> u64 {
        let id = self.next_id();
        self.state().streams.push((id, request, commands));
        id
    }

    pub(super) fn record_bookmark(&self, request: &RecordedRequest, version: String) {
        self.state().bookmarks.push((request.clone(), version));
    }

    pub(super) fn bookmarks(&self) -> Vec<(RecordedRequest, String)> {
        self.state().bookmarks.clone()
    }

    pub(super) fn remove_stream(&self, id: u64) {
        self.state().streams.retain(|(stream, ..)| *stream != id);
    }

    pub(super) fn end_streams(&self, which: impl Fn(&RecordedRequest) -> bool, kind: StreamEnd) -> usize {
        let mut ended = 0;
        self.state().streams.retain(|(_, request, commands)| {
            let matches = which(request);
            if matches && commands.send(kind).is_ok() {
                ended += 1;
            }
            !matches
        });
        ended
    }

    pub(super) fn open_streams(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.state().streams.iter().filter(|(_, request, _)| which(request)).count()
    }
}
