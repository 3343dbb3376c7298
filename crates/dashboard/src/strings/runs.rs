//! Words for the figures of a run and for the settings of its HPA.

use std::time::Duration;

use observed::ExternalTarget;
use text::figures::{count, measured, milli};

use crate::autoscaler::hpa_settings::HpaSettings;
use crate::bursts::runs::{Cell, Unit};

/// The difference of two equal figures.
const SAME: &str = "same";

impl Unit {
    /// A number in this unit.
    #[must_use]
    pub fn number(self, value: f64) -> String {
        match self {
            Self::Seconds => measured(Duration::try_from_secs_f64(value.max(0.0)).unwrap_or_default()),
            Self::Count => count(value),
            Self::Percent => format!("{value:.0} %"),
        }
    }

    /// The difference of two numbers in this unit, with its sign. Numbers that look the same are the same.
    #[must_use]
    pub fn difference(self, own: f64, other: f64) -> String {
        if self.number(own) == self.number(other) {
            return SAME.to_owned();
        }
        let sign = if own < other { "-" } else { "+" };
        format!("{sign}{}", self.number((own - other).abs()))
    }
}

impl Cell {
    /// The cell in that unit.
    #[must_use]
    pub fn words(self, unit: Unit) -> String {
        match self {
            Self::Open => "…".to_owned(),
            Self::Is(value) => unit.number(value),
            Self::About(value) => format!("≈{}", unit.number(value)),
            Self::Never(why) => why.to_owned(),
            Self::By(caveat) => caveat.short(),
        }
    }
}

impl HpaSettings {
    /// The settings in a few words: `20 avg, 1–10, ↓60 s`.
    #[must_use]
    pub fn words(&self) -> String {
        let target = match self.target {
            Some(ExternalTarget::AverageValue(per_pod)) => format!("{} avg", milli(per_pod)),
            Some(ExternalTarget::Value(total)) => format!("{} in all", milli(total)),
            None => "no target".to_owned(),
        };
        let window =
            |sign, seconds: Option<i32>| seconds.map_or_else(String::new, |s| format!(", {sign}{s} s"));
        let (up, down) = self.windows;
        let (up, down) = (window('↑', up.filter(|seconds| *seconds > 0)), window('↓', down));
        format!("{target}, {}–{}{up}{down}", self.min, self.max)
    }
}
