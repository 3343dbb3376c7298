//! Our copy of the controller's state: its memory, its schedule, the past syncs and the next one. [`super::decision`] fills it.

pub(super) mod inputs;
mod last_sync;
mod next_reading;
mod past_syncs;
mod pods;
mod sync_schedule;

use std::time::Duration;

use hpa::trace::RecommendationHold;
use hpa::{Memory, Time};

pub use self::inputs::{Basis, Total};
pub use self::last_sync::{Agreement, LastSync, ReportedStatus};
pub use self::next_reading::{MissingAt, MissingReading, NextReading, OLD_AFTER};
pub use self::past_syncs::PastSyncs;
pub(super) use self::pods::CountedPods;
pub use self::sync_schedule::{PeriodBasis, SyncSchedule};
use crate::autoscaler::readings::Readings;
use crate::chain::beliefs::Belief;
use crate::clock::At;

/// Periods after which a controller that has something to write would have written it.
const SILENT_PERIODS: u32 = 3;

/// Our copy of the controller: its memory, its schedule, and the two syncs that the screens show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    pub(super) memory: Memory,
    pub(super) schedule: SyncSchedule,
    pub(super) recent: inputs::Recent,
    /// The answers of the metrics APIs.
    pub readings: Readings,
    /// The pods that the selector of the target matches, with times of the run.
    pub(super) pods: CountedPods,
    /// The scale target that the memory belongs to.
    pub(super) target: Option<hpa::spec::TargetRef>,
    /// The start of the memory.
    pub(super) began: Option<At>,
    /// The newest sync in the memory, observed or presumed.
    pub(super) synced: Option<At>,
    /// The state before the last presumed sync, until an observed one follows.
    pub(super) presumed: Option<Presumed>,
    /// The time since which the metric differs from the newest sync's reading.
    pub(super) differs: Option<At>,
    /// The observed syncs.
    pub past: PastSyncs,
    /// The reading that the next sync would use.
    pub reading: NextReading,
    /// The next sync, if there is enough data. Without a reading it is the controller's behaviour in that
    /// case.
    pub next: Option<Next>,
}

/// The state before a presumed sync.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Presumed {
    /// The memory.
    pub(super) before: Memory,
    /// The sync before it.
    pub(super) synced: At,
}

/// The next sync, from the data known now.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// The decision.
    pub decision: hpa::Decision,
    /// The due time; `None` while the controller's schedule is unknown. The decision is computed for this
    /// time.
    pub due: Option<At>,
    /// The sync period, and where it comes from.
    pub period: (Duration, PeriodBasis),
    /// The recommendation that holds the size now, even if it expires before the next sync.
    pub held: Option<RecommendationHold>,
    /// The time since which recommendations are known: a hold may end earlier than computed from these.
    pub knows_since: At,
}

/// The kind of an observed change, as far as it concerns the controller's syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// The controller has written its status: a sync.
    Synced,
    /// Something else changed.
    Other,
}

/// A sync in our copy of the controller, for others that keep its pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// The time of the sync.
    pub at: At,
    /// The reading of each metric that it used.
    pub readings: Vec<hpa::Reading>,
    /// The size that it left.
    pub size: i32,
    /// The size that the metric asked for, by our arithmetic.
    pub raw: Option<i32>,
}

/// Converts a time of the run for crate `hpa`.
#[must_use]
pub fn time(at: At) -> Time {
    Time(i64::try_from(at.0.as_millis()).unwrap_or(i64::MAX))
}

/// Converts a time of crate `hpa` into one of the run.
#[must_use]
pub fn at(time: Time) -> At {
    At(Duration::from_millis(u64::try_from(time.0).unwrap_or(0)))
}

impl Estimate {
    /// The last observed sync.
    #[must_use]
    pub fn last(&self) -> Option<&LastSync> {
        self.past.last()
    }

    /// Records the sync period of the controller's own settings.
    pub fn configured_period(&mut self, period: Duration) {
        self.schedule.configured = Some(period);
    }

    /// The controller's schedule.
    #[must_use]
    pub fn schedule(&self) -> &SyncSchedule {
        &self.schedule
    }

    /// The pods that the controller counts, with times of the run; empty for metrics that count none.
    #[must_use]
    pub fn counted_pods(&self) -> &[hpa::Pod] {
        self.pods.list()
    }

    /// Returns true if a state existed before this run's first observation: its start is then unknown.
    #[must_use]
    pub fn is_older_than_this_run(&self, since: At) -> bool {
        self.began.is_some_and(|began| since <= began)
    }

    /// Returns the time since which the controller has been silent although its reading has changed: longer
    /// than `SILENT_PERIODS`, in which it would have written the status.
    #[must_use]
    pub fn silent(&self, now: At) -> Option<At> {
        let differs = self.differs?;
        (now.since(differs) > self.patience()).then(|| self.schedule.last().unwrap_or(differs))
    }

    /// Returns true if the served metric differs from the controller's status, which may be computed back
    /// from an average.
    pub(super) fn followed_differs(&self, status: Option<Belief>) -> bool {
        let NextReading::Served { total_milli, .. } = self.reading else { return false };
        let Some(Belief { total: Some(read), rounding_error, .. }) = status else { return true };
        (total_milli as f64 / 1_000.0 - read).abs() > rounding_error + 0.5
    }

    pub(super) fn patience(&self) -> Duration {
        self.schedule.period().0.saturating_mul(SILENT_PERIODS)
    }
}
