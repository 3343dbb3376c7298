//! The offset of the cluster's clock from the local one, from the `Date` header of the API server's answers.
//!
//! `Date` has whole seconds, and the server read its clock between request and answer. So each answer bounds
//! the offset from both sides, and several answers at different fractions of a second bound it closely.
//! Kubelets, the controllers and Prometheus are assumed to agree with the API server, as in any cluster with
//! time synchronisation.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::At;
use crate::clock::DayClock;
use crate::reported::ServerTime;

/// Assumed limit of the clocks' drift, in millionths: more than any machine's crystal, and than slewing.
const DRIFT_PPM: i64 = 500;

/// The resolution of `Date`, in microseconds.
const SECOND: i64 = 1_000_000;

/// The bounds of this run's start on the cluster's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset {
    bounds: Option<Bounds>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// Microseconds since 1970 by the cluster's clock, for the start of the run.
    low: i64,
    high: i64,
    measured: At,
}

fn micros(at: At) -> i64 {
    i64::try_from(at.0.as_micros()).unwrap_or(i64::MAX / 4)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

impl Bounds {
    /// The bounds at a later time, widened by possible drift.
    fn at(self, now: At) -> Self {
        let drift = micros(At(now.since(self.measured))) / SECOND * DRIFT_PPM;
        Self { low: self.low - drift, high: self.high + drift, measured: now }
    }
}

impl Offset {
    /// Adds an answer. One that contradicts the earlier ones means that a clock was set: then only the new
    /// one counts.
    pub fn add(&mut self, answer: ServerTime) {
        let date = answer.date.as_microsecond();
        let new = Bounds {
            low: date - micros(answer.answered),
            high: date + SECOND - micros(answer.asked),
            measured: answer.answered,
        };
        let known = self.bounds.map(|bounds| bounds.at(answer.answered));
        self.bounds = Some(match known {
            Some(known) if known.low.max(new.low) <= known.high.min(new.high) => Bounds {
                low: known.low.max(new.low),
                high: known.high.min(new.high),
                measured: answer.answered,
            },
            _ => new,
        });
    }

    fn middle(&self, now: At) -> Option<(i64, Duration)> {
        let bounds = self.bounds?.at(now);
        Some((bounds.low + (bounds.high - bounds.low) / 2, duration((bounds.high - bounds.low) / 2)))
    }

    /// The start of the run on the cluster's clock, in milliseconds since 1970; `None` before the first comparison.
    #[must_use]
    pub fn start_ms(&self, now: At) -> Option<i64> {
        self.middle(now).map(|(start, _)| start / 1_000)
    }

    /// Converts a time of the cluster's clock, with its uncertainty; `None` before the first comparison.
    /// Times before the run become its start.
    #[must_use]
    pub fn place(&self, time: Timestamp, now: At) -> Option<(At, Duration)> {
        let (start, uncertain) = self.middle(now)?;
        Some((At(duration(time.as_microsecond().saturating_sub(start))), uncertain))
    }

    /// Converts a whole second of the cluster's clock; the event happened within a second of its start.
    #[must_use]
    pub fn place_second(&self, time: Timestamp, now: At) -> Option<(At, Duration)> {
        let (at, uncertain) = self.place(time, now)?;
        Some((at, uncertain + Duration::from_secs(1)))
    }

    /// Seconds that the cluster's clock is ahead, with the uncertainty.
    #[must_use]
    pub fn ahead(&self, day: &DayClock, now: At) -> Option<(f64, Duration)> {
        let (start, uncertain) = self.middle(now)?;
        Some(((start - day.started_ms() * 1_000) as f64 / 1e6, uncertain))
    }

    /// Time from `now` until the cluster's clock turns to its next second, at least `least`: an answer from
    /// just after the turn halves the uncertainty.
    #[must_use]
    pub fn until_turn(&self, now: At, least: Duration) -> Duration {
        let Some((start, _)) = self.middle(now) else { return least };
        let earliest = start + micros(now) + micros(At(least));
        least + duration((-earliest).rem_euclid(SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of a server whose clock showed `start` microseconds at the start of the run.
    fn answer(start: i64, asked: u64, trip: u64) -> ServerTime {
        let at = |ms| At(Duration::from_millis(ms));
        let read = start + i64::try_from(asked + trip / 2).unwrap() * 1_000;
        ServerTime {
            asked: at(asked),
            answered: at(asked + trip),
            date: Timestamp::from_second(read.div_euclid(SECOND)).unwrap(),
        }
    }

    fn contains(offset: &Offset, start: i64, now: At) -> bool {
        let (middle, uncertain) = offset.middle(now).unwrap();
        middle.abs_diff(start) <= uncertain.as_micros() as u64
    }

    #[test]
    fn answers_at_the_turn_halve_the_uncertainty() {
        for start in [1_767_000_000_123_456_i64, 1_767_000_000_999_999, 1_767_000_000_000_000] {
            let mut offset = Offset::default();
            let mut now = 37;
            let mut widths = Vec::new();
            for _ in 0..9 {
                offset.add(answer(start, now, 8));
                let at = At(Duration::from_millis(now + 8));
                assert!(contains(&offset, start, at), "{start} after {now} ms");
                widths.push(offset.middle(at).unwrap().1);
                now += 8 + offset.until_turn(at, Duration::from_millis(200)).as_millis() as u64;
            }
            assert!(widths[0] <= Duration::from_millis(505), "{widths:?}");
            assert!(*widths.last().unwrap() <= Duration::from_millis(15), "{widths:?}");
        }
    }

    #[test]
    fn a_time_of_the_cluster_is_placed_on_our_axis() {
        let start = 1_767_000_000_400_000;
        let mut offset = Offset::default();
        let now = At(Duration::from_secs(20));
        assert_eq!(offset.place(Timestamp::UNIX_EPOCH, now), None);
        for asked in (0..40).map(|n| n * 510) {
            offset.add(answer(start, asked, 4));
        }
        let time = Timestamp::from_microsecond(start + 7_000_000).unwrap();
        let (at, uncertain) = offset.place(time, now).unwrap();
        assert!(at.0.abs_diff(Duration::from_secs(7)) <= uncertain, "{at:?} ± {uncertain:?}");
        let whole = Timestamp::from_second(time.as_second()).unwrap();
        let (at, uncertain) = offset.place_second(whole, now).unwrap();
        assert!(at.0.abs_diff(Duration::from_secs(7)) <= uncertain, "{at:?} ± {uncertain:?}");
        assert_eq!(offset.place(Timestamp::UNIX_EPOCH, now).unwrap().0, At::default());
        // The local clock of the day is 1.4 s behind.
        let day =
            DayClock::new(Timestamp::from_microsecond(start - 1_400_000).unwrap(), jiff::tz::TimeZone::UTC);
        let (ahead, uncertain) = offset.ahead(&day, now).unwrap();
        assert!((ahead - 1.4).abs() <= uncertain.as_secs_f64(), "{ahead} ± {uncertain:?}");
    }

    #[test]
    fn a_clock_that_is_set_starts_a_new_comparison() {
        let mut offset = Offset::default();
        offset.add(answer(1_767_000_000_000_000, 100, 10));
        let set = 1_767_000_060_000_000;
        offset.add(answer(set, 5_000, 10));
        assert!(contains(&offset, set, At(Duration::from_millis(5_010))));
    }

    #[test]
    fn old_bounds_are_wider() {
        let mut offset = Offset::default();
        offset.add(answer(1_767_000_000_000_000, 0, 10));
        let width = |s| offset.middle(At(Duration::from_secs(s))).unwrap().1;
        assert!(width(3_600) > width(1) + Duration::from_secs(1));
    }
}
