//! The autoscaler's settings at the start of a burst.

use observed::{ExternalTarget, Hpa};

/// The autoscaler's settings during a burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HpaSettings {
    /// The target, in milli-units, if it reads an External metric.
    pub target: Option<ExternalTarget>,
    /// The minimum of replicas.
    pub min: i32,
    /// The maximum of replicas.
    pub max: i32,
    /// Stabilisation windows of scaling up and down, in seconds.
    pub windows: (Option<i32>, Option<i32>),
}

impl HpaSettings {
    /// Reads the settings of an HPA.
    #[must_use]
    pub fn of(hpa: &Hpa) -> Self {
        let behavior = hpa.spec.as_ref().and_then(|spec| spec.behavior.as_ref());
        let window = |rules: Option<&hpa::spec::ScalingRules>| rules?.stabilization_window_seconds;
        Self {
            target: hpa.metric.as_ref().map(|metric| metric.target),
            min: hpa.min,
            max: hpa.max,
            windows: (
                window(behavior.and_then(|b| b.scale_up.as_ref())),
                window(behavior.and_then(|b| b.scale_down.as_ref())),
            ),
        }
    }

    /// The target in messages per worker; for Value, the total.
    #[must_use]
    pub fn per_worker(&self) -> Option<f64> {
        let (ExternalTarget::AverageValue(milli) | ExternalTarget::Value(milli)) = self.target?;
        (milli > 0).then_some(milli as f64 / 1_000.0)
    }
}
