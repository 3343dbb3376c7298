//! The counts of a burst or a stream.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::outcome::Outcome;
use dashboard::clock::At;

/// Counts of requests, shared by the connections that carry them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    /// Notified when a count changed.
    pub(super) changed: Notify,
    /// Notified when `answered` reached `expected`.
    pub(super) complete: Notify,
    expected: Option<u32>,
}

/// The counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Requests written to a connection.
    pub(super) sent: u32,
    /// Requests with a known outcome.
    pub(super) answered: u32,
    /// Jobs confirmed.
    pub(super) accepted: u32,
    /// Failed requests by cause.
    pub(super) failed: BTreeMap<String, u32>,
    /// IDs of jobs that were confirmed since the last read.
    pub(super) ids: Vec<Uuid>,
    /// Time of the first request.
    pub(super) first_sent: Option<At>,
    /// Time of the first confirm.
    pub(super) first_accepted: Option<At>,
    /// Time of the last confirm.
    pub(super) last_accepted: Option<At>,
    /// Open connections.
    pub(super) connected: u32,
    /// Cause of the last failure to connect, until one succeeds.
    pub(super) trouble: Option<String>,
}

impl Tally {
    /// Counts towards `expected` requests, or without end.
    pub(super) fn new(expected: Option<u32>) -> Self {
        Self { expected, ..Self::default() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connected(&self) {
        let mut counts = self.counts();
        counts.connected += 1;
        if counts.trouble.take().is_some() {
            self.changed.notify_one();
        }
    }

    pub(super) fn disconnected(&self) {
        self.counts().connected -= 1;
    }

    pub(super) fn trouble(&self, cause: String) {
        self.counts().trouble = Some(cause);
        self.changed.notify_one();
    }

    pub(super) fn sent(&self, at: At) {
        let mut counts = self.counts();
        counts.sent += 1;
        counts.first_sent.get_or_insert(at);
    }

    pub(super) fn ended(&self, outcome: Outcome, at: At) {
        let mut counts = self.counts();
        counts.answered += 1;
        if outcome.confirmed > 0 {
            counts.accepted += outcome.confirmed;
            counts.first_accepted.get_or_insert(at);
            counts.last_accepted = Some(at);
        }
        counts.ids.extend(outcome.ids);
        if let Some(cause) = outcome.failure {
            *counts.failed.entry(cause).or_default() += 1;
        }
        if self.expected.is_some_and(|expected| counts.answered >= expected) {
            self.complete.notify_one();
        }
        self.changed.notify_one();
    }

    /// The counts, with the IDs that were not read before.
    pub(super) fn take(&self) -> Counts {
        let mut counts = self.counts();
        let ids = std::mem::take(&mut counts.ids);
        Counts { ids, ..counts.clone() }
    }
}
