//! How long to wait before the next try: doubling, capped, jittered. Pure: the randomness is an argument.

use std::time::Duration;

/// First wait.
pub const FIRST: Duration = Duration::from_millis(200);
/// No wait is longer than this.
pub const CAP: Duration = Duration::from_secs(10);

/// Counts failures in a row and says how long to wait after each.
///
/// The wait doubles from [`FIRST`] to [`CAP`]; half of it is fixed and half is scaled by the roll, so that many
/// clients that failed together do not come back together, and none comes back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Wait after one more failure; `roll` is in `0.0..1.0`, anything else is clamped.
    pub fn failed(&mut self, roll: f64) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(CAP);
        self.failures = self.failures.saturating_add(1);
        let roll = if roll.is_nan() { 0.0 } else { roll.clamp(0.0, 1.0) };
        doubled / 2 + (doubled / 2).mul_f64(roll)
    }

    /// It worked: the next failure starts over.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut low = Backoff::default();
        let mut high = Backoff::default();
        for (least, most) in [
            (100, 200),
            (200, 400),
            (400, 800),
            (800, 1600),
            (1600, 3200),
            (3200, 6400),
            (5000, 10_000),
            (5000, 10_000),
        ] {
            assert_eq!(low.failed(0.0), Duration::from_millis(least));
            assert_eq!(high.failed(1.0), Duration::from_millis(most));
        }
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            backoff.failed(0.5);
        }
        assert_eq!(backoff.failed(f64::NAN), CAP / 2);
        backoff.succeeded();
        assert_eq!(backoff.failed(1.0), FIRST);
    }
}
