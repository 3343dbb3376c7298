//! One run: its origin, its data at the end, what the replay collected, and the results of a scenario.

use std::time::Duration;

use dashboard::bursts::burst::Burst;
use dashboard::bursts::runs::{Cell, Figure, Unit, cell};
use dashboard::chain::beliefs::ChainHop;
use dashboard::clock::{At, DayClock};
use dashboard::data::Data;
use dashboard::message::Timestamped;
use dashboard::model::Model;
use dashboard::update::update;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use text::clean;

use crate::story::Story;
use crate::strings;

/// The facts about a file and the program that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The name of the file, without its folder.
    pub name: String,
    /// The program that wrote it, with its version.
    pub program: String,
    /// The version of the API server, if known.
    pub kubernetes: Option<String>,
    /// The start of the run.
    pub started: Timestamp,
    /// The time of the run at which the recording begins.
    pub begins: At,
    /// True if names are replaced.
    pub is_redacted: bool,
    /// Sentences about what the file does not have, such as a torn last line or sources that an import cannot know.
    pub missing: Vec<String>,
}

/// The result of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It held.
    Held,
    /// It did not hold.
    Failed,
    /// It could not be decided.
    Unknown,
}

/// An expectation of a scenario and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The expectation as the scenario has it, such as `lost == 0`.
    pub expectation: String,
    /// The measured value with its unit, or the reason why there is none.
    pub measured: String,
    /// The result.
    pub outcome: Outcome,
}

/// The results of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The name of the scenario.
    pub scenario: String,
    /// Its expectations.
    pub checks: Vec<Check>,
}

impl Results {
    /// Reads the results that `surge run --output json` writes, by `docs/schema/run.json`: the expectations, and the steps that
    /// did not hold. `None` if the document has another form.
    #[must_use]
    pub fn read(document: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(clean::text);
        let outcome = |entry: &Value| match entry["verdict"].as_str() {
            Some("held") => Outcome::Held,
            Some("failed") => Outcome::Failed,
            _ => Outcome::Unknown,
        };
        let measured = |entry: &Value| {
            let number = entry["measured"].as_f64().map(|number| {
                let about = if entry["estimate"] == Value::Bool(true) { "≈" } else { "" };
                format!("{about}{}", (number * 1_000.0).round() / 1_000.0)
            });
            number.into_iter().chain(text(&entry["reason"])).collect::<Vec<_>>().join(": ")
        };
        let check = |entry: &Value, name: &str| {
            let expectation = text(&entry[name])?;
            Some(Check { expectation, measured: measured(entry), outcome: outcome(entry) })
        };
        let expectations =
            document["expectations"].as_array()?.iter().map(|entry| check(entry, "expectation"));
        let steps = document["steps"].as_array()?.iter();
        let steps = steps.filter(|step| outcome(step) != Outcome::Held).map(|step| check(step, "title"));
        let checks = expectations.chain(steps).collect::<Option<Vec<Check>>>()?;
        Some(Self { scenario: text(&document["scenario"])?, checks })
    }

    /// The number of expectations with that result.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    /// The result of all expectations: a failed one decides, then an unknown one.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        [Outcome::Failed, Outcome::Unknown]
            .into_iter()
            .find(|outcome| self.count(*outcome) > 0)
            .unwrap_or(Outcome::Held)
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The file.
    pub origin: Origin,
    /// The data at the end of the run.
    pub data: Data,
    /// The facts of the replay.
    pub story: Story,
    /// The results, if the run came from a scenario.
    pub results: Option<Results>,
}

/// A figure of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    /// The length of the run.
    Length,
    /// A figure of its bursts: the sum of counts, else the worst one.
    Bursts(Figure),
    /// The number of rescales.
    Rescales,
    /// The worst lag of a hop.
    Lag(ChainHop),
}

impl Total {
    /// All of them, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let lags = ChainHop::ALL.into_iter().filter(|hop| *hop != ChainHop::Broker).map(Self::Lag);
        [Self::Length]
            .into_iter()
            .chain(Figure::ALL.into_iter().map(Self::Bursts))
            .chain([Self::Rescales])
            .chain(lags)
    }

    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::Length | Self::Lag(_) => Unit::Seconds,
            Self::Bursts(figure) => figure.unit(),
            Self::Rescales => Unit::Count,
        }
    }
}

impl Run {
    /// Replays the events of a recording. `zone` is the time zone of the times of day.
    #[must_use]
    pub fn replay(origin: Origin, zone: TimeZone, events: impl IntoIterator<Item = Timestamped>) -> Self {
        let mut model = Model::new(DayClock::new(origin.started, zone), (120, 40));
        let mut story = Story::default();
        for stamped in events {
            // A replay has no cluster to carry the effects out on.
            let _effects = update(&mut model, stamped);
            story.observe(&model.data);
        }
        Self { origin, data: model.data, story, results: None }
    }

    /// A figure of the whole run; `None` if the run has nothing that it could be about.
    pub(crate) fn total(&self, total: Total) -> Option<Cell> {
        let data = &self.data;
        let seconds = |duration: Duration| Cell::Is(duration.as_secs_f64());
        match total {
            Total::Length => Some(seconds(self.length())),
            Total::Rescales => data.hpa.get().map(|_| Cell::Is(self.story.rescales().len() as f64)),
            Total::Lag(hop) => {
                let of_metrics = hop == ChainHop::Hpa && !data.has_queue();
                let worst = if of_metrics {
                    data.metric_beliefs.get(0)?;
                    self.story.worst_status_lag()
                } else {
                    data.beliefs.get(hop)?;
                    self.story.worst_lag(hop)
                };
                Some(match worst {
                    Some(worst) if worst.lag.is_lower_bound => Cell::About(worst.lag.by.as_secs_f64()),
                    Some(worst) => seconds(worst.lag.by),
                    None => Cell::Never(strings::NO_LAG),
                })
            }
            Total::Bursts(Figure::PodSeconds) => {
                // An import has no pods.
                data.lanes.iter().next()?;
                Some(Cell::Is(data.lanes.time(data.now).total().as_secs_f64()))
            }
            Total::Bursts(Figure::Idle) => {
                let share = data.lanes.time(data.now).idle_share()?;
                Some(Cell::Is(100.0 * share))
            }
            // The continuous load's jobs count too.
            Total::Bursts(Figure::Redelivered) => {
                data.bursts.newest().map(|_| Cell::Is(data.jobs.redelivered as f64))
            }
            Total::Bursts(figure) => {
                let is_sum = matches!(figure, Figure::Size | Figure::Lost);
                data.bursts
                    .iter()
                    .map(|burst| cell(data, burst, figure))
                    .reduce(|all, one| joined(all, one, is_sum))
            }
        }
    }

    /// The time from the begin of the recording to its end.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.data.now.since(self.origin.begins)
    }

    /// The bursts, oldest first.
    pub(crate) fn bursts(&self) -> impl Iterator<Item = &Burst> {
        self.data.bursts.iter()
    }
}

/// Two cells as one: their sum, or the larger one. A missing figure makes the whole an estimate.
fn joined(all: Cell, one: Cell, is_sum: bool) -> Cell {
    match (all, one) {
        (Cell::Is(a), Cell::Is(b)) => Cell::Is(if is_sum { a + b } else { a.max(b) }),
        (all, one) => match (all.number(), one.number()) {
            (Some(a), Some(b)) => Cell::About(if is_sum { a + b } else { a.max(b) }),
            (Some(number), None) | (None, Some(number)) => Cell::About(number),
            (None, None) => all,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_figure_makes_an_estimate() {
        for (all, one, sum, most) in [
            (Cell::Is(1.0), Cell::Is(2.0), Cell::Is(3.0), Cell::Is(2.0)),
            (Cell::Is(1.0), Cell::About(2.0), Cell::About(3.0), Cell::About(2.0)),
            (Cell::Is(1.0), Cell::Never("no log"), Cell::About(1.0), Cell::About(1.0)),
            (Cell::Never("no log"), Cell::Open, Cell::Never("no log"), Cell::Never("no log")),
        ] {
            assert_eq!((joined(all, one, true), joined(all, one, false)), (sum, most));
        }
    }

    #[test]
    fn results_of_a_scenario_are_read() {
        let document = serde_json::json!({
            "scenario": "spike",
            "steps": [
                {"title": "burst of 200", "verdict": "held", "reason": null},
                {"title": "ready >= 8 within 90s", "verdict": "failed", "reason": "5 after 90 s"},
            ],
            "expectations": [
                {"expectation": "lost == 0", "measured": 0.0, "estimate": false, "verdict": "held", "reason": null},
                {"expectation": "overshoot <= 2", "measured": 4.0, "estimate": true, "verdict": "failed", "reason": "4"},
                {"expectation": "flaps == 0", "measured": null, "verdict": "unknown", "reason": "stopped"},
            ],
        });
        let results = Results::read(&document).unwrap();
        let shown: Vec<_> = results
            .checks
            .iter()
            .map(|check| (check.expectation.as_str(), check.measured.as_str(), check.outcome))
            .collect();
        assert_eq!(
            shown,
            [
                ("lost == 0", "0", Outcome::Held),
                ("overshoot <= 2", "≈4: 4", Outcome::Failed),
                ("flaps == 0", "stopped", Outcome::Unknown),
                ("ready >= 8 within 90s", "5 after 90 s", Outcome::Failed),
            ]
        );
        assert_eq!(Results::read(&serde_json::json!({"steps": []})), None);
    }

    #[test]
    fn a_failed_expectation_decides() {
        let check = |outcome| Check { expectation: String::new(), measured: String::new(), outcome };
        let all = |outcomes: &[Outcome]| {
            let checks = outcomes.iter().copied().map(check).collect();
            Results { scenario: String::new(), checks }.outcome()
        };
        assert_eq!(all(&[Outcome::Held, Outcome::Unknown, Outcome::Failed]), Outcome::Failed);
        assert_eq!(all(&[Outcome::Held, Outcome::Unknown]), Outcome::Unknown);
        assert_eq!(all(&[Outcome::Held]), Outcome::Held);
    }
}
