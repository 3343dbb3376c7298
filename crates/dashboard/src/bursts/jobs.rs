//! What becomes of the jobs: in hand, done, delivered again, dead, thrown away half done, or lost with the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};
use uuid::Uuid;

use crate::clock::At;

/// How long the log of a worker that is gone may still say that its job was acknowledged, where its end is not told.
const GRACE: Duration = Duration::from_secs(5);

/// Jobs whose worker is gone that are remembered at once; the oldest are forgotten uncounted.
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
    pod: String,
    job: InHand,
    gone: At,
}

/// Work that a worker had begun and that was thrown away with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortedWork {
    /// The worker.
    pub pod: String,
    /// When it was thrown away.
    pub at: At,
    /// The time that had been put into it.
    pub work: Duration,
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
    /// Deliveries that the broker marked as not the first.
    pub redelivered: u64,
    /// Jobs that went to the dead-letter queue.
    pub dead: u64,
    /// Jobs that were begun and thrown away.
    pub thrown: u64,
    /// The time that had been put into them.
    pub thrown_work: Duration,
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

    /// A worker's log said something. Returns what was thrown away.
    pub fn heard(&mut self, at: At, pod: &str, event: &JobEvent) -> Option<AbortedWork> {
        match event.kind {
            JobEventKind::Started => {
                let job = InHand { id: event.id, burst: event.burst.clone(), since: at };
                self.in_hand.insert(pod.to_owned(), job);
                self.redelivered += u64::from(event.redelivered);
                // Begun anew elsewhere: what the worker before had done of it is certainly of no use.
                let id = event.id.filter(|_| event.redelivered)?;
                let index = self.orphans.iter().position(|orphan| orphan.job.id == Some(id))?;
                let orphan = self.orphans.swap_remove(index);
                Some(self.throw(orphan))
            }
            JobEventKind::Acked => {
                self.acked += 1;
                self.put_down(pod, event.id);
                None
            }
            JobEventKind::Failed => {
                self.dead += 1;
                self.put_down(pod, event.id);
                None
            }
            JobEventKind::Requeued => {
                let job = self.in_hand.remove(pod)?;
                Some(self.throw(Orphan { pod: pod.to_owned(), job, gone: at }))
            }
        }
    }

    fn throw(&mut self, orphan: Orphan) -> AbortedWork {
        let work = orphan.gone.since(orphan.job.since);
        self.thrown += 1;
        self.thrown_work += work;
        AbortedWork { pod: orphan.pod, at: orphan.gone, work }
    }

    fn put_down(&mut self, pod: &str, id: Option<Uuid>) {
        if self.in_hand.get(pod).is_some_and(|job| job.id == id) {
            self.in_hand.remove(pod);
        }
        self.orphans.retain(|orphan| orphan.job.id != id);
    }

    /// A worker is gone, or its container: what it had in hand is thrown away, unless its log still says otherwise.
    pub fn leave(&mut self, at: At, pod: &str) {
        if let Some(job) = self.in_hand.remove(pod) {
            if self.orphans.len() >= MAX_ORPHANS {
                self.orphans.remove(0);
            }
            self.orphans.push(Orphan { pod: pod.to_owned(), job, gone: at });
        }
    }

    /// The log of a worker has been read to its end (`complete`), or will not be: then nobody knows what became of its job.
    /// Returns what was thrown away.
    pub fn log_ended(&mut self, pod: &str, complete: bool) -> Vec<AbortedWork> {
        let (ended, rest) = std::mem::take(&mut self.orphans).into_iter().partition(|o| o.pod == pod);
        self.orphans = rest;
        let ended: Vec<Orphan> = if complete { ended } else { Vec::new() };
        ended.into_iter().map(|orphan| self.throw(orphan)).collect()
    }

    /// Counts the jobs whose worker has been gone long enough as thrown away.
    pub fn settle(&mut self, at: At) -> Vec<AbortedWork> {
        if self.orphans.is_empty() {
            return Vec::new();
        }
        let is_due = |orphan: &Orphan| at.since(orphan.gone) >= GRACE;
        let (due, rest) = std::mem::take(&mut self.orphans).into_iter().partition(is_due);
        self.orphans = rest;
        let due: Vec<Orphan> = due;
        due.into_iter().map(|orphan| self.throw(orphan)).collect()
    }

    /// Whether a job's fate is still open, so that time matters.
    #[must_use]
    pub fn unsettled(&self) -> bool {
        !self.orphans.is_empty()
    }

    /// The broker went away with `known` messages.
    pub fn broker_lost(&mut self, at: At, known: u64) {
        self.away.get_or_insert(Away { since: at, known });
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

    fn thrown(pod: &str, ms: u64, work: u64) -> AbortedWork {
        AbortedWork { pod: pod.to_owned(), at: at(ms), work: Duration::from_millis(work) }
    }

    #[test]
    fn a_redelivery_counts_when_it_happens_and_the_work_before_it_is_thrown_away() {
        let mut jobs = Jobs::default();
        jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        assert_eq!((jobs.settle(at(1_500)).len(), jobs.redelivered), (0, 0));
        let again = event(JobEventKind::Started, 1, true);
        assert_eq!(jobs.heard(at(2_000), "b", &again), Some(thrown("a", 1_000, 1_000)));
        assert_eq!((jobs.redelivered, jobs.thrown, jobs.unsettled()), (1, 1, false));
        // The same job may be delivered yet again.
        assert_eq!(jobs.heard(at(9_000), "c", &again), None);
        assert_eq!(jobs.redelivered, 2);
    }

    #[test]
    fn what_nobody_spoke_of_for_long_enough_is_thrown_away() {
        let mut jobs = Jobs::default();
        jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        assert_eq!(jobs.settle(at(6_000)), [thrown("a", 1_000, 1_000)]);
        assert_eq!((jobs.thrown, jobs.thrown_work, jobs.redelivered), (1, Duration::from_secs(1), 0));
    }

    #[test]
    fn the_end_of_the_log_decides_at_once_and_a_gap_leaves_it_open() {
        for (complete, count) in [(true, 1), (false, 0)] {
            let mut jobs = Jobs::default();
            jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
            jobs.leave(at(1_000), "a");
            assert_eq!(jobs.log_ended("b", true), []);
            assert_eq!(jobs.log_ended("a", complete).len(), count);
            assert_eq!((jobs.settle(at(9_000)).len(), jobs.unsettled()), (0, false));
        }
    }

    #[test]
    fn a_worker_that_gives_its_job_back_has_worked_for_nothing() {
        let mut jobs = Jobs::default();
        jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.broker_lost(at(900), 1);
        let requeued = event(JobEventKind::Requeued, 1, false);
        assert_eq!(jobs.heard(at(1_000), "a", &requeued), Some(thrown("a", 1_000, 1_000)));
        assert_eq!((jobs.redelivered, jobs.broker_back(0), jobs.lost), (0, 1, 1));
        assert_eq!(jobs.heard(at(1_100), "a", &requeued), None);
    }

    #[test]
    fn a_worker_that_finishes_before_it_goes_throws_nothing_away() {
        let mut jobs = Jobs::default();
        jobs.heard(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        jobs.heard(at(1_100), "a", &event(JobEventKind::Acked, 1, false));
        assert!(jobs.settle(at(9_000)).is_empty());
        assert_eq!((jobs.acked, jobs.thrown), (1, 0));
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
