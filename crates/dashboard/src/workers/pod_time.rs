//! Pod-seconds: what the workers did with their time.

use std::time::Duration;

use crate::workers::timelines::WorkerState;

/// Pod-seconds by what was done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PodTime {
    /// Ready, without a job.
    pub idle: Duration,
    /// With a job in hand, also while ending.
    pub busy: Duration,
    /// Ready, and not known whether it worked.
    pub not_sampled: Duration,
    /// Not ready: on the way up or down, or failed.
    pub other: Duration,
}

impl PodTime {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.idle + self.busy + self.not_sampled + self.other
    }

    /// What came on top of `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            idle: self.idle.saturating_sub(before.idle),
            busy: self.busy.saturating_sub(before.busy),
            not_sampled: self.not_sampled.saturating_sub(before.not_sampled),
            other: self.other.saturating_sub(before.other),
        }
    }

    /// The part of the known time with ready workers in which they were idle, from 0 to 1.
    #[must_use]
    pub fn idle_share(&self) -> Option<f64> {
        let known = (self.idle + self.busy).as_secs_f64();
        (known > 0.0).then(|| self.idle.as_secs_f64() / known)
    }

    pub(super) fn add(&mut self, doing: WorkerState, time: Duration) {
        let place = match doing {
            WorkerState::Idle => &mut self.idle,
            WorkerState::Busy | WorkerState::Finishing => &mut self.busy,
            WorkerState::NotSampled => &mut self.not_sampled,
            WorkerState::Pending | WorkerState::Starting | WorkerState::Terminating | WorkerState::Failed => {
                &mut self.other
            }
            WorkerState::Gone => return,
        };
        *place += time;
    }
}
