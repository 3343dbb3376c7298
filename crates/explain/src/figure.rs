//! Figures of metrics for people.

use hpa::quantity::{bytes, format_milli, grouped};
use hpa::spec::Metric;
use hpa::trace::{Measured, TargetType};

use crate::strings;

/// The unit of a metric's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number without a unit, in thousandths.
    Number,
    /// Cores, in thousandths.
    Cores,
    /// Bytes, in thousandths.
    Bytes,
    /// Percent of the requests.
    Percent,
}

impl Unit {
    /// The unit of a metric's samples.
    #[must_use]
    pub fn of_samples(metric: &Metric) -> Self {
        let resource = metric.resource.as_ref().map(|source| source.name.as_str());
        match resource.or(metric.container_resource.as_ref().map(|source| source.name.as_str())) {
            Some("cpu") => Self::Cores,
            Some("memory") => Self::Bytes,
            Some(name) if name.starts_with("hugepages-") => Self::Bytes,
            _ => Self::Number,
        }
    }

    /// The unit of a metric's usage and target.
    #[must_use]
    pub fn of(metric: &Metric, measured: &Measured) -> Self {
        match measured.target_type {
            TargetType::Utilization => Self::Percent,
            TargetType::Value | TargetType::AverageValue => Self::of_samples(metric),
        }
    }

    /// A figure in this unit: `41 %`, `250m`, `6.2 Mi`, `194.5`.
    #[must_use]
    pub fn format(self, value: i64) -> String {
        match self {
            Self::Percent => strings::percent(value),
            Self::Bytes => bytes(value),
            // Below one core, the milli form is the usual one.
            Self::Cores if value.unsigned_abs() < 1_000 => {
                format_milli(value, hpa::quantity::Format::DecimalSi)
            }
            Self::Cores | Self::Number => grouped(value),
        }
    }
}

/// A ratio as percent, such as `85 %`.
#[must_use]
pub fn share(ratio: f64) -> String {
    // `as` saturates.
    strings::percent((ratio * 100.0).round() as i64)
}

/// A ratio with enough digits to compare it with the edges of the tolerance.
#[must_use]
pub fn ratio(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_people() {
        for (unit, value, text) in [
            (Unit::Number, 194_500, "194.5"),
            (Unit::Number, 1_500_000, "1,500"),
            (Unit::Bytes, 6_320 * 1_024 * 1_000, "6.2 Mi"),
            (Unit::Cores, 250, "250m"),
            (Unit::Cores, 1_500, "1.5"),
            (Unit::Percent, 41, "41 %"),
        ] {
            assert_eq!(unit.format(value), text);
        }
        assert_eq!((share(0.854), ratio(0.854)), ("85 %".to_owned(), "0.85".to_owned()));
    }
}
