//! Waits between reconnects.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The shortest wait.
pub const MIN_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
pub const MAX_WAIT: Duration = Duration::from_secs(10);

/// The wait after each failure in a row.
///
/// It doubles from [`MIN_WAIT`] to half of [`MAX_WAIT`]. Random jitter of up to the same length is added: clients that
/// fail together do not reconnect together.
#[derive(Debug)]
pub struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        let builder = ExponentialBuilder::new().with_min_delay(MIN_WAIT).with_max_delay(MAX_WAIT / 2);
        Self(builder.without_max_times().with_jitter().build())
    }
}

impl Backoff {
    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> Duration {
        self.0.next().unwrap_or(MAX_WAIT)
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum() {
        let mut backoff = Backoff::default();
        for base in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.next_wait().as_millis();
            assert!((base..=2 * base + 1).contains(&wait), "{wait} ms, base {base} ms");
        }
        backoff.reset();
        assert!(backoff.next_wait() < 2 * MIN_WAIT + Duration::from_millis(1));
    }
}
