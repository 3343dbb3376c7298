//! Our copy of the controller's state: its memory, its schedule, the last sync and the next one. [`super::decision`] fills it.

pub(super) mod inputs;
mod last_sync;
mod next_reading;
mod sync_schedule;

use std::time::Duration;

use hpa::trace::RecommendationHold;
use hpa::{Memory, Time};

pub use self::inputs::Total;
pub use self::last_sync::{Agreement, LastSync, ReportedStatus};
pub use self::next_reading::{MissingAt, MissingReading, NextReading, OLD_AFTER};
pub use self::sync_schedule::{PeriodBasis, SyncSchedule};
use crate::chain::beliefs::Belief;
use crate::clock::At;

/// Periods in which a controller that has something to write would have written it.
const SILENT_PERIODS: u32 = 3;

/// Our copy of the controller: its memory, its schedule, and the two syncs that the screens show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    pub(super) memory: Memory,
    pub(super) schedule: SyncSchedule,
    pub(super) recent: inputs::Recent,
    /// The scale target that the memory belongs to.
    pub(super) target: Option<hpa::spec::TargetRef>,
    /// Since when the memory is kept.
    pub(super) began: Option<At>,
    /// The newest sync that the memory knows, seen or presumed.
    pub(super) synced: Option<At>,
    /// Since when the metric has been another one than the newest sync read.
    pub(super) differs: Option<At>,
    /// The last sync that was seen.
    pub last: Option<LastSync>,
    /// What the next sync would read.
    pub reading: NextReading,
    /// The next sync, if there is enough to calculate with. Without a reading it is what the controller does then.
    pub next: Option<Next>,
}

/// The next sync, with what is known now.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// What would be decided.
    pub decision: hpa::Decision,
    /// When it is due; `None` while the controller's schedule is not known. The decision is calculated for then.
    pub due: Option<At>,
    /// From sync to sync, and where that comes from.
    pub period: (Duration, PeriodBasis),
    /// The recommendation that holds the size at this moment, even if it does no more at the next sync.
    pub held: Option<RecommendationHold>,
    /// Since when recommendations are known: what holds since then may let go earlier.
    pub knows_since: At,
}

/// What the sources said, as far as it is about the controller's syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// The controller has written its status: a sync.
    Synced,
    /// Something else changed.
    Other,
}

/// A sync that our copy of the controller now knows, for others that keep its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// When.
    pub at: At,
    /// The total that it went by, in thousandths.
    pub total_milli: Option<i64>,
    /// The size that it left.
    pub size: i32,
    /// What the metric asked for, by our arithmetic.
    pub raw: Option<i32>,
}

/// A time of the run for crate `hpa`.
#[must_use]
pub fn time(at: At) -> Time {
    Time(i64::try_from(at.0.as_millis()).unwrap_or(i64::MAX))
}

/// A time of crate `hpa` as one of the run.
#[must_use]
pub fn at(time: Time) -> At {
    At(Duration::from_millis(u64::try_from(time.0).unwrap_or(0)))
}

impl Estimate {
    /// The controller's schedule.
    #[must_use]
    pub fn schedule(&self) -> &SyncSchedule {
        &self.schedule
    }

    /// Whether it was so already when the first word came: since when is not known then.
    #[must_use]
    pub fn is_older_than_this_run(&self, since: At) -> bool {
        self.began.is_some_and(|began| since <= began)
    }

    /// Since when the controller has been silent though what it would read has changed: longer than several of its
    /// periods, in which it would have written that.
    #[must_use]
    pub fn silent(&self, now: At) -> Option<At> {
        let differs = self.differs?;
        (now.since(differs) > self.patience()).then(|| self.schedule.last().unwrap_or(differs))
    }

    /// Whether what is served is not what the controller's status says, which may be computed back from an average.
    pub(super) fn differs_from(&self, status: Option<Belief>) -> bool {
        let NextReading::Served { total_milli, .. } = self.reading else { return false };
        let Some(Belief { total: Some(read), rounding_error, .. }) = status else { return true };
        (total_milli as f64 / 1_000.0 - read).abs() > rounding_error + 0.5
    }

    pub(super) fn patience(&self) -> Duration {
        self.schedule.period().0.saturating_mul(SILENT_PERIODS)
    }
}
