//! The work time per job: from the workers' logs, or else from the queue's decline.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// Jobs in the median.
const JOBS: usize = 64;

/// Jobs that must have left the queue before its decline gives an estimate.
const MIN_DRAINED: f64 = 5.0;

/// Observed pod-seconds after which older ones count half.
const FORGET_AFTER: f64 = 120.0;

/// The work time per job, and its origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobDuration {
    /// The work time of one job on one worker.
    pub time: Duration,
    /// The origin.
    pub basis: PaceBasis,
}

/// The origin of a work time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaceBasis {
    /// The median of this many jobs from the workers' logs.
    Logs(usize),
    /// The queue's decline, and the number of ready workers meanwhile.
    Drain,
}

/// Observations of the work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pace {
    jobs: VecDeque<u64>,
    /// Time, depth and ready workers of the last sample while nothing arrived.
    last: Option<(At, u64, u32)>,
    drained: f64,
    pod_seconds: f64,
}

impl Pace {
    /// Records the work time of a job from a worker's log.
    pub fn job(&mut self, work_ms: u64) {
        if self.jobs.len() == JOBS {
            self.jobs.pop_front();
        }
        self.jobs.push_back(work_ms);
    }

    /// Records the depth and the number of ready workers. While jobs arrive, the decline shows nothing.
    pub fn depth(&mut self, at: At, depth: u64, ready: u32, arriving: bool) {
        let before = self.last.take();
        if arriving {
            return;
        }
        if let Some((then, deep, pods)) = before
            && depth <= deep
            // An idle worker would count as a working one.
            && deep >= u64::from(pods)
        {
            self.drained += (deep - depth) as f64;
            self.pod_seconds += at.since(then).as_secs_f64() * f64::from(pods);
            if self.pod_seconds > FORGET_AFTER {
                self.drained /= 2.0;
                self.pod_seconds /= 2.0;
            }
        }
        self.last = Some((at, depth, ready));
    }

    /// The work time per job.
    #[must_use]
    pub fn work(&self) -> Option<JobDuration> {
        if !self.jobs.is_empty() {
            let mut sorted: Vec<u64> = self.jobs.iter().copied().collect();
            sorted.sort_unstable();
            let time = Duration::from_millis(sorted[sorted.len() / 2]);
            return Some(JobDuration { time, basis: PaceBasis::Logs(sorted.len()) });
        }
        if self.drained < MIN_DRAINED || self.pod_seconds <= 0.0 {
            return None;
        }
        let time = Duration::from_secs_f64(self.pod_seconds / self.drained);
        Some(JobDuration { time, basis: PaceBasis::Drain })
    }
}
