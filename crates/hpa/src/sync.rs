//! One whole sync, in two halves around the write of the new size.
//!
//! Source: `reconcileAutoscaler` in `pkg/controller/podautoscaler/horizontal.go`.

use serde::{Deserialize, Serialize};

use crate::combine::{Combined, combine};
use crate::compat::{Config, ZeroRule};
use crate::condition::{self, ABLE_TO_SCALE, SCALED_TO_ZERO, SCALING_ACTIVE, SCALING_LIMITED, limit_message};
use crate::event::Event;
use crate::input::{Input, Scale};
use crate::limits::behavior::{self, BothRules};
use crate::limits::legacy;
use crate::limits::rules::Rules;
use crate::memory::Memory;
use crate::metric::{Context, ErrorClass};
use crate::number::Time;
use crate::spec::Direction;
use crate::status::{Condition, ConditionStatus, Status};
use crate::tolerance::Tolerance;
use crate::trace::{Constraint, Limit, MetricState, Path, Rate, RateRule, Reason, Stabilisation, Trace};

const ABOVE_MAX: &str = "Current number of replicas above Spec.MaxReplicas";
const BELOW_MIN: &str = "Current number of replicas below Spec.MinReplicas";

/// What one sync came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "the status is to be written, the events emitted, and a new size written to the scale"]
pub struct Decision {
    /// The size to write to the scale. If there is one, the decision is complete only after [`after_scale`].
    pub new_size: Option<i32>,
    /// The status to write, if it differs from the old one.
    pub status: Status,
    /// The events to emit, in this order.
    pub events: Vec<Event>,
    /// What the sync reports as failed. A size can be decided all the same: one metric failed, but others ask for more.
    pub error: Option<SyncError>,
    /// Why.
    pub trace: Trace,
    /// The words for the event of a rescale: why, as the controller says it.
    pub rescale_reason: String,
}

/// An error of a sync.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct SyncError {
    /// Whose fault it is.
    pub class: ErrorClass,
    /// The controller's text.
    pub message: String,
}

/// The first half of a sync: everything up to the write of the new size.
///
/// `memory` takes the recommendation. If the decision has a `new_size`, write it to the scale (and on a conflict read the
/// scale again and retry) and tell [`after_scale`] how that went; its status and events are complete only then.
///
/// Never panics: unusable targets, readings and selectors become the controller's errors, and numbers saturate.
pub fn decide(input: &Input<'_>, memory: &mut Memory) -> Decision {
    let mut sync = Sync::new(input);
    let scale = match read_scale(input) {
        Ok(scale) => scale,
        Err(error) => return sync.no_scale(error),
    };
    let current = scale.spec_replicas;
    condition::set(
        &mut sync.conditions,
        ABLE_TO_SCALE,
        ConditionStatus::True,
        "SucceededGetScale",
        "the HPA controller was able to get the target's current scale",
        input.now,
    );
    memory.seed(current, input.now);
    sync.trace.current = current;
    match path(input, current) {
        Path::Paused => sync.paused(),
        path @ Path::AboveMax => sync.forced(current, input.spec.max_replicas, path),
        path @ Path::BelowMin => sync.forced(current, input.spec.min(), path),
        _ => sync.computed(scale, memory),
    }
}

impl Input<'_> {
    /// Whether the metrics decide this sync, so that a caller can spare asking for readings that nobody looks at:
    /// those of a workload that is paused, out of its bounds, or cannot be read. The readings given so far play no part.
    #[must_use]
    pub fn needs_readings(&self) -> bool {
        read_scale(self).is_ok_and(|scale| path(self, scale.spec_replicas) == Path::Computed)
    }
}

/// Which way through the sync the size takes.
fn path(input: &Input<'_>, current: i32) -> Path {
    let (min, max) = (input.spec.min(), input.spec.max_replicas);
    let computed = match input.config.compat.zero_rule {
        _ if current != 0 => current <= max && current >= min,
        ZeroRule::ByMinReplicas => min == 0,
        ZeroRule::ByCondition => zeroed(input) && (min != 0 || input.spec.has_object_or_external()),
    };
    if computed {
        Path::Computed
    } else if current == 0 {
        Path::Paused
    } else if current > max {
        Path::AboveMax
    } else {
        Path::BelowMin
    }
}

/// The second half of a sync: what follows from the write of `decision.new_size`, made at `now`, which failed with that
/// text or succeeded. Without a `new_size` this does nothing.
pub fn after_scale(
    input: &Input<'_>,
    decision: &mut Decision,
    written: Result<(), &str>,
    now: Time,
    memory: &mut Memory,
) {
    let (Some(new), Ok(scale)) = (decision.new_size, input.scale) else { return };
    let current = scale.spec_replicas;
    let Decision { status, events, rescale_reason, error, .. } = decision;
    let conditions = &mut status.conditions;
    if let Err(cause) = written {
        let message = format!("New size: {new}; reason: {rescale_reason}; error: {cause}");
        events.push(Event::warning("FailedRescale", message));
        condition::set(
            conditions,
            ABLE_TO_SCALE,
            ConditionStatus::False,
            "FailedUpdateScale",
            format!("the HPA controller was unable to update the target scale: {cause}"),
            now,
        );
        let message = format!("failed to rescale {}: {cause}", reference(input));
        *error = Some(SyncError { class: ErrorClass::Internal, message });
        return;
    }
    condition::set(
        conditions,
        ABLE_TO_SCALE,
        ConditionStatus::True,
        "SucceededRescale",
        format!("the HPA controller was able to update the target scale to {new}"),
        now,
    );
    events.push(Event::normal("SuccessfulRescale", format!("New size: {new}; reason: {rescale_reason}")));
    if let Some(behavior) = &input.spec.behavior {
        let (direction, rules) = if new > current {
            (Direction::Up, behavior.scale_up.as_ref())
        } else {
            (Direction::Down, behavior.scale_down.as_ref())
        };
        let longest = Rules::of(direction, rules, input.config).longest_period_seconds();
        memory.store_event(direction, new.saturating_sub(current).saturating_abs(), now, longest);
    }
    if input.config.compat.zero_rule == ZeroRule::ByCondition {
        if input.config.gates.scale_to_zero {
            let zeroed =
                current > 0 && new == 0 && input.spec.min() == 0 && input.spec.has_object_or_external();
            let (reason, message) = if zeroed {
                ("ScaledToZero", "the HPA controller scaled the workload to zero")
            } else {
                ("NotScaledToZero", "the HPA controller did not scale the workload to zero")
            };
            condition::set(conditions, SCALED_TO_ZERO, zeroed.into(), reason, message, now);
        } else {
            conditions.retain(|c| c.type_ != SCALED_TO_ZERO);
        }
    }
    status.desired_replicas = new;
    status.last_scale_time = Some(now);
}

/// Emitted by the caller if the status cannot be written.
#[must_use]
pub fn status_update_failed(cause: &str) -> Event {
    Event::warning("FailedUpdateStatus", cause)
}

fn zeroed(input: &Input<'_>) -> bool {
    input.config.gates.scale_to_zero && input.status.is_true(SCALED_TO_ZERO)
}

/// How the controller names the target in errors.
fn reference(input: &Input<'_>) -> String {
    let target = &input.spec.scale_target_ref;
    format!("{}/{}/{}", target.kind, input.namespace, target.name)
}

fn read_scale<'a>(input: &Input<'a>) -> Result<&'a Scale, (String, SyncError)> {
    let version = input.spec.scale_target_ref.api_version.as_deref().unwrap_or_default();
    if version.matches('/').count() > 1 {
        let cause = format!("unexpected GroupVersion string: {version}");
        let message = format!("invalid API version in scale target reference: {cause}");
        return Err((cause, SyncError { class: ErrorClass::Spec, message }));
    }
    input.scale.map_err(|cause| {
        let message = format!("failed to query scale subresource for {}: {cause}", reference(input));
        (cause.to_owned(), SyncError { class: ErrorClass::Internal, message })
    })
}

/// The parts of a decision while it is made.
struct Sync<'a> {
    input: &'a Input<'a>,
    conditions: Vec<Condition>,
    events: Vec<Event>,
    trace: Trace,
}

impl<'a> Sync<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        let mut conditions = Vec::with_capacity(input.status.conditions.len().max(4));
        conditions.extend(input.status.conditions.iter().cloned());
        let trace = Trace {
            at: input.now,
            current: 0,
            min: input.spec.min(),
            max: input.spec.max_replicas,
            sync_period_seconds: input.config.sync_period_seconds,
            path: Path::NoScale,
            metrics: Vec::new(),
            raw: None,
            stabilised: None,
            limited: None,
            desired: input.status.desired_replicas,
            reason: Reason::RecommendationFailed,
        };
        Self { input, conditions, events: Vec::new(), trace }
    }

    fn status(&mut self, current: i32, desired: i32) -> Status {
        Status {
            observed_generation: self.input.generation.filter(|_| self.input.config.gates.generation),
            last_scale_time: self.input.status.last_scale_time,
            current_replicas: current,
            desired_replicas: desired,
            current_metrics: Vec::new(),
            conditions: std::mem::take(&mut self.conditions),
        }
    }

    fn no_scale(mut self, (cause, error): (String, SyncError)) -> Decision {
        condition::set(
            &mut self.conditions,
            ABLE_TO_SCALE,
            ConditionStatus::False,
            "FailedGetScale",
            format!("the HPA controller was unable to get the target's current scale: {cause}"),
            self.input.now,
        );
        self.events.push(Event::warning("FailedGetScale", cause));
        self.trace.current = self.input.status.current_replicas;
        let status = Status { conditions: std::mem::take(&mut self.conditions), ..self.input.status.clone() };
        Decision {
            new_size: None,
            status,
            events: self.events,
            error: Some(error),
            trace: self.trace,
            rescale_reason: String::new(),
        }
    }

    fn paused(mut self) -> Decision {
        condition::set(
            &mut self.conditions,
            SCALING_ACTIVE,
            ConditionStatus::False,
            "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero",
            self.input.now,
        );
        let Config { compat, gates, .. } = *self.input.config;
        if compat.zero_rule == ZeroRule::ByCondition && !gates.scale_to_zero {
            self.conditions.retain(|c| c.type_ != SCALED_TO_ZERO);
        }
        self.trace.path = Path::Paused;
        self.trace.desired = 0;
        self.trace.reason = Reason::ScalingDisabled;
        let status = self.status(0, 0);
        self.finish(status, None, String::new(), None)
    }

    fn forced(mut self, current: i32, desired: i32, path: Path) -> Decision {
        self.trace.path = path;
        self.trace.desired = desired;
        self.trace.reason = Reason::ReplicaLimit;
        let reason = if path == Path::AboveMax { ABOVE_MAX } else { BELOW_MIN };
        let status = self.status(current, self.input.status.desired_replicas);
        self.finish(status, Some(desired), reason.to_owned(), None)
    }

    fn finish(
        self,
        status: Status,
        new_size: Option<i32>,
        rescale_reason: String,
        error: Option<SyncError>,
    ) -> Decision {
        Decision { new_size, status, events: self.events, error, trace: self.trace, rescale_reason }
    }

    fn computed(mut self, scale: &'a Scale, memory: &mut Memory) -> Decision {
        let input = self.input;
        let current = scale.spec_replicas;
        let tolerance = Tolerance::of(input.spec, input.config);
        let cx = Context { input, scale, tolerance };
        let Combined { best, error, statuses, traces } = combine(&cx, &mut self.conditions, &mut self.events);
        self.trace.metrics = traces;
        let Some((best, name)) = best else {
            return self.failed(current, statuses, error);
        };
        let raw = best.max(0);
        let mut reason = match raw.cmp(&current) {
            std::cmp::Ordering::Greater => format!("{name} above target"),
            std::cmp::Ordering::Less => "All metrics below target".to_owned(),
            std::cmp::Ordering::Equal => String::new(),
        };
        let (stabilised, limit) = self.normalise(current, raw, memory);
        let mut desired = limit.replicas;
        let min = input.spec.min();
        let wakes = input.config.compat.zero_rule == ZeroRule::ByCondition && current == 0 && zeroed(input);
        if wakes && min != 0 && desired < min {
            desired = min;
            if reason.is_empty() {
                BELOW_MIN.clone_into(&mut reason);
            }
        }
        self.trace.path = Path::Computed;
        self.trace.raw = Some(raw);
        self.trace.stabilised = Some(stabilised);
        self.trace.limited = Some(limit);
        self.trace.desired = desired;
        self.trace.reason = self.reason(raw, stabilised, limit, desired);
        let rescale = desired != current;
        let shown = if rescale { input.status.desired_replicas } else { desired };
        let mut status = self.status(current, shown);
        status.current_metrics = statuses;
        self.finish(status, rescale.then_some(desired), reason, error)
    }

    /// Stabilisation and limits, with their conditions.
    fn normalise(&mut self, current: i32, raw: i32, memory: &mut Memory) -> (Stabilisation, Limit) {
        let Input { spec, config, now, .. } = *self.input;
        let (min, max) = (spec.min(), spec.max_replicas);
        let recommendations = memory.seed(current, now);
        let (stabilised, limited, rate, held_word) = match &spec.behavior {
            Some(behavior) => {
                let rules = BothRules {
                    up: Rules::of(Direction::Up, behavior.scale_up.as_ref(), config),
                    down: Rules::of(Direction::Down, behavior.scale_down.as_ref(), config),
                };
                let stabilised = behavior::stabilise(recommendations, current, raw, &rules, now);
                let wanted = stabilised.replicas;
                let (limited, rate) = behavior::limit(current, wanted, (min, max), &rules, memory, now);
                let word = if raw >= current { Direction::Up } else { Direction::Down };
                (stabilised, limited, rate, word)
            }
            None => {
                let window = config.downscale_stabilization_seconds;
                let stabilised = legacy::stabilise(recommendations, raw, window, now);
                let wanted = stabilised.replicas;
                let limited = legacy::clamp(current, wanted, min, max, config);
                let rate = (wanted > current).then(|| Rate {
                    direction: Direction::Up,
                    allowed: legacy::up_limit(current, config),
                    rule: RateRule::Legacy,
                });
                (stabilised, limited, rate, Direction::Down)
            }
        };
        let (reason, message) = match (stabilised.replicas == raw, held_word) {
            (true, _) => ("ReadyForNewScale", "recommended size matches current size"),
            (false, Direction::Up) => (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            ),
            (false, Direction::Down) => (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            ),
        };
        condition::set(&mut self.conditions, ABLE_TO_SCALE, ConditionStatus::True, reason, message, now);
        let constraint = limited.constraint(stabilised.replicas);
        let cut = limited.replicas != stabilised.replicas;
        condition::set(
            &mut self.conditions,
            SCALING_LIMITED,
            cut.into(),
            limited.reason,
            limit_message(limited.reason),
            now,
        );
        (stabilised, Limit { replicas: limited.replicas, constraint, rate })
    }

    fn reason(&self, raw: i32, stabilised: Stabilisation, limit: Limit, desired: i32) -> Reason {
        let winner = self.trace.metrics.iter().find(|m| m.state == MetricState::Used);
        match limit.constraint {
            _ if desired != limit.replicas => Reason::ReplicaLimit,
            Some(Constraint::MinReplicas | Constraint::MaxReplicas) => Reason::ReplicaLimit,
            Some(_) => Reason::PolicyLimited,
            None if stabilised.replicas != raw => Reason::Stabilized,
            None if winner.is_some_and(|m| m.measured.is_some_and(|m| m.within)) => Reason::WithinTolerance,
            None => Reason::MetricRecommendation,
        }
    }

    fn failed(
        mut self,
        current: i32,
        statuses: Vec<crate::status::MetricStatus>,
        error: Option<SyncError>,
    ) -> Decision {
        let input = self.input;
        self.trace.path = Path::Failed;
        self.trace.desired = input.status.desired_replicas;
        self.trace.reason =
            if self.trace.metrics.is_empty() { Reason::RecommendationFailed } else { Reason::InvalidMetrics };
        let mut status = self.status(current, input.status.desired_replicas);
        status.current_metrics = statuses;
        let error = error.map(|SyncError { class, message }| {
            self.events.push(Event::warning("FailedComputeMetricsReplicas", message.clone()));
            let message = format!(
                "failed to compute desired number of replicas based on listed metrics for {}: {message}",
                reference(input)
            );
            SyncError { class, message }
        });
        self.finish(status, None, String::new(), error)
    }
}
