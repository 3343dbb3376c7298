//! What is known about one step: when it happened, how that was come by and how exactly, or why it has no time.
//!
//! A step's time is when word of it was received here. What was asked for at intervals happened at some moment since the
//! look before, which is its `margin`; an object's own time is a whole second of the cluster's clock.

use std::time::Duration;

pub use crate::bursts::why::Why;
use crate::clock::At;

/// How a step's time was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
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

impl How {
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
pub enum Doubt {
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

impl Doubt {
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
pub struct Seen {
    /// When.
    pub at: At,
    /// How that was come by.
    pub how: How,
    /// How far off `at` may be; zero for what was received as it came.
    pub margin: Duration,
    /// The object's own time of it and how far off that may be, where the object has one.
    pub own: Option<(At, Duration)>,
    /// Why it is an estimate, if it is one.
    pub doubt: Option<Doubt>,
}

impl Seen {
    /// Received as it came.
    #[must_use]
    pub fn received(at: At, how: How) -> Self {
        Self { at, how, margin: Duration::ZERO, own: None, doubt: None }
    }

    /// Seen at `at` for the first time; it came at some time in the `margin` before.
    #[must_use]
    pub fn within(at: At, how: How, margin: Duration) -> Self {
        Self { margin, ..Self::received(at, how) }
    }

    /// The same with a doubt, unless it has one already.
    #[must_use]
    pub fn doubted(self, doubt: Option<Doubt>) -> Self {
        Self { doubt: self.doubt.or(doubt), ..self }
    }

    /// The same, not before `earliest`: nothing that a press caused came before it.
    #[must_use]
    pub fn not_before(self, earliest: At) -> Self {
        let at = self.at.max(earliest);
        Self { at, margin: self.margin.min(at.since(earliest)), ..self }
    }

    /// The earliest moment at which it can have happened.
    #[must_use]
    pub fn earliest(&self) -> At {
        At(self.at.0.saturating_sub(self.margin))
    }

    /// The latest: what showed when asked came before, and a time that was read off another clock may be off both ways.
    #[must_use]
    pub fn latest(&self) -> At {
        match self.how {
            How::Sample | How::OwnTime | How::LogTime => At(self.at.0 + self.margin),
            How::Key | How::Answer | How::Asked | How::Statistics | How::Watch | How::Listed | How::Log => {
                self.at
            }
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
pub enum Reading {
    /// It has not happened, as far as is known.
    #[default]
    NotYet,
    /// It has.
    Seen(Seen),
    /// It has no time and will have none, and why.
    Never(Why),
}

impl Reading {
    /// When it happened, if that is known.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        self.seen().map(|seen| seen.at)
    }

    /// The step as it was seen, if it was.
    #[must_use]
    pub fn seen(&self) -> Option<&Seen> {
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
        let seen = Seen::within(at(5), How::Asked, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.margin), (at(5), Duration::from_secs(1)));
        let seen = Seen::within(at(3), How::Sample, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.margin), (at(4), Duration::ZERO));
    }

    #[test]
    fn an_effect_never_comes_before_its_cause() {
        let ms = Duration::from_millis;
        let seen = |at, how, margin| Seen::within(At(ms(at)), how, ms(margin));
        for (cause, effect, expected) in [
            // Both as they came in.
            (seen(100, How::Answer, 0), seen(250, How::Watch, 0), Elapsed::After(ms(150))),
            (seen(100, How::Watch, 0), seen(100, How::Watch, 0), Elapsed::After(ms(0))),
            // The watches told it in the other order.
            (seen(100, How::Watch, 0), seen(60, How::Watch, 0), Elapsed::Together),
            // Far enough apart for their margins.
            (seen(100, How::Asked, 200), seen(900, How::Asked, 200), Elapsed::After(ms(800))),
            // Not far enough: from the earliest that the one can have been to the latest of the other.
            (seen(1_000, How::Asked, 200), seen(1_100, How::Asked, 200), Elapsed::Within(ms(300))),
            (seen(1_000, How::Asked, 200), seen(877, How::Sample, 50), Elapsed::Within(ms(127))),
            // A time off another clock may also be too early.
            (seen(1_000, How::Answer, 0), seen(990, How::Sample, 50), Elapsed::Within(ms(40))),
            (seen(1_000, How::Answer, 0), seen(500, How::Sample, 50), Elapsed::Together),
        ] {
            assert_eq!(effect.after(&cause), expected, "{cause:?} {effect:?}");
        }
    }
}
