//! Says in the log that requests fail, without a line for each of thousands a second.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use contract::Cause;

/// Least time between two lines about the same cause.
const PAUSE: Duration = Duration::from_secs(5);

/// What was said when, and what was passed over since.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<BTreeMap<Cause, Said>>);

#[derive(Debug)]
struct Said {
    at: Instant,
    jobs: u64,
}

impl Complaints {
    /// Logs that `jobs` of a request failed, with those that were passed over before.
    pub(crate) fn failed(&self, cause: Cause, jobs: u32, now: Instant) {
        if let Some(jobs) = self.due(cause, jobs, now) {
            tracing::warn!(%cause, jobs, "jobs were answered as failed");
        }
    }

    /// The jobs to tell of, if it is time to.
    fn due(&self, cause: Cause, jobs: u32, now: Instant) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&cause) {
            None => {
                all.insert(cause, Said { at: now, jobs: 0 });
                Some(jobs.into())
            }
            Some(said) => {
                said.jobs += u64::from(jobs);
                if now.duration_since(said.at) < PAUSE {
                    return None;
                }
                said.at = now;
                Some(std::mem::take(&mut said.jobs))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_together_later() {
        let complaints = Complaints::default();
        let now = Instant::now();
        assert_eq!(complaints.due(Cause::Busy, 3, now), Some(3));
        assert_eq!(complaints.due(Cause::Busy, 4, now), None);
        assert_eq!(complaints.due(Cause::Slow, 1, now), Some(1), "another cause has a line of its own");
        assert_eq!(complaints.due(Cause::Busy, 5, now + PAUSE), Some(9));
        assert_eq!(complaints.due(Cause::Busy, 1, now + PAUSE), None);
    }
}
