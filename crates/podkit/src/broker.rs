//! The connection to the broker: a state machine that connects, watches the session and reconnects.
//!
//! lapin can recover a connection by itself. It then replays its topology without notice, gives up after some attempts
//! and sleeps on its own thread. This module drops a lost session instead, reports the cause and opens a new session.
//! The new session declares the queues again, because a restarted broker may be empty.

mod connect;
mod error;
mod session;
mod status;

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

pub use error::{OpenError, error_text};
pub use session::{Session, SessionEnd, rpc};
pub use status::{State, Status};

use crate::{settings::Address, shutdown::Shutdown};

/// Minimum delay before the second attempt; jitter adds up to the same time.
const MIN_DELAY: Duration = Duration::from_millis(100);
/// Maximum delay between two attempts, without jitter.
const MAX_DELAY: Duration = Duration::from_millis(2500);
/// Lifetime of a session after which the delays start from the minimum again.
const STABLE_SESSION: Duration = Duration::from_secs(30);
/// Time limit for the AMQP close handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs sessions one after another until the shutdown begins and the last session has ended.
///
/// `work` gets each new session and returns the reason why the session ended. It calls [`Session::ready`] when the
/// session can do its work.
pub async fn maintain<W>(address: &Address, name: &str, status: &Status, shutdown: &Shutdown, mut work: W)
where
    W: AsyncFnMut(&mut Session) -> SessionEnd,
{
    let mut delays = backoff();
    let mut attempt = 0;
    let mut last_failure = None;
    while !shutdown.has_begun() {
        status.set(State::Connecting { after: last_failure.take() });
        let opened = tokio::select! {
            opened = Session::open(address, name, status) => opened,
            () = shutdown.begun() => break,
        };
        let cause = match opened {
            Ok(mut session) => {
                tracing::info!(broker = %address, "connected to the broker");
                let opened_at = Instant::now();
                let end = work(&mut session).await;
                let lost = if let SessionEnd::Lost(cause) = &end { Some(cause.clone()) } else { None };
                status.set(State::Connecting { after: lost });
                session.close(CLOSE_TIMEOUT).await;
                match end {
                    SessionEnd::Finished => break,
                    SessionEnd::Lost(cause) => {
                        if opened_at.elapsed() >= STABLE_SESSION {
                            (delays, attempt) = (backoff(), 0);
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
        attempt += 1;
        let delay = delays.next().unwrap_or(MAX_DELAY);
        tracing::warn!(broker = %address, attempt, retry_in_ms = delay.as_millis() as u64, "{cause}");
        last_failure = Some(cause.clone());
        status.set(State::Retrying { attempt, after: delay, cause });
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shutdown.begun() => break,
        }
    }
    status.set(State::Closed);
}

/// Delays that double, with jitter: all pods lose a broker at the same moment and must not reconnect at the same moment.
fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(MIN_DELAY)
        .with_max_delay(MAX_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum() {
        let delays: Vec<_> = backoff().take(100).collect();
        for (delay, step) in delays.iter().zip([100, 200, 400, 800, 1600, 2500]) {
            let step = Duration::from_millis(step);
            assert!((step..=2 * step).contains(delay), "{delay:?} after {step:?}");
        }
        assert!(delays.iter().all(|delay| *delay <= 2 * MAX_DELAY));
        assert_eq!(delays.len(), 100);
    }
}
