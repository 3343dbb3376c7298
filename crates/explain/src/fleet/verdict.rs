//! The verdict about one HPA, from its conditions, sizes and metrics.
//!
//! Source of the reasons: `pkg/controller/podautoscaler/horizontal.go`. Conditions that a sync does not reach keep their old
//! value, so the first condition in the order of the sync decides.

use hpa::condition::{ABLE_TO_SCALE, SCALED_TO_ZERO, SCALING_ACTIVE, SCALING_LIMITED};
use hpa::spec::{Direction, Spec};
use hpa::status::{Condition, ConditionStatus, Status};
use jiff::Timestamp;
use observed::scaled_object::Hold;

use super::metric::{Amount, MetricRow};
use text::clean;

/// The state of an HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The controller has never written a status.
    NotSynced {
        /// `metadata.creationTimestamp`.
        since: Option<Timestamp>,
    },
    /// The controller has not synced the newest specification.
    Outdated,
    /// The scale target does not exist.
    TargetMissing,
    /// The controller cannot read the target's scale.
    TargetUnreadable {
        /// The controller's message.
        message: String,
    },
    /// The controller cannot write the target's scale.
    TargetUnwritable {
        /// The controller's message.
        message: String,
    },
    /// Metrics without a reading.
    Unreadable {
        /// Their names.
        metrics: Vec<String>,
        /// True if another metric still gives sizes: only scale-down is blocked.
        only_down: bool,
        /// The controller's message.
        message: String,
    },
    /// The controller calculates nothing for another reason, such as `AmbiguousSelector`.
    Inactive {
        /// The reason of the condition.
        reason: String,
        /// The controller's message.
        message: String,
    },
    /// The target has no replicas, and the HPA did not do that: it waits until the target has some.
    Paused,
    /// An annotation of the ScaledObject holds the target: KEDA has removed the HPA.
    PausedByKeda(Hold),
    /// The HPA or KEDA scaled the target to zero.
    ScaledToZero {
        /// True if KEDA did.
        by_keda: bool,
    },
    /// The size is at the maximum, and the metrics ask for more.
    AtMax,
    /// The stabilisation window holds the size.
    HeldByWindow(Direction),
    /// A policy of `behavior` limits the size.
    LimitedByPolicy(Direction),
    /// `behavior` switches the direction off that the metrics ask for.
    Disabled(Direction),
    /// The last sync changed the size.
    Scaling(Direction),
    /// The size is at the minimum, and the metrics ask for no more.
    AtMin,
    /// Minimum and maximum are the same.
    Fixed,
    /// The size is the one that the metrics ask for.
    Steady,
}

/// The weight of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tone {
    /// The HPA cannot do its work.
    Failing,
    /// The HPA works, and a limit holds it back.
    Limited,
    /// The size changes.
    Moving,
    /// The HPA waits by intention.
    Resting,
    /// Nothing to do.
    Fine,
}

impl Verdict {
    /// The weight.
    #[must_use]
    pub fn tone(&self) -> Tone {
        match self {
            Self::NotSynced { .. }
            | Self::TargetMissing
            | Self::TargetUnreadable { .. }
            | Self::TargetUnwritable { .. }
            | Self::Unreadable { .. }
            | Self::Inactive { .. } => Tone::Failing,
            Self::AtMax | Self::LimitedByPolicy(_) | Self::Disabled(_) | Self::Outdated => Tone::Limited,
            Self::Scaling(_) | Self::HeldByWindow(_) => Tone::Moving,
            Self::Paused | Self::PausedByKeda(_) | Self::ScaledToZero { .. } => Tone::Resting,
            Self::AtMin | Self::Fixed | Self::Steady => Tone::Fine,
        }
    }

    /// The name in JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSynced { .. } => "not-synced",
            Self::Outdated => "outdated",
            Self::TargetMissing => "target-missing",
            Self::TargetUnreadable { .. } => "target-unreadable",
            Self::TargetUnwritable { .. } => "target-unwritable",
            Self::Unreadable { only_down: false, .. } => "metric-unreadable",
            Self::Unreadable { only_down: true, .. } => "scale-down-blocked",
            Self::Inactive { .. } => "inactive",
            Self::Paused => "paused",
            Self::PausedByKeda(_) => "paused-by-keda",
            Self::ScaledToZero { .. } => "scaled-to-zero",
            Self::AtMax => "at-max",
            Self::HeldByWindow(_) => "held-by-window",
            Self::LimitedByPolicy(_) => "limited-by-policy",
            Self::Disabled(_) => "disabled",
            Self::Scaling(Direction::Up) => "scaling-up",
            Self::Scaling(Direction::Down) => "scaling-down",
            Self::AtMin => "at-min",
            Self::Fixed => "fixed",
            Self::Steady => "steady",
        }
    }

    /// The controller's own message, where the verdict is about a failure.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::TargetUnreadable { message }
            | Self::TargetUnwritable { message }
            | Self::Unreadable { message, .. }
            | Self::Inactive { message, .. } => Some(message),
            _ => None,
        }
    }
}

/// The inputs of a verdict.
pub(super) struct Facts<'a> {
    pub(super) spec: &'a Spec,
    /// `None` before the first sync.
    pub(super) status: Option<&'a Status>,
    pub(super) metrics: Vec<MetricRow>,
    pub(super) is_keda: bool,
    pub(super) generation: Option<i64>,
    pub(super) created: Option<Timestamp>,
}

impl Facts<'_> {
    fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status?.condition(kind)
    }

    /// The reason of a condition that is `status`.
    fn reason(&self, kind: &str, status: ConditionStatus) -> Option<&str> {
        self.condition(kind)
            .filter(|condition| condition.status == status)
            .map(|condition| &*condition.reason)
    }

    /// The size after the last sync. A first sync without a reading leaves a meaningless 0.
    pub(super) fn desired(&self) -> Option<i32> {
        let status = self.status?;
        let has_reading = self.metrics.iter().any(|metric| metric.reading.is_some());
        (has_reading || status.desired_replicas > 0 || status.current_replicas == 0)
            .then_some(status.desired_replicas)
    }

    /// The metric that gave the last size: the one that the condition ScalingActive names, else the one with the largest share.
    pub(super) fn winner(&self) -> Option<usize> {
        let message = self
            .condition(SCALING_ACTIVE)
            .filter(|condition| condition.reason == "ValidMetricFound")
            .map_or("", |condition| &*condition.message);
        let is_named = |index: &usize| {
            let metric = self.spec.metrics.get(*index).map(hpa::metric::describe);
            metric.is_some_and(|metric| message.ends_with(&format!(" from {metric}")))
        };
        let read = (0..self.metrics.len()).filter(|index| self.share(*index).is_some());
        let mut named = read.clone().filter(is_named);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(only),
            // Two containers, for example, have one name there.
            (Some(_), Some(_)) => self.largest(read.filter(is_named)),
            (None, _) => self.largest(read),
        }
    }

    fn share(&self, index: usize) -> Option<f64> {
        self.metrics[index].share()
    }

    fn largest(&self, indices: impl Iterator<Item = usize>) -> Option<usize> {
        // The first of equals wins, as in the controller.
        indices.reduce(|best, other| if self.share(other) > self.share(best) { other } else { best })
    }

    /// Estimate of the size that the metrics ask for, where a limit or a window changed it.
    pub(super) fn wants(&self) -> Option<i32> {
        let status = self.status?;
        let is_limited = self.reason(SCALING_LIMITED, ConditionStatus::True).is_some();
        let is_held = self.held().is_some();
        let is_active = status.is_true(SCALING_ACTIVE) && status.is_true(ABLE_TO_SCALE);
        if !is_active || !(is_limited || is_held) || status.current_replicas == 0 {
            return None;
        }
        let metric = self.metrics.get(self.winner()?)?;
        let pods = f64::from(status.current_replicas);
        let size = match (metric.reading?, metric.target?) {
            // The controller rounds the average up; the total was above the next smaller average.
            (Amount::PerPod(reading), Amount::PerPod(target))
                if matches!(&*metric.kind, "External" | "Object") =>
            {
                let least_total = (reading.milli as f64 - 1.0) * pods + 1.0;
                (least_total / target.milli as f64).ceil()
            }
            _ => (metric.share()? * pods).ceil(),
        };
        // Saturates.
        let size = size as i32;
        // At the minimum, nothing holds a smaller size back.
        let is_at_min = status.current_replicas <= self.spec.min() && size < self.spec.min();
        (!is_at_min).then_some(size)
    }

    /// The direction that a stabilisation window holds.
    fn held(&self) -> Option<Direction> {
        match self.reason(ABLE_TO_SCALE, ConditionStatus::True)? {
            "ScaleDownStabilized" => Some(Direction::Down),
            "ScaleUpStabilized" => Some(Direction::Up),
            _ => None,
        }
    }

    /// Returns true if `behavior` switches a direction off.
    fn is_disabled(&self, direction: Direction) -> bool {
        let behavior = self.spec.behavior.as_ref();
        let rules = behavior.and_then(|behavior| match direction {
            Direction::Up => behavior.scale_up.as_ref(),
            Direction::Down => behavior.scale_down.as_ref(),
        });
        rules.is_some_and(|rules| rules.select_policy.as_deref() == Some("Disabled"))
    }

    pub(super) fn verdict(&self) -> Verdict {
        let Some(status) = self.status else { return Verdict::NotSynced { since: self.created } };
        if let Some(observed) = status.observed_generation
            && self.generation.is_some_and(|generation| observed < generation)
        {
            return Verdict::Outdated;
        }
        self.unable().or_else(|| self.inactive(status)).unwrap_or_else(|| self.at_work(status))
    }

    /// The verdict if the controller cannot read or write the scale.
    fn unable(&self) -> Option<Verdict> {
        let condition = self.condition(ABLE_TO_SCALE).filter(|c| c.status == ConditionStatus::False)?;
        let message = clean::text(&condition.message);
        Some(match &*condition.reason {
            "FailedGetScale" if message.ends_with(" not found") => Verdict::TargetMissing,
            "FailedGetScale" => Verdict::TargetUnreadable { message },
            "FailedUpdateScale" => Verdict::TargetUnwritable { message },
            reason => Verdict::Inactive { reason: clean::text(reason), message },
        })
    }

    /// The verdict if the controller calculates no size, or must not scale down.
    fn inactive(&self, status: &Status) -> Option<Verdict> {
        let unread = || -> Vec<String> {
            self.metrics
                .iter()
                .filter(|metric| metric.reading.is_none())
                .map(|metric| metric.name.clone())
                .collect()
        };
        if let Some(condition) = self.condition(SCALING_ACTIVE).filter(|c| c.status == ConditionStatus::False)
        {
            let message = clean::text(&condition.message);
            return Some(match &*condition.reason {
                "ScalingDisabled" if status.is_true(SCALED_TO_ZERO) => {
                    Verdict::ScaledToZero { by_keda: false }
                }
                "ScalingDisabled" if self.is_keda => Verdict::ScaledToZero { by_keda: true },
                "ScalingDisabled" => Verdict::Paused,
                reason if reason.starts_with("FailedGet") => {
                    Verdict::Unreadable { metrics: unread(), only_down: false, message }
                }
                reason => Verdict::Inactive { reason: clean::text(reason), message },
            });
        }
        let failed: Vec<String> =
            self.metrics.iter().filter(|metric| metric.failed).map(|metric| metric.name.clone()).collect();
        (!failed.is_empty()).then(|| Verdict::Unreadable {
            metrics: failed,
            only_down: true,
            message: String::new(),
        })
    }

    /// The verdict if the last sync gave a size.
    fn at_work(&self, status: &Status) -> Verdict {
        let (current, desired) = (status.current_replicas, status.desired_replicas);
        if current == 0 && desired == 0 {
            return Verdict::ScaledToZero { by_keda: self.is_keda };
        }
        let is_fixed = self.spec.min() == self.spec.max_replicas;
        let limit = self.reason(SCALING_LIMITED, ConditionStatus::True);
        match limit {
            _ if is_fixed && current == desired => Verdict::Fixed,
            Some("TooManyReplicas") => Verdict::AtMax,
            Some("ScaleUpLimit") if self.is_disabled(Direction::Up) => Verdict::Disabled(Direction::Up),
            Some("ScaleDownLimit") if self.is_disabled(Direction::Down) => Verdict::Disabled(Direction::Down),
            Some("ScaleUpLimit") => Verdict::LimitedByPolicy(Direction::Up),
            Some("ScaleDownLimit") => Verdict::LimitedByPolicy(Direction::Down),
            _ if desired > current => Verdict::Scaling(Direction::Up),
            _ if desired < current => Verdict::Scaling(Direction::Down),
            _ => match (self.held(), limit) {
                (Some(Direction::Up), _) => Verdict::HeldByWindow(Direction::Up),
                _ if current <= self.spec.min() => Verdict::AtMin,
                (Some(direction), _) => Verdict::HeldByWindow(direction),
                (None, Some("TooFewReplicas")) => Verdict::AtMin,
                _ => Verdict::Steady,
            },
        }
    }
}
