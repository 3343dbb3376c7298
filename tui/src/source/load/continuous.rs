//! The continuous load: requests at a rate, until it is switched off, reaches its time limit or has no connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::burst::Bursts;
use super::connector::Connector;
use super::sender::{Quota, Senders};
use super::tally::Tally;
use crate::source::event_sender::EventSender;
use dashboard::message::Event;
use dashboard::reported::LoadProgress;

/// Time limit of the load since it was last set, so that a forgotten load does not run all night.
pub const MAX_TIME: Duration = Duration::from_secs(10 * 60);

/// The load ends after this time without a connection.
const MAX_DISCONNECTED: Duration = Duration::from_secs(30);

/// Interval at which permits are issued.
const TICK: Duration = Duration::from_millis(20);

/// Shortest interval between two progress events.
const INTERVAL: Duration = Duration::from_millis(250);

/// Arrears beyond this time are dropped: the load is a rate, not a debt.
const BACKLOG: Duration = Duration::from_millis(500);

/// Requests per second that justify one more connection.
const RATE_PER_CONNECTION: f64 = 20.0;

/// Maximum number of connections of the load.
const MAX_LANES: usize = 16;

/// Limit for the requests in flight after the load is switched off.
const DRAIN: Duration = Duration::from_secs(3);

/// Follows `rate` (requests per second, zero is off) until its sender is gone.
pub(crate) async fn run<D: Connector>(
    bursts: Bursts<D>,
    mut rate: watch::Receiver<f64>,
    outbox: EventSender,
) {
    loop {
        if rate.wait_for(|rate| *rate > 0.0).await.is_err() {
            return;
        }
        let stopped = on(&bursts, &mut rate, &outbox).await;
        // After it stopped by itself, the load waits for a new rate.
        if stopped && rate.changed().await.is_err() {
            return;
        }
    }
}

/// From switching on to switching off; true if the load stopped by itself.
async fn on<D: Connector>(bursts: &Bursts<D>, rate: &mut watch::Receiver<f64>, outbox: &EventSender) -> bool {
    let lanes = bursts.lanes(Quota::Paced(Semaphore::new(0)), Tally::new(None), None);
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    let (mut set, mut connected) = (began, began);
    let mut reported: Option<(Instant, LoadProgress)> = None;
    let mut owed = 0.0;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = began;
    let stopped = loop {
        tokio::select! {
            now = ticks.tick() => {
                owed += rate_now(rate) * now.duration_since(last).as_secs_f64();
                last = now;
            }
            changed = rate.changed() => {
                if changed.is_err() {
                    break None;
                }
                // A load that is set again is not forgotten.
                set = Instant::now();
            }
        }
        let current = rate_now(rate);
        if current <= 0.0 {
            break None;
        }
        owed = give_out(&lanes, owed, current);
        let wanted = ((current / RATE_PER_CONNECTION).ceil() as usize).clamp(1, MAX_LANES);
        while tasks.len() < wanted {
            tasks.spawn(Arc::clone(&lanes).lane());
        }
        let progress = progress(&lanes, current, None);
        if lanes.tally.take().connected > 0 {
            connected = Instant::now();
        } else if connected.elapsed() > MAX_DISCONNECTED {
            let cause = lanes.tally.take().trouble.unwrap_or_else(|| "no connection".to_owned());
            break Some(format!("no connection for {} s: {cause}", MAX_DISCONNECTED.as_secs()));
        }
        if set.elapsed() > MAX_TIME {
            break Some(format!("it ran for {} minutes", MAX_TIME.as_secs() / 60));
        }
        if reported.as_ref().is_none_or(|(at, known)| at.elapsed() >= INTERVAL && *known != progress) {
            outbox.send(Event::Load(progress.clone())).await;
            reported = Some((Instant::now(), progress));
        }
    };
    if let Quota::Paced(permits) = &lanes.tickets {
        permits.close();
    }
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tasks.shutdown().await;
    }
    let by_itself = stopped.is_some();
    outbox.send(Event::Load(progress(&lanes, 0.0, stopped))).await;
    by_itself
}

fn rate_now(rate: &watch::Receiver<f64>) -> f64 {
    let rate = *rate.borrow();
    if rate.is_finite() { rate.max(0.0) } else { 0.0 }
}

/// Issues the whole permits and returns the remaining fraction.
fn give_out<D>(lanes: &Senders<D>, owed: f64, rate: f64) -> f64 {
    let Quota::Paced(permits) = &lanes.tickets else {
        return 0.0;
    };
    let room = ((rate * BACKLOG.as_secs_f64()).ceil() as usize).saturating_sub(permits.available_permits());
    permits.add_permits((owed as usize).min(room));
    owed.fract()
}

fn progress<D>(lanes: &Senders<D>, rate: f64, stopped: Option<String>) -> LoadProgress {
    let counts = lanes.tally.take();
    let failed: BTreeMap<String, u64> =
        counts.failed.into_iter().map(|(cause, count)| (cause, u64::from(count))).collect();
    LoadProgress { rate, accepted: u64::from(counts.accepted), failed, stopped }
}
