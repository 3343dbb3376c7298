//! The result of one burst under two specifications with a queue that reacts: simulated, not measured.

use std::time::Duration;

use hpa::simulate::Simulator;
use hpa::simulate::queue::{Arrivals, Queue, run};

/// Assumed time from a new pod to ready.
pub const POD_START: Duration = Duration::from_secs(3);

/// Limit of the simulated time.
const MAX_TIME: Duration = Duration::from_secs(1_800);

/// Limit of the simulated steps: a larger burst is not simulated, because the keys would wait for it.
const MAX_STEPS: u64 = 40_000;

/// The result of one burst under one specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The time at which the last job was done; `None` if not within half an hour.
    pub drained: Option<Duration>,
    /// The largest size.
    pub peak: i32,
    /// Ready pods times seconds until the queue is empty and the size is back at its minimum, or the end.
    pub pod_seconds: u64,
}

/// The burst under both specifications.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rehearsal {
    inputs: Option<Inputs>,
    /// The result under the real specification; `None` if it cannot be simulated.
    pub real: Option<Outcome>,
    /// The result under the shadow's.
    pub shadow: Option<Outcome>,
}

/// The simulation's inputs.
#[derive(Debug, Clone, PartialEq)]
struct Inputs {
    real: hpa::Spec,
    shadow: hpa::Spec,
    burst: u32,
    work: Duration,
}

impl Rehearsal {
    /// Simulates again if an input differs. It needs a work time.
    pub fn update(
        &mut self,
        real: &hpa::Spec,
        shadow: &hpa::Spec,
        config: &hpa::Config,
        burst: u32,
        work: Option<Duration>,
    ) {
        let Some(work) = work.map(rounded).filter(|work| !work.is_zero()) else { return };
        let is_known = self.inputs.as_ref().is_some_and(|inputs| {
            inputs.burst == burst && inputs.work == work && inputs.real == *real && inputs.shadow == *shadow
        });
        if is_known {
            return;
        }
        let inputs = Inputs { real: real.clone(), shadow: shadow.clone(), burst, work };
        self.real = outcome(&inputs.real, config, burst, work);
        self.shadow = outcome(&inputs.shadow, config, burst, work);
        self.inputs = Some(inputs);
    }
}

/// Rounds to a tenth of a second: small moves of a median must not start another simulation.
fn rounded(work: Duration) -> Duration {
    Duration::from_millis(u64::try_from((work.as_millis() + 50) / 100 * 100).unwrap_or(u64::MAX))
}

fn outcome(spec: &hpa::Spec, config: &hpa::Config, burst: u32, work: Duration) -> Option<Outcome> {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let mut simulator = Simulator::new(spec.clone(), *config, spec.min()).ok()?;
    let queue = Queue {
        arrivals: vec![Arrivals::Burst { at_ms: 0, jobs: burst }],
        work_ms: ms(work),
        pod_start_ms: ms(POD_START),
        // The burst falls between two syncs, as most do.
        sync_phase_ms: config.sync_period_seconds.saturating_mul(500),
        duration_ms: ms(MAX_TIME),
        max_steps: MAX_STEPS,
        ..Queue::default()
    };
    let run = run(&mut simulator, &queue).ok()?;
    let back = run
        .samples
        .iter()
        .rev()
        .take_while(|sample| sample.ready_jobs + sample.unacked_jobs == 0 && sample.size == spec.min())
        .last()
        .map_or(ms(MAX_TIME), |sample| sample.at_ms);
    // After the burst only the minimum runs, which is not part of the burst's cost.
    let quiet = (ms(MAX_TIME) - back).max(0).saturating_mul(i64::from(spec.min().max(0)));
    let drained = run.drained_at_ms.and_then(|at| u64::try_from(at).ok()).map(Duration::from_millis);
    Some(Outcome {
        drained,
        peak: run.steps.iter().map(|step| step.after).max().unwrap_or(spec.min()),
        pod_seconds: u64::try_from((run.pod_ms - quiet).max(0) / 1_000).unwrap_or(0),
    })
}
