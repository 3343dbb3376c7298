//! How long to wait before the next attempt: doubling, capped, jittered.
//!
//! Hundreds of pods lose one broker in the same instant; without jitter they would all come back in the same instant.

use std::time::Duration;

/// Delays that double from `first` up to `cap`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// Begins with about `first`; no delay is longer than `cap`.
    #[must_use]
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, attempt: 0 }
    }

    /// Attempts that have failed since the last [`Self::reset`].
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Counts a failure and says how long to wait: between half and the whole of the step.
    ///
    /// `random` is taken from `0.0..1.0`.
    pub fn next(&mut self, random: f64) -> Duration {
        let doublings = self.attempt.min(31);
        self.attempt = self.attempt.saturating_add(1);
        let step = self.first.saturating_mul(1 << doublings).min(self.cap);
        step.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_the_cap_and_jitter_takes_at_most_half() {
        let steps_ms = [100, 200, 400, 800, 1000, 1000];
        for (random, part) in [(0.0, 0.5), (1.0, 1.0)] {
            let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
            for step in steps_ms {
                assert_eq!(backoff.next(random), Duration::from_millis(step).mul_f64(part));
            }
        }
    }

    #[test]
    fn many_failures_neither_overflow_nor_exceed_the_cap() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for _ in 0..100 {
            assert!(backoff.next(0.5) <= Duration::from_secs(30));
        }
        assert_eq!(backoff.attempt(), 100);
        backoff.reset();
        assert_eq!(backoff.next(1.0), Duration::from_secs(1));
    }
}
