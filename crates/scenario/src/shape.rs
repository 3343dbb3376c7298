//! The shapes of continuous load: a rate of requests over time.

use std::time::Duration;

/// Interval in which a rate that changes all the time is set again.
const SLOPE_STEP: Duration = Duration::from_secs(1);

/// A rate of requests over time.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// One rate.
    Hold {
        /// Requests per second.
        rate: f64,
        /// Its duration.
        time: Duration,
    },
    /// A rate that changes evenly.
    Ramp {
        /// Requests per second at the start.
        from: f64,
        /// Requests per second at the end.
        to: f64,
        /// Its duration.
        time: Duration,
    },
    /// One rate after another.
    Stairs {
        /// Requests per second.
        rates: Vec<f64>,
        /// The duration of each rate.
        each: Duration,
    },
    /// A rate that rises evenly and falls at once, again and again.
    Sawtooth {
        /// Requests per second at the start of a period.
        low: f64,
        /// Requests per second at the end of a period.
        high: f64,
        /// The duration of one rise.
        period: Duration,
        /// The number of periods.
        times: u32,
    },
    /// Recorded rates: each holds until the next. The last one marks the end.
    Trace(Vec<Point>),
}

/// A point of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The time since the start.
    pub at: Duration,
    /// Requests per second from then on.
    pub rate: f64,
}

impl Shape {
    /// The whole duration.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match self {
            Self::Hold { time, .. } | Self::Ramp { time, .. } => *time,
            Self::Stairs { rates, each } => {
                each.saturating_mul(u32::try_from(rates.len()).unwrap_or(u32::MAX))
            }
            Self::Sawtooth { period, times, .. } => period.saturating_mul(*times),
            Self::Trace(points) => points.last().map_or(Duration::ZERO, |point| point.at),
        }
    }

    /// Requests per second at a time since the start.
    #[must_use]
    pub fn rate(&self, at: Duration) -> f64 {
        let slope = |low: f64, high: f64, at: Duration, time: Duration| {
            // The rate in the middle of the step that begins now.
            let middle = at.as_secs_f64() + SLOPE_STEP.min(time).as_secs_f64() / 2.0;
            low + (high - low) * (middle / time.as_secs_f64().max(f64::EPSILON)).min(1.0)
        };
        match self {
            Self::Hold { rate, .. } => *rate,
            Self::Ramp { from, to, time } => slope(*from, *to, at, *time),
            Self::Stairs { rates, each } => {
                let index = at.as_nanos().checked_div(each.as_nanos()).unwrap_or_default();
                usize::try_from(index).ok().and_then(|index| rates.get(index)).copied().unwrap_or(0.0)
            }
            Self::Sawtooth { low, high, period, .. } => {
                let into = at.as_nanos().checked_rem(period.as_nanos()).unwrap_or_default();
                let into = Duration::from_nanos(u64::try_from(into).unwrap_or_default());
                slope(*low, *high, into, *period)
            }
            Self::Trace(points) => {
                let next = points.partition_point(|point| point.at <= at);
                next.checked_sub(1).and_then(|index| points.get(index)).map_or(0.0, |point| point.rate)
            }
        }
    }

    /// The time of the next change of the rate; the end at the latest.
    #[must_use]
    pub fn next_change(&self, at: Duration) -> Duration {
        let round = |step: Duration| {
            let count = at.as_nanos().checked_div(step.as_nanos()).unwrap_or_default() + 1;
            step.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
        };
        let next = match self {
            Self::Hold { time, .. } => *time,
            Self::Ramp { .. } => at + SLOPE_STEP,
            Self::Stairs { each, .. } => round(*each),
            Self::Sawtooth { period, .. } => round(*period).min(at + SLOPE_STEP),
            Self::Trace(points) => {
                points.iter().find(|point| point.at > at).map_or(Duration::MAX, |point| point.at)
            }
        };
        next.min(self.duration())
    }
}

/// Reads a trace: lines of `seconds,rate`, with or without a header line.
///
/// # Errors
/// A sentence with the line that is wrong.
pub fn trace(csv: &str) -> Result<Shape, String> {
    let mut points: Vec<Point> = Vec::new();
    for (index, line) in csv.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let mut cells = line.split(',').map(|cell| cell.trim().parse::<f64>());
        let (Some(Ok(seconds)), Some(Ok(rate))) = (cells.next(), cells.next()) else {
            if points.is_empty() && index == 0 {
                continue;
            }
            return Err(format!("line {number} is not `seconds,rate`: {line:?}"));
        };
        let at = Duration::try_from_secs_f64(seconds)
            .map_err(|_| format!("line {number}: {seconds} is no time in seconds"))?;
        if !(rate.is_finite() && rate >= 0.0) {
            return Err(format!("line {number}: {rate} is no rate; it must be 0 or more"));
        }
        if points.last().is_some_and(|before| before.at >= at) {
            return Err(format!("line {number}: {seconds} s is not after the line before"));
        }
        points.push(Point { at, rate });
    }
    if points.len() < 2 {
        return Err("it needs two lines of `seconds,rate` or more; the last one is the end".to_owned());
    }
    Ok(Shape::Trace(points))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The rates of a shape, each with the second at which it begins.
    fn rates(shape: &Shape) -> Vec<(f64, f64)> {
        let (mut at, mut found) = (Duration::ZERO, Vec::new());
        while at < shape.duration() {
            found.push((at.as_secs_f64(), shape.rate(at)));
            at = shape.next_change(at);
        }
        found
    }

    #[test]
    fn each_shape_has_its_rates() {
        for (shape, expected) in [
            (Shape::Hold { rate: 5.0, time: s(30) }, vec![(0.0, 5.0)]),
            (
                Shape::Ramp { from: 0.0, to: 4.0, time: s(4) },
                vec![(0.0, 0.5), (1.0, 1.5), (2.0, 2.5), (3.0, 3.5)],
            ),
            (Shape::Stairs { rates: vec![1.0, 9.0], each: s(10) }, vec![(0.0, 1.0), (10.0, 9.0)]),
            (
                Shape::Sawtooth { low: 0.0, high: 2.0, period: s(2), times: 2 },
                vec![(0.0, 0.5), (1.0, 1.5), (2.0, 0.5), (3.0, 1.5)],
            ),
            (trace("t,rate\n0,3\n2.5,7\n9,0\n").unwrap(), vec![(0.0, 3.0), (2.5, 7.0)]),
        ] {
            assert_eq!(rates(&shape), expected, "{shape:?}");
        }
    }

    #[test]
    fn a_wrong_trace_has_its_line() {
        for (csv, expected) in [
            ("0,1", "two lines"),
            ("0,1\nx,2", "line 2 is not"),
            ("0,1\n0,2", "line 2: 0 s is not after"),
            ("0,1\n1,-2", "line 2: -2 is no rate"),
            ("-1,1\n1,2", "line 1: -1 is no time"),
            ("seconds,rate\n0,1\n5", "line 3 is not"),
        ] {
            let error = trace(csv).unwrap_err();
            assert!(error.contains(expected), "{csv}: {error}");
        }
    }
}
