//! How long a job takes: as the workers' logs say, or else as the queue falls.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// Jobs of which the median is taken.
const JOBS: usize = 64;

/// Without so many jobs nothing is told from the queue's fall.
const FEWEST_DRAINED: f64 = 5.0;

/// When so many pod-seconds have been seen, what is older counts half.
const FORGET_AFTER: f64 = 120.0;

/// How long a job takes, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobDuration {
    /// For one job, on one worker.
    pub time: Duration,
    /// How that is known.
    pub basis: PaceBasis,
}

/// Where a work time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaceBasis {
    /// The median of so many jobs, as the workers' logs say.
    Logs(usize),
    /// From how fast the queue fell, and how many workers were ready meanwhile.
    Drain,
}

/// What was seen of the work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pace {
    jobs: VecDeque<u64>,
    /// Depth, ready workers and time of the last sample, while nothing arrived.
    last: Option<(At, u64, u32)>,
    drained: f64,
    pod_seconds: f64,
}

impl Pace {
    /// A worker's log says that a job took so long.
    pub fn job(&mut self, work_ms: u64) {
        if self.jobs.len() == JOBS {
            self.jobs.pop_front();
        }
        self.jobs.push_back(work_ms);
    }

    /// The queue was so deep while so many workers were ready. What falls while something arrives says nothing.
    pub fn depth(&mut self, at: At, depth: u64, ready: u32, arriving: bool) {
        let before = self.last.take();
        if arriving {
            return;
        }
        if let Some((then, deep, pods)) = before
            && depth <= deep
            // A worker without a job would count as one that works.
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

    /// How long a job takes.
    #[must_use]
    pub fn work(&self) -> Option<JobDuration> {
        if !self.jobs.is_empty() {
            let mut sorted: Vec<u64> = self.jobs.iter().copied().collect();
            sorted.sort_unstable();
            let time = Duration::from_millis(sorted[sorted.len() / 2]);
            return Some(JobDuration { time, basis: PaceBasis::Logs(sorted.len()) });
        }
        if self.drained < FEWEST_DRAINED || self.pod_seconds <= 0.0 {
            return None;
        }
        let time = Duration::from_secs_f64(self.pod_seconds / self.drained);
        Some(JobDuration { time, basis: PaceBasis::Drain })
    }
}
