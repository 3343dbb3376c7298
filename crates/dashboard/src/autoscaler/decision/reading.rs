//! The reading that the next sync would go by, as far as it can be seen from here. One that is gone is none, however
//! lately it was there: nothing is calculated from it.

use std::time::Duration;

use hpa::Spec;

use super::inputs::Total;
use crate::chain::beliefs::{Belief, ChainHop};
use crate::clock::At;
use crate::model::Data;
use crate::reported::{Source, SourceState};
use observed::Hpa;

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

    /// What a sync would read now.
    pub(super) fn now(data: &Data, hpa: &Hpa, newest: &Newest) -> Self {
        if let Some(status) = data.failure(Source::Hpa) {
            let (since, why) = (status.last_heard.unwrap_or(status.since), cause(&status.state));
            return Self::Gone(MissingReading { since, whose: MissingAt::Watch, why });
        }
        if hpa.metric.is_none() {
            let why = "the HPA reads no External metric".to_owned();
            return Self::Gone(MissingReading { since: data.now, whose: MissingAt::Kind, why });
        }
        if let Some(status) = data.failure(Source::ExternalMetric) {
            let is_ours_alone = newest.had_one_after(status.since, data.now)
                || data.beliefs.get(ChainHop::ExternalApi).is_none();
            return match newest.total {
                Total::Read(_) | Total::Back(_) if is_ours_alone => Self::OfStatus(newest.total),
                // It has not answered yet and need not have: unless the controller says so itself, nothing is gone.
                _ if is_awaited(data) && !is_inactive(hpa) => Self::Unknown,
                _ => gone(data, hpa, status.since, cause(&status.state)),
            };
        }
        match data.beliefs.get(ChainHop::ExternalApi) {
            Some(Belief { total: Some(total), heard, .. }) => {
                Self::Served { total_milli: thousandths(total), heard }
            }
            Some(Belief { since, .. }) => {
                gone(data, hpa, since, "the external metrics API has no item for it".to_owned())
            }
            None => Self::Unknown,
        }
    }

    /// One answer for each metric, as the controller would get it. Only the External one that the screens are about is
    /// read here.
    pub(super) fn answers(total_milli: Option<i64>, hpa: &Hpa, spec: &Spec) -> Vec<hpa::Reading> {
        let ours = hpa.metric.as_ref().map(|metric| metric.name.as_str());
        spec.metrics
            .iter()
            .map(|metric| {
                let is_ours = metric.external.as_ref().is_some_and(|e| Some(e.metric.name.as_str()) == ours);
                match total_milli {
                    Some(milli) if is_ours => hpa::Reading::External(vec![milli]),
                    None if is_ours => hpa::Reading::External(Vec::new()),
                    _ => hpa::Reading::Failed("not read by the dashboard".to_owned()),
                }
            })
            .collect()
    }
}

/// The newest sync that was seen.
pub(super) struct Newest {
    /// When.
    pub(super) at: Option<At>,
    /// What it went by.
    pub(super) total: Total,
    /// In so long a controller without a reading would have said so.
    pub(super) patience: Duration,
}

impl Newest {
    /// Whether the controller has had a reading after `lost`: it wrote one, or has long not written that it has none.
    fn had_one_after(&self, lost: At, now: At) -> bool {
        self.at.is_some_and(|at| at > lost) || now.since(lost) > self.patience
    }
}

/// The external metric as it is served, in thousandths.
pub(super) fn served(data: &Data) -> Option<i64> {
    data.beliefs.get(ChainHop::ExternalApi)?.total.map(thousandths)
}

/// Whole messages, far below what thousandths in 64 bits hold.
fn thousandths(total: f64) -> i64 {
    (total * 1_000.0) as i64
}

/// There is no reading, at least since `since`; the controller may have said so, and earlier.
fn gone(data: &Data, hpa: &Hpa, since: At, why: String) -> NextReading {
    let said = data.beliefs.get(ChainHop::Hpa).filter(|belief| belief.total.is_none() && is_inactive(hpa));
    NextReading::Gone(match said {
        Some(belief) => MissingReading { since: belief.since, whose: MissingAt::Controller, why },
        None => MissingReading { since, whose: MissingAt::Api, why },
    })
}

/// Whether the external metrics API has never had a value, and need not have yet.
fn is_awaited(data: &Data) -> bool {
    let never = data.beliefs.get(ChainHop::ExternalApi).is_none_or(|belief| belief.had.is_none());
    never && data.standing(Source::ExternalMetric).is_starting()
}

/// Whether the controller says that its newest sync went without a reading. A status that was never written says nothing.
fn is_inactive(hpa: &Hpa) -> bool {
    hpa.conditions.iter().any(|c| c.kind == "ScalingActive" && c.status == "False")
}

fn cause(state: &SourceState) -> String {
    match state {
        SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) => cause.clone(),
        SourceState::Connecting | SourceState::Live => String::new(),
    }
}
