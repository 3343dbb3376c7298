//! The outcome of every job of a burst. A confirmed ID is open until a worker's log reports an ack or a dead
//! letter. A job that is open while the queue is empty is lost, unless a log has a gap.

use std::collections::BTreeSet;

use uuid::Uuid;

/// IDs remembered for all bursts together. Beyond it, jobs are counted without their IDs, so that a long run
/// of large bursts holds a few megabytes at most.
pub const MAX_IDS: usize = 50_000;

/// The reason why lost jobs cannot be determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogGap {
    /// A worker's log was not read without a gap, or not to its end.
    Log,
    /// The pods could not be read, so workers may be unknown.
    Pods,
    /// Workers beyond the limit were not followed.
    NotSampled,
    /// More jobs than are remembered.
    TooMany,
    /// An answer named fewer IDs than it confirmed.
    NoIds,
}

/// The number of confirmed jobs that are neither done nor in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostJobs {
    /// Jobs are still under way.
    Open,
    /// This many jobs.
    Jobs(u32),
    /// Unknown, with the reason.
    Unknown(LogGap),
}

/// The state of the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Jobs are under way.
    #[default]
    Open,
    /// The queue was empty long enough: open jobs are lost.
    Judged,
    /// Closed: only the numbers are kept.
    Closed(u32),
}

/// The jobs of one burst.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobTracker {
    open: BTreeSet<Uuid>,
    ended: BTreeSet<Uuid>,
    /// Ended jobs, each counted once.
    count: u32,
    gap: Option<LogGap>,
    state: State,
}

impl JobTracker {
    /// Records `count` confirmed jobs with these IDs. At most `room` more IDs may be remembered.
    pub fn confirmed(&mut self, count: u32, ids: &[Uuid], room: usize) {
        if ids.len() > room {
            self.gap(LogGap::TooMany);
        } else if (ids.len() as u64) < u64::from(count) {
            self.gap(LogGap::NoIds);
        }
        // A fast worker's log may arrive before the producer's answer.
        self.open.extend(ids.iter().take(room).filter(|id| !self.ended.contains(id)));
    }

    /// Records the end of a job. Returns true if it is new: a job that was delivered twice may end twice.
    pub fn ended(&mut self, id: Option<Uuid>, room: usize) -> bool {
        let is_news = match id {
            Some(id) if self.open.remove(&id) => {
                self.ended.insert(id);
                true
            }
            Some(_) if matches!(self.state, State::Closed(_)) => false,
            Some(id) if room > 0 => self.ended.insert(id),
            // Too many to remember their IDs.
            Some(_) | None => {
                self.gap(if id.is_some() { LogGap::TooMany } else { LogGap::NoIds });
                true
            }
        };
        self.count = self.count.saturating_add(u32::from(is_news));
        is_news
    }

    /// Marks the outcome of open jobs as unknown from now on.
    pub fn gap(&mut self, gap: LogGap) {
        if self.state == State::Open {
            self.gap.get_or_insert(gap);
        }
    }

    /// Ended jobs.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Returns true if each of `accepted` jobs has ended.
    #[must_use]
    pub fn are_complete(&self, accepted: u32) -> bool {
        self.open.is_empty()
            && self.count >= accepted
            && !matches!(self.gap, Some(LogGap::TooMany | LogGap::NoIds))
    }

    /// Number of remembered IDs.
    #[must_use]
    pub fn ids(&self) -> usize {
        self.open.len() + self.ended.len()
    }

    /// Returns true while no verdict exists.
    #[must_use]
    pub fn are_open(&self) -> bool {
        self.state == State::Open
    }

    /// Marks open jobs as missing: the queue is empty, and the logs have had time to report them.
    pub fn mark_missing(&mut self) {
        if self.state == State::Open {
            self.state = State::Judged;
        }
    }

    /// Forgets the IDs and keeps the numbers.
    pub fn forget_ids(&mut self) {
        if self.state == State::Judged {
            self.state = State::Closed(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
            self.open.clear();
            self.ended.clear();
        }
    }

    /// The number of lost jobs among the `accepted` ones.
    #[must_use]
    pub fn lost(&self, accepted: u32) -> LostJobs {
        let open = match self.state {
            State::Closed(open) => open,
            State::Open | State::Judged => u32::try_from(self.open.len()).unwrap_or(u32::MAX),
        };
        let all_ended = open == 0 && self.count >= accepted;
        match (self.state, self.gap) {
            (_, Some(gap @ (LogGap::TooMany | LogGap::NoIds))) => LostJobs::Unknown(gap),
            // A gap does not matter: each job has ended.
            _ if all_ended && accepted > 0 => LostJobs::Jobs(0),
            (_, Some(gap)) => LostJobs::Unknown(gap),
            (State::Open, None) => LostJobs::Open,
            // A later line may still prove a job done; then one less is lost.
            (State::Judged | State::Closed(_), None) => LostJobs::Jobs(open),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u128>) -> Vec<Uuid> {
        range.map(Uuid::from_u128).collect()
    }

    #[test]
    fn every_job_counts_once_in_any_order() {
        let mut job_tracker = JobTracker::default();
        assert!(job_tracker.ended(Some(Uuid::from_u128(1)), 9), "before the answer");
        job_tracker.confirmed(3, &ids(0..3), 9);
        assert_eq!(job_tracker.lost(3), LostJobs::Open);
        assert!(job_tracker.ended(Some(Uuid::from_u128(0)), 9));
        assert!(!job_tracker.ended(Some(Uuid::from_u128(0)), 9), "delivered and done twice");
        assert!(!job_tracker.are_complete(3));
        assert!(job_tracker.ended(Some(Uuid::from_u128(2)), 9));
        assert!(job_tracker.are_complete(3));
        assert_eq!((job_tracker.count(), job_tracker.lost(3)), (3, LostJobs::Jobs(0)));
    }

    #[test]
    fn open_jobs_are_lost_when_the_queue_is_empty() {
        let mut job_tracker = JobTracker::default();
        job_tracker.confirmed(3, &ids(0..3), 9);
        job_tracker.ended(Some(Uuid::from_u128(0)), 9);
        job_tracker.mark_missing();
        assert_eq!(job_tracker.lost(3), LostJobs::Jobs(2));
        job_tracker.ended(Some(Uuid::from_u128(1)), 9);
        assert_eq!(job_tracker.lost(3), LostJobs::Jobs(1));
        job_tracker.forget_ids();
        assert_eq!((job_tracker.lost(3), job_tracker.ids()), (LostJobs::Jobs(1), 0));
        assert!(!job_tracker.ended(Some(Uuid::from_u128(2)), 9), "nothing is remembered any more");
    }

    #[test]
    fn after_a_gap_lost_jobs_are_unknown() {
        for (ended, lost) in [(1, LostJobs::Unknown(LogGap::Log)), (2, LostJobs::Jobs(0))] {
            let mut job_tracker = JobTracker::default();
            job_tracker.confirmed(2, &ids(0..2), 9);
            job_tracker.gap(LogGap::Log);
            ids(0..ended).into_iter().for_each(|id| {
                job_tracker.ended(Some(id), 9);
            });
            job_tracker.mark_missing();
            assert_eq!(job_tracker.lost(2), lost);
        }
    }

    #[test]
    fn a_gap_after_the_verdict_changes_nothing() {
        let mut job_tracker = JobTracker::default();
        job_tracker.confirmed(1, &ids(0..1), 9);
        job_tracker.mark_missing();
        job_tracker.gap(LogGap::Log);
        assert_eq!(job_tracker.lost(1), LostJobs::Jobs(1));
    }

    #[test]
    fn beyond_the_limit_lost_jobs_are_unknown() {
        let mut job_tracker = JobTracker::default();
        job_tracker.confirmed(3, &ids(0..3), 2);
        job_tracker.ended(Some(Uuid::from_u128(7)), 0);
        assert_eq!((job_tracker.ids(), job_tracker.count()), (2, 1));
        job_tracker.mark_missing();
        assert_eq!(job_tracker.lost(3), LostJobs::Unknown(LogGap::TooMany));
        let mut job_tracker = JobTracker::default();
        job_tracker.confirmed(2, &ids(0..1), 9);
        assert_eq!(job_tracker.lost(2), LostJobs::Unknown(LogGap::NoIds));
    }
}
