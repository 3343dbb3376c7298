//! What goes wrong, with which requests; and the record of what was asked.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::stream::Ending;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET` and so on.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query without its question mark, as it was sent.
    pub query: String,
    /// When it came.
    pub at: Instant,
}

impl Asked {
    /// Whether it opens a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.has("watch=true") || self.has("watch=1")
    }

    /// Whether it opens a watch on objects of that kind, such as `pods`.
    #[must_use]
    pub fn watches(&self, plural: &str) -> bool {
        self.is_watch() && self.is_about(plural)
    }

    /// Whether it reads a list (and watches nothing) of objects of that kind.
    #[must_use]
    pub fn lists(&self, plural: &str) -> bool {
        self.method == "GET" && !self.is_watch() && self.is_about(plural)
    }

    /// Whether it opens a tunnel to a pod.
    #[must_use]
    pub fn is_tunnel(&self) -> bool {
        self.path.ends_with("/portforward")
    }

    /// Whether the answer goes on until somebody ends it.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.is_watch() || self.is_tunnel() || self.has("follow=true")
    }

    /// Whether the query has this parameter, written `name=value`.
    #[must_use]
    pub fn has(&self, parameter: &str) -> bool {
        self.query.split('&').any(|part| part == parameter)
    }

    fn is_about(&self, plural: &str) -> bool {
        self.path.rsplit('/').next() == Some(plural)
    }
}

/// What befalls a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The server answers with a failure: HTTP code, reason and message of its `Status`.
    Refuse(u16, &'static str, String),
    /// The server answers 200 with this JSON.
    Say(String),
    /// The request is passed on so much later.
    Late(Duration),
    /// Nothing comes back, neither an answer nor an end, while the fault lasts.
    Hang,
    /// The connection is closed without an answer.
    Close,
}

pub(super) type Picks = Box<dyn Fn(&Asked) -> bool + Send>;

/// A fault that lasts as long as this value.
pub struct Injected {
    shared: Arc<Shared>,
    id: u64,
}

impl Injected {
    pub(super) fn new(shared: &Arc<Shared>, which: Picks, fault: Fault) -> Self {
        let id = shared.next_id();
        shared.state().faults.push((id, which, fault));
        Self { shared: Arc::clone(shared), id }
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        self.shared.state().faults.retain(|(id, ..)| *id != self.id);
    }
}

#[derive(Default)]
struct State {
    faults: Vec<(u64, Picks, Fault)>,
    asked: Vec<Asked>,
    streams: Vec<(u64, Asked, UnboundedSender<Ending>)>,
    bookmarks: Vec<(Asked, String)>,
}

/// What the proxy's connections share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    ids: AtomicU64,
    /// Seconds added to every `Date`.
    pub(super) date_shift: AtomicI64,
    /// Connections so far.
    pub(super) connections: AtomicU64,
    /// Bytes that went to the client.
    pub(super) bytes_down: AtomicU64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn note(&self, asked: Asked) {
        self.state().asked.push(asked);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// The fault for a request, and its number.
    pub(super) fn fault(&self, asked: &Asked) -> Option<(u64, Fault)> {
        let state = self.state();
        let found = state.faults.iter().rev().find(|(_, which, _)| which(asked));
        found.map(|(id, _, fault)| (*id, fault.clone()))
    }

    /// Whether the fault of that number has not been lifted.
    pub(super) fn lasts(&self, id: u64) -> bool {
        self.state().faults.iter().any(|(fault, ..)| *fault == id)
    }

    /// From now on the stream can be ended through `orders`, until it is forgotten by the number returned.
    pub(super) fn opened(&self, asked: Asked, orders: UnboundedSender<Ending>) -> u64 {
        let id = self.next_id();
        self.state().streams.push((id, asked, orders));
        id
    }

    pub(super) fn bookmarked(&self, asked: &Asked, version: String) {
        self.state().bookmarks.push((asked.clone(), version));
    }

    pub(super) fn bookmarks(&self) -> Vec<(Asked, String)> {
        self.state().bookmarks.clone()
    }

    pub(super) fn forget(&self, id: u64) {
        self.state().streams.retain(|(stream, ..)| *stream != id);
    }

    pub(super) fn end(&self, which: impl Fn(&Asked) -> bool, ending: Ending) -> usize {
        let mut ended = 0;
        self.state().streams.retain(|(_, asked, orders)| {
            let picked = which(asked);
            if picked && orders.send(ending).is_ok() {
                ended += 1;
            }
            !picked
        });
        ended
    }

    pub(super) fn open(&self, which: impl Fn(&Asked) -> bool) -> usize {
        self.state().streams.iter().filter(|(_, asked, _)| which(asked)).count()
    }
}
