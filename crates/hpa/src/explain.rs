//! Explanations from a trace: the reason for the size, the constraint that binds, and the time at which it ends.

use std::fmt;

use crate::quantity::Decimal;
use crate::spec::Direction;
use crate::time::Time;
use crate::trace::{
    Constraint, Measured, MetricState, MetricTrace, Path, PolicyKind, PolicyTrace, Rate, RateRule,
    RecommendationHold, TargetType, Trace,
};

/// The cause that keeps the size from following the metrics, with its data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hold<'a> {
    /// The size is 0, but the HPA did not set it.
    Paused,
    /// The scale could not be read.
    NoScale,
    /// A metric failed, so there is no decision. `None` if the cause is the selector or the specification.
    FailedMetric(Option<&'a MetricTrace>),
    /// The ratio is not 1, but within the tolerance.
    Tolerance(&'a Measured),
    /// An earlier recommendation.
    Recommendation(RecommendationHold),
    /// A limit on the rate of change.
    Rate(Rate),
    /// `minReplicas`.
    Min(i32),
    /// `maxReplicas`.
    Max(i32),
}

impl Hold<'_> {
    /// The constraint of this hold. A paused HPA and an unreadable scale have none.
    #[must_use]
    pub const fn constraint(&self) -> Option<Constraint> {
        match self {
            Self::Paused | Self::NoScale => None,
            Self::FailedMetric(_) => Some(Constraint::InvalidMetricGuard),
            Self::Tolerance(_) => Some(Constraint::Tolerance),
            Self::Recommendation(_) => Some(Constraint::Stabilization),
            Self::Rate(_) => Some(Constraint::ScalingPolicy),
            Self::Min(_) => Some(Constraint::MinReplicas),
            Self::Max(_) => Some(Constraint::MaxReplicas),
        }
    }
}

impl Trace {
    /// The metric that decided, if one did.
    #[must_use]
    pub fn winner(&self) -> Option<&MetricTrace> {
        self.metrics.iter().find(|m| m.state == MetricState::Used)
    }

    /// The hold that binds: of several the last one, which gives the size.
    #[must_use]
    pub fn hold(&self) -> Option<Hold<'_>> {
        match self.path {
            Path::Paused => return Some(Hold::Paused),
            Path::NoScale => return Some(Hold::NoScale),
            Path::AboveMax => return Some(Hold::Max(self.max)),
            Path::BelowMin => return Some(Hold::Min(self.min)),
            Path::Failed => {
                let failed = self.metrics.iter().find(|m| m.state == MetricState::Invalid);
                return Some(Hold::FailedMetric(failed));
            }
            Path::Computed => {}
        }
        let (stabilised, limited) = (self.stabilised?, self.limited?);
        if self.desired != limited.replicas {
            return Some(Hold::Min(self.min));
        }
        match limited.constraint {
            Some(Constraint::MinReplicas) => return Some(Hold::Min(self.min)),
            Some(Constraint::MaxReplicas) => return Some(Hold::Max(self.max)),
            Some(_) => return limited.rate.map(Hold::Rate),
            None => {}
        }
        if let Some(held) = stabilised.held_by {
            return Some(Hold::Recommendation(held));
        }
        let measured = self.winner()?.measured.as_ref()?;
        let on_target = measured.assumed_ratio.or(measured.ratio) == Some(1.0);
        (measured.within && !on_target).then_some(Hold::Tolerance(measured))
    }

    /// The first time at which the hold ends by itself, if the metrics keep proposing the same size.
    #[must_use]
    pub fn hold_ends_at(&self) -> Option<Time> {
        match self.hold()? {
            Hold::Recommendation(held) => Some(held.expires),
            Hold::Rate(Rate { rule: RateRule::Policy(policy), .. }) => policy.next,
            Hold::Rate(Rate { rule: RateRule::Legacy, .. }) => Some(self.next_sync()),
            _ => None,
        }
    }

    /// The time of the sync that changes the size once the hold ends, if syncs stay one period apart.
    ///
    /// `None` if the hold does not end by itself, or if the size stays the same after it.
    #[must_use]
    pub fn next_change_at(&self) -> Option<Time> {
        let end = self.hold_ends_at()?;
        if let Some(Hold::Recommendation(held)) = self.hold()
            && held.next_replicas.max(self.min).min(self.max) == self.desired
        {
            return None;
        }
        let period = self.sync_period_seconds.saturating_mul(1000).max(1);
        let wait = end.millis_since(self.at).max(1);
        let syncs = wait / period + i64::from(wait % period != 0);
        Some(Time(self.at.0.saturating_add(syncs.saturating_mul(period))))
    }

    /// The time of the next sync.
    #[must_use]
    pub fn next_sync(&self) -> Time {
        self.at.plus_secs(self.sync_period_seconds)
    }
}

impl Measured {
    /// The largest usage at which this metric proposes fewer than `size` replicas; `None` if it already does, or if no usage
    /// would. Compared with the usage, so percent for a utilization, and thousandths of the total where there is one.
    ///
    /// The result is rounded up to whole pods, so the usage must fall by more than the tolerance: 3 pods at a target of 60 %
    /// stay until 40 %.
    #[must_use]
    pub fn most_for_fewer(&self, size: i32) -> Option<i64> {
        if size <= 1 || self.proposes(self.compared(), size)? < size {
            return None;
        }
        self.search(size, |proposal| proposal < size, -1)
    }

    /// The smallest usage at which this metric proposes more than `size` replicas; `None` if it already does. In the unit of
    /// [`Self::most_for_fewer`].
    #[must_use]
    pub fn least_for_more(&self, size: i32) -> Option<i64> {
        if self.proposes(self.compared(), size)? > size {
            return None;
        }
        self.search(size, |proposal| proposal > size, 1)
    }

    /// The usage in the unit in which the proposal is made: the total where there is one.
    #[must_use]
    pub fn compared(&self) -> i64 {
        self.total_milli.unwrap_or(self.usage)
    }

    /// The target in that unit, for as many pods as are counted.
    #[must_use]
    pub fn compared_target(&self) -> i64 {
        let pods = if self.is_average_of_total() { i64::from(self.replicas.max(1)) } else { 1 };
        self.target.saturating_mul(pods)
    }

    fn is_average_of_total(&self) -> bool {
        self.target_type == TargetType::AverageValue && self.total_milli.is_some()
    }

    /// The edge in the direction of `step`, near the usage that the next smaller size or `size` itself has at the target.
    fn search(&self, size: i32, is_there: impl Fn(i32) -> bool, step: i64) -> Option<i64> {
        let pods = f64::from(if self.is_average_of_total() { 1 } else { self.replicas.max(1) });
        let (sized, band) = if step < 0 { (size - 1, self.band.0) } else { (size, self.band.1) };
        let by_pods = self.target as f64 / pods * f64::from(sized);
        let by_band = self.compared_target() as f64 * band;
        let edge = if step < 0 { by_pods.min(by_band) } else { by_pods.max(by_band) };
        // Rounding moves the edge by a few units at most.
        let mut usage = (edge as i64).saturating_sub(step.saturating_mul(3));
        for _ in 0..8 {
            if self.proposes(usage, size).is_some_and(&is_there) {
                return (usage >= 0).then_some(usage);
            }
            usage = usage.saturating_add(step);
        }
        None
    }

    /// The proposal of a workload of `size` for another usage, with the same pods and without assumed values.
    fn proposes(&self, usage: i64, size: i32) -> Option<i32> {
        if self.target <= 0 || self.replicas <= 0 {
            return None;
        }
        let ratio = usage as f64 / self.compared_target() as f64;
        if self.band.0 <= ratio && ratio <= self.band.1 {
            return Some(size);
        }
        let pods = match self.is_average_of_total() {
            true => usage as f64 / self.target as f64,
            false => ratio * f64::from(self.replicas),
        };
        // `as` saturates.
        Some(pods.ceil() as i32)
    }
}

/// The one-sentence form, such as `99/20 avg: wants 5, +4 pods per 15 s allows 5`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current, min, max, .. } = *self;
        match self.path {
            Path::NoScale => return write!(f, "no decision: the scale cannot be read"),
            Path::Paused => return write!(f, "paused at size 0: set 1 or more to resume"),
            Path::AboveMax => return write!(f, "{current} is above the maximum: set to {max}"),
            Path::BelowMin => return write!(f, "{current} is below the minimum: set to {min}"),
            Path::Failed => return self.fmt_failed(f),
            Path::Computed => {}
        }
        let winner = self.winner();
        if let Some(metric) = winner {
            if self.metrics.len() > 1 {
                write!(f, "{} ", metric.name)?;
            }
            if let Some(measured) = &metric.measured {
                write!(f, "{measured}: ")?;
            }
        }
        write!(f, "wants {}", self.raw.unwrap_or_default())?;
        if winner.and_then(|m| m.measured).is_some_and(|m| m.within) {
            f.write_str(" (within tolerance)")?;
        }
        if let Some(held) = self.stabilised.and_then(|s| s.held_by) {
            let size = self.stabilised.map_or(held.replicas, |s| s.replicas);
            write!(f, ", kept at {size} for {}", Seconds(held.expires.millis_since(self.at)))?;
            if held.replicas != size {
                write!(f, " ({} recommended {} ago)", held.replicas, Seconds(held.age_ms))?;
            }
        }
        if let Some(limit) = self.limited {
            // A rate that allows more than the result does not bind.
            if let Some(rate) = limit.rate.filter(|rate| rate.allowed == limit.replicas) {
                write!(f, ", {rate}")?;
            }
            match limit.constraint {
                Some(Constraint::MinReplicas) => write!(f, ", minimum {min}")?,
                Some(Constraint::MaxReplicas) => write!(f, ", maximum {max}")?,
                Some(_) => {
                    if let Some(Hold::Rate(Rate { rule: RateRule::Policy(policy), .. })) = self.hold() {
                        match policy.next {
                            Some(next) => write!(f, ", more in {}", Seconds(next.millis_since(self.at)))?,
                            None => f.write_str(", no further change by time alone")?,
                        }
                    }
                }
                None if self.desired != limit.replicas => write!(f, ", minimum {min}")?,
                None => {}
            }
        }
        let failed = self.metrics.iter().filter(|m| m.state == MetricState::Invalid).count();
        if failed > 0 {
            write!(f, "; {failed} of {} metrics failed", self.metrics.len())?;
        }
        Ok(())
    }
}

impl Trace {
    fn fmt_failed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.metrics.iter().find(|m| m.state == MetricState::Invalid);
        let Some(error) = failed.and_then(|m| m.error.as_deref()) else {
            return write!(f, "no decision: the selector or the specification is unusable");
        };
        let proposal = self.metrics.iter().filter_map(|m| m.proposal).max();
        match proposal {
            Some(size) => write!(f, "wants {size}, but a failed metric blocks scale-down: {error}"),
            None => write!(f, "no decision: {error}"),
        }
    }
}

/// `99/20 avg`, `200/100 total` or `90%/80%`.
impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = Decimal(self.target);
        match self.target_type {
            TargetType::Utilization => write!(f, "{}%/{}%", self.usage, self.target),
            TargetType::Value => write!(f, "{}/{target} total", Decimal(self.usage)),
            TargetType::AverageValue => match self.total_milli.filter(|_| self.replicas == 0) {
                // Without pods there is no average.
                Some(total) => write!(f, "{} over no pods/{target} avg", Decimal(total)),
                None => write!(f, "{}/{target} avg", Decimal(self.usage)),
            },
        }
    }
}

/// `+4 pods per 15 s allows 5`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, way) = match self.direction {
            Direction::Up => ('+', "scale-up"),
            Direction::Down => ('-', "scale-down"),
        };
        match self.rule {
            RateRule::Disabled => write!(f, "{way} is disabled"),
            RateRule::NoPolicy => write!(f, "no policy allows {way}"),
            RateRule::Legacy => write!(f, "the scale-up limit allows {}", self.allowed),
            RateRule::Policy(PolicyTrace { kind, value, period_seconds, .. }) => {
                let unit = match kind {
                    PolicyKind::Pods if value == 1 => " pod",
                    PolicyKind::Pods => " pods",
                    PolicyKind::Percent => "%",
                };
                write!(f, "{sign}{value}{unit} per {period_seconds} s allows {}", self.allowed)
            }
        }
    }
}

/// Milliseconds as seconds.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A window that includes its edge ends one millisecond later; readers do not need that.
        let whole = self.0 / 1000;
        if matches!(self.0 % 1000, 0 | 1) {
            write!(f, "{whole} s")
        } else {
            write!(f, "{} s", Decimal(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_a_change_are_exact() {
        let measured = |target_type, usage, target, replicas, total_milli| Measured {
            total_milli,
            replicas,
            ..Measured::new(
                target_type,
                usage,
                target,
                1.0,
                crate::tolerance::Tolerance::from_spec(&crate::Spec::default(), &crate::Config::default()),
            )
        };
        let percent = |usage, target, pods| measured(TargetType::Utilization, usage, target, pods, None);
        let average = |total, target, pods: i32| {
            measured(TargetType::AverageValue, total / i64::from(pods), target, pods, Some(total))
        };
        for (measured, size, fewer, more) in [
            // 2 of 3 pods: 60 × 2 / 3.
            (percent(55, 60, 3), 3, Some(40), Some(67)),
            // One pod cannot go; two come from 1.1 × 80 on.
            (percent(10, 80, 1), 1, None, Some(89)),
            // Many pods: the tolerance decides.
            (percent(50, 50, 20), 20, Some(44), Some(56)),
            (percent(20, 50, 20), 20, None, Some(56)),
            (percent(90, 50, 20), 20, Some(44), None),
            // A total, in thousandths: 4 pods of 20 messages.
            (average(70_000, 20_000, 4), 4, Some(60_000), Some(88_001)),
            (measured(TargetType::Value, 90_000, 100_000, 3, Some(90_000)), 3, Some(66_666), Some(110_001)),
        ] {
            let found = (measured.most_for_fewer(size), measured.least_for_more(size));
            assert_eq!(found, (fewer, more), "{measured} {size}");
        }
    }

    #[test]
    fn seconds_are_formatted() {
        for (ms, text) in
            [(255_000, "255 s"), (255_001, "255 s"), (1500, "1.5 s"), (0, "0 s"), (90, "0.09 s")]
        {
            assert_eq!(Seconds(ms).to_string(), text);
        }
    }
}
