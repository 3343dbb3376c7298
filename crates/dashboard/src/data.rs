//! The observed data: one value for each subject.

use std::collections::BTreeMap;

use explain::rules::Rules;
use observed::scaled_object::ScaledObject;
use observed::{DepthSample, ExternalTarget, Hpa, MetricAnswer, Role, Workload};

use crate::autoscaler::estimate::Estimate;
use crate::autoscaler::forecast::pace::Pace;
use crate::autoscaler::{shadow, tuning};
use crate::bursts::{jobs, load, recent as bursts};
use crate::chain::beliefs::ChainHop;
use crate::chain::metric_beliefs::MetricBeliefs;
use crate::chain::sources::{SourceHealth, SourceStatus};
use crate::chain::{beliefs, clock_offset};
use crate::chart::history;
use crate::clock::{At, DayClock};
use crate::reported::{Source, SourceState};
use crate::scenario_run::ScenarioRun;
use crate::target;
use crate::ui::{doctor, drills, events};
use crate::workers::{logs, pods, sampling, timelines};

/// A thing that may be missing or not known yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Presence<T> {
    /// No source has reported it.
    #[default]
    Unknown,
    /// The source reports that it does not exist.
    Missing,
    /// It exists.
    Here(T),
}

impl<T> Presence<T> {
    /// The thing, if it exists.
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

/// The observed data.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// The arrival time of the newest event.
    pub now: At,
    /// Turns times of the run into times of day.
    pub day: DayClock,
    /// The target.
    pub watched: target::WatchedTarget,
    /// The sources that have reported their state.
    pub sources: BTreeMap<Source, SourceStatus>,
    /// The HPA.
    pub hpa: Presence<Hpa>,
    /// The HPA's scale target.
    pub workload: Presence<Workload>,
    /// The ScaledObject that KEDA made the HPA from.
    pub scaled_object: Option<ScaledObject>,
    /// The newest CPU and memory of the target's pods.
    pub usage: Option<MetricAnswer>,
    /// The pods.
    pub pods: pods::Pods,
    /// The timeline of every worker.
    pub lanes: timelines::Timelines,
    /// The newest sample of the queue.
    pub depth: Option<DepthSample>,
    /// The belief of every hop about the queue.
    pub beliefs: beliefs::Beliefs,
    /// Each metric of the HPA, as the metrics APIs and the status have it.
    pub metric_beliefs: MetricBeliefs,
    /// The chart's series and marks.
    pub history: history::History,
    /// The bursts.
    pub bursts: bursts::Bursts,
    /// The workers whose logs are read.
    pub sampling: sampling::Sampling,
    /// The offset of the cluster's clock.
    pub offset: clock_offset::Offset,
    /// The outcome of the jobs.
    pub jobs: jobs::Jobs,
    /// The load.
    pub load: load::Load,
    /// The list of events.
    pub events: events::Events,
    /// The workers' log lines.
    pub logs: logs::Logs,
    /// The HPA's next decision.
    pub estimate: Estimate,
    /// The parts stopped for a drill.
    pub drills: drills::Drills,
    /// A second HPA over the same series.
    pub shadow: shadow::Shadow,
    /// The work time per job, as far as observed.
    pub pace: Pace,
    /// The HPA's current settings, and the changes made from here.
    pub tuning: tuning::Tuning,
    /// The doctor's report.
    pub doctor: doctor::Doctor,
    /// The scenario that runs, or ran last.
    pub scenario: Option<Box<ScenarioRun>>,
}

impl Data {
    /// The state before any observation.
    #[must_use]
    pub fn new(day: DayClock) -> Self {
        Self {
            now: At::default(),
            day,
            watched: target::WatchedTarget::default(),
            sources: BTreeMap::new(),
            hpa: Presence::Unknown,
            workload: Presence::Unknown,
            scaled_object: None,
            usage: None,
            pods: pods::Pods::default(),
            lanes: timelines::Timelines::default(),
            depth: None,
            beliefs: beliefs::Beliefs::default(),
            metric_beliefs: MetricBeliefs::default(),
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
            scenario: None,
        }
    }

    /// The target in messages per pod (AverageValue) or in total (Value).
    #[must_use]
    pub fn metric_target(&self) -> Option<ExternalTarget> {
        self.hpa.get()?.metric.as_ref().map(|metric| metric.target)
    }

    /// The hops of the followed metric. KEDA reads the broker itself: only its Prometheus triggers pass Prometheus.
    #[must_use]
    pub fn hops(&self) -> Vec<ChainHop> {
        let is_kedas = self.hpa.get().is_some_and(|hpa| hpa.scaled_object.is_some());
        let trigger = || {
            let metric = self.hpa.get()?.metric.as_ref()?;
            self.scaled_object.as_ref()?.trigger(&metric.name)
        };
        let passes = |hop: &ChainHop| {
            *hop != ChainHop::Prometheus || !is_kedas || trigger().is_some_and(|t| t.promql().is_some())
        };
        ChainHop::ALL.into_iter().filter(passes).collect()
    }

    /// Returns true if the HPA follows a queue, or may do so: until the HPA is known, and while a broker reports a depth.
    #[must_use]
    pub fn has_queue(&self) -> bool {
        let Some(hpa) = self.hpa.get() else { return true };
        // Without an External metric, the depth is that of the demo's queue before the HPA was known. A label `queue` alone may
        // belong to any queue system.
        let may_have_broker = || !self.pods.is_listed() || !self.pods.of(Role::Broker).is_empty();
        hpa.metric
            .as_ref()
            .is_some_and(|metric| self.depth.is_some() || metric.queue.is_some() && may_have_broker())
    }

    /// Index of the metric that decides the next sync, or else the first one.
    #[must_use]
    pub fn deciding_metric(&self) -> Option<usize> {
        let spec = self.hpa.get()?.spec.as_ref()?;
        let metrics = self.estimate.next.as_ref().map_or(&[][..], |next| &next.decision.trace.metrics);
        let winner = metrics.iter().position(|metric| metric.state == hpa::trace::MetricState::Used);
        winner.or((!spec.metrics.is_empty()).then_some(0))
    }

    /// Replicas that the autoscaler counts with: the workload's status, else the HPA's status at its last
    /// sync.
    #[must_use]
    pub fn replicas(&self) -> Option<i32> {
        let at_its_sync = || self.hpa.get().filter(|hpa| hpa.has_synced()).map(|hpa| hpa.current_replicas);
        self.workload.get().map(|w| w.replicas).or_else(at_its_sync)
    }

    /// The target on the depth axis.
    #[must_use]
    pub fn target_total(&self) -> Option<f64> {
        match self.metric_target()? {
            ExternalTarget::AverageValue(milli) => {
                Some(milli as f64 / 1_000.0 * f64::from(self.replicas()?.max(1)))
            }
            ExternalTarget::Value(milli) => Some(milli as f64 / 1_000.0),
        }
    }

    /// The total that the HPA used at its last sync, and its possible error: for AverageValue it is computed
    /// back from an average rounded up, so it is an estimate.
    #[must_use]
    pub fn believed_total(&self) -> Option<(f64, f64)> {
        let hpa = self.hpa.get()?;
        let reading = hpa.reading_milli? as f64 / 1_000.0;
        match self.metric_target()? {
            ExternalTarget::AverageValue(_) => {
                let pods = f64::from(hpa.current_replicas.max(1));
                Some((reading * pods, pods / 1_000.0))
            }
            ExternalTarget::Value(_) => Some((reading, 0.0)),
        }
    }

    /// The start of the run on the cluster's clock, in milliseconds since 1970.
    #[must_use]
    pub fn start_on_cluster(&self) -> i64 {
        self.offset.start_ms(self.now).unwrap_or_else(|| self.day.started_ms())
    }

    /// The rules of the server's release.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules::of(self.watched.target.as_ref().and_then(|target| target.version.as_deref()))
    }

    /// The health of a source; one without a report is starting.
    #[must_use]
    pub fn health(&self, source: Source) -> SourceHealth<'_> {
        let status = self.sources.get(&source);
        status.map_or(SourceHealth::Starting(None), |status| status.health(source, self.now))
    }

    /// The sources that were read before and are not now, with the time of their last delivery. Logs end with their pods.
    pub fn stale_sources(&self) -> impl Iterator<Item = (Source, At)> + '_ {
        self.sources.keys().filter_map(|source| match self.health(*source) {
            SourceHealth::Stale { last_delivery, .. } if *source != Source::Logs => {
                Some((*source, last_delivery))
            }
            _ => None,
        })
    }

    /// The status of a source that does not deliver, even if that is not a problem yet: for calculations. The
    /// screens use [`Self::health`].
    #[must_use]
    pub fn failure(&self, source: Source) -> Option<&SourceStatus> {
        self.sources
            .get(&source)
            .filter(|s| matches!(s.state, SourceState::Retrying { .. } | SourceState::Unavailable(_)))
    }
}
