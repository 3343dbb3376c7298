//! The poll rate of the sources: fast while jobs are in flight, slow while nothing happens.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use dashboard::reported::PollRate;

/// Waits between two polls, and shortens the wait when jobs start.
#[derive(Debug, Clone)]
pub(crate) struct PollTimer {
    watchfulness: watch::Receiver<PollRate>,
    busy: Duration,
    idle: Duration,
    last: Option<Instant>,
}

impl PollTimer {
    pub(crate) fn new(watchfulness: watch::Receiver<PollRate>, busy: Duration, idle: Duration) -> Self {
        Self { watchfulness, busy, idle, last: None }
    }

    /// Returns when the next poll is due: the first one at once, later ones a period after the one before.
    pub(crate) async fn due(&mut self) {
        while let Some(last) = self.last {
            let period = match *self.watchfulness.borrow_and_update() {
                PollRate::Busy => self.busy,
                PollRate::Idle => self.idle,
            };
            tokio::select! {
                () = tokio::time::sleep_until(last + period) => break,
                changed = self.watchfulness.changed() => {
                    if changed.is_err() {
                        tokio::time::sleep_until(last + period).await;
                        break;
                    }
                }
            }
        }
        self.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_rate_shortens_the_wait() {
        let (sender, receiver) = watch::channel(PollRate::Idle);
        let (busy, idle) = (Duration::from_millis(200), Duration::from_secs(1));
        let mut pace = PollTimer::new(receiver, busy, idle);
        let start = Instant::now();
        pace.due().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.due().await;
        assert_eq!(start.elapsed(), idle);
        let mut waiting = std::pin::pin!(pace.due());
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        sender.send(PollRate::Busy).unwrap();
        waiting.await;
        assert_eq!(start.elapsed(), idle + busy);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_rate_stays_without_a_sender() {
        let (sender, receiver) = watch::channel(PollRate::Idle);
        drop(sender);
        let mut pace = PollTimer::new(receiver, Duration::from_millis(200), Duration::from_secs(1));
        let start = Instant::now();
        pace.due().await;
        pace.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
}
