//! The state of the connection, shared with probes and metrics.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::watch;

/// State of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// An attempt is in progress.
    Connecting {
        /// Cause of the previous failure as a sentence, if there was one.
        after: Option<String>,
    },
    /// The session is open and can do its work.
    Connected,
    /// The session is open, but the broker blocks publishers: a memory or disk alarm.
    Blocked {
        /// Reason from the broker.
        reason: String,
    },
    /// The last attempt or session failed; the next attempt follows after a delay.
    Retrying {
        /// Number of consecutive failures.
        attempt: u32,
        /// Delay between the failure and the next attempt.
        after: Duration,
        /// Cause of the failure as a sentence.
        cause: String,
    },
    /// The program has closed the connection and is about to exit.
    Closed,
}

impl State {
    /// Returns true if a session is open.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected | Self::Blocked { .. })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { after: None } => f.write_str("connecting to the broker"),
            Self::Connecting { after: Some(cause) } => write!(f, "{cause}; reconnecting to the broker"),
            Self::Connected => f.write_str("the broker is connected"),
            Self::Blocked { reason } => write!(f, "the broker is connected but blocks publishers: {reason}"),
            Self::Retrying { attempt, after, cause } => {
                write!(f, "{cause}; {attempt} consecutive failures, next attempt within {after:.1?}")
            }
            Self::Closed => f.write_str("the connection to the broker is closed"),
        }
    }
}

/// The shared state: one task sets it, others read it. Clones share it.
#[derive(Debug, Clone)]
pub struct Status(Arc<watch::Sender<State>>);

impl Status {
    /// Starts with [`State::Connecting`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::Connecting { after: None })))
    }

    /// Changes the state.
    pub fn set(&self, state: State) {
        self.0.send_replace(state);
    }

    /// Returns the current state.
    #[must_use]
    pub fn current(&self) -> State {
        self.0.borrow().clone()
    }

    /// Returns true if a session is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.borrow().is_connected()
    }

    /// Returns true if the broker blocks publishers.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(*self.0.borrow(), State::Blocked { .. })
    }

    /// Waits until `wanted` returns true for the state.
    pub async fn until(&self, wanted: impl FnMut(&State) -> bool) {
        // This fails only without a sender, and `self` holds it.
        let _ = self.0.subscribe().wait_for(wanted).await;
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}
