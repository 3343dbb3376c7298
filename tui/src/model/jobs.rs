//! What becomes of the jobs: done, delivered again, dead, or lost with the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};
use uuid::Uuid;

use crate::event::At;

/// How long the log of a worker that is gone may still say that its job was acknowledged.
const GRACE: Duration = Duration::from_secs(2);

/// Jobs whose worker is gone that are remembered at once; beyond this they are counted without waiting.
const MAX_ORPHANS: usize = 10_000;

/// A job that a worker has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InHand {
    /// The job.
    pub id: Option<Uuid>,
    /// Its burst.
    pub burst: Option<BurstId>,
    /// When its start was heard of.
    pub since: At,
}

#[derive(Debug, Clone, PartialEq)]
struct Orphan {
    job: InHand,
    gone: At,
    counted: bool,
}

/// The broker is away, and what was in it when it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Since when.
    pub since: At,
    /// Messages that were known to be there, and those accepted after that.
    pub known: u64,
}

/// Counts and what is in work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Jobs {
    in_hand: BTreeMap<String, InHand>,
    orphans: Vec<Orphan>,
    /// Jobs done.
    pub acked: u64,
    /// Jobs delivered again, or going to be because their worker is gone.
    pub redelivered: u64,
    /// Jobs that went to the dead-letter queue.
    pub dead: u64,
    /// Messages that were known to be in the broker and are not there after it came back.
    pub lost: u64,
    /// Set while the broker is away.
    pub away: Option<Away>,
}

impl Jobs {
    /// The job that a pod has in hand.
    #[must_use]
    pub fn in_hand(&self, pod: &str) -> Option<&InHand> {
        self.in_hand.get(pod)
    }

    /// A worker's log said something. Returns the bursts of jobs that are now counted as delivered again.
    pub fn heard(&mut self, at: At, pod: &str, event: &JobEvent) -> Vec<Option<BurstId>> {
        match event.kind {
            JobEventKind::Started => {
                let job = InHand { id: event.id, burst: event.burst.clone(), since: at };
                self.in_hand.insert(pod.to_owned(), job);
                if !event.redelivered {
                    return Vec::new();
                }
                // The loss of its worker may have been counted already: then this is only the proof of it.
                if let Some(index) =
                    self.orphans.iter().position(|o| o.job.id.is_some() && o.job.id == event.id)
                    && self.orphans.remove(index).counted
                {
                    return Vec::new();
                }
                self.redelivered += 1;
                vec![event.burst.clone()]
            }
            JobEventKind::Acked => {
                self.acked += 1;
                self.put_down(pod, event.id);
                Vec::new()
            }
            JobEventKind::Failed => {
                self.dead += 1;
                self.put_down(pod, event.id);
                Vec::new()
            }
            // Not counted at once: it may be the broker that went, with the job in it.
            JobEventKind::Requeued => {
                self.leave(at, pod);
                Vec::new()
            }
        }
    }

    fn put_down(&mut self, pod: &str, id: Option<Uuid>) {
        if self.in_hand.get(pod).is_some_and(|job| job.id == id) {
            self.in_hand.remove(pod);
        }
        self.orphans.retain(|orphan| orphan.counted || orphan.job.id != id);
    }

    /// A worker is gone: the job that it had in hand will be delivered again, unless its log still says otherwise.
    pub fn leave(&mut self, at: At, pod: &str) {
        // Without a broker nothing is delivered again; if it kept the job, the next start of it says so.
        if let Some(job) = self.in_hand.remove(pod).filter(|_| self.away.is_none()) {
            if self.orphans.len() >= MAX_ORPHANS {
                self.orphans.remove(0);
            }
            self.orphans.push(Orphan { job, gone: at, counted: false });
        }
    }

    /// Counts the jobs whose worker has been gone long enough. Returns their bursts.
    pub fn settle(&mut self, at: At) -> Vec<Option<BurstId>> {
        let mut bursts = Vec::new();
        for orphan in self.orphans.iter_mut().filter(|o| !o.counted && at.since(o.gone) >= GRACE) {
            orphan.counted = true;
            self.redelivered += 1;
            bursts.push(orphan.job.burst.clone());
        }
        bursts
    }

    /// Whether a job's fate is still open, so that time matters.
    #[must_use]
    pub fn unsettled(&self) -> bool {
        self.orphans.iter().any(|orphan| !orphan.counted)
    }

    /// The broker went away with `known` messages.
    pub fn broker_lost(&mut self, at: At, known: u64) {
        self.away.get_or_insert(Away { since: at, known });
        // Jobs in hand cannot be acknowledged any more; whether they come again depends on the broker's disk.
        self.in_hand.clear();
        self.orphans.clear();
    }

    /// Jobs were accepted.
    pub fn accepted(&mut self, count: u32) {
        if let Some(away) = &mut self.away {
            away.known = away.known.saturating_add(u64::from(count));
        }
    }

    /// The broker is back with `total` messages. Returns how many are lost.
    pub fn broker_back(&mut self, total: u64) -> u64 {
        let lost = self.away.take().map_or(0, |away| away.known.saturating_sub(total));
        self.lost = self.lost.saturating_add(lost);
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> At {
        At(Duration::from_millis(ms))
    }

    fn event(kind: JobEventKind, id: u128, redelivered: bool) -> JobEvent {
        JobEvent {
            kind,
            id: Some(Uuid::from_u128(id)),
            burst: None,
            traceparent: None,
            at: jiff::Timestamp::UNIX_EPOCH,
            redelivered,
            wait_ms: None,
            work_ms: None,
            reason: None,
        }
    }

    #[test]
    fn a_worker_that_goes_with_a_job_in_hand_means_a_redelivery_counted_once() {
        let mut jobs = Jobs::default();
        jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        assert_eq!((jobs.settle(at(1_500)).len(), jobs.redelivered), (0, 0));
        assert_eq!((jobs.settle(at(3_000)).len(), jobs.redelivered), (1, 1));
        assert_eq!(jobs.heard(at(4_000), "b", &event(JobEventKind::Started, 1, true)), []);
        assert_eq!(jobs.redelivered, 1);
        // The same job may be delivered yet again.
        assert_eq!(jobs.heard(at(9_000), "c", &event(JobEventKind::Started, 1, true)), [None]);
        assert_eq!(jobs.redelivered, 2);
    }

    #[test]
    fn a_job_that_went_with_the_broker_is_no_redelivery() {
        for broker_first in [false, true] {
            let mut jobs = Jobs::default();
            jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
            if broker_first {
                jobs.broker_lost(at(900), 1);
            }
            jobs.heard(at(1_000), "a", &event(JobEventKind::Requeued, 1, false));
            if !broker_first {
                jobs.broker_lost(at(1_100), 1);
            }
            jobs.settle(at(9_000));
            assert_eq!((jobs.redelivered, jobs.broker_back(0), jobs.lost), (0, 1, 1));
        }
    }

    #[test]
    fn a_worker_that_finishes_before_it_goes_means_none() {
        let mut jobs = Jobs::default();
        jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        jobs.heard(at(1_100), "a", &event(JobEventKind::Acked, 1, false));
        assert!(jobs.settle(at(9_000)).is_empty());
        assert_eq!((jobs.acked, jobs.redelivered), (1, 0));
    }

    #[test]
    fn what_was_known_to_be_in_the_broker_is_lost_when_it_comes_back_empty() {
        let mut jobs = Jobs::default();
        jobs.broker_lost(at(0), 40);
        jobs.broker_lost(at(5), 7);
        jobs.accepted(2);
        assert_eq!(jobs.away, Some(Away { since: at(0), known: 42 }));
        assert_eq!(jobs.broker_back(2), 40);
        assert_eq!(jobs.broker_back(2), 0);
        assert_eq!(jobs.lost, 40);
    }

    #[test]
    fn a_broker_with_a_disk_loses_nothing() {
        let mut jobs = Jobs::default();
        jobs.broker_lost(at(0), 40);
        assert_eq!(jobs.broker_back(40), 0);
    }
}
