//! What the HPA would decide now, computed beside it with the controller's own arithmetic.
//!
//! The metric, the replicas and the specification are observed. What the controller remembers between its syncs is not
//! to be had from outside, so stabilisation and rates are estimates: a memory of our own is kept at the same pace.

use std::time::Duration;

use hpa::input::{Pod, Ready};
use hpa::status::{ConditionStatus, Status};
use hpa::{Input, Memory, Reading, Release, Scale, Spec, Time};

use crate::event::{At, PodPhase, Role};
use crate::model::Data;
use crate::model::beliefs::Place;

/// How often the controller decides unless it is told otherwise.
const SYNC: Duration = Duration::from_secs(15);

/// The estimate, and the memory that it needs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    memory: Memory,
    last_sync: Option<At>,
    /// The specification that the memory belongs to.
    target: Option<hpa::spec::TargetRef>,
    /// The newest decision, if there was enough to make one.
    pub decision: Option<hpa::Decision>,
}

/// The longest period that a policy may have: changes older than that cannot matter.
const LONGEST: Duration = Duration::from_secs(1_800);

impl Estimate {
    /// The scale target was seen to be given another size: the rates of change count it.
    pub fn scaled(&mut self, at: At, before: i32, now: i32) {
        let events = if now > before { &mut self.memory.up_events } else { &mut self.memory.down_events };
        let oldest = time(At(at.0.saturating_sub(LONGEST)));
        events.retain(|event| event.at >= oldest);
        if events.len() < hpa::memory::MOST_ENTRIES {
            let change = now.saturating_sub(before).saturating_abs();
            events.push(hpa::memory::ScaleEvent { change, at: time(at), outdated: false });
        }
    }
}

/// A time of the run for crate `hpa`.
#[must_use]
pub fn time(at: At) -> Time {
    Time(i64::try_from(at.0.as_millis()).unwrap_or(i64::MAX))
}

/// Decides anew from what is known at `at`. `synced` says that the controller was just seen to have decided.
pub fn estimate(data: &mut Data, at: At, synced: bool) {
    let mut estimate = std::mem::take(&mut data.estimate);
    estimate.decision = None;
    if let (Some(hpa), Some(workload)) = (data.hpa.get(), data.workload.get())
        && let Some(spec) = hpa.spec.as_deref()
    {
        // Another scale target: what was remembered is about something else.
        if estimate.target.as_ref() != Some(&spec.scale_target_ref) {
            estimate = Estimate { target: Some(spec.scale_target_ref.clone()), ..Estimate::default() };
        }
        let scale = Scale {
            spec_replicas: workload.spec_replicas,
            status_replicas: workload.replicas,
            selector: workload.selector.clone(),
        };
        let status = Status {
            current_replicas: hpa.current_replicas,
            desired_replicas: hpa.desired_replicas,
            ..Status::default()
        };
        let (pods, readings, config) = (pods(data, at), readings(data, spec), config(data));
        let input = Input {
            now: time(at),
            namespace: data.watched.target.as_ref().map_or("", |target| target.namespace.as_str()),
            generation: None,
            spec,
            status: &status,
            scale: Ok(&scale),
            pods: &pods,
            selected_by: &[],
            readings: &readings,
            config: &config,
        };
        // Looking must not leave traces: only a sync of the controller adds a recommendation.
        let mut memory = estimate.memory.clone();
        let decision = hpa::decide(&input, &mut memory);
        let is_due = estimate.last_sync.is_none_or(|last| at.since(last) >= SYNC);
        if synced || is_due {
            estimate.memory = memory;
            estimate.last_sync = Some(at);
        }
        estimate.decision = Some(decision);
    }
    data.estimate = estimate;
}

/// The workers as the controller counts them.
fn pods(data: &Data, at: At) -> Vec<Pod> {
    let workers = data.pods.of(Role::Worker);
    workers
        .iter()
        .map(|known| {
            let is_ready = match known.pod.phase {
                PodPhase::Ready => true,
                PodPhase::Terminating => known.ready_at.is_some(),
                _ => false,
            };
            Pod {
                name: known.pod.name.clone(),
                phase: match known.pod.phase {
                    PodPhase::Pending => "Pending",
                    PodPhase::Completed => "Succeeded",
                    _ => "Running",
                }
                .to_owned(),
                deleted: known.pod.phase == PodPhase::Terminating,
                ready: Some(Ready {
                    status: ConditionStatus::from(is_ready),
                    since: time(known.ready_at.unwrap_or(at)),
                }),
                ..Pod::default()
            }
        })
        .collect()
}

/// One answer for each metric. Only the External one that the screens are about is read here.
fn readings(data: &Data, spec: &Spec) -> Vec<Reading> {
    let ours = data.hpa.get().and_then(|hpa| hpa.metric.as_ref()).map(|metric| metric.name.as_str());
    let value = data.beliefs.get(Place::ExternalApi).and_then(|belief| belief.total);
    spec.metrics
        .iter()
        .map(|metric| {
            let is_ours = metric.external.as_ref().is_some_and(|e| Some(e.metric.name.as_str()) == ours);
            match value {
                // Whole messages, far below what milli-units in 64 bits hold.
                Some(value) if is_ours => Reading::External(vec![(value * 1_000.0) as i64]),
                _ => Reading::Failed("not read by the dashboard".to_owned()),
            }
        })
        .collect()
}

/// The controller's defaults for the server's version.
fn config(data: &Data) -> hpa::Config {
    let version = data.watched.target.as_ref().and_then(|target| target.version.as_deref());
    let release = version.and_then(|version| version.parse::<Release>().ok());
    release.map_or_else(hpa::Config::default, hpa::Config::release)
}
