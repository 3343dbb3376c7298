//! The reading that the next sync would go by, as far as it can be seen from here. One that is gone is none, however
//! lately it was there: nothing is calculated from it.

use std::time::Duration;

use super::inputs::Total;
use crate::clock::At;

/// The API is asked once a second at the least: what is older than a few of these is marked.
pub const OLD_AFTER: Duration = Duration::from_secs(5);

/// What the next sync would read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NextReading {
    /// Nothing has been heard yet.
    #[default]
    Unknown,
    /// The external metrics API served it.
    Served {
        /// The sum of its items, in thousandths.
        total_milli: i64,
        /// When it answered.
        heard: At,
    },
    /// The API answers the controller but not us: its status says what its newest sync read.
    OfStatus(Total),
    /// There is none.
    Gone(MissingReading),
}

/// A reading that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingReading {
    /// Since when.
    pub since: At,
    /// Who has none.
    pub whose: MissingAt,
    /// Why, as far as it was said.
    pub why: String,
}

/// Who has no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingAt {
    /// The controller said so in the HPA's status: its newest sync had none.
    Controller,
    /// The external metrics API, which the controller asks next.
    Api,
    /// We do not hear of the HPA any more: what it read since, nobody here knows.
    Watch,
    /// The HPA goes by something else than an External metric, and that is not read here.
    Kind,
}

impl NextReading {
    /// The total, in thousandths, if there is one.
    #[must_use]
    pub fn total_milli(&self) -> Option<i64> {
        match self {
            Self::Served { total_milli, .. } => Some(*total_milli),
            Self::OfStatus(total) => total.milli(),
            Self::Unknown | Self::Gone(_) => None,
        }
    }

    /// Why there is none, if so.
    #[must_use]
    pub fn gone(&self) -> Option<&MissingReading> {
        match self {
            Self::Gone(gone) => Some(gone),
            _ => None,
        }
    }

    /// How old it is at `now`, if that is more than it should be.
    #[must_use]
    pub fn too_old(&self, now: At) -> Option<Duration> {
        match self {
            Self::Served { heard, .. } => Some(now.since(*heard)).filter(|age| *age >= OLD_AFTER),
            _ => None,
        }
    }
}
