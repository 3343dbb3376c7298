//! The connection to the broker: one state machine that connects, watches, and connects again.
//!
//! lapin can recover by itself, but it then replays what it remembers without telling anybody, gives up after a number
//! of attempts and sleeps on its own thread. Here a lost session is given up whole, the program is told why, and a new
//! one begins from nothing: queues are declared again, since a broker may have come back empty.

mod connect;
mod session;
mod status;

use std::time::Duration;

pub use session::{Ended, OpenError, Session, explain, rpc};
pub use status::{State, Status};

use crate::{backoff::Backoff, settings::Address, shutdown::Shutdown};

/// First delay before another attempt.
const FIRST_DELAY: Duration = Duration::from_millis(200);
/// The longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// A session that lived this long was no failed attempt.
const STABLE: Duration = Duration::from_secs(30);
/// How long a connection may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs one session after another until the shutdown begins and the last session has ended.
///
/// `work` is called with each new session and returns why it ended; it sets [`State::Connected`] itself, once the
/// session can do what the program is there for. When the shutdown begins while no session stands, this returns.
pub async fn maintain<W>(address: &Address, name: &str, status: &Status, shutdown: &Shutdown, mut work: W)
where
    W: AsyncFnMut(&mut Session) -> Ended,
{
    let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
    let mut last = None;
    while !shutdown.has_begun() {
        status.set(State::Connecting { after: last.take() });
        let opened = tokio::select! {
            opened = Session::open(address, name, status) => opened,
            () = shutdown.begun() => break,
        };
        let cause = match opened {
            Ok(mut session) => {
                tracing::info!(broker = %address, "connected to the broker");
                let begun = std::time::Instant::now();
                let ended = work(&mut session).await;
                let cause = if let Ended::Lost(cause) = &ended { Some(cause.clone()) } else { None };
                status.set(State::Connecting { after: cause });
                session.close(CLOSE_TIMEOUT).await;
                match ended {
                    Ended::Finished => break,
                    Ended::Lost(cause) => {
                        if begun.elapsed() >= STABLE {
                            backoff.reset();
                        }
                        cause
                    }
                }
            }
            Err(error) => error.to_string(),
        };
        if shutdown.has_begun() {
            break;
        }
        let after = backoff.next(fastrand::f64());
        tracing::warn!(broker = %address, attempt = backoff.attempt(), retry_in_ms = after.as_millis() as u64, "{cause}");
        last = Some(cause.clone());
        status.set(State::Retrying { attempt: backoff.attempt(), after, cause });
        tokio::select! {
            () = tokio::time::sleep(after) => {}
            () = shutdown.begun() => break,
        }
    }
    status.set(State::Closed);
}
