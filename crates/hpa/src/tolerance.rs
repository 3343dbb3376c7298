//! Whether a ratio is near enough to 1.

use serde::{Deserialize, Serialize};

use crate::compat::{Config, ToleranceForm};
use crate::defaults::tolerance_of;
use crate::spec::Spec;

/// How far below and above 1 a ratio may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Below.
    pub down: f64,
    /// Above.
    pub up: f64,
    /// How the comparison is made.
    pub form: ToleranceForm,
}

impl Tolerance {
    /// The controller's tolerance, or that of `behavior` where it says one and the gate is on.
    #[must_use]
    pub fn of(spec: &Spec, config: &Config) -> Self {
        let behavior = spec
            .behavior
            .as_ref()
            .filter(|_| config.gates.configurable_tolerance && config.compat.behavior_tolerance);
        let of = |rules| tolerance_of(rules).unwrap_or(config.tolerance);
        Self {
            down: of(behavior.and_then(|b| b.scale_down.as_ref())),
            up: of(behavior.and_then(|b| b.scale_up.as_ref())),
            form: config.compat.tolerance_form,
        }
    }

    /// Whether nothing is to be done at that ratio. Both ends are inside; NaN and infinity are not.
    #[must_use]
    pub fn contains(&self, ratio: f64) -> bool {
        match self.form {
            ToleranceForm::Interval => 1.0 - self.down <= ratio && ratio <= 1.0 + self.up,
            ToleranceForm::Distance => {
                let side = if ratio < 1.0 { self.down } else { self.up };
                (1.0 - ratio).abs() <= side
            }
        }
    }
}
