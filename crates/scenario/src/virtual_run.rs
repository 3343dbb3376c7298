//! A run in virtual time: the exact controller, and a simulated queue with its workers.
//!
//! [`hpa::simulate::queue`] lists the assumptions of the model. The times of a virtual run are exact for it; a real cluster adds
//! the delays of its API server, its scheduler and its nodes.

mod bursts;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hpa::selection::first_external;
use hpa::simulate::queue::{Queue, Simulation};
use hpa::simulate::{SimulateError, Simulator};
use hpa::{Config, Spec};

use crate::engine::{Action, Answer, Engine};
use crate::figure::Known;
use crate::file::{Part, Scenario, StepAction};
use crate::names::Name;
use crate::outcome::RunResult;
use crate::settings::Settings;
use crate::strings;
use crate::world::World;
use bursts::Bursts;

/// Most syncs whose sizes are kept.
const MAX_SYNCS: usize = 1_000_000;

/// Time that a run may take beyond its scenario's limits.
const MARGIN: Duration = Duration::from_secs(120);

/// The reason why a run in virtual time is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VirtualError {
    /// A step needs a real queue.
    #[error("step {number} ({title}) needs a broker: run it with --sandbox or on a cluster")]
    Step {
        /// Its number, from 1.
        number: usize,
        /// The step in a few words.
        title: String,
    },
    /// The HPA has no External metric that a queue could feed.
    #[error("the HPA has no External metric; a virtual run simulates a queue")]
    NoQueue,
    /// The model refuses the specification or a setting.
    #[error("the virtual run failed: {0}")]
    Simulate(#[from] SimulateError),
}

/// One sync of the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedSync {
    /// Milliseconds since the start.
    pub at_ms: i64,
    /// The size before it.
    pub before: i32,
    /// The size after it.
    pub after: i32,
}

/// A finished virtual run.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualRun {
    /// The result.
    pub result: RunResult,
    /// The syncs of the controller.
    pub syncs: Vec<SimulatedSync>,
}

/// Runs a scenario on an HPA, with the settings of the scenario. `config` has the rules of the release; the sync period comes
/// from the scenario.
///
/// # Errors
/// Fails if the scenario needs more than a simulated queue, or if the specification is invalid.
pub fn run(scenario: &Arc<Scenario>, mut spec: Spec, config: Config) -> Result<VirtualRun, VirtualError> {
    check(scenario)?;
    scenario.hpa.apply(&mut spec);
    if first_external(&spec.metrics).is_none() {
        return Err(VirtualError::NoQueue);
    }
    let settings = &scenario.sandbox;
    let seconds = i64::try_from(settings.sync_period.as_secs()).unwrap_or(i64::MAX);
    let config = Config { sync_period_seconds: seconds, ..config };
    let min = spec.min();
    let mut simulator = Simulator::new(spec, config, min.max(1))?;
    let limit = scenario.timeout.saturating_add(scenario.settle).saturating_add(MARGIN);
    let queue = Queue {
        work_ms: ms(settings.work_duration).max(1),
        pod_start_ms: ms(settings.pod_start),
        scrape_interval_ms: ms(settings.scrape_interval).max(1),
        duration_ms: ms(limit),
        ..Queue::default()
    };
    let mut world = Simulated {
        simulation: Simulation::new(&queue, &mut simulator)?,
        rate: 0.0,
        stopped: BTreeSet::new(),
        earlier: Vec::new(),
        bursts: Bursts::default(),
        pod_ms: 0,
    };
    world.simulation.advance(0)?;
    let mut now = 0;
    let mut syncs = Vec::new();
    let mut engine = Engine::start(Arc::clone(scenario), Duration::ZERO, &world);
    loop {
        let actions = engine.poll(at(now), &world);
        let is_idle = actions.is_empty();
        for action in actions {
            let is_answered = action.is_answered();
            let answer = world.carry_out(now, action);
            if is_answered {
                engine.answer(at(now), answer);
            }
        }
        if let Some(result) = engine.result() {
            return Ok(VirtualRun { result: result.clone(), syncs });
        }
        if !is_idle {
            continue;
        }
        let due = engine.next_due().map_or(queue.duration_ms, ms);
        let next = world.simulation.next_ms().map_or(due, |next| next.min(due)).max(now);
        // An action that is due now has been polled: time goes on.
        let next = if next == now && world.simulation.next_ms() != Some(now) { now + 1 } else { next };
        world.pod_ms += i64::from(world.simulation.sample().size) * (next - now);
        world.simulation.advance(next)?;
        now = next;
        world.observe(now);
        let room = MAX_SYNCS.saturating_sub(syncs.len());
        syncs.extend(world.simulation.take_steps().into_iter().take(room).map(|step| SimulatedSync {
            at_ms: step.at.0,
            before: step.before,
            after: step.after,
        }));
    }
}

/// Returns an error if a scenario needs more than a simulated queue.
///
/// # Errors
/// Fails with the first step that needs a broker.
pub fn check(scenario: &Scenario) -> Result<(), VirtualError> {
    let needs_broker = |action: &StepAction| {
        matches!(action, StepAction::Stop(Part::Broker) | StepAction::Start(Part::Broker))
    };
    match scenario.steps.iter().enumerate().find(|(_, step)| needs_broker(&step.action)) {
        Some((index, step)) => Err(VirtualError::Step { number: index + 1, title: step.title() }),
        None => Ok(()),
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 8)
}

fn at(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

/// The world of a simulation.
struct Simulated<'a> {
    simulation: Simulation<'a>,
    rate: f64,
    stopped: BTreeSet<Part>,
    /// The specifications before each tuning, for undo.
    earlier: Vec<Spec>,
    bursts: Bursts,
    /// The workers' time, ready or not.
    pod_ms: i64,
}

impl Simulated<'_> {
    fn carry_out(&mut self, now: i64, action: Action) -> Answer {
        match action {
            Action::Fire(size) => {
                let before = self.moment();
                self.simulation.burst(size);
                self.bursts.fire(now, before, self.simulation.so_far().arrived);
            }
            Action::Load(rate) => {
                self.rate = rate;
                self.simulation.set_rate(rate);
            }
            Action::Kill => {
                if !self.simulation.kill_pod() {
                    return Err(strings::NO_WORKER.to_owned());
                }
            }
            Action::Stop(part) => {
                self.stopped.insert(part);
                self.simulation.set_readable(false);
            }
            Action::Start(part) => {
                self.stopped.remove(&part);
                self.simulation.set_readable(self.stopped.is_empty());
            }
            Action::Tune(settings) => return self.tune(&settings),
            Action::Undo => {
                if let Some(spec) = self.earlier.pop() {
                    let undone = self.simulation.simulator().set_spec(spec);
                    return undone.map_err(|error| error.to_string());
                }
            }
            Action::Mark(_) => {}
        }
        Ok(())
    }

    fn tune(&mut self, settings: &Settings) -> Answer {
        let before = self.simulation.simulator().spec().clone();
        let mut spec = before.clone();
        settings.apply(&mut spec);
        self.simulation.simulator().set_spec(spec).map_err(|error| error.to_string())?;
        self.earlier.push(before);
        Ok(())
    }

    fn observe(&mut self, now: i64) {
        let moment = self.moment();
        let needs = |depth: f64| {
            let spec = self.simulation.spec();
            let target = first_external(&spec.metrics)?.target;
            let (hpa::selection::ExternalTarget::AverageValue(milli)
            | hpa::selection::ExternalTarget::Value(milli)) = target;
            (milli > 0)
                .then(|| crate::figure::needed(depth, milli as f64 / 1_000.0, spec.min(), spec.max_replicas))
        };
        let min = self.simulation.spec().min();
        self.bursts.observe(now, &moment, min, needs);
    }

    fn moment(&self) -> bursts::Moment {
        let (sample, run) = (self.simulation.sample(), self.simulation.so_far());
        bursts::Moment {
            depth: sample.ready_jobs + sample.unacked_jobs,
            scraped: sample.scraped.unwrap_or_default(),
            desired: self.simulation.status().desired_replicas,
            size: sample.size,
            ready: sample.ready_pods,
            arrived: run.arrived,
            done: run.done,
        }
    }

    /// The metric as its API serves it.
    fn metric(&self) -> Option<f64> {
        self.simulation.sample().scraped.filter(|_| self.stopped.is_empty()).map(|scraped| scraped as f64)
    }

    /// The metric divided by its target.
    fn share(&self) -> Option<f64> {
        use hpa::selection::ExternalTarget;
        let size = f64::from(self.simulation.sample().size.max(1));
        let target = match first_external(&self.simulation.spec().metrics)?.target {
            ExternalTarget::AverageValue(milli) => milli as f64 / 1_000.0 * size,
            ExternalTarget::Value(milli) => milli as f64 / 1_000.0,
        };
        Some(self.metric()? / target)
    }
}

impl World for Simulated<'_> {
    fn value(&self, name: Name) -> Known {
        let (sample, run) = (self.simulation.sample(), self.simulation.so_far());
        let is = |number: f64| Known::Is(number);
        match name {
            Name::Depth => is((sample.ready_jobs + sample.unacked_jobs) as f64),
            Name::InWork => is(sample.unacked_jobs as f64),
            Name::Metric => self.metric().into(),
            Name::Share => self.share().into(),
            Name::Desired => is(self.simulation.status().desired_replicas.into()),
            Name::Size | Name::Replicas => is(sample.size.into()),
            Name::Ready => is(sample.ready_pods.into()),
            Name::Rate => is(self.rate),
            Name::Accepted => is(run.arrived as f64),
            Name::Done => is(run.done as f64),
            Name::Failed | Name::Lost | Name::Dead => is(0.0),
            Name::Redelivered => is(run.redelivered as f64),
            Name::LongestWait => is(run.longest_wait_ms as f64 / 1_000.0),
            Name::PodSeconds => is(self.pod_ms as f64 / 1_000.0),
            _ => Known::Never(strings::NOT_SIMULATED),
        }
    }

    fn newest_burst(&self) -> u32 {
        self.bursts.count()
    }

    fn bursts(&self, name: Name, after: u32) -> Vec<(u32, Known)> {
        self.bursts.values(name, after)
    }

    fn is_catching_up(&self) -> bool {
        false
    }

    fn is_stopped(&self, part: Part) -> bool {
        self.stopped.contains(&part)
    }
}

#[cfg(test)]
mod tests;
