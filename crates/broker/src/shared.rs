//! What all tasks of one broker share: the state behind its lock, the clock, and whether the broker serves at all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::config::Config;
use crate::state::{Now, State};

/// Whether the broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Serving,
    /// Connections stay open and nothing is read or written, as if the process were stopped.
    Frozen,
    /// New connections are closed at once.
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    start: Instant,
    mode: watch::Sender<Mode>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            state: Mutex::new(State::new(config)),
            start: Instant::now(),
            mode: watch::Sender::new(Mode::Serving),
        }
    }

    /// Locks the state. Never hold it over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            unix: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Waits while the broker is frozen.
    pub(crate) async fn thawed(&self) {
        // The sender lives in `self`.
        let _ = self.mode.subscribe().wait_for(|mode| *mode != Mode::Frozen).await;
    }
}
