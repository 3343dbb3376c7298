//! A burst: N requests, as fast as the connections carry them. Those of one job each have one burst ID.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use contract::BurstId;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connector::Connector;
use super::plan::LoadPlan;
use super::pool::Pool;
use super::sender::{Quota, Senders};
use super::tally::{Counts, Tally};
use crate::source::event_sender::EventSender;
use dashboard::clock::Clock;
use dashboard::message::Event;
use dashboard::reported::BurstProgress;

/// Maximum number of connections of all loads together.
pub const MAX_CONNECTIONS: usize = 64;

/// Maximum number of connections of one burst; more tunnels cost the API server more than they gain.
const BURST_CONNECTIONS: usize = 16;

/// Requests that justify one more connection.
const PER_CONNECTION: usize = 8;

/// Limit of a burst; requests that were not sent by then count as failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// Shortest interval between two progress events; the last one is sent at once.
const INTERVAL: Duration = Duration::from_millis(33);

/// State that all bursts share.
#[derive(Debug)]
pub struct Bursts<D> {
    dial: Arc<D>,
    plan: LoadPlan,
    pool: Pool,
    places: Arc<Semaphore>,
    clock: Clock,
}

impl<D> Clone for Bursts<D> {
    fn clone(&self) -> Self {
        Self {
            dial: Arc::clone(&self.dial),
            plan: self.plan.clone(),
            pool: self.pool.clone(),
            places: Arc::clone(&self.places),
            clock: self.clock,
        }
    }
}

impl<D: Connector> Bursts<D> {
    /// Bursts of `plan` over connections of `dial`, with times of `clock`.
    #[must_use]
    pub fn new(dial: D, plan: LoadPlan, clock: Clock) -> Self {
        Self {
            dial: Arc::new(dial),
            plan,
            pool: Pool::default(),
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            clock,
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn dial(&self) -> &D {
        &self.dial
    }

    pub(super) fn plan(&self) -> &LoadPlan {
        &self.plan
    }

    pub(super) fn lanes(&self, tickets: Quota, tally: Tally, burst: Option<&BurstId>) -> Arc<Senders<D>> {
        Arc::new(Senders {
            dial: Arc::clone(&self.dial),
            request: self.plan.request(&self.dial.host(), burst),
            plan: self.plan.clone(),
            pool: self.pool.clone(),
            places: Arc::clone(&self.places),
            tickets,
            tally,
            clock: self.clock,
        })
    }

    /// Fires `size` requests over a suitable number of connections, and reports progress until the end.
    pub async fn fire(&self, id: BurstId, size: u32, outbox: &EventSender) {
        let connections = (size as usize).div_ceil(PER_CONNECTION).clamp(1, BURST_CONNECTIONS);
        self.fire_over(connections, id, size, outbox).await;
    }

    /// As [`Self::fire`], over `lanes` connections.
    pub async fn fire_over(&self, connections: usize, id: BurstId, size: u32, outbox: &EventSender) {
        let lanes = self.lanes(Quota::Counted(AtomicU32::new(size)), Tally::new(Some(size)), Some(&id));
        let mut tasks = JoinSet::new();
        for _ in 0..connections.min(size as usize) {
            tasks.spawn(Arc::clone(&lanes).lane());
        }
        let deadline = Instant::now() + DEADLINE;
        loop {
            let late = tokio::time::timeout_at(deadline, lanes.tally.changed.notified()).await.is_err();
            let mut counts = lanes.tally.take();
            if late {
                tasks.shutdown().await;
                counts = give_up(counts, size);
            }
            let finished = counts.answered >= size;
            outbox.send(Event::Burst(progress(&id, size, counts, finished))).await;
            if finished {
                break;
            }
            // Combined with the progress of the interval, unless the burst is finished.
            let _complete = tokio::time::timeout(INTERVAL, lanes.tally.complete.notified()).await;
        }
        // Finished senders return their connections; one that still connects has nothing left to do.
        while tasks.try_join_next().is_some() {}
        tasks.abort_all();
    }
}

/// Counts requests without an outcome at the deadline as failed.
fn give_up(mut counts: Counts, size: u32) -> Counts {
    let unanswered = counts.sent.saturating_sub(counts.answered);
    let unsent = size.saturating_sub(counts.sent);
    for (cause, count) in [("no answer in time", unanswered), ("not sent in time", unsent)] {
        if count > 0 {
            *counts.failed.entry(cause.to_owned()).or_default() += count;
        }
    }
    counts.answered = size;
    counts
}

fn progress(id: &BurstId, size: u32, counts: Counts, finished: bool) -> BurstProgress {
    let waits = counts.connected == 0 && !finished;
    BurstProgress {
        id: id.clone(),
        size,
        sent: counts.sent,
        accepted: counts.accepted,
        failed: counts.failed,
        new_ids: counts.ids,
        first_sent: counts.first_sent,
        first_accepted: counts.first_accepted,
        last_accepted: counts.last_accepted,
        waiting: if waits { counts.trouble } else { None },
        finished,
    }
}
