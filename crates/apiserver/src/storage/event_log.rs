//! The latest changes of a collection, from which watchers read and resume.
//!
//! A watcher keeps a version and no queue: it reads the log at its own pace. A client that does not read costs nothing,
//! and the server disconnects it when the log no longer reaches back to its version.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::Record;

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Added,
    Modified,
    Deleted,
}

/// One change.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// The object after the change; for a deletion, its last state.
    pub(crate) record: Arc<Record>,
    /// The object before the change.
    pub(crate) before: Option<Arc<Record>>,
    /// The watch line in the stored form. The first watcher that sends the event serialises it.
    pub(crate) line: OnceLock<Bytes>,
}

impl Event {
    pub(super) fn new(kind: EventKind, record: Arc<Record>, before: Option<Arc<Record>>) -> Self {
        Self { kind, record, before, line: OnceLock::new() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.record.version
    }
}

/// The log no longer reaches back to the requested version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOld {
    /// The oldest version from which a client can resume.
    pub(crate) oldest: u64,
}

#[derive(Debug)]
pub(super) struct EventLog {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
    /// Version of the newest event that was dropped.
    dropped: u64,
}

impl EventLog {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { events: VecDeque::new(), bytes: 0, max_events, max_bytes, dropped: 0 }
    }

    pub(super) fn push(&mut self, event: Arc<Event>) {
        self.bytes += event.record.body.len();
        self.events.push_back(event);
        while self.events.len() > self.max_events || (self.bytes > self.max_bytes && self.events.len() > 1) {
            let Some(old) = self.events.pop_front() else { break };
            self.bytes -= old.record.body.len();
            self.dropped = old.version();
        }
    }

    pub(super) fn since(&self, version: u64, limit: usize) -> Result<Vec<Arc<Event>>, TooOld> {
        if version < self.dropped {
            return Err(TooOld { oldest: self.dropped });
        }
        let from = self.events.partition_point(|event| event.version() <= version);
        Ok(self.events.range(from..).take(limit).cloned().collect())
    }
}
