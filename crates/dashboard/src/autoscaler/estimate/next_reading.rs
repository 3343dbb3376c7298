//! The reading that the next sync would use, as far as it is visible from here. A reading that is missing now
//! counts as missing, however recent the last one is: nothing is computed from it.

use std::time::Duration;

use super::inputs::Total;
use crate::clock::At;

/// Age from which a reading is marked: the API is polled at least once a second.
pub const OLD_AFTER: Duration = Duration::from_secs(5);

/// The reading that the next sync would use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NextReading {
    /// No source has reported yet.
    #[default]
    Unknown,
    /// The external metrics API served it.
    Served {
        /// The sum of its items, in thousandths.
        total_milli: i64,
        /// The time of the answer.
        received: At,
    },
    /// The HPA has no External metric; the metrics APIs have answered for each of its metrics.
    Polled {
        /// The time of the oldest answer.
        received: At,
    },
    /// The API answers the controller but not us; the status holds the reading of its newest sync.
    OfStatus(Total),
    /// There is no reading.
    Missing(MissingReading),
}

/// A missing reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingReading {
    /// The time since which it is missing.
    pub since: At,
    /// The place where it is missing.
    pub at: MissingAt,
    /// The reported cause.
    pub why: String,
}

/// The place where a reading is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingAt {
    /// The controller reported it in the HPA's status: its newest sync had none.
    Controller,
    /// The external metrics API, which the controller asks next.
    Api,
    /// The watch on the HPA is down: the controller's newer readings are unknown here.
    Watch,
}

impl NextReading {
    /// The total, in thousandths, if there is one.
    #[must_use]
    pub fn total_milli(&self) -> Option<i64> {
        match self {
            Self::Served { total_milli, .. } => Some(*total_milli),
            Self::OfStatus(total) => total.milli(),
            Self::Polled { .. } | Self::Unknown | Self::Missing(_) => None,
        }
    }

    /// The missing reading, if there is none.
    #[must_use]
    pub fn missing(&self) -> Option<&MissingReading> {
        match self {
            Self::Missing(missing) => Some(missing),
            _ => None,
        }
    }

    /// Its age at `now`, if that exceeds [`OLD_AFTER`].
    #[must_use]
    pub fn too_old(&self, now: At) -> Option<Duration> {
        match self {
            Self::Served { received, .. } | Self::Polled { received } => {
                Some(now.since(*received)).filter(|age| *age >= OLD_AFTER)
            }
            _ => None,
        }
    }
}
