//! Simulation of consecutive syncs, without a cluster and in no time.
//!
//! [`Simulator`] is one HPA with its memory and the size of its workload: each [`Simulator::sync`] is a whole sync whose
//! write succeeds. [`series`] feeds it recorded readings; [`queue`] models a queue, its consumers and its metric. Both are
//! deterministic: the same input gives the same decisions.

pub mod queue;
pub mod series;

use crate::compat::Config;
use crate::defaults::default_spec;
use crate::input::{Input, Pod, Reading, Ready, Scale};
use crate::memory::Memory;
use crate::spec::Spec;
use crate::status::Status;
use crate::sync::{Decision, after_scale, decide};
use crate::time::Time;
use crate::validate::{FieldError, drop_disabled_fields, validate};

/// The error of a simulation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// An API server would reject the specification.
    #[error("the specification is not valid: {}", list(.0))]
    Spec(Vec<FieldError>),
    /// The initial size is below 0.
    #[error("the initial size is {0}; it must be 0 or more")]
    Size(i32),
    /// A setting of the model is out of range.
    #[error("{field} is {value}; it must be {rule}")]
    Setting {
        /// Name of the setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed range.
        rule: &'static str,
    },
    /// The run exceeds the maximum number of steps.
    #[error("the run stopped after {steps} steps at {at_ms} ms: simulate a shorter time or fewer jobs")]
    TooLong {
        /// The maximum.
        steps: u64,
        /// Simulated time at the stop.
        at_ms: i64,
    },
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// One simulated HPA: its specification, status, memory, and the size of its workload.
///
/// Every write of the size succeeds and takes effect at once: `status.replicas` of the scale is always its
/// `spec.replicas`. The caller decides which pods are ready.
#[derive(Debug, Clone)]
pub struct Simulator {
    spec: Spec,
    config: Config,
    scale: Scale,
    status: Status,
    memory: Memory,
    /// Synthetic pods, the first `ready` of them ready.
    pods: Vec<Pod>,
    ready: usize,
}

/// One simulated sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Time of the sync.
    pub at: Time,
    /// The size before it.
    pub before: i32,
    /// The size after it.
    pub after: i32,
    /// The decision with its trace.
    pub decision: Decision,
}

impl Simulator {
    /// Maximum number of listed pods.
    const MAX_PODS: i32 = 100_000;

    /// Sets defaults, drops the fields of disabled gates and validates the specification, as an API server does.
    ///
    /// Status and memory start empty.
    ///
    /// # Errors
    /// [`SimulateError::Spec`] with all field errors, or [`SimulateError::Size`].
    pub fn new(spec: Spec, config: Config, size: i32) -> Result<Self, SimulateError> {
        let spec = Self::admitted(spec, None, &config)?;
        if size < 0 {
            return Err(SimulateError::Size(size));
        }
        let scale =
            Scale { spec_replicas: size, status_replicas: size, selector: "app=simulated".to_owned() };
        let (status, memory, pods) = (Status::default(), Memory::default(), Vec::new());
        Ok(Self { spec, config, scale, status, memory, pods, ready: 0 })
    }

    /// The current size.
    #[must_use]
    pub const fn size(&self) -> i32 {
        self.scale.spec_replicas
    }

    /// Changes the size from outside the HPA, as `kubectl scale` does.
    pub fn set_size(&mut self, size: i32) {
        self.scale.spec_replicas = size.max(0);
        self.scale.status_replicas = size.max(0);
    }

    /// Changes the specification, as an update of the object does: status and memory stay.
    ///
    /// # Errors
    /// [`SimulateError::Spec`] with all field errors; the specification stays.
    pub fn set_spec(&mut self, spec: Spec) -> Result<(), SimulateError> {
        self.spec = Self::admitted(spec, Some(&self.spec), &self.config)?;
        Ok(())
    }

    /// A specification after the steps of an API server.
    fn admitted(mut spec: Spec, before: Option<&Spec>, config: &Config) -> Result<Spec, SimulateError> {
        default_spec(&mut spec);
        drop_disabled_fields(&mut spec, before, config);
        let errors = validate(&spec, config);
        if errors.is_empty() { Ok(spec) } else { Err(SimulateError::Spec(errors)) }
    }

    /// The specification with defaults.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The controller's settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The status after the last sync.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// The memory after the last sync.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Restarts the controller: it loses recommendations and changes.
    pub fn restart(&mut self) {
        self.memory = Memory::default();
    }

    /// Runs one sync. `ready` is the number of ready pods; the others up to the size are not ready. `None` means all.
    pub fn sync(&mut self, now: Time, readings: &[Reading], ready: Option<i32>) -> Step {
        let listed = self.size().clamp(0, Self::MAX_PODS);
        self.list_pods(listed, ready.unwrap_or(listed));
        let pods = std::mem::take(&mut self.pods);
        let step = self.sync_with_pods(now, readings, &pods);
        self.pods = pods;
        step
    }

    /// Runs one sync with exactly these pods, for metrics over pods.
    pub fn sync_with_pods(&mut self, now: Time, readings: &[Reading], pods: &[Pod]) -> Step {
        let input = Input {
            now,
            namespace: "simulated",
            generation: None,
            spec: &self.spec,
            status: &self.status,
            scale: Ok(&self.scale),
            pods,
            selected_by: &[],
            readings,
            config: &self.config,
        };
        let mut decision = decide(&input, &mut self.memory);
        after_scale(&input, &mut decision, Ok(()), now, &mut self.memory);
        let before = self.size();
        let after = decision.new_size.unwrap_or(before);
        self.set_size(after);
        self.status.clone_from(&decision.status);
        Step { at: now, before, after, decision }
    }

    /// Adjusts the list of synthetic pods to `listed` pods, the first `ready` of them ready.
    fn list_pods(&mut self, listed: i32, ready: i32) {
        let listed = usize::try_from(listed).unwrap_or_default();
        let ready = usize::try_from(ready).unwrap_or_default().min(listed);
        let condition = |ready: bool| Some(Ready { status: ready.into(), since: Time(0) });
        for i in self.pods.len()..listed {
            self.pods.push(Pod {
                name: format!("simulated-{i}"),
                phase: "Running".to_owned(),
                started_at: Some(Time(0)),
                ready: condition(false),
                ..Pod::default()
            });
        }
        self.pods.truncate(listed);
        let before = self.ready.min(listed);
        for i in before.min(ready)..before.max(ready) {
            self.pods[i].ready = condition(i < ready);
        }
        self.ready = ready;
    }
}
