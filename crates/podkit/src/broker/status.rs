//! What the connection is doing, for probes, metrics and whoever waits for it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::watch;

/// State of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// An attempt is under way.
    Connecting {
        /// What went wrong last, as a sentence, if this is not the first attempt.
        after: Option<String>,
    },
    /// The session stands and can do its work.
    Connected,
    /// The session stands, but the broker takes no messages: a memory or disk alarm.
    Blocked {
        /// The broker's word for it.
        reason: String,
    },
    /// The last attempt or session failed; the next attempt comes.
    Retrying {
        /// Failures in a row.
        attempt: u32,
        /// Wait before the next attempt, from the moment of the failure.
        after: Duration,
        /// What went wrong, as a sentence.
        cause: String,
    },
    /// The program has closed the connection and is leaving.
    Closed,
}

impl State {
    /// Whether a session stands.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected | Self::Blocked { .. })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { after: None } => f.write_str("connecting to the broker"),
            Self::Connecting { after: Some(cause) } => write!(f, "{cause}; connecting to the broker again"),
            Self::Connected => f.write_str("the broker is connected"),
            Self::Blocked { reason } => write!(f, "the broker is connected but blocks publishers: {reason}"),
            Self::Retrying { attempt, after, cause } => {
                write!(f, "{cause}; failure {attempt} in a row, next attempt within {after:.1?}")
            }
            Self::Closed => f.write_str("the connection to the broker is closed"),
        }
    }
}

/// The state, shared: one sets it, everybody may look or wait. Clones share it.
#[derive(Debug, Clone)]
pub struct Status(Arc<watch::Sender<State>>);

impl Status {
    /// Begins at the first [`State::Connecting`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::Connecting { after: None })))
    }

    /// Changes the state.
    pub fn set(&self, state: State) {
        self.0.send_replace(state);
    }

    /// The state now.
    #[must_use]
    pub fn current(&self) -> State {
        self.0.borrow().clone()
    }

    /// Whether a session stands now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.borrow().is_connected()
    }

    /// Whether the broker blocks publishers now.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(*self.0.borrow(), State::Blocked { .. })
    }

    /// Returns when `wanted` holds, at once if it does already.
    pub async fn until(&self, wanted: impl FnMut(&State) -> bool) {
        // It fails only when the sender is gone, and we hold it.
        let _ = self.0.subscribe().wait_for(wanted).await;
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}
