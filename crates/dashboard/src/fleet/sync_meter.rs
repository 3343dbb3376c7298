//! The interval at which the controller really serves an HPA, from the arrival of its status writes.
//!
//! The controller writes a status only if it differs from the last one. So a gap between two writes is a whole number of syncs,
//! and the shortest gap is an upper bound of the interval. Several equal gaps in a row are the interval itself: a metric that
//! changes all the time, as CPU does, changes the status with each sync.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// Gaps that are kept: the interval of a busy controller changes within minutes.
const KEPT: usize = 8;

/// Gaps that must agree.
const AGREEING: usize = 3;

/// Writes that are closer together belong to one sync.
const ONE_SYNC: Duration = Duration::from_millis(200);

/// Gaps agree if they differ by at most this share of their median, or by [`JITTER`].
const AGREEMENT: f64 = 0.15;

/// Jitter of arrivals.
const JITTER: Duration = Duration::from_millis(300);

/// A measured sync interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interval {
    /// Several gaps in a row agree on it.
    About(Duration),
    /// The shortest gap.
    AtMost(Duration),
}

impl Interval {
    /// The duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::About(duration) | Self::AtMost(duration) => duration,
        }
    }
}

/// Measures the interval of one HPA.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncMeter {
    last: Option<At>,
    gaps: VecDeque<Duration>,
}

impl SyncMeter {
    /// Takes the arrival of a status write.
    pub fn status_written(&mut self, at: At) {
        if let Some(last) = self.last {
            let gap = at.since(last);
            if gap < ONE_SYNC {
                return;
            }
            self.gaps.push_back(gap);
            if self.gaps.len() > KEPT {
                self.gaps.pop_front();
            }
        }
        self.last = Some(at);
    }

    /// Notes that writes may have been missed, or that something else than the period caused one: the next gap is not measured.
    pub fn interrupt(&mut self) {
        self.last = None;
    }

    /// The interval; `None` before the first gap.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        let mut newest: Vec<Duration> = self.gaps.iter().rev().take(AGREEING).copied().collect();
        newest.sort();
        if let [shortest, median, longest] = newest.as_slice()
            && *longest - *shortest <= median.mul_f64(AGREEMENT).max(JITTER)
        {
            return Some(Interval::About(*median));
        }
        self.gaps.iter().min().copied().map(Interval::AtMost)
    }

    /// Number of measured gaps.
    #[must_use]
    pub fn gaps(&self) -> usize {
        self.gaps.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(writes: &[u64]) -> Option<Interval> {
        let mut meter = SyncMeter::default();
        writes.iter().for_each(|ms| meter.status_written(At(Duration::from_millis(*ms))));
        meter.interval()
    }

    #[test]
    fn equal_gaps_are_the_interval_and_the_shortest_is_a_bound() {
        let (about, at_most) = (
            |ms| Some(Interval::About(Duration::from_millis(ms))),
            |ms| Some(Interval::AtMost(Duration::from_millis(ms))),
        );
        for (writes, expected) in [
            (&[][..], None),
            (&[1_000], None),
            (&[0, 15_000], at_most(15_000)),
            (&[0, 15_010, 30_000], at_most(14_990)),
            (&[0, 15_010, 30_000, 45_020], about(15_010)),
            // One write for two syncs.
            (&[0, 15_000, 45_000, 60_000], at_most(15_000)),
            // The controller falls behind.
            (&[0, 15_000, 30_000, 45_000, 75_000, 105_000, 135_000], about(30_000)),
            // Two writes of one sync.
            (&[0, 15_000, 15_050, 30_000, 45_000], about(15_000)),
            // A short period has more jitter.
            (&[0, 1_000, 2_100, 3_000], about(1_000)),
        ] {
            assert_eq!(after(writes), expected, "{writes:?}");
        }
    }

    #[test]
    fn a_gap_over_an_interruption_is_not_measured() {
        let mut meter = SyncMeter::default();
        meter.status_written(At(Duration::from_secs(0)));
        meter.interrupt();
        meter.status_written(At(Duration::from_secs(4)));
        assert_eq!((meter.interval(), meter.gaps()), (None, 0));
        meter.status_written(At(Duration::from_secs(19)));
        assert_eq!(meter.interval(), Some(Interval::AtMost(Duration::from_secs(15))));
    }
}
