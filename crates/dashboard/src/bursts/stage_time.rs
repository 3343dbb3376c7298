//! What is known about one step: when it happened, how that was come by and how exactly, or why it has no time.
//!
//! A step's time is when word of it was received here. What was asked for at intervals happened at some moment since the
//! look before, which is its `uncertainty`; an object's own time is a whole second of the cluster's clock.

use std::time::Duration;

pub use crate::bursts::missing_reason::MissingReason;
use crate::clock::At;

/// How a step's time was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The key itself.
    Key,
    /// An answer of the producer came in.
    Answer,
    /// It showed when the source was asked, which is done at intervals.
    Asked,
    /// It showed in the broker's statistics, which lag by an interval of their own.
    Statistics,
    /// The time of the sample, by its age when Prometheus answered.
    Sample,
    /// The watch told it.
    Watch,
    /// The list told it after the watch had been away.
    Listed,
    /// The object's own time, because the watch was away when it happened.
    OwnTime,
    /// A worker's log line came in.
    Log,
    /// The time in a worker's log line that was read late.
    LogTime,
}

impl Provenance {
    /// As a word or two.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Answer => "answer",
            Self::Asked => "asked",
            Self::Statistics => "statistics",
            Self::Sample => "sample's time",
            Self::Watch => "watch",
            Self::Listed => "listed late",
            Self::OwnTime => "own second",
            Self::Log => "log line",
            Self::LogTime => "line's time",
        }
    }

    /// As a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Key => "the key, as it was pressed here",
            Self::Answer => "the producer's answer, as it came in here",
            Self::Asked => "showed when asked; it came at some time since the look before",
            Self::Statistics => "showed in the broker's statistics, which lag",
            Self::Sample => "time of the sample, by its age when Prometheus answered",
            Self::Watch => "the watch, as it came in here",
            Self::Listed => "listed after the watch was away; it came meanwhile",
            Self::OwnTime => "the object's own second, as the watch was away",
            Self::Log => "a worker's log line, as it came in here",
            Self::LogTime => "the time in a worker's log line that was read late",
        }
    }
}

/// Why a time is no more than an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caveat {
    /// Another burst was under way and may be the cause.
    OtherBurst,
    /// The continuous load was on and may be the cause.
    Load,
    /// Nothing had been read before the press to compare with.
    NothingBefore,
    /// Not every worker's log is read: it may have happened earlier in another.
    NotSampled,
    /// What should have come before it could not be read.
    CauseUnseen,
}

impl Caveat {
    /// As a word or two.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::OtherBurst => "overlap",
            Self::Load => "load",
            Self::NothingBefore => "first look",
            Self::NotSampled => "not all sampled",
            Self::CauseUnseen => "cause unseen",
        }
    }

    /// As a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OtherBurst => "another burst overlaps and may be the cause",
            Self::Load => "the continuous load may be the cause",
            Self::NothingBefore => "nothing had been read before the press",
            Self::NotSampled => "not all workers are sampled; it may have come earlier",
            Self::CauseUnseen => "its cause was not seen",
        }
    }
}

/// A step that has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: At,
    /// How that was come by.
    pub how: Provenance,
    /// How far off `at` may be; zero for what was received as it came.
    pub uncertainty: Duration,
    /// The object's own time of it and how far off that may be, where the object has one.
    pub own: Option<(At, Duration)>,
    /// Why it is an estimate, if it is one.
    pub doubt: Option<Caveat>,
}

impl Observation {
    /// Received as it came.
    #[must_use]
    pub fn received(at: At, how: Provenance) -> Self {
        Self { at, how, uncertainty: Duration::ZERO, own: None, doubt: None }
    }

    /// Seen at `at` for the first time; it came at some time in the `uncertainty` before.
    #[must_use]
    pub fn within(at: At, how: Provenance, uncertainty: Duration) -> Self {
        Self { uncertainty, ..Self::received(at, how) }
    }

    /// The same with a doubt, unless it has one already.
    #[must_use]
    pub fn doubted(self, doubt: Option<Caveat>) -> Self {
        Self { doubt: self.doubt.or(doubt), ..self }
    }

    /// The same, not before `earliest`: nothing that a press caused came before it.
    #[must_use]
    pub fn not_before(self, earliest: At) -> Self {
        let at = self.at.max(earliest);
        Self { at, uncertainty: self.uncertainty.min(at.since(earliest)), ..self }
    }

    /// The earliest moment at which it can have happened.
    #[must_use]
    pub fn earliest(&self) -> At {
        At(self.at.0.saturating_sub(self.uncertainty))
    }

    /// The latest: what showed when asked came before, and a time that was read off another clock may be off both ways.
    #[must_use]
    pub fn latest(&self) -> At {
        match self.how {
            Provenance::Sample | Provenance::OwnTime | Provenance::LogTime => {
                At(self.at.0 + self.uncertainty)
            }
            Provenance::Key
            | Provenance::Answer
            | Provenance::Asked
            | Provenance::Statistics
            | Provenance::Watch
            | Provenance::Listed
            | Provenance::Log => self.at,
        }
    }

    /// How long after `cause` it came.
    #[must_use]
    pub fn after(&self, cause: &Self) -> Elapsed {
        let most = self.latest().since(cause.earliest());
        match () {
            () if self.earliest() >= cause.latest() => Elapsed::After(self.at.since(cause.at)),
            () if most.is_zero() => Elapsed::Together,
            () => Elapsed::Within(most),
        }
    }
}

/// How long after the step that it waits for a step came. Never less than nothing: a cause comes first, whatever the order in
/// which word of the two came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elapsed {
    /// So long.
    After(Duration),
    /// So long at most: both times are known to within their margins, and these overlap.
    Within(Duration),
    /// No longer than their words took: that of the effect came in first.
    Together,
}

/// What is known about one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StageTime {
    /// It has not happened, as far as is known.
    #[default]
    NotYet,
    /// It has.
    Seen(Observation),
    /// It has no time and will have none, and why.
    Never(MissingReason),
}

impl StageTime {
    /// When it happened, if that is known.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        self.seen().map(|seen| seen.at)
    }

    /// The step as it was seen, if it was.
    #[must_use]
    pub fn seen(&self) -> Option<&Observation> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::NotYet | Self::Never(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_before_the_press() {
        let at = |s| At(Duration::from_secs(s));
        let seen = Observation::within(at(5), Provenance::Asked, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.uncertainty), (at(5), Duration::from_secs(1)));
        let seen = Observation::within(at(3), Provenance::Sample, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.uncertainty), (at(4), Duration::ZERO));
    }

    #[test]
    fn an_effect_never_comes_before_its_cause() {
        let ms = Duration::from_millis;
        let seen = |at, how, uncertainty| Observation::within(At(ms(at)), how, ms(uncertainty));
        for (cause, effect, expected) in [
            // Both as they came in.
            (seen(100, Provenance::Answer, 0), seen(250, Provenance::Watch, 0), Elapsed::After(ms(150))),
            (seen(100, Provenance::Watch, 0), seen(100, Provenance::Watch, 0), Elapsed::After(ms(0))),
            // The watches told it in the other order.
            (seen(100, Provenance::Watch, 0), seen(60, Provenance::Watch, 0), Elapsed::Together),
            // Far enough apart for their margins.
            (seen(100, Provenance::Asked, 200), seen(900, Provenance::Asked, 200), Elapsed::After(ms(800))),
            // Not far enough: from the earliest that the one can have been to the latest of the other.
            (
                seen(1_000, Provenance::Asked, 200),
                seen(1_100, Provenance::Asked, 200),
                Elapsed::Within(ms(300)),
            ),
            (
                seen(1_000, Provenance::Asked, 200),
                seen(877, Provenance::Sample, 50),
                Elapsed::Within(ms(127)),
            ),
            // A time off another clock may also be too early.
            (seen(1_000, Provenance::Answer, 0), seen(990, Provenance::Sample, 50), Elapsed::Within(ms(40))),
            (seen(1_000, Provenance::Answer, 0), seen(500, Provenance::Sample, 50), Elapsed::Together),
        ] {
            assert_eq!(effect.after(&cause), expected, "{cause:?} {effect:?}");
        }
    }
}
