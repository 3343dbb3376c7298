//! Open idle connections, so that the next burst need not wait for a tunnel.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cluster::http::Connection;

/// Idle connections above the first one are closed after this time; the producer closes them a little later.
const LINGER: Duration = Duration::from_secs(6);

/// Idle connections, the last used one in front. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<VecDeque<(Connection, Instant)>>>);

impl Pool {
    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<(Connection, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an open connection, if there is one.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some((connection, _)) = idle.pop_front() {
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for later.
    pub(crate) fn give(&self, connection: Connection) {
        if connection.is_open() {
            self.idle().push_front((connection, Instant::now()));
        }
    }

    /// Closes dead connections, and all but one of those that were idle for long.
    pub(crate) fn prune(&self) {
        let mut idle = self.idle();
        idle.retain(|(connection, _)| connection.is_open());
        while idle.len() > 1 && idle.back().is_some_and(|(_, since)| since.elapsed() > LINGER) {
            idle.pop_back();
        }
    }
}
