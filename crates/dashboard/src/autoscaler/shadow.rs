//! A second HPA over the same measured series, which decides but scales nothing.
//!
//! The shadow syncs whenever the real controller does, with the same readings. The real scaling shaped
//! them: with other pods they would have been different. So the shadow's curve is right for the first minutes
//! after the two diverge, and a hint after that. [`rehearsal`] simulates a burst under each specification
//! separately, with a queue that reacts.

pub mod rehearsal;
mod score;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use hpa::input::{ContainerUsage, PodReading, PodUsage};
use hpa::simulate::Simulator;
use hpa::{Reading, Trace};

pub use self::rehearsal::Rehearsal;
pub use self::score::Score;
use crate::autoscaler::estimate::{Sync, time};
use crate::autoscaler::form::{Form, in_short};
use crate::clock::At;

/// Limit on the pods of a shadow.
const MAX_COPIES: i32 = 10_000;

/// The shadow, on or off.
#[derive(Debug, Clone, Default)]
pub enum Shadow {
    /// There is no shadow.
    #[default]
    Off,
    /// The shadow decides.
    On(Box<RunningShadow>),
}

/// A shadow that decides.
#[derive(Debug, Clone)]
pub struct RunningShadow {
    simulator: Simulator,
    /// The newest decision.
    pub last: Option<Trace>,
    /// The time at which it was switched on.
    pub since: At,
    /// The real HPA's score since then.
    pub real: Score,
    /// The shadow's score.
    pub shadow: Score,
    /// The simulated result of a burst of the chosen size under both.
    pub rehearsal: Rehearsal,
    /// Messages per needed pod, for both scores.
    pub yardstick: f64,
}

/// Two shadows are equal if they show the same.
impl PartialEq for Shadow {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Off, Self::Off) => true,
            (Self::On(a), Self::On(b)) => {
                a.simulator.spec() == b.simulator.spec()
                    && a.simulator.size() == b.simulator.size()
                    && (a.since, &a.last, &a.real, &a.shadow) == (b.since, &b.last, &b.real, &b.shadow)
                    && a.rehearsal == b.rehearsal
            }
            _ => false,
        }
    }
}

/// The real autoscaler's side of the comparison at one moment.
#[derive(Debug, Clone)]
pub struct RealSide {
    /// Its specification, if the HPA is known.
    pub spec: Option<hpa::Spec>,
    /// Replicas that the scale target asks for, if known.
    pub size: Option<i32>,
    /// The controller's settings, with its sync period.
    pub config: hpa::Config,
    /// The total that the next sync would read.
    pub total: Option<f64>,
    /// The work time per job.
    pub work: Option<Duration>,
    /// Size of the chosen burst.
    pub burst: u32,
}

impl Shadow {
    /// The running shadow, if there is one.
    #[must_use]
    pub fn running(&self) -> Option<&RunningShadow> {
        match self {
            Self::Off => None,
            Self::On(running) => Some(running),
        }
    }
}

impl RunningShadow {
    /// Starts a shadow from the real HPA's state.
    ///
    /// # Errors
    ///
    /// The API server's validation error for the specification.
    pub fn new(spec: hpa::Spec, real: &RealSide, since: At) -> Result<Self, String> {
        let size = real.size.unwrap_or(1);
        let simulator = Simulator::new(spec, real.config, size).map_err(|error| error.to_string())?;
        let yardstick = yardstick([real.spec.as_ref(), Some(simulator.spec())]);
        let mut running = Self {
            simulator,
            last: None,
            since,
            real: Score::new(since, size),
            shadow: Score::new(since, size),
            rehearsal: Rehearsal::default(),
            yardstick,
        };
        running.rehearse(real);
        Ok(running)
    }

    /// Its specification.
    #[must_use]
    pub fn spec(&self) -> &hpa::Spec {
        self.simulator.spec()
    }

    /// Its settings in one line.
    #[must_use]
    pub fn in_short(&self) -> String {
        in_short(self.simulator.spec())
    }

    /// The size that it wants.
    #[must_use]
    pub fn size(&self) -> i32 {
        self.simulator.size()
    }

    /// Runs a sync with the real controller's readings. `ready` is the number of ready pods. It applies to the shadow while
    /// both have the same size; otherwise all of the shadow's pods count as ready, and share the usage of the real ones.
    pub fn sync(&mut self, sync: &Sync, real_size: i32, ready: i32, pods: &[hpa::Pod]) -> i32 {
        let is_alike = self.simulator.size() == real_size;
        let step = if !is_alike || pods.is_empty() {
            let readings = spread(&sync.readings, self.simulator.size());
            match template(pods) {
                Some(template) => {
                    let pods = copies(&template, self.simulator.size());
                    self.simulator.sync_with_pods(time(sync.at), &readings, &pods)
                }
                None => self.simulator.sync(time(sync.at), &readings, is_alike.then_some(ready)),
            }
        } else {
            self.simulator.sync_with_pods(time(sync.at), &sync.readings, pods)
        };
        self.last = Some(step.decision.trace);
        step.after
    }

    /// Updates both scores up to `now`.
    pub fn account(&mut self, now: At, real: &RealSide) {
        let max = real.spec.as_ref().map_or(i32::MAX, |spec| spec.max_replicas);
        let most = max.max(self.simulator.spec().max_replicas);
        let need = real.total.map(|total| need(total, self.yardstick).min(most));
        self.real.account(now, real.size.unwrap_or(0), real.total, need, real.work);
        self.shadow.account(now, self.simulator.size(), real.total, need, real.work);
        self.rehearse(real);
    }

    /// Simulates the chosen burst again if the result could differ.
    fn rehearse(&mut self, real: &RealSide) {
        let Some(spec) = &real.spec else { return };
        self.rehearsal.update(spec, self.simulator.spec(), self.simulator.config(), real.burst, real.work);
    }
}

/// A pod of the real workload that stands for each pod of the shadow.
fn template(pods: &[hpa::Pod]) -> Option<hpa::Pod> {
    pods.iter().find(|pod| pod.is_ready() && !pod.deleted).cloned()
}

/// The shadow's pods: as the real one, under names of their own.
fn copies(template: &hpa::Pod, size: i32) -> Vec<hpa::Pod> {
    (0..size.clamp(0, MAX_COPIES)).map(|n| hpa::Pod { name: shadow_pod(n), ..template.clone() }).collect()
}

fn shadow_pod(n: i32) -> String {
    format!("shadow-{n}")
}

/// The readings with the usage of all pods shared by `size` pods; other readings stay.
fn spread(readings: &[Reading], size: i32) -> Vec<Reading> {
    let size = size.clamp(0, MAX_COPIES);
    let share = |total: i64| total / i64::from(size.max(1));
    let spread = |reading: &Reading| match reading {
        Reading::Pods(pods) => {
            let total = pods.iter().fold(0_i64, |sum, pod| sum.saturating_add(pod.milli));
            let newest = pods.iter().map(|pod| pod.at).max().unwrap_or_default();
            let one =
                |n| PodReading { pod: shadow_pod(n), milli: share(total), at: newest, window_seconds: 0 };
            Reading::Pods((0..size).map(one).collect())
        }
        Reading::Resource(pods) => {
            let mut containers: BTreeMap<(&str, &str), i64> = BTreeMap::new();
            for container in pods.iter().flat_map(|pod| &pod.containers) {
                for (resource, milli) in &container.milli {
                    let sum = containers.entry((&container.name, resource)).or_default();
                    *sum = sum.saturating_add(*milli);
                }
            }
            let newest = pods.iter().map(|pod| pod.at).max().unwrap_or_default();
            let mut shared: Vec<ContainerUsage> = Vec::new();
            for ((name, resource), total) in containers {
                match shared.last_mut().filter(|last| last.name == name) {
                    Some(last) => {
                        last.milli.insert(resource.to_owned(), share(total));
                    }
                    None => shared.push(ContainerUsage {
                        name: name.to_owned(),
                        milli: [(resource.to_owned(), share(total))].into(),
                    }),
                }
            }
            let one = |n| PodUsage {
                pod: shadow_pod(n),
                at: newest,
                window_seconds: 0,
                containers: shared.clone(),
            };
            Reading::Resource((0..size).map(one).collect())
        }
        other => other.clone(),
    };
    readings.iter().map(spread).collect()
}

/// Pods needed for a total.
fn need(total: f64, yardstick: f64) -> i32 {
    // `as` saturates.
    (total / yardstick.max(1e-9)).ceil() as i32
}

/// Messages per needed pod: the target of the first specification with a per-pod target, else the total
/// target.
fn yardstick<const N: usize>(specs: [Option<&hpa::Spec>; N]) -> f64 {
    let targets = || {
        specs
            .iter()
            .flatten()
            .filter_map(|spec| spec.metrics.iter().find_map(|metric| metric.external.as_ref()))
    };
    let average = targets().find_map(|external| external.target.average_value);
    average
        .or_else(|| targets().find_map(|external| external.target.value))
        .map_or(1.0, |value| value.to_f64())
}

/// The dialog that configures the shadow.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowDialog {
    /// The edited specification: the real one, at first with the other target type.
    pub form: Form,
    /// Validation errors, one sentence each.
    pub wrong: Vec<String>,
}

impl ShadowDialog {
    /// Opens the dialog for a real specification.
    #[must_use]
    pub fn new(real: hpa::Spec) -> Self {
        let mut form = Form::new(real);
        form.turn_type();
        Self { form, wrong: Vec::new() }
    }
}
