//! Lets requests that come at the same time travel together.
//!
//! A broker takes sixty messages in one write far cheaper than in sixty, and confirms them in one frame. So a message
//! that comes while others are on the way waits for their confirm, as a database's group commit does, but never longer
//! than a moment; a message that comes alone does not wait at all.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Notify;

/// The longest wait; also the finest that tokio's timer knows.
const MOMENT: Duration = Duration::from_millis(1);

/// Messages on the way, and those that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Convoy {
    on_the_way: AtomicUsize,
    home: Notify,
}

impl Convoy {
    /// Waits until the messages on the way are confirmed, at most a moment, then counts the caller in until the place
    /// is dropped.
    pub(crate) async fn join(&self) -> Place<'_> {
        if self.on_the_way.load(Ordering::Acquire) > 0 {
            // Losing the race for the notification costs a moment, nothing else.
            let _ = tokio::time::timeout(MOMENT, self.home.notified()).await;
        }
        self.on_the_way.fetch_add(1, Ordering::AcqRel);
        Place(self)
    }
}

/// Counts one request as on the way.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Convoy);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.0.on_the_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.home.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn alone_it_goes_at_once_and_in_company_it_waits_for_the_others_or_a_moment() {
        let convoy = Convoy::default();
        let begun = tokio::time::Instant::now();
        let first = convoy.join().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let (second, ()) = tokio::join!(convoy.join(), async { drop(first) });
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let _third = convoy.join().await;
        assert!(begun.elapsed() >= MOMENT);
        drop(second);
    }
}
