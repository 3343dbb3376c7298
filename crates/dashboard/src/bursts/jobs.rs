//! The outcome of all jobs: in hand, done, redelivered, dead, aborted, or lost with the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};
use uuid::Uuid;

use crate::clock::At;

/// Grace period for the log of a deleted worker, in which it may still report an ack when the end of the log
/// is unknown.
const LOG_GRACE_PERIOD: Duration = Duration::from_secs(5);

/// Jobs of deleted workers remembered at once; the oldest are forgotten without a count.
const MAX_ORPHANS: usize = 10_000;

/// A job that a worker has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InHand {
    /// The job.
    pub id: Option<Uuid>,
    /// The arrival time of the log line that begins it.
    pub burst: Option<BurstId>,
    /// The arrival time of its start.
    pub since: At,
}

#[derive(Debug, Clone, PartialEq)]
struct Orphan {
    pod: String,
    job: InHand,
    gone: At,
}

/// Work on an unfinished job that was lost with its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortedWork {
    /// The worker.
    pub pod: String,
    /// The time at which it was lost.
    pub at: At,
    /// The time spent on it.
    pub work: Duration,
}

/// The state of the broker before it went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// The time at which it went away.
    pub since: At,
    /// Messages in it then, and those accepted later.
    pub known: u64,
}

/// Counts, and the jobs in hand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Jobs {
    in_hand: BTreeMap<String, InHand>,
    orphans: Vec<Orphan>,
    /// Jobs done.
    pub acked: u64,
    /// Deliveries that the broker marked as redelivered.
    pub redelivered: u64,
    /// Jobs that went to the dead-letter queue.
    pub dead: u64,
    /// Jobs that were begun and aborted.
    pub aborted: u64,
    /// The time spent on them.
    pub aborted_work: Duration,
    /// Messages that were in the broker and are missing after it came back.
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

    /// Records a worker's log event. Returns the work that it aborts.
    pub fn record(&mut self, at: At, pod: &str, event: &JobEvent) -> Option<AbortedWork> {
        match event.kind {
            JobEventKind::Started => {
                let job = InHand { id: event.id, burst: event.burst.clone(), since: at };
                self.in_hand.insert(pod.to_owned(), job);
                self.redelivered += u64::from(event.redelivered);
                // Another worker begins it again: the work of the worker before is certainly lost.
                let id = event.id.filter(|_| event.redelivered)?;
                let index = self.orphans.iter().position(|orphan| orphan.job.id == Some(id))?;
                let orphan = self.orphans.swap_remove(index);
                Some(self.abort(orphan))
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
                Some(self.abort(Orphan { pod: pod.to_owned(), job, gone: at }))
            }
        }
    }

    fn abort(&mut self, orphan: Orphan) -> AbortedWork {
        let work = orphan.gone.since(orphan.job.since);
        self.aborted += 1;
        self.aborted_work += work;
        AbortedWork { pod: orphan.pod, at: orphan.gone, work }
    }

    fn put_down(&mut self, pod: &str, id: Option<Uuid>) {
        if self.in_hand.get(pod).is_some_and(|job| job.id == id) {
            self.in_hand.remove(pod);
        }
        self.orphans.retain(|orphan| orphan.job.id != id);
    }

    /// Handles the end of a worker or of its container: its job is aborted unless its log still reports an
    /// end.
    pub fn leave(&mut self, at: At, pod: &str) {
        if let Some(job) = self.in_hand.remove(pod) {
            if self.orphans.len() >= MAX_ORPHANS {
                self.orphans.remove(0);
            }
            self.orphans.push(Orphan { pod: pod.to_owned(), job, gone: at });
        }
    }

    /// Handles the end of a worker's log. If it is not `complete`, the outcome of its job is unknown. Returns
    /// the aborted work.
    pub fn log_ended(&mut self, pod: &str, complete: bool) -> Vec<AbortedWork> {
        let (ended, rest) = std::mem::take(&mut self.orphans).into_iter().partition(|o| o.pod == pod);
        self.orphans = rest;
        let ended: Vec<Orphan> = if complete { ended } else { Vec::new() };
        ended.into_iter().map(|orphan| self.abort(orphan)).collect()
    }

    /// Counts the jobs whose worker went away longer than the grace period ago as aborted.
    pub fn settle(&mut self, at: At) -> Vec<AbortedWork> {
        if self.orphans.is_empty() {
            return Vec::new();
        }
        let is_due = |orphan: &Orphan| at.since(orphan.gone) >= LOG_GRACE_PERIOD;
        let (due, rest) = std::mem::take(&mut self.orphans).into_iter().partition(is_due);
        self.orphans = rest;
        let due: Vec<Orphan> = due;
        due.into_iter().map(|orphan| self.abort(orphan)).collect()
    }

    /// Returns true while the outcome of a job depends on time.
    #[must_use]
    pub fn unsettled(&self) -> bool {
        !self.orphans.is_empty()
    }

    /// Records that the broker went away with `known` messages.
    pub fn broker_lost(&mut self, at: At, known: u64) {
        self.away.get_or_insert(Away { since: at, known });
    }

    /// Records accepted jobs.
    pub fn accepted(&mut self, count: u32) {
        if let Some(away) = &mut self.away {
            away.known = away.known.saturating_add(u64::from(count));
        }
    }

    /// Records that the broker is back with `total` messages. Returns the number of lost ones.
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

    fn aborted(pod: &str, ms: u64, work: u64) -> AbortedWork {
        AbortedWork { pod: pod.to_owned(), at: at(ms), work: Duration::from_millis(work) }
    }

    #[test]
    fn a_redelivery_aborts_the_work_before_it() {
        let mut jobs = Jobs::default();
        jobs.record(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        assert_eq!((jobs.settle(at(1_500)).len(), jobs.redelivered), (0, 0));
        let again = event(JobEventKind::Started, 1, true);
        assert_eq!(jobs.record(at(2_000), "b", &again), Some(aborted("a", 1_000, 1_000)));
        assert_eq!((jobs.redelivered, jobs.aborted, jobs.unsettled()), (1, 1, false));
        // The same job may be delivered once more.
        assert_eq!(jobs.record(at(9_000), "c", &again), None);
        assert_eq!(jobs.redelivered, 2);
    }

    #[test]
    fn a_job_without_log_lines_is_aborted_in_time() {
        let mut jobs = Jobs::default();
        jobs.record(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        assert_eq!(jobs.settle(at(6_000)), [aborted("a", 1_000, 1_000)]);
        assert_eq!((jobs.aborted, jobs.aborted_work, jobs.redelivered), (1, Duration::from_secs(1), 0));
    }

    #[test]
    fn the_end_of_the_log_decides_unless_it_has_a_gap() {
        for (complete, count) in [(true, 1), (false, 0)] {
            let mut jobs = Jobs::default();
            jobs.record(at(0), "a", &event(JobEventKind::Started, 1, false));
            jobs.leave(at(1_000), "a");
            assert_eq!(jobs.log_ended("b", true), []);
            assert_eq!(jobs.log_ended("a", complete).len(), count);
            assert_eq!((jobs.settle(at(9_000)).len(), jobs.unsettled()), (0, false));
        }
    }

    #[test]
    fn a_requeued_job_aborts_the_work() {
        let mut jobs = Jobs::default();
        jobs.record(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.broker_lost(at(900), 1);
        let requeued = event(JobEventKind::Requeued, 1, false);
        assert_eq!(jobs.record(at(1_000), "a", &requeued), Some(aborted("a", 1_000, 1_000)));
        assert_eq!((jobs.redelivered, jobs.broker_back(0), jobs.lost), (0, 1, 1));
        assert_eq!(jobs.record(at(1_100), "a", &requeued), None);
    }

    #[test]
    fn a_worker_that_finishes_first_aborts_nothing() {
        let mut jobs = Jobs::default();
        jobs.record(at(0), "a", &event(JobEventKind::Started, 1, false));
        jobs.leave(at(1_000), "a");
        jobs.record(at(1_100), "a", &event(JobEventKind::Acked, 1, false));
        assert!(jobs.settle(at(9_000)).is_empty());
        assert_eq!((jobs.acked, jobs.aborted), (1, 0));
    }

    #[test]
    fn messages_are_lost_when_the_broker_is_empty() {
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
