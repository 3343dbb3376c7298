//! The messages of one request on their way to the broker, and what has become of them so far.

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

/// Shared by the request that waits and the messages on their way; it outlives a request that gave up, so that its
/// share of the limit is given back only when the broker has answered.
#[derive(Debug)]
pub(crate) struct Flight {
    state: Mutex<State>,
    /// The request's task.
    pub(crate) task: AtomicWaker,
    published: IntCounter,
    late: IntCounter,
    _share: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct State {
    /// When each message without an answer was sent, oldest first. Answers come in order but for rare exceptions, so
    /// an answer takes the oldest away, whichever message it is for.
    on_the_way: VecDeque<Instant>,
    confirmed: u32,
    ids: Vec<Uuid>,
    cause: Option<Cause>,
    /// The request has been answered.
    closed: bool,
}

/// What a request has to know to go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) on_the_way: usize,
    /// When the oldest message without an answer was sent.
    pub(crate) oldest: Option<Instant>,
    pub(crate) failed: bool,
}

impl Flight {
    pub(crate) fn new(share: OwnedSemaphorePermit, published: IntCounter, late: IntCounter) -> Self {
        Self { state: Mutex::default(), task: AtomicWaker::new(), published, late, _share: share }
    }

    pub(crate) fn sent(&self, at: Instant) {
        self.lock().on_the_way.push_back(at);
    }

    /// Takes the verdict on one message.
    pub(crate) fn answered(&self, id: Uuid, verdict: Result<(), Cause>) {
        let mut state = self.lock();
        state.on_the_way.pop_front();
        match verdict {
            Ok(()) => {
                state.confirmed += 1;
                self.published.inc();
                if state.closed {
                    self.late.inc();
                } else if state.ids.len() < MAX_IDS {
                    state.ids.push(id);
                }
            }
            Err(cause) => drop(state.cause.get_or_insert(cause)),
        }
        // Nothing to do for the request in between: it is woken at the end, at a failure, and to send more.
        let awaited =
            state.on_the_way.is_empty() || state.cause.is_some() || state.confirmed.is_multiple_of(256);
        drop(state);
        if awaited {
            self.task.wake();
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        let state = self.lock();
        Progress {
            on_the_way: state.on_the_way.len(),
            oldest: state.on_the_way.front().copied(),
            failed: state.cause.is_some(),
        }
    }

    /// Fails the request for a cause of its own; the first cause stays.
    pub(crate) fn fail(&self, cause: Cause) {
        self.lock().cause.get_or_insert(cause);
    }

    /// Ends the request: confirmed, the ids of the confirmed, and the cause if some are not. Answers that come later
    /// are counted as late.
    pub(crate) fn close(&self) -> (u32, Vec<Uuid>, Option<Cause>) {
        let mut state = self.lock();
        state.closed = true;
        (state.confirmed, std::mem::take(&mut state.ids), state.cause)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
