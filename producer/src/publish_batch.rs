//! The messages of one request: unconfirmed messages and results.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use contract::{Cause, routes::MAX_IDS};
use futures::task::AtomicWaker;
use prometheus::IntCounter;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// The messages of one request, shared by the request and its unconfirmed messages. It outlives a request that timed out:
/// its permits become free only when the broker has answered every message.
#[derive(Debug)]
pub(crate) struct PublishBatch {
    results: Mutex<Results>,
    /// The task of the request.
    pub(crate) task: AtomicWaker,
    published: IntCounter,
    late: IntCounter,
    _permits: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct Results {
    /// Publish times of unconfirmed messages, oldest first. Confirms arrive in order with rare exceptions, so each confirm
    /// removes the oldest time.
    unconfirmed: VecDeque<Instant>,
    confirmed: u32,
    ids: Vec<Uuid>,
    cause: Option<Cause>,
    /// The request has been answered.
    closed: bool,
}

/// Progress of a batch, for the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) unconfirmed: usize,
    /// Publish time of the oldest unconfirmed message.
    pub(crate) oldest: Option<Instant>,
    pub(crate) failed: bool,
}

impl PublishBatch {
    pub(crate) fn new(permits: OwnedSemaphorePermit, published: IntCounter, late: IntCounter) -> Self {
        Self { results: Mutex::default(), task: AtomicWaker::new(), published, late, _permits: permits }
    }

    pub(crate) fn published(&self, at: Instant) {
        self.lock().unconfirmed.push_back(at);
    }

    /// Records the result of one message.
    pub(crate) fn confirmed(&self, id: Uuid, result: Result<(), Cause>) {
        let mut results = self.lock();
        results.unconfirmed.pop_front();
        match result {
            Ok(()) => {
                results.confirmed += 1;
                self.published.inc();
                if results.closed {
                    self.late.inc();
                } else if results.ids.len() < MAX_IDS {
                    results.ids.push(id);
                }
            }
            Err(cause) => drop(results.cause.get_or_insert(cause)),
        }
        // Wake the request only at the end, at a failure, and to publish more.
        let wake = results.unconfirmed.is_empty()
            || results.cause.is_some()
            || results.confirmed.is_multiple_of(256);
        drop(results);
        if wake {
            self.task.wake();
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        let results = self.lock();
        Progress {
            unconfirmed: results.unconfirmed.len(),
            oldest: results.unconfirmed.front().copied(),
            failed: results.cause.is_some(),
        }
    }

    /// Records a failure of the request; the first cause stays.
    pub(crate) fn fail(&self, cause: Cause) {
        self.lock().cause.get_or_insert(cause);
    }

    /// Closes the request and returns the number of confirmed jobs, their ids, and the cause of the first failure. Later
    /// confirms are counted as late.
    pub(crate) fn close(&self) -> (u32, Vec<Uuid>, Option<Cause>) {
        let mut results = self.lock();
        results.closed = true;
        (results.confirmed, std::mem::take(&mut results.ids), results.cause)
    }

    fn lock(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
