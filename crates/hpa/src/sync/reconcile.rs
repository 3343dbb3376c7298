//! The first half of a sync, once its path (computed, forced, paused) is known.

use super::combine::{Combined, combine};
use super::decision::{Decision, SyncError};
use crate::compat::{Config, ZeroRule};
use crate::condition::{self, ABLE_TO_SCALE, SCALED_TO_ZERO, SCALING_ACTIVE, SCALING_LIMITED, limit_message};
use crate::event::Event;
use crate::input::{Input, Scale};
use crate::limits::behavior::{self, BothRules};
use crate::limits::legacy;
use crate::memory::Memory;
use crate::metric::Context;
use crate::spec::Direction;
use crate::status::{Condition, ConditionStatus, MetricStatus, Status};
use crate::tolerance::Tolerance;
use crate::trace::{Constraint, Limit, MetricState, Path, Rate, RateRule, Reason, Stabilisation, Trace};

const ABOVE_MAX: &str = "Current number of replicas above Spec.MaxReplicas";
const BELOW_MIN: &str = "Current number of replicas below Spec.MinReplicas";

/// A decision under construction.
pub(super) struct Reconcile<'a> {
    input: &'a Input<'a>,
    conditions: Vec<Condition>,
    events: Vec<Event>,
    trace: Trace,
}

impl<'a> Reconcile<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
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

    /// Begins a sync whose scale could be read.
    pub(super) fn with_scale(input: &'a Input<'a>, current: i32) -> Self {
        let mut reconcile = Self::new(input);
        condition::set(
            &mut reconcile.conditions,
            ABLE_TO_SCALE,
            ConditionStatus::True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
            input.now,
        );
        reconcile.trace.current = current;
        reconcile
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

    pub(super) fn no_scale(mut self, cause: String, error: SyncError) -> Decision {
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

    pub(super) fn paused(mut self) -> Decision {
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

    pub(super) fn forced(mut self, desired: i32, path: Path) -> Decision {
        let current = self.trace.current;
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

    pub(super) fn computed(mut self, scale: &'a Scale, memory: &mut Memory) -> Decision {
        let input = self.input;
        let current = scale.spec_replicas;
        let tolerance = Tolerance::from_spec(input.spec, input.config);
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
        let wakes = input.config.compat.zero_rule == ZeroRule::ByCondition
            && current == 0
            && input.was_scaled_to_zero();
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

    /// Applies stabilisation and limits and sets their conditions.
    fn normalise(&mut self, current: i32, raw: i32, memory: &mut Memory) -> (Stabilisation, Limit) {
        let Input { spec, config, now, .. } = *self.input;
        let (min, max) = (spec.min(), spec.max_replicas);
        let recommendations = memory.seed(current, now);
        let (stabilised, limited, rate, direction) = match &spec.behavior {
            Some(behavior) => {
                let rules = BothRules::new(behavior, config);
                let stabilised = behavior::stabilise(recommendations, current, raw, &rules, now);
                let wanted = stabilised.replicas;
                let (limited, rate) = behavior::limit(current, wanted, (min, max), &rules, memory, now);
                let direction = if raw >= current { Direction::Up } else { Direction::Down };
                (stabilised, limited, rate, direction)
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
        let (reason, message) = match (stabilised.replicas == raw, direction) {
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

    fn failed(mut self, current: i32, statuses: Vec<MetricStatus>, error: Option<SyncError>) -> Decision {
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
                input.target_name()
            );
            SyncError { class, message }
        });
        self.finish(status, None, String::new(), error)
    }
}
