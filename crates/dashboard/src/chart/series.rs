//! One measured quantity over time in bounded memory: fine for the last minutes, coarse for the hours before.
//! Every resolution keeps the extremes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// Bucket width in milliseconds and number of buckets, from fine to coarse: ten minutes at 0.2 s, ten hours
/// at 1 s, a day at 10 s, and fifteen days at a minute, the time for which Prometheus keeps its data by default. The coarse
/// levels also save time: a wide stretch is drawn from a fraction of the buckets.
const LEVELS: [(u64, usize); 4] = [(200, 3_000), (1_000, 36_000), (10_000, 8_640), (60_000, 21_600)];

/// The values during one bucket. Sixteen bytes, because there are many of them.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Its start in widths of its level since the run began; enough for 27 years of the finest.
    slot: u32,
    min: f32,
    max: f32,
    /// The value at the bucket's end, which holds until the next bucket; NaN without a reading.
    last: f32,
}

/// A missing reading equals a missing reading.
impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        let bits = |bucket: &Self| [bucket.min, bucket.max, bucket.last].map(f32::to_bits);
        self.slot == other.slot && bits(self) == bits(other)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Level {
    width: u64,
    capacity: usize,
    buckets: VecDeque<Bucket>,
}

/// The values during one column of a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Value at the column's end; `None` when the reading was lost.
    pub last: Option<f32>,
}

/// A quantity over time. A value holds until the next one: samples that repeat it change nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    levels: [Level; LEVELS.len()],
}

impl Default for Series {
    fn default() -> Self {
        Self { levels: LEVELS.map(|(width, capacity)| Level { width, capacity, buckets: VecDeque::new() }) }
    }
}

impl Level {
    fn push(&mut self, at: At, value: f32) {
        let slot = u32::try_from(at.0.as_millis() / u128::from(self.width)).unwrap_or(u32::MAX);
        match self.buckets.back_mut() {
            // Sources stamp events in their own tasks, so a sample may come a little late: it joins the
            // newest bucket.
            Some(newest) if newest.slot >= slot => {
                newest.min = newest.min.min(value);
                newest.max = newest.max.max(value);
                newest.last = value;
            }
            // The same value holds anyway; skipping it makes a quiet hour cheap.
            Some(newest)
                if newest.last.to_bits() == value.to_bits() && newest.min == value && newest.max == value => {
            }
            _ => {
                if self.buckets.len() == self.capacity {
                    self.buckets.pop_front();
                } else if self.buckets.len() == self.buckets.capacity() {
                    // Twice the usual room, but never more than the capacity.
                    let room = self.buckets.len().max(16).min(self.capacity - self.buckets.len());
                    self.buckets.reserve_exact(room);
                }
                self.buckets.push_back(Bucket { slot, min: value, max: value, last: value });
            }
        }
    }

    /// The start of a bucket, in milliseconds since the run began.
    fn start(&self, bucket: &Bucket) -> u64 {
        u64::from(bucket.slot) * self.width
    }

    fn covers(&self, from: u64) -> bool {
        self.buckets.len() < self.capacity || self.buckets.front().is_some_and(|b| self.start(b) <= from)
    }
}

impl Series {
    /// Adds a value; `None` means no reading from here on.
    pub fn push(&mut self, at: At, value: Option<f64>) {
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are more than a chart can show")]
        let value = value.map_or(f32::NAN, |v| v as f32);
        for level in &mut self.levels {
            level.push(at, value);
        }
    }

    /// The newest value; `None` without a reading.
    #[must_use]
    pub fn last(&self) -> Option<f32> {
        self.levels[0].buckets.back().map(|b| b.last).filter(|v| !v.is_nan())
    }

    /// The value at an instant, to the width of a bucket; `None` without a reading.
    #[must_use]
    pub fn at(&self, at: At) -> Option<f32> {
        let at = u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX);
        let level =
            self.levels.iter().find(|level| level.covers(at)).unwrap_or(&self.levels[LEVELS.len() - 1]);
        let after = level.buckets.partition_point(|bucket| level.start(bucket) <= at);
        level.buckets.get(after.checked_sub(1)?).map(|bucket| bucket.last).filter(|value| !value.is_nan())
    }

    /// The values in each of `count` columns of width `step` from `from` on; `None` if unknown.
    #[must_use]
    pub fn columns(&self, from: At, step: Duration, count: usize) -> Vec<Option<Column>> {
        let from = u64::try_from(from.0.as_millis()).unwrap_or(u64::MAX);
        let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX).max(1);
        // The coarsest level that has a bucket per column, else the finest that reaches back far enough.
        let level = self
            .levels
            .iter()
            .rev()
            .find(|level| level.width <= step && level.covers(from))
            .or_else(|| self.levels.iter().find(|level| level.covers(from)))
            .unwrap_or(&self.levels[LEVELS.len() - 1]);
        let buckets = &level.buckets;
        // A bucket that reaches into the first column belongs to it: its extremes may be in there.
        let mut next = buckets.partition_point(|b| level.start(b) + level.width <= from);
        let mut held = next.checked_sub(1).map_or(f32::NAN, |i| buckets[i].last);
        let mut columns = Vec::with_capacity(count);
        for index in 0..count {
            let end = from.saturating_add(step.saturating_mul(index as u64 + 1));
            // `min` and `max` of f32 skip NaN, so a gap is visible only if nothing else is in the column.
            let (mut min, mut max) = (held, held);
            while let Some(bucket) = buckets.get(next).filter(|b| level.start(b) < end) {
                min = min.min(bucket.min);
                max = max.max(bucket.max);
                held = bucket.last;
                next += 1;
            }
            columns.push((!min.is_nan()).then_some(Column {
                min,
                max,
                last: Some(held).filter(|v| !v.is_nan()),
            }));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> At {
        At(Duration::from_millis(ms))
    }

    #[test]
    fn a_value_holds_until_the_next() {
        let mut series = Series::default();
        series.push(at(1_000), Some(3.0));
        series.push(at(4_000), Some(5.0));
        let columns = series.columns(at(0), Duration::from_secs(1), 6);
        assert_eq!(columns[0], None);
        assert_eq!(columns[1], Some(Column { min: 3.0, max: 3.0, last: Some(3.0) }));
        assert_eq!(columns[3], Some(Column { min: 3.0, max: 3.0, last: Some(3.0) }));
        assert_eq!(columns[4], Some(Column { min: 3.0, max: 5.0, last: Some(5.0) }));
        assert_eq!(columns[5], Some(Column { min: 5.0, max: 5.0, last: Some(5.0) }));
    }

    #[test]
    fn a_lost_reading_is_a_gap() {
        let mut series = Series::default();
        series.push(at(0), Some(3.0));
        series.push(at(2_000), None);
        series.push(at(4_000), Some(1.0));
        let columns = series.columns(at(0), Duration::from_secs(1), 5);
        assert_eq!(columns[2], Some(Column { min: 3.0, max: 3.0, last: None }));
        assert_eq!(columns[3], None);
        assert_eq!(columns[4].unwrap().last, Some(1.0));
        assert_eq!(series.last(), Some(1.0));
    }

    #[test]
    fn extremes_survive_and_memory_is_bounded() {
        let mut series = Series::default();
        let hours = 14 * 3_600_000;
        for ms in (0..hours).step_by(200) {
            let spike = ms == 3_000_000 || ms == hours - 3_600_000 || ms == hours - 120_000;
            series.push(at(ms), Some(if spike { 1_000.0 } else { (ms % 7) as f64 }));
        }
        for level in &series.levels {
            assert!(level.buckets.len() <= level.capacity);
        }
        // The last five minutes, the last hour, and the last ten hours, in columns of very different width.
        for (window, count) in [(300_000, 200), (3_660_000, 200), (36_000_000, 120)] {
            let columns =
                series.columns(at(hours - window), Duration::from_millis(window / count), count as usize);
            let max = columns.iter().flatten().fold(0.0_f32, |m, c| m.max(c.max));
            assert_eq!(max, 1_000.0, "window {window}");
        }
    }

    #[test]
    fn ten_hours_are_kept_by_the_second() {
        let mut series = Series::default();
        for second in 0..36_000 {
            series.push(at(second * 1_000), Some(second as f64));
        }
        for second in [0, 1, 17_001, 35_400, 35_999] {
            assert_eq!(series.at(at(second * 1_000 + 500)), Some(second as f32), "{second}");
        }
        assert!(series.levels.iter().all(|level| level.buckets.capacity() <= level.capacity));
    }

    #[test]
    fn an_instant_has_the_value_of_that_time() {
        let mut series = Series::default();
        series.push(at(1_000), Some(3.0));
        series.push(at(4_000), None);
        series.push(at(6_000), Some(5.0));
        let seen: Vec<_> = (0..8).map(|second| series.at(at(second * 1_000))).collect();
        assert_eq!(seen, [None, Some(3.0), Some(3.0), Some(3.0), None, None, Some(5.0), Some(5.0)]);
    }

    proptest::proptest! {
        #[test]
        fn no_sample_is_lost_to_any_zoom(
            samples in proptest::collection::vec((0..400_000_u64, proptest::option::of(-1e6..1e6_f64)), 1..200),
            count in 1..2_000_u64,
            from in 0..1_000_u64,
        ) {
            let mut series = Series::default();
            let mut ms = from;
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            for (later, value) in samples {
                ms += later;
                series.push(at(ms), value);
                if let Some(value) = value {
                    low = low.min(value as f32);
                    high = high.max(value as f32);
                }
                proptest::prop_assert_eq!(series.at(at(ms)), value.map(|value| value as f32));
            }
            // All of the last day is in view, in columns of any width.
            let begin = ms.saturating_sub(80_000_000);
            let step = (ms - begin) / count + 1;
            let columns = series.columns(at(begin), Duration::from_millis(step), count as usize);
            proptest::prop_assert_eq!(columns.len(), count as usize);
            let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
            for column in columns.into_iter().flatten() {
                proptest::prop_assert!(column.min <= column.max);
                proptest::prop_assert!(column.last.is_none_or(|last| column.min <= last && last <= column.max));
                least = least.min(column.min);
                most = most.max(column.max);
            }
            proptest::prop_assert_eq!((least, most), (low, high));
        }
    }

    #[test]
    fn a_late_sample_does_not_break_the_order() {
        let mut series = Series::default();
        series.push(at(1_000), Some(1.0));
        series.push(at(500), Some(9.0));
        assert_eq!(series.last(), Some(9.0));
        assert_eq!(series.columns(at(0), Duration::from_secs(1), 2)[0], None);
    }

    #[test]
    fn a_quiet_hour_is_cheap() {
        let mut series = Series::default();
        for s in 0..3_600 {
            series.push(at(s * 1_000), Some(0.0));
        }
        assert_eq!(series.levels[0].buckets.len(), 1);
    }
}
