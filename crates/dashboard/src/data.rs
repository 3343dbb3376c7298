//! Everything that was observed: one value for each subject.

use std::collections::BTreeMap;

use observed::{DepthSample, Hpa, MetricTarget, Workload};

use crate::autoscaler::estimate::Estimate;
use crate::autoscaler::forecast::pace::Pace;
use crate::autoscaler::{shadow, tuning};
use crate::bursts::{jobs, load, recent as bursts};
use crate::chain::sources::{SourceHealth, SourceStatus};
use crate::chain::{beliefs, clock_offset};
use crate::chart::history;
use crate::clock::{At, DayClock};
use crate::reported::{Source, SourceState};
use crate::target;
use crate::ui::{doctor, drills, events};
use crate::workers::{logs, pods, sampling, timelines};

/// Something that may not be there, or not be known yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Presence<T> {
    /// Nothing has been heard.
    #[default]
    Unknown,
    /// It is said not to exist.
    Missing,
    /// It is there.
    Here(T),
}

impl<T> Presence<T> {
    /// The thing, if it is there.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Here(thing) => Some(thing),
            _ => None,
        }
    }
}

impl<T> From<Option<T>> for Presence<T> {
    fn from(thing: Option<T>) -> Self {
        thing.map_or(Self::Missing, Self::Here)
    }
}

/// Everything that was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// When the newest event was received.
    pub now: At,
    /// Turns times of the run into times of day.
    pub day: DayClock,
    /// What is watched.
    pub watched: target::WatchedTarget,
    /// The sources that have said something about themselves.
    pub sources: BTreeMap<Source, SourceStatus>,
    /// The HPA.
    pub hpa: Presence<Hpa>,
    /// What the HPA scales.
    pub workload: Presence<Workload>,
    /// The pods.
    pub pods: pods::Pods,
    /// What every worker did.
    pub lanes: timelines::Timelines,
    /// The queue, as last heard.
    pub depth: Option<DepthSample>,
    /// Who believes what.
    pub beliefs: beliefs::Beliefs,
    /// The chart's series and marks.
    pub history: history::History,
    /// The bursts.
    pub bursts: bursts::Bursts,
    /// Whose logs are read.
    pub sampling: sampling::Sampling,
    /// The cluster's clock beside ours.
    pub offset: clock_offset::Offset,
    /// What became of the jobs.
    pub jobs: jobs::Jobs,
    /// The load.
    pub load: load::Load,
    /// The list of what happened.
    pub events: events::Events,
    /// What the workers logged.
    pub logs: logs::Logs,
    /// What the HPA would decide now.
    pub estimate: Estimate,
    /// What is stopped for a drill.
    pub drills: drills::Drills,
    /// A second HPA over the same series.
    pub shadow: shadow::Shadow,
    /// How long a job takes, as far as was seen.
    pub pace: Pace,
    /// The HPA's settings in force, and what was changed from here.
    pub tuning: tuning::Tuning,
    /// What the doctor found.
    pub doctor: doctor::Doctor,
}

impl Data {
    /// Nothing observed yet.
    #[must_use]
    pub fn new(day: DayClock) -> Self {
        Self {
            now: At::default(),
            day,
            watched: target::WatchedTarget::default(),
            sources: BTreeMap::new(),
            hpa: Presence::Unknown,
            workload: Presence::Unknown,
            pods: pods::Pods::default(),
            lanes: timelines::Timelines::default(),
            depth: None,
            beliefs: beliefs::Beliefs::default(),
            history: history::History::default(),
            bursts: bursts::Bursts::default(),
            sampling: sampling::Sampling::default(),
            offset: clock_offset::Offset::default(),
            jobs: jobs::Jobs::default(),
            load: load::Load::default(),
            events: events::Events::default(),
            logs: logs::Logs::default(),
            estimate: Estimate::default(),
            drills: drills::Drills::default(),
            shadow: shadow::Shadow::default(),
            pace: Pace::default(),
            tuning: tuning::Tuning::default(),
            doctor: doctor::Doctor::default(),
        }
    }

    /// The target in messages per pod (AverageValue) or in all (Value).
    #[must_use]
    pub fn metric_target(&self) -> Option<MetricTarget> {
        self.hpa.get()?.metric.as_ref().map(|metric| metric.target)
    }

    /// Replicas that the autoscaler counts with: what the workload reports, else what the HPA saw at its last sync.
    #[must_use]
    pub fn replicas(&self) -> Option<i32> {
        let at_its_sync = || self.hpa.get().filter(|hpa| hpa.has_synced()).map(|hpa| hpa.current_replicas);
        self.workload.get().map(|w| w.replicas).or_else(at_its_sync)
    }

    /// The target on the depth axis.
    #[must_use]
    pub fn target_total(&self) -> Option<f64> {
        match self.metric_target()? {
            MetricTarget::Average(milli) => Some(milli as f64 / 1_000.0 * f64::from(self.replicas()?.max(1))),
            MetricTarget::Value(milli) => Some(milli as f64 / 1_000.0),
        }
    }

    /// The total that the HPA went by at its last sync, and how far off that may be: for AverageValue it is computed
    /// back from an average that was rounded up, so it is an estimate.
    #[must_use]
    pub fn believed_total(&self) -> Option<(f64, f64)> {
        let hpa = self.hpa.get()?;
        let reading = hpa.reading_milli? as f64 / 1_000.0;
        match self.metric_target()? {
            MetricTarget::Average(_) => {
                let pods = f64::from(hpa.current_replicas.max(1));
                Some((reading * pods, pods / 1_000.0))
            }
            MetricTarget::Value(_) => Some((reading, 0.0)),
        }
    }

    /// How a source is; one that has said nothing is starting.
    #[must_use]
    pub fn standing(&self, source: Source) -> SourceHealth<'_> {
        let status = self.sources.get(&source);
        status.map_or(SourceHealth::Starting(None), |status| status.standing(source, self.now))
    }

    /// The state of a source that does not deliver, also where that is nothing to worry about yet: for what is calculated.
    /// What is said about it goes by [`Self::standing`].
    #[must_use]
    pub fn failure(&self, source: Source) -> Option<&SourceStatus> {
        self.sources
            .get(&source)
            .filter(|s| matches!(s.state, SourceState::Retrying { .. } | SourceState::Unavailable(_)))
    }
}
