//! The controller's sync schedule, estimated from observed syncs.
//!
//! A sync is visible only if it writes something, so most are not. They come at a fixed interval, so the last
//! observed sync predicts the next ones.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// The controller's default sync period.
pub(super) const DEFAULT_PERIOD: Duration = Duration::from_secs(15);

/// Syncs remembered.
const REMEMBERED: usize = 16;

/// A shorter interval than this is two updates about one sync.
const MIN_INTERVAL: Duration = Duration::from_millis(300);

/// The difference between two equal intervals, by the way of the status update.
const JITTER: Duration = Duration::from_millis(100);

/// The origin of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodBasis {
    /// Kubernetes' default; no observation contradicts it.
    Assumed,
    /// Observed syncs were closer together than the default.
    Seen,
    /// The controller's own settings, as the doctor read them.
    Configured,
}

/// The observed syncs, newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncSchedule {
    seen: VecDeque<At>,
    /// The period of the controller's own settings, if they could be read.
    pub(super) configured: Option<Duration>,
}

impl SyncSchedule {
    /// The schedule of another HPA of the same controller.
    #[must_use]
    pub fn without_syncs(&self) -> Self {
        Self { seen: VecDeque::new(), configured: self.configured }
    }

    /// Records a sync.
    pub fn observe(&mut self, at: At) {
        if self.seen.back().is_some_and(|last| at.since(*last) < MIN_INTERVAL) {
            return;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(at);
    }

    /// The newest observed sync.
    #[must_use]
    pub fn last(&self) -> Option<At> {
        self.seen.back().copied()
    }

    /// The sync period: that of the controller's settings, where they are known. Otherwise two equal intervals shorter than
    /// the default show another period. A longer interval may only mean that syncs had nothing to write.
    #[must_use]
    pub fn period(&self) -> (Duration, PeriodBasis) {
        if let Some(configured) = self.configured.filter(|period| !period.is_zero()) {
            return (configured, PeriodBasis::Configured);
        }
        let mut gaps: Vec<Duration> =
            self.seen.iter().zip(self.seen.iter().skip(1)).map(|(a, b)| b.since(*a)).collect();
        gaps.sort_unstable();
        // A busy controller is late by seconds, so other intervals may be similar but are not equal.
        let alike = gaps.windows(2).find(|pair| pair[1] - pair[0] <= (pair[0] / 20).max(JITTER));
        match alike {
            Some([gap, _]) if *gap + Duration::from_secs(1) < DEFAULT_PERIOD => {
                (rounded(*gap), PeriodBasis::Seen)
            }
            _ => (DEFAULT_PERIOD, PeriodBasis::Assumed),
        }
    }

    /// The due time of the next sync after `now`; `None` before the first observed one.
    #[must_use]
    pub fn next(&self, now: At) -> Option<At> {
        let last = self.last()?;
        let period = self.period().0.as_millis().max(1);
        let gone = now.since(last).as_millis() / period + 1;
        let ahead = u64::try_from(gone.saturating_mul(period)).unwrap_or(u64::MAX);
        Some(At(last.0.saturating_add(Duration::from_millis(ahead))))
    }
}

/// Rounds to half seconds, as people configure periods; never zero.
fn rounded(gap: Duration) -> Duration {
    let halves = (gap.as_secs_f64() * 2.0).round().max(1.0);
    Duration::from_secs_f64(halves / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> At {
        At(Duration::from_millis(ms))
    }

    fn schedule(seen: &[u64]) -> SyncSchedule {
        let mut schedule = SyncSchedule::default();
        seen.iter().for_each(|ms| schedule.observe(at(*ms)));
        schedule
    }

    #[test]
    fn the_period_is_the_default_unless_syncs_are_closer() {
        for (seen, seconds, basis) in [
            (&[][..], 15.0, PeriodBasis::Assumed),
            (&[7_000], 15.0, PeriodBasis::Assumed),
            (&[0, 15_020, 30_050, 60_100], 15.0, PeriodBasis::Assumed),
            // Every second sync wrote something: that shows nothing about the period.
            (&[0, 30_000, 60_000], 15.0, PeriodBasis::Assumed),
            (&[0, 1_010, 2_030, 5_000], 1.0, PeriodBasis::Seen),
            (&[0, 5_040, 10_030, 40_000], 5.0, PeriodBasis::Seen),
            // A busy controller.
            (&[0, 15_000, 22_500, 45_000, 53_700], 15.0, PeriodBasis::Assumed),
            // One short interval may be a late update.
            (&[0, 15_000, 18_000, 33_000], 15.0, PeriodBasis::Assumed),
        ] {
            assert_eq!(schedule(seen).period(), (Duration::from_secs_f64(seconds), basis), "{seen:?}");
        }
    }

    #[test]
    fn the_controllers_settings_decide() {
        let mut schedule = schedule(&[0, 1_010, 2_030]);
        schedule.configured = Some(Duration::from_secs(30));
        assert_eq!(schedule.period(), (Duration::from_secs(30), PeriodBasis::Configured));
        assert_eq!(schedule.next(at(2_100)), Some(at(32_030)));
    }

    #[test]
    fn the_next_sync_is_whole_periods_after_the_last() {
        assert_eq!(schedule(&[]).next(at(5)), None);
        let schedule = schedule(&[2_000]);
        for (now, next) in [(2_000, 17_000), (16_999, 17_000), (17_000, 32_000), (100_000, 107_000)] {
            assert_eq!(schedule.next(at(now)), Some(at(next)), "{now}");
        }
    }

    #[test]
    fn two_updates_about_one_sync_are_one() {
        assert_eq!(schedule(&[1_000, 1_100]).last(), Some(at(1_000)));
    }
}
