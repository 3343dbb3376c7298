//! The tolerance: the range of ratios around 1 that cause no change.

use serde::{Deserialize, Serialize};

use crate::compat::{Config, ToleranceCheck};
use crate::defaults::tolerance_of;
use crate::spec::Spec;

/// The allowed distance of a ratio from 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Distance below 1.
    pub down: f64,
    /// Distance above 1.
    pub up: f64,
    /// The comparison of the release.
    pub check: ToleranceCheck,
}

impl Tolerance {
    /// The tolerances of `behavior` if it sets them and the gate is on, else the controller's.
    #[must_use]
    pub fn from_spec(spec: &Spec, config: &Config) -> Self {
        let behavior = spec
            .behavior
            .as_ref()
            .filter(|_| config.gates.configurable_tolerance && config.compat.behavior_tolerance);
        let or_default = |rules| tolerance_of(rules).unwrap_or(config.tolerance);
        Self {
            down: or_default(behavior.and_then(|b| b.scale_down.as_ref())),
            up: or_default(behavior.and_then(|b| b.scale_up.as_ref())),
            check: config.compat.tolerance_check,
        }
    }

    /// Returns whether the ratio causes no change. Both ends of the range are inside; NaN and infinity are outside.
    #[must_use]
    pub fn contains(&self, ratio: f64) -> bool {
        match self.check {
            ToleranceCheck::Interval => 1.0 - self.down <= ratio && ratio <= 1.0 + self.up,
            ToleranceCheck::Distance => {
                let side = if ratio < 1.0 { self.down } else { self.up };
                (1.0 - ratio).abs() <= side
            }
        }
    }
}
