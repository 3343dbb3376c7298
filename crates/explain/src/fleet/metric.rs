//! One metric of a row: its reading, its target, and the share of one in the other.

use hpa::spec::{Metric, Spec};
use hpa::status::{Current, Status};
use hpa::{Quantity, pairing};
use text::clean;

use crate::figure::Unit;
use crate::metric::{name, short_name};
use crate::strings;

/// A metric of an HPA.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// Its type, such as `Resource`.
    pub kind: String,
    /// Its name with selector, container or object, such as `depth{queue=Orders}`.
    pub name: String,
    /// Its name without them.
    pub short_name: String,
    /// The reading of the last sync; `None` without one.
    pub reading: Option<Amount>,
    /// The target.
    pub target: Option<Amount>,
    /// True if the status has an entry for it that is empty: the last sync could not read it.
    pub failed: bool,
}

impl MetricRow {
    /// The reading divided by the target.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let (reading, target) = (self.reading?.number(), self.target?.number());
        (target > 0.0).then(|| reading / target)
    }
}

/// A reading or a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Percent of the pods' requests.
    Percent(i32),
    /// An average per pod.
    PerPod(Number),
    /// A total.
    Total(Number),
}

/// A quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The thousandths.
    pub milli: i64,
    /// Its unit.
    pub unit: Unit,
}

impl Amount {
    /// The number, in units.
    #[must_use]
    pub fn number(self) -> f64 {
        match self {
            Self::Percent(percent) => f64::from(percent),
            Self::PerPod(number) | Self::Total(number) => number.milli as f64 / 1_000.0,
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => f.write_str(&strings::percent((*percent).into())),
            Self::PerPod(Number { milli, unit }) | Self::Total(Number { milli, unit }) => {
                f.write_str(&unit.format(*milli))
            }
        }
    }
}

/// The metrics of a specification, with their readings.
pub(super) fn rows(spec: &Spec, status: Option<&Status>) -> Vec<MetricRow> {
    let current = status.map_or(&[][..], |status| &status.current_metrics);
    // The controller keeps an empty entry for each metric that it could not read.
    let has_failure = current.iter().any(|entry| entry.current().is_none());
    spec.metrics
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let entry = pairing::current(&spec.metrics, index, current);
            let (target, reading) = amounts(metric, entry);
            MetricRow {
                kind: clean::text(&metric.type_),
                name: name(metric),
                short_name: short_name(metric),
                reading,
                target,
                failed: entry.is_none() && has_failure,
            }
        })
        .collect()
}

/// The target and the reading. As in the controller, the field that is set decides, and an average before a total.
fn amounts(metric: &Metric, current: Option<Current>) -> (Option<Amount>, Option<Amount>) {
    let Some(target) = metric.target() else { return (None, None) };
    let unit = Unit::of_samples(metric);
    let number = |quantity: Quantity| Some(Number { milli: quantity.milli().ok()?, unit });
    let both = |target: Quantity, reading: Option<Quantity>, of: fn(Number) -> Amount| {
        (number(target).map(of), reading.and_then(number).map(of))
    };
    // For Object metrics the type decides, because only they accept both.
    let prefers_total = metric.type_ == "Object" && target.type_ == "Value";
    match (target.average_value, target.average_utilization, target.value) {
        (Some(average), ..) if !prefers_total => {
            both(average, current.and_then(|current| current.average_value), Amount::PerPod)
        }
        (_, Some(percent), _) => {
            let reading = current.and_then(|current| current.average_utilization);
            (Some(Amount::Percent(percent)), reading.map(Amount::Percent))
        }
        (_, _, Some(total)) => both(total, current.and_then(|current| current.value), Amount::Total),
        _ => (None, None),
    }
}
