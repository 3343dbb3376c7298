//! A scenario that runs on the target: its engine, and the observed data as the engine's world.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use scenario::engine::{Action, Engine};
use scenario::figure::Known;
use scenario::file::{Part, Scenario};
use scenario::names::Name;
use scenario::settings::{MetricTarget, Rules, Settings};
use scenario::world::World;

use crate::bursts::burst::Burst;
use crate::bursts::job_outcomes::LostJobs;
use crate::bursts::runs::{Figure, cell};
use crate::bursts::stopwatch::{MissingReason, Stage, StageTime};
use crate::chain::beliefs::ChainHop;
use crate::clock::At;
use crate::data::Data;
use crate::edits::{Edit, TargetKind};
use crate::reported::{Drill, Source};
use hpa::selection::first_external;
use hpa::spec::Direction;

/// Time after its last confirm in which a burst may still be missing from the queue's figures.
const MAX_CATCH_UP: Duration = Duration::from_secs(10);

/// A scenario that runs, or ran last.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioRun {
    /// Its engine.
    pub engine: Engine,
    /// The time at which it began.
    pub since: At,
    /// The state before it.
    pub(crate) before: Before,
    /// Actions with an answer that are not carried out yet; one is under way at a time.
    pub(crate) waiting: VecDeque<Action>,
    /// The action whose answer is awaited.
    pub(crate) asked: Option<Action>,
    /// True if the dashboard ends when the run is over.
    pub(crate) quits: bool,
}

/// The state before a run, and the numbers that only the run counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// Number of the newest burst.
    burst: u32,
    /// Messages that the broker had lost.
    lost: u64,
    /// The rate that the user had chosen.
    pub(crate) rate: f64,
    /// The longest wait of a job since then.
    pub(crate) longest_wait: Option<Duration>,
}

impl ScenarioRun {
    /// A run that begins now.
    #[must_use]
    pub fn start(scenario: Arc<Scenario>, at: At, data: &Data) -> Self {
        let before = Before {
            burst: data.bursts.fired(),
            lost: data.jobs.lost,
            rate: data.load.rate,
            longest_wait: None,
        };
        let engine = Engine::start(scenario, at.0, &Observed { data, before: &before });
        Self { engine, since: at, before, waiting: VecDeque::new(), asked: None, quits: false }
    }

    /// Returns true until the run is over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.engine.result().is_none()
    }

    /// Lets the engine look at the data. Returns its actions.
    pub(crate) fn poll(&mut self, at: At, data: &Data) -> Vec<Action> {
        self.engine.poll(at.0, &Observed { data, before: &self.before })
    }
}

/// The part of the chain that a drill stops.
#[must_use]
pub fn drill(part: Part) -> Drill {
    match part {
        Part::Exporter => Drill::Exporter,
        Part::Prometheus => Drill::Prometheus,
        Part::Broker => Drill::Broker,
    }
}

/// The edits that make these settings in a specification.
#[must_use]
pub fn edits(settings: &Settings, spec: &hpa::Spec) -> Vec<Edit> {
    let metric = first_external(&spec.metrics).map(|found| found.index);
    let now = Settings::of(spec);
    let mut edits: Vec<Edit> = settings.min.map(Edit::Min).into_iter().collect();
    edits.extend(settings.max.map(Edit::Max));
    if let (Some(target), Some(metric)) = (&settings.target, metric) {
        let (kind, quantity) = match target {
            MetricTarget::AverageValue(quantity) => (TargetKind::AverageValue, quantity),
            MetricTarget::Value(quantity) => (TargetKind::Value, quantity),
        };
        edits.push(Edit::Target { metric, kind, quantity: quantity.to_string() });
    }
    let directions = [(Direction::Up, &settings.up, &now.up), (Direction::Down, &settings.down, &now.down)];
    for (direction, rules, now) in directions {
        let Rules { window, select, policies } = rules;
        if window.is_some() {
            edits.push(Edit::Window { direction, seconds: *window });
        }
        if select.is_some() || policies.is_some() {
            let select = select.clone().or_else(|| now.select.clone()).unwrap_or_else(|| "Max".to_owned());
            let policies = policies.clone().or_else(|| now.policies.clone()).unwrap_or_default();
            edits.push(Edit::Policies { direction, select, policies });
        }
    }
    edits
}

/// The observed data as the world of a run.
struct Observed<'a> {
    data: &'a Data,
    before: &'a Before,
}

impl Observed<'_> {
    /// The bursts of the run.
    fn own(&self) -> impl DoubleEndedIterator<Item = &Burst> {
        let first = self.before.burst;
        self.data.bursts.iter().filter(move |burst| burst.number > first)
    }

    /// Confirmed jobs that are neither done nor in the queue. Those of the continuous load have no IDs: only the broker's count
    /// shows them.
    fn lost(&self) -> Known {
        let mut sum = 0;
        for burst in self.own().filter(|burst| burst.accepted > 0) {
            match burst.lost() {
                LostJobs::Open => return Known::Open,
                LostJobs::Jobs(lost) => sum += u64::from(lost),
                LostJobs::Unknown(_) => return Known::Never(crate::strings::sentences::LOST_UNKNOWN),
            }
        }
        Known::Is(sum.max(self.data.jobs.lost.saturating_sub(self.before.lost)) as f64)
    }
}

/// The figure of a burst that a name means.
fn figure(name: Name) -> Option<Figure> {
    Some(match name {
        Name::FirstAccepted => Figure::Reaction(Stage::FirstAccepted),
        Name::LastAccepted => Figure::Reaction(Stage::LastAccepted),
        Name::InBroker => Figure::Reaction(Stage::InBroker),
        Name::Scraped => Figure::Reaction(Stage::Scraped),
        Name::InMetricsApi => Figure::Reaction(Stage::ExternalApi),
        Name::DesiredRaised => Figure::Reaction(Stage::Desired),
        Name::SizeRaised => Figure::Reaction(Stage::Deployment),
        Name::FirstPodScheduled => Figure::Reaction(Stage::Scheduled),
        Name::FirstPodStarted => Figure::Reaction(Stage::Started),
        Name::FirstPodReady => Figure::Reaction(Stage::PodReady),
        Name::FirstDone => Figure::Reaction(Stage::FirstAck),
        Name::Drained => Figure::Reaction(Stage::Drained),
        Name::BackAtMin => Figure::Reaction(Stage::BackAtMin),
        Name::Overshoot => Figure::Overshoot,
        Name::Idle => Figure::Idle,
        _ => return None,
    })
}

/// Returns true if a step is not part of a burst: the chain has no such step, or the burst needed no new pod.
fn does_not_apply(burst: &Burst, figure: Figure) -> bool {
    let Figure::Reaction(stage) = figure else { return false };
    let reasons = [MissingReason::NotInChain, MissingReason::NotNeeded, MissingReason::NoNewPod];
    matches!(burst.watch.get(stage), StageTime::Never(why) if reasons.contains(why))
}

impl World for Observed<'_> {
    fn value(&self, name: Name) -> Known {
        let data = self.data;
        let count = |count: u64| Known::Is(count as f64);
        let workload = |of: fn(&observed::Workload) -> i32| {
            let known = data.workload.get().filter(|_| data.failure(Source::Workload).is_none());
            Known::from(known.map(|workload| f64::from(of(workload))))
        };
        let depth = data.depth.filter(|_| data.failure(Source::Broker).is_none());
        match name {
            Name::Depth => depth.map(|depth| depth.total() as f64).into(),
            Name::InWork => depth.map(|depth| depth.unacked as f64).into(),
            Name::Metric => {
                let belief = data.beliefs.get(ChainHop::ExternalApi);
                belief.filter(|_| data.failure(Source::ExternalMetric).is_none()).and_then(|b| b.total).into()
            }
            Name::Share => {
                let newest = data.history.shares.iter().filter_map(|(_, series)| series.last());
                newest.max_by(f32::total_cmp).map(f64::from).into()
            }
            Name::Desired => {
                let hpa = data.hpa.get().filter(|_| data.failure(Source::Hpa).is_none());
                hpa.and_then(observed::Hpa::wanted).map(f64::from).into()
            }
            Name::Size => workload(|workload| workload.spec_replicas),
            Name::Replicas => workload(|workload| workload.replicas),
            Name::Ready => workload(|workload| workload.ready),
            Name::Rate => Known::Is(if data.load.is_on() { data.load.rate } else { 0.0 }),
            Name::Accepted => {
                count(data.load.all.accepted + self.own().map(|b| u64::from(b.accepted)).sum::<u64>())
            }
            Name::Failed => {
                count(data.load.all.failed + self.own().map(|b| u64::from(b.failures())).sum::<u64>())
            }
            Name::Done => count(data.jobs.acked),
            Name::Lost => self.lost(),
            Name::Redelivered => count(data.jobs.redelivered),
            Name::Dead => count(data.jobs.dead),
            Name::Aborted => count(data.jobs.aborted),
            Name::LongestWait => self.before.longest_wait.map(|wait| wait.as_secs_f64()).into(),
            Name::PodSeconds => Known::Is(data.lanes.time(data.now).total().as_secs_f64()),
            _ => Known::Open,
        }
    }

    fn newest_burst(&self) -> u32 {
        self.data.bursts.fired()
    }

    fn bursts(&self, name: Name, after: u32) -> Vec<(u32, Known)> {
        let Some(figure) = figure(name) else { return Vec::new() };
        let own = self.data.bursts.iter().filter(|burst| burst.number > after);
        let applies = own.filter(|burst| !does_not_apply(burst, figure));
        applies.map(|burst| (burst.number, cell(self.data, burst, figure).into())).collect()
    }

    fn is_catching_up(&self) -> bool {
        let Some(burst) = self.own().next_back() else { return false };
        let is_open = |stage| *burst.watch.get(stage) == StageTime::NotYet;
        let last = burst.watch.at(Stage::LastAccepted);
        let is_unseen = burst.accepted > 0 && is_open(Stage::InBroker) && is_open(Stage::Drained);
        !burst.finished || (is_unseen && last.is_some_and(|last| self.data.now.since(last) < MAX_CATCH_UP))
    }

    fn is_stopped(&self, part: Part) -> bool {
        self.data.drills.get(drill(part)).is_some()
    }
}
