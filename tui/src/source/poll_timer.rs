//! How often the sources ask: fast while jobs are in flight, slowly while nothing happens.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use dashboard::reported::PollRate;

/// Waits between two questions, and cuts the wait short when things begin to happen.
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

    /// Returns when the next question is due. The first one is due at once, later ones a period after the one before.
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
    async fn beginning_to_be_busy_cuts_the_wait_short() {
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
    async fn without_a_sender_the_last_pace_goes_on() {
        let (sender, receiver) = watch::channel(PollRate::Idle);
        drop(sender);
        let mut pace = PollTimer::new(receiver, Duration::from_millis(200), Duration::from_secs(1));
        let start = Instant::now();
        pace.due().await;
        pace.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
}
