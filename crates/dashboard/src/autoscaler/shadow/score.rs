//! The cost of an autoscaler and the waiting time that it caused, from the sizes that it asked for.
//!
//! The same rule scores the real one and the shadow, as if every requested pod were ready at once: the shadow
//! has no pods that could start.

use std::time::Duration;

use crate::clock::At;

/// The score.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Requested pods times seconds.
    pub pod_seconds: f64,
    /// The longest wait of a job at the end of the queue, at the size of that moment (estimated).
    pub longest_wait: Option<Duration>,
    /// The largest size.
    pub peak: i32,
    /// The largest number of pods that the queue needed.
    pub needed: i32,
    /// The longest time with fewer pods than the queue needed: the time to enough pods.
    pub longest_short: Duration,
    since: At,
    size: i32,
    short_since: Option<At>,
}

impl Score {
    /// A score that begins with `size`.
    #[must_use]
    pub fn new(at: At, size: i32) -> Self {
        Self {
            pod_seconds: 0.0,
            longest_wait: None,
            peak: size,
            needed: 0,
            longest_short: Duration::ZERO,
            since: at,
            size,
            short_since: None,
        }
    }

    /// Pods beyond the largest need.
    #[must_use]
    pub fn overshoot(&self) -> i32 {
        (self.peak - self.needed.max(1)).max(0)
    }

    /// Counts the old size up to `now` and continues with `size`.
    pub fn account(
        &mut self,
        now: At,
        size: i32,
        total: Option<f64>,
        need: Option<i32>,
        work: Option<Duration>,
    ) {
        let passed = now.since(self.since).as_secs_f64();
        self.pod_seconds += passed * f64::from(self.size.max(0));
        (self.since, self.size) = (self.since.max(now), size);
        self.peak = self.peak.max(size);
        if let (Some(total), Some(work)) = (total, work)
            && total > 0.0
        {
            let wait = total / f64::from(size.max(1)) * work.as_secs_f64();
            let wait = Duration::from_secs_f64(wait.clamp(0.0, 1e9));
            self.longest_wait = Some(self.longest_wait.map_or(wait, |longest| longest.max(wait)));
        }
        let Some(need) = need else { return };
        self.needed = self.needed.max(need);
        if size < need {
            let since = *self.short_since.get_or_insert(now);
            self.longest_short = self.longest_short.max(now.since(since));
        } else if let Some(since) = self.short_since.take() {
            self.longest_short = self.longest_short.max(now.since(since));
        }
    }
}
