//! One connection of the load: takes a permit, sends a request, waits for the answer, and repeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::connector::Connector;
use super::plan::LoadPlan;
use super::pool::Pool;
use super::tally::Tally;
use cluster::backoff::Backoff;
use cluster::http::{Connection, HttpRequest};
use dashboard::clock::Clock;

/// Limit of one request. The producer itself gives up on the broker after [`contract::routes::CONFIRM_TIMEOUT`]; the rest
/// is for the way.
const ANSWER: Duration = Duration::from_secs(15);

/// Permits to send requests.
#[derive(Debug)]
pub(super) enum Quota {
    /// A fixed number, sent as fast as the connections carry them.
    Counted(AtomicU32),
    /// One permit whenever the pacer issues one.
    Paced(Semaphore),
}

impl Quota {
    /// Waits for a permit; false if there are no more.
    async fn take(&self) -> bool {
        match self {
            Self::Counted(left) => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            }
            Self::Paced(permits) => permits.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok(),
        }
    }
}

/// State that the senders of one load share.
pub(super) struct Senders<D> {
    pub(super) dial: Arc<D>,
    pub(super) pool: Pool,
    /// Bounds the connections of all loads together.
    pub(super) places: Arc<Semaphore>,
    pub(super) tickets: Quota,
    pub(super) tally: Tally,
    pub(super) plan: LoadPlan,
    pub(super) request: HttpRequest,
    pub(super) clock: Clock,
}

impl<D: Connector> Senders<D> {
    /// Sends requests until the permits are used up. A connection that dies loses the one request in flight; the others wait for
    /// a new connection.
    pub(super) async fn lane(self: Arc<Self>) {
        let Ok(_place) = self.places.acquire().await else {
            return;
        };
        loop {
            let connection = match self.pool.take() {
                Some(connection) => connection,
                None => self.connect().await,
            };
            self.tally.connected();
            let left = self.carry(connection).await;
            self.tally.disconnected();
            if let Some(connection) = left {
                self.pool.give(connection);
                return;
            }
        }
    }

    /// Sends until the permits are used up, which leaves the connection, or until the connection dies.
    async fn carry(&self, mut connection: Connection) -> Option<Connection> {
        loop {
            // Checked before the permit, so that no request is spent on a connection that died while idle.
            if !connection.is_open() {
                return None;
            }
            if !self.tickets.take().await {
                return Some(connection);
            }
            self.tally.sent(self.clock.now());
            let answer = connection.send(self.request.clone(), ANSWER).await;
            let died = answer.is_err();
            self.tally.ended(self.plan.outcome(answer), self.clock.now());
            if died {
                return None;
            }
        }
    }

    async fn connect(&self) -> Connection {
        let mut backoff = Backoff::default();
        loop {
            match self.dial.dial().await {
                Ok(connection) => return connection,
                Err(cause) => {
                    self.tally.trouble(cause);
                    tokio::time::sleep(backoff.next_wait()).await;
                }
            }
        }
    }
}
