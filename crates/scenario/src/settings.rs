//! Changes of an HPA's settings, with the names of Kubernetes. Absent fields keep their values.

use hpa::Quantity;
use hpa::selection::first_external;
use hpa::spec::{Behavior, Policy, ScalingRules, Spec, Target};

/// The settings that a scenario may change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// `minReplicas`.
    pub min: Option<i32>,
    /// `maxReplicas`.
    pub max: Option<i32>,
    /// The target of the first External metric.
    pub target: Option<MetricTarget>,
    /// `behavior.scaleUp`.
    pub up: Rules,
    /// `behavior.scaleDown`.
    pub down: Rules,
}

/// A target of an External metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricTarget {
    /// `averageValue`: per pod.
    AverageValue(Quantity),
    /// `value`: for the total.
    Value(Quantity),
}

/// The rules of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// `stabilizationWindowSeconds`.
    pub window: Option<i32>,
    /// `selectPolicy`: `Max`, `Min` or `Disabled`.
    pub select: Option<String>,
    /// `policies`.
    pub policies: Option<Vec<Policy>>,
}

impl Settings {
    /// Returns true if it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The settings of a specification, as far as a scenario may change them.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let target = first_external(&spec.metrics).and_then(|found| {
            let target = spec.metrics.get(found.index)?.target()?;
            let average = target.average_value.map(MetricTarget::AverageValue);
            average.or_else(|| target.value.map(MetricTarget::Value))
        });
        let rules = |of: fn(&Behavior) -> Option<&ScalingRules>| {
            let rules = spec.behavior.as_ref().and_then(of).cloned().unwrap_or_default();
            Rules {
                window: rules.stabilization_window_seconds,
                select: rules.select_policy,
                policies: rules.policies,
            }
        };
        Self {
            min: spec.min_replicas,
            max: Some(spec.max_replicas),
            target,
            up: rules(|behavior| behavior.scale_up.as_ref()),
            down: rules(|behavior| behavior.scale_down.as_ref()),
        }
    }

    /// These settings, and those of `other` where this one has none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rules = |own: Rules, other: Rules| Rules {
            window: own.window.or(other.window),
            select: own.select.or(other.select),
            policies: own.policies.or(other.policies),
        };
        Self {
            min: self.min.or(other.min),
            max: self.max.or(other.max),
            target: self.target.or(other.target),
            up: rules(self.up, other.up),
            down: rules(self.down, other.down),
        }
    }

    /// Changes a specification.
    pub fn apply(&self, spec: &mut Spec) {
        if let Some(min) = self.min {
            spec.min_replicas = Some(min);
        }
        if let Some(max) = self.max {
            spec.max_replicas = max;
        }
        if let Some(target) = &self.target
            && let Some(found) = first_external(&spec.metrics)
            && let Some(metric) = spec.metrics[found.index].external.as_mut()
        {
            metric.target = match target {
                MetricTarget::AverageValue(quantity) => Target {
                    type_: "AverageValue".to_owned(),
                    average_value: Some(*quantity),
                    ..Target::default()
                },
                MetricTarget::Value(quantity) => {
                    Target { type_: "Value".to_owned(), value: Some(*quantity), ..Target::default() }
                }
            };
        }
        if self.up != Rules::default() {
            let behavior = spec.behavior.get_or_insert_default();
            self.up.apply(behavior.scale_up.get_or_insert_default());
        }
        if self.down != Rules::default() {
            let behavior = spec.behavior.get_or_insert_default();
            self.down.apply(behavior.scale_down.get_or_insert_default());
        }
    }
}

impl Rules {
    fn apply(&self, rules: &mut ScalingRules) {
        if let Some(window) = self.window {
            rules.stabilization_window_seconds = Some(window);
        }
        if let Some(select) = &self.select {
            rules.select_policy = Some(select.clone());
        }
        if let Some(policies) = &self.policies {
            rules.policies = Some(policies.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_only_their_fields() {
        let mut spec: Spec = serde_json::from_value(serde_json::json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 10,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        }))
        .unwrap();
        let before = Settings::of(&spec);
        let change = Settings {
            max: Some(4),
            target: Some(MetricTarget::Value("80".parse().unwrap())),
            down: Rules { select: Some("Disabled".to_owned()), ..Rules::default() },
            ..Settings::default()
        };
        change.apply(&mut spec);
        assert_eq!(Settings::of(&spec), change.clone().or(before.clone()));
        assert_eq!(Settings::of(&spec).down.window, Some(60));
        before.apply(&mut spec);
        assert_eq!(Settings::of(&spec).target, before.target);
        assert!(Settings::default().is_empty() && !change.is_empty());
    }
}
