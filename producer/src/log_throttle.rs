//! Limits the rate of log lines about failed requests, of which there can be thousands a second.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use contract::Cause;

/// Minimum time between two lines about the same cause.
const INTERVAL: Duration = Duration::from_secs(5);

/// Logs failed jobs, at most one line per cause and interval.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<BTreeMap<Cause, LastLine>>);

#[derive(Debug)]
struct LastLine {
    at: Instant,
    /// Failed jobs since the line.
    suppressed: u64,
}

impl LogThrottle {
    /// Counts the failed jobs of one request, and logs them if the last line about the cause is old enough.
    pub(crate) fn failed(&self, cause: Cause, jobs: u32, now: Instant) {
        if let Some(jobs) = self.due(cause, jobs, now) {
            tracing::warn!(%cause, jobs, "jobs failed");
        }
    }

    /// Returns the number of jobs to log, including suppressed ones, or `None` if it is too early for a line.
    fn due(&self, cause: Cause, jobs: u32, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = lines.get_mut(&cause) else {
            lines.insert(cause, LastLine { at: now, suppressed: 0 });
            return Some(jobs.into());
        };
        last.suppressed += u64::from(jobs);
        if now.duration_since(last.at) < INTERVAL {
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_failures_share_a_line() {
        let throttle = LogThrottle::default();
        let now = Instant::now();
        assert_eq!(throttle.due(Cause::Busy, 3, now), Some(3));
        assert_eq!(throttle.due(Cause::Busy, 4, now), None);
        assert_eq!(throttle.due(Cause::Slow, 1, now), Some(1), "each cause has its own interval");
        assert_eq!(throttle.due(Cause::Busy, 5, now + INTERVAL), Some(9));
        assert_eq!(throttle.due(Cause::Busy, 1, now + INTERVAL), None);
    }
}
