//! Shared by all tasks of a broker: the state behind its lock, the clock, and the mode.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::config::Config;
use crate::state::{Now, State};

/// Mode of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Serving,
    /// Connections stay open, but nothing is read or written.
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

    /// Locks the state. The guard must not live across an await.
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
