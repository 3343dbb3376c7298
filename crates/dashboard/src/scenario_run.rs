//! A scenario that runs on the target: its engine, and the actions that it waits for.

use std::collections::VecDeque;
use std::time::Duration;

use scenario::engine::{Action, Engine};
use scenario::file::Part;
use scenario::settings::{MetricTarget, Rules, Settings};

use crate::clock::At;
use crate::edits::{Edit, TargetKind};
use crate::reported::Drill;
use hpa::selection::first_external;
use hpa::spec::Direction;

/// A scenario that runs, or ran last.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioRun {
    /// Its engine.
    pub engine: Engine,
    /// The time at which it began.
    pub since: At,
    /// The state before it.
    pub(crate) before: Before,
    /// Actions with an answer that are not carried out yet; one is under way at a time.
    pub(crate) waiting: VecDeque<Action>,
    /// The action whose answer is awaited.
    pub(crate) asked: Option<Action>,
    /// True if the dashboard ends when the run is over.
    pub(crate) quits: bool,
}

/// The state before a run, and the numbers that only the run counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// Number of the newest burst.
    pub(crate) burst: u32,
    /// Messages that the broker had lost.
    pub(crate) lost: u64,
    /// The rate that the user had chosen.
    pub(crate) rate: f64,
    /// The longest wait of a job since then.
    pub(crate) longest_wait: Option<Duration>,
}

impl ScenarioRun {
    /// Returns true until the run is over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.engine.result().is_none()
    }
}

/// The part of the chain that a drill stops.
#[must_use]
pub fn drill(part: Part) -> Drill {
    match part {
        Part::Exporter => Drill::Exporter,
        Part::Prometheus => Drill::Prometheus,
        Part::Broker => Drill::Broker,
    }
}

/// The edits that make these settings in a specification.
#[must_use]
pub fn edits(settings: &Settings, spec: &hpa::Spec) -> Vec<Edit> {
    let metric = first_external(&spec.metrics).map(|found| found.index);
    let now = Settings::of(spec);
    let mut edits: Vec<Edit> = settings.min.map(Edit::Min).into_iter().collect();
    edits.extend(settings.max.map(Edit::Max));
    if let (Some(target), Some(metric)) = (&settings.target, metric) {
        let (kind, quantity) = match target {
            MetricTarget::AverageValue(quantity) => (TargetKind::AverageValue, quantity),
            MetricTarget::Value(quantity) => (TargetKind::Value, quantity),
        };
        edits.push(Edit::Target { metric, kind, quantity: quantity.to_string() });
    }
    let directions = [(Direction::Up, &settings.up, &now.up), (Direction::Down, &settings.down, &now.down)];
    for (direction, rules, now) in directions {
        let Rules { window, select, policies } = rules;
        if window.is_some() {
            edits.push(Edit::Window { direction, seconds: *window });
        }
        if select.is_some() || policies.is_some() {
            let select = select.clone().or_else(|| now.select.clone()).unwrap_or_else(|| "Max".to_owned());
            let policies = policies.clone().or_else(|| now.policies.clone()).unwrap_or_default();
            edits.push(Edit::Policies { direction, select, policies });
        }
    }
    edits
}
