//! Defaults that the API server sets.
//!
//! Source: `pkg/apis/autoscaling/v2/defaults.go`.

use crate::quantity::Quantity;
use crate::spec::{Behavior, Direction, Metric, Policy, ResourceMetric, ScalingRules, Spec, Target};

/// Sets absent fields: `minReplicas` 1, a target of 80 % CPU without metrics, and, only if there is a `behavior`, the
/// rules of both directions.
pub fn default_spec(spec: &mut Spec) {
    spec.min_replicas.get_or_insert(1);
    if spec.metrics.is_empty() {
        spec.metrics.push(Metric {
            type_: "Resource".to_owned(),
            resource: Some(ResourceMetric {
                name: "cpu".to_owned(),
                target: Target {
                    type_: "Utilization".to_owned(),
                    average_utilization: Some(80),
                    ..Target::default()
                },
            }),
            ..Metric::default()
        });
    }
    if let Some(behavior) = &mut spec.behavior {
        default_behavior(behavior);
    }
}

/// Sets the absent fields of the rules of both directions.
pub fn default_behavior(behavior: &mut Behavior) {
    behavior.scale_up = Some(default_rules(Direction::Up, behavior.scale_up.as_ref()));
    behavior.scale_down = Some(default_rules(Direction::Down, behavior.scale_down.as_ref()));
}

/// The rules of one direction with defaults for absent fields. The scale-down window stays absent: the controller uses
/// its own setting when it decides.
#[must_use]
pub fn default_rules(direction: Direction, rules: Option<&ScalingRules>) -> ScalingRules {
    let given = rules.cloned().unwrap_or_default();
    let percent = || Policy { type_: "Percent".to_owned(), value: 100, period_seconds: 15 };
    let (window, policies) = match direction {
        Direction::Up => {
            (Some(0), vec![Policy { type_: "Pods".to_owned(), value: 4, period_seconds: 15 }, percent()])
        }
        Direction::Down => (None, vec![percent()]),
    };
    ScalingRules {
        stabilization_window_seconds: given.stabilization_window_seconds.or(window),
        select_policy: given.select_policy.or_else(|| Some("Max".to_owned())),
        policies: given.policies.or(Some(policies)),
        tolerance: given.tolerance,
    }
}

/// The tolerance of one direction, if the object sets one.
#[must_use]
pub fn tolerance_of(rules: Option<&ScalingRules>) -> Option<f64> {
    rules.and_then(|r| r.tolerance.as_ref()).map(Quantity::to_f64)
}
