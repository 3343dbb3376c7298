//! The three questions that a trace answers: why this number, what holds it back, and when will that change.

use std::fmt;

use crate::number::Time;
use crate::quantity::Decimal;
use crate::spec::Direction;
use crate::trace::{
    Constraint, Form, Held, Measured, MetricState, MetricTrace, Path, PolicyKind, PolicyTrace, Rate,
    RateRule, Trace,
};

/// What keeps a decision from going where the metrics point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hold<'a> {
    /// The size is 0 and not by the autoscaler's doing.
    Paused,
    /// The scale could not be read.
    NoScale,
    /// A metric failed, so nothing is decided. `None` if the selector or the specification is at fault.
    FailedMetric(Option<&'a MetricTrace>),
    /// The ratio is not 1, but near enough.
    Tolerance(&'a Measured),
    /// An earlier recommendation.
    Recommendation(Held),
    /// The rate of change.
    Rate(Rate),
    /// `minReplicas`.
    Min(i32),
    /// `maxReplicas`.
    Max(i32),
}

impl Hold<'_> {
    /// The hold in one word. A scale that is paused or cannot be read has none.
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
    /// The metric that won, if one did.
    #[must_use]
    pub fn winner(&self) -> Option<&MetricTrace> {
        self.metrics.iter().find(|m| m.state == MetricState::Used)
    }

    /// What holds the decision back: of several gates the last one, which is the one that gave the number.
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

    /// The first moment at which what holds the decision back lets go by time alone, if the metrics go on asking for
    /// what they ask now.
    #[must_use]
    pub fn lets_go_at(&self) -> Option<Time> {
        match self.hold()? {
            Hold::Recommendation(held) => Some(held.expires),
            Hold::Rate(Rate { rule: RateRule::Policy(policy), .. }) => policy.next,
            Hold::Rate(Rate { rule: RateRule::Legacy, .. }) => Some(self.next_sync()),
            _ => None,
        }
    }

    /// The sync that changes the size because of that, if syncs keep their rhythm. `None` also if the next gate holds
    /// the size just where it is.
    #[must_use]
    pub fn next_change_at(&self) -> Option<Time> {
        let moment = self.lets_go_at()?;
        if let Some(Hold::Recommendation(held)) = self.hold()
            && held.then.max(self.min).min(self.max) == self.desired
        {
            return None;
        }
        let period = self.sync_period_seconds.saturating_mul(1000).max(1);
        let wait = moment.millis_since(self.at).max(1);
        let syncs = wait / period + i64::from(wait % period != 0);
        Some(Time(self.at.0.saturating_add(syncs.saturating_mul(period))))
    }

    /// When the next sync is due.
    #[must_use]
    pub fn next_sync(&self) -> Time {
        self.at.plus_secs(self.sync_period_seconds)
    }
}

/// The one-sentence form, such as `99/20 avg -> 5 wanted, +4 pods per 15s allows 5`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current, min, max, .. } = *self;
        match self.path {
            Path::NoScale => return write!(f, "the current size cannot be read, nothing is decided"),
            Path::Paused => return write!(f, "size 0 was not set by the autoscaler: it waits for 1 or more"),
            Path::AboveMax => return write!(f, "{current} is above the maximum: {max} at once"),
            Path::BelowMin => return write!(f, "{current} is below the minimum: {min} at once"),
            Path::Failed => return self.fmt_failed(f),
            Path::Computed => {}
        }
        let winner = self.winner();
        if let Some(metric) = winner {
            if self.metrics.len() > 1 {
                write!(f, "{} ", metric.name)?;
            }
            if let Some(measured) = &metric.measured {
                write!(f, "{measured} -> ")?;
            }
        }
        write!(f, "{} wanted", self.raw.unwrap_or_default())?;
        if winner.and_then(|m| m.measured).is_some_and(|m| m.within) {
            f.write_str(" (within tolerance)")?;
        }
        if let Some(held) = self.stabilised.and_then(|s| s.held_by) {
            let (age, left) = (Seconds(held.age_ms), Seconds(held.expires.millis_since(self.at)));
            let size = self.stabilised.map_or(held.replicas, |s| s.replicas);
            write!(f, ", held at {size} by the {} of {age} ago for {left} more", held.replicas)?;
        }
        if let Some(limit) = self.limited {
            // A rate that allows more than came out says nothing.
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
                            None => f.write_str(", for good")?,
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
            return write!(f, "no pods can be selected, nothing is decided");
        };
        let lower = self.metrics.iter().filter_map(|m| m.proposal).max();
        match lower {
            Some(size) => write!(f, "{size} wanted, but a failed metric forbids to shrink: {error}"),
            None => write!(f, "no metric can be read, nothing is decided: {error}"),
        }
    }
}

/// `99/20 avg`, `200/100 total` or `90%/80%`.
impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = Decimal(self.target);
        match self.form {
            Form::Utilization => write!(f, "{}%/{}%", self.usage, self.target),
            Form::Value => write!(f, "{}/{target} total", Decimal(self.usage)),
            Form::AverageValue => match self.total_milli.filter(|_| self.replicas == 0) {
                // Nothing runs: an average says nothing.
                Some(total) => write!(f, "{} over no pods/{target} avg", Decimal(total)),
                None => write!(f, "{}/{target} avg", Decimal(self.usage)),
            },
        }
    }
}

/// `+4 pods per 15s allows 5`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, way) = match self.direction {
            Direction::Up => ('+', "growing"),
            Direction::Down => ('-', "shrinking"),
        };
        match self.rule {
            RateRule::Disabled => write!(f, "{way} is disabled"),
            RateRule::NoPolicy => write!(f, "no policy allows {way}"),
            RateRule::Legacy => write!(f, "doubling allows {}", self.allowed),
            RateRule::Policy(PolicyTrace { kind, value, period_seconds, .. }) => {
                let unit = match kind {
                    PolicyKind::Pods if value == 1 => " pod",
                    PolicyKind::Pods => " pods",
                    PolicyKind::Percent => "%",
                };
                write!(f, "{sign}{value}{unit} per {period_seconds}s allows {}", self.allowed)
            }
        }
    }
}

/// Milliseconds as seconds.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A window that includes its edge ends one millisecond later, which says nothing to a reader.
        let whole = self.0 / 1000;
        if matches!(self.0 % 1000, 0 | 1) { write!(f, "{whole}s") } else { write!(f, "{}s", Decimal(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_short() {
        for (ms, text) in [(255_000, "255s"), (255_001, "255s"), (1500, "1.5s"), (0, "0s"), (90, "0.09s")] {
            assert_eq!(Seconds(ms).to_string(), text);
        }
    }
}
