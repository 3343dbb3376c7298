//! What has become of the requests of a burst or a stream so far.

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
    /// Something was counted.
    pub(super) changed: Notify,
    /// `answered` has reached `expected`.
    pub(super) complete: Notify,
    expected: Option<u32>,
}

/// The counts themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Requests written to a connection.
    pub(super) sent: u32,
    /// Requests whose outcome is known.
    pub(super) answered: u32,
    /// Jobs confirmed.
    pub(super) accepted: u32,
    /// Requests that failed, by cause.
    pub(super) failed: BTreeMap<String, u32>,
    /// Ids of jobs confirmed since they were last taken.
    pub(super) ids: Vec<Uuid>,
    /// When the first request was sent.
    pub(super) first_sent: Option<At>,
    /// When the first confirm came.
    pub(super) first_accepted: Option<At>,
    /// When the last confirm came.
    pub(super) last_accepted: Option<At>,
    /// Connections that are up.
    pub(super) connected: u32,
    /// Why the last try to connect failed, until one succeeds.
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

    /// The counts as they are, with the ids that were not taken before.
    pub(super) fn take(&self) -> Counts {
        let mut counts = self.counts();
        let ids = std::mem::take(&mut counts.ids);
        Counts { ids, ..counts.clone() }
    }
}
