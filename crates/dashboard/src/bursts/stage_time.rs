//! The state of one step: its time with provenance and uncertainty, or the reason why it has none.
//!
//! A step's time is when its notification arrived here. A polled change happened at some moment since the
//! poll before, which is its `uncertainty`. An object's own timestamp is a whole second of the cluster's
//! clock.

use std::time::Duration;

pub use crate::bursts::missing_reason::MissingReason;
use crate::clock::At;

/// The origin of a step's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The key itself.
    Key,
    /// An answer of the producer arrived.
    Answer,
    /// A poll showed it; its interval is the uncertainty.
    Polled,
    /// The broker's statistics showed it, which lag by an interval of their own.
    Statistics,
    /// The sample's timestamp, by its age when Prometheus answered.
    Sample,
    /// A watch event arrived.
    Watch,
    /// The list showed it after the watch had been down.
    Listed,
    /// The object's own timestamp, because the watch was down.
    ObjectTime,
    /// A worker's log line arrived.
    Log,
    /// The timestamp in a worker's log line that was read late.
    LogTime,
}

/// The reason why a time is only an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caveat {
    /// Another burst, which has that number, is the likelier cause.
    OtherBurst(u32),
    /// The continuous load was on and may be the cause.
    Load,
    /// There was no value before the press to compare with.
    NothingBefore,
    /// Some workers' logs are not read: it may have happened earlier in one of them.
    NotSampled,
    /// The step before it could not be read.
    CauseUnseen,
}

impl Caveat {
    /// Returns true if something else than the burst is the likelier cause.
    #[must_use]
    pub fn is_other_cause(self) -> bool {
        matches!(self, Self::OtherBurst(_) | Self::Load)
    }
}

/// A step that has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The time.
    pub at: At,
    /// The origin of the time.
    pub provenance: Provenance,
    /// The possible error of `at`; zero for exact notifications.
    pub uncertainty: Duration,
    /// The object's own timestamp and its possible error, if the object has one.
    pub object_time: Option<(At, Duration)>,
    /// The reason why it is an estimate, if it is one.
    pub caveat: Option<Caveat>,
}

impl Observation {
    /// An exact notification.
    #[must_use]
    pub fn exact(at: At, provenance: Provenance) -> Self {
        Self { at, provenance, uncertainty: Duration::ZERO, object_time: None, caveat: None }
    }

    /// A change first visible at `at`; it happened within `uncertainty` before.
    #[must_use]
    pub fn within(at: At, provenance: Provenance, uncertainty: Duration) -> Self {
        Self { uncertainty, ..Self::exact(at, provenance) }
    }

    /// Adds a caveat, unless there is one already.
    #[must_use]
    pub fn with_caveat(self, caveat: Option<Caveat>) -> Self {
        Self { caveat: self.caveat.or(caveat), ..self }
    }

    /// The same, but not before `earliest`: nothing that a press caused came before it.
    #[must_use]
    pub fn not_before(self, earliest: At) -> Self {
        let at = self.at.max(earliest);
        Self { at, uncertainty: self.uncertainty.min(at.since(earliest)), ..self }
    }
}

/// The state of one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StageTime {
    /// It has not happened, as far as is known.
    #[default]
    NotYet,
    /// It has.
    Seen(Observation),
    /// It has no time and will have none, with the reason.
    Never(MissingReason),
}

impl StageTime {
    /// The time of the step, if known.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        self.seen().map(|seen| seen.at)
    }

    /// The observation of the step, if there is one.
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
        let seen = Observation::within(at(5), Provenance::Polled, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.uncertainty), (at(5), Duration::from_secs(1)));
        let seen = Observation::within(at(3), Provenance::Sample, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.uncertainty), (at(4), Duration::ZERO));
    }
}
