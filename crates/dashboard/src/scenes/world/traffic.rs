//! The traffic of the played world: bursts, jobs, and the loss of the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::*;
use crate::message::*;
use crate::reported::*;
use contract::{BurstId, JobEvent, JobEventKind};
use observed::*;
use uuid::Uuid;

use super::World;
use super::cluster::other;

/// The duration of a job, in milliseconds.
pub(crate) const WORK: u64 = 5_000;

impl World {
    pub(crate) fn total(&self) -> u64 {
        (self.queue.len() + self.workers.iter().filter(|w| w.job.is_some()).count()) as u64
    }

    /// Fires a burst with the keys and lets the producer accept all of it.
    pub fn burst(&mut self, size: u32) {
        self.send(Event::Request(Request::Size(size)));
        self.keys(" ");
        self.accept(size, size);
    }

    /// The newest burst that was fired.
    fn fired(&self) -> BurstId {
        let fired = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Fire { id, .. } => Some(id.clone()),
            _ => None,
        });
        fired.expect("a burst was fired")
    }

    /// Fires a burst that no producer accepts.
    pub fn burst_that_waits(&mut self, size: u32, waiting: &str) {
        self.send(Event::Request(Request::Size(size)));
        self.keys(" ");
        let id = self.fired();
        self.send(Event::Burst(BurstProgress {
            id,
            size,
            sent: 0,
            accepted: 0,
            failed: BTreeMap::new(),
            new_ids: Vec::new(),
            first_sent: None,
            first_accepted: None,
            last_accepted: None,
            waiting: Some(waiting.to_owned()),
            finished: false,
        }));
    }

    /// Makes the producer accept that many of the newest burst's jobs.
    pub fn accept(&mut self, accepted: u32, size: u32) {
        let id = self.fired();
        let at = |ms| Some(At(Duration::from_millis(ms)));
        self.send(Event::Burst(BurstProgress {
            id: id.clone(),
            size,
            sent: size.min(accepted + 12),
            accepted,
            failed: BTreeMap::new(),
            new_ids: (1..=u128::from(accepted)).map(|n| Uuid::from_u128(self.jobs + n)).collect(),
            first_sent: at(self.ms + 3),
            first_accepted: at(self.ms + 9),
            last_accepted: at(self.ms + 42),
            waiting: None,
            finished: accepted == size,
        }));
        for _ in 0..accepted {
            self.jobs += 1;
            self.queue.push_back((Uuid::from_u128(self.jobs), id.clone()));
        }
    }

    /// The milliseconds that a job waited for the worker that logs this line now.
    pub(crate) fn waited(&self, burst: &BurstId, kind: JobEventKind) -> u64 {
        let burst = self.model.data.bursts.iter().find(|known| known.id == *burst);
        let pressed = burst.map_or(0, |burst| burst.pressed.0.as_millis() as u64);
        let work = if kind == JobEventKind::Acked { WORK } else { 0 };
        self.ms.saturating_sub(pressed + work)
    }

    pub(crate) fn job(&mut self, pod: String, kind: JobEventKind, id: Uuid, burst: BurstId) {
        let event = JobEvent {
            kind,
            id: Some(id),
            traceparent: None,
            // The cluster's clock is a quarter of a second ahead.
            at: self.stamp(self.ms + 250).unwrap(),
            redelivered: false,
            wait_ms: Some(self.waited(&burst, kind)),
            burst: Some(burst),
            work_ms: None,
            reason: None,
        };
        self.send(Event::Job { pod, event });
    }

    /// Deletes the broker's pod and its queue.
    pub fn lose_broker(&mut self) {
        self.broker = false;
        self.queue.clear();
        for index in 0..self.workers.len() {
            if let Some((id, burst, _)) = self.workers[index].job.take() {
                self.job(self.workers[index].name.clone(), JobEventKind::Requeued, id, burst);
            }
        }
        self.send(Event::Source(
            Source::Broker,
            SourceState::Retrying {
                cause: "the tunnel to rabbitmq-0:15672 was closed".to_owned(),
                next: At(Duration::from_millis(self.ms + 2_000)),
            },
        ));
        let pod = other("rabbitmq-0", Role::Broker);
        self.send(Event::Pods(PodsEvent::Deleted { name: pod.name, uid: pod.uid }));
    }
}
