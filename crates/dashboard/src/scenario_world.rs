//! The observed data as the world of a scenario: the value of every name that a condition may use.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use scenario::engine::{Action, Engine};
use scenario::figure::Known;
use scenario::file::{Part, Scenario};
use scenario::names::Name;
use scenario::world::World;

use crate::bursts::burst::Burst;
use crate::bursts::job_outcomes::LostJobs;
use crate::bursts::runs::{Figure, cell};
use crate::bursts::stopwatch::{MissingReason, Stage, StageTime};
use crate::chain::beliefs::ChainHop;
use crate::clock::At;
use crate::data::Data;
use crate::reported::Source;
use crate::scenario_run::{Before, ScenarioRun, drill};
use crate::strings::sentences;

/// Time after its last confirm in which a burst may still be missing from the queue's figures.
const MAX_CATCH_UP: Duration = Duration::from_secs(10);

/// A run that begins now.
#[must_use]
pub(crate) fn start(scenario: Arc<Scenario>, at: At, data: &Data) -> ScenarioRun {
    let before =
        Before { burst: data.bursts.fired(), lost: data.jobs.lost, rate: data.load.rate, longest_wait: None };
    let engine = Engine::start(scenario, at.0, &Observed { data, before: &before });
    ScenarioRun { engine, since: at, before, waiting: VecDeque::new(), asked: None, quits: false }
}

/// Lets the engine of a run look at the data. Returns its actions.
pub(crate) fn poll(run: &mut ScenarioRun, at: At, data: &Data) -> Vec<Action> {
    run.engine.poll(at.0, &Observed { data, before: &run.before })
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
                LostJobs::Unknown(_) => return Known::Never(sentences::LOST_UNKNOWN),
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
                count(data.load.all.accepted.saturating_add(self.own().map(|b| u64::from(b.accepted)).sum()))
            }
            Name::Failed => {
                count(data.load.all.failed.saturating_add(self.own().map(|b| u64::from(b.failures())).sum()))
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
