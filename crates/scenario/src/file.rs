//! The scenario file: TOML with steps and expectations.
//!
//! A file with mistakes gives all of them at once, each with its line and its field.

mod fields;
mod steps;

use std::path::Path;
use std::time::Duration;

use text::duration;

use crate::condition::{self, Condition};
use crate::settings::Settings;
use crate::shape::Shape;
use fields::Reader;

pub use fields::Problem;

/// Largest number of requests of one burst.
pub const MAX_BURST: i64 = 10_000;

/// Largest rate of the load, in requests per second.
pub const MAX_RATE: f64 = 1_000.0;

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name, by default that of the file.
    pub name: String,
    /// A sentence about its purpose; may be empty.
    pub description: String,
    /// The limit of the whole run.
    pub timeout: Duration,
    /// The limit for numbers of an expectation that are still open after the last step.
    pub settle: Duration,
    /// Settings of the sandbox and of the virtual run.
    pub sandbox: SandboxSettings,
    /// Settings of the HPA in the sandbox and in the virtual run.
    pub hpa: Settings,
    /// The steps.
    pub steps: Vec<Step>,
    /// The expectations over the whole run.
    pub expect: Vec<Condition>,
}

/// Settings of the sandbox and of the virtual run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSettings {
    /// Time between two syncs of the HPA.
    pub sync_period: Duration,
    /// Duration of one job.
    pub work_duration: Duration,
    /// Time from the decision to a ready pod, in the virtual run only.
    pub pod_start: Duration,
    /// Time between two scrapes, in the virtual run only.
    pub scrape_interval: Duration,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            work_duration: Duration::from_secs(5),
            pod_start: Duration::from_secs(2),
            scrape_interval: Duration::from_secs(1),
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// A sentence for the reader; may be empty.
    pub caption: String,
    /// The action.
    pub action: StepAction,
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepAction {
    /// Nothing but the caption.
    Note,
    /// A burst of requests; the next step begins at once.
    Burst(u32),
    /// Continuous load in requests per second, until the next step with a load; the next step begins at once.
    Rate(f64),
    /// Continuous load of a shape, until its end.
    Load(Shape),
    /// Time without an action.
    Pause(Duration),
    /// A condition, and the time within which it must hold.
    Wait(Condition, Duration),
    /// The deletion of a worker's pod without a grace period.
    Kill,
    /// The stop of a part of the metric chain.
    Stop(Part),
    /// The start of a stopped part.
    Start(Part),
    /// A change of the HPA's settings.
    Tune(Settings),
    /// A mark on the time axis.
    Mark(String),
}

/// A part of the metric chain that a scenario can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The exporter that reads the broker for Prometheus.
    Exporter,
    /// Prometheus.
    Prometheus,
    /// The broker.
    Broker,
}

impl Part {
    /// All parts, in the order of the chain.
    pub const ALL: [Self; 3] = [Self::Exporter, Self::Prometheus, Self::Broker];

    /// The word in a file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Prometheus => "prometheus",
            Self::Broker => "broker",
        }
    }
}

impl Step {
    /// The step in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        let rate = |rate: f64| crate::names::Unit::PerSecond.text(rate);
        match &self.action {
            StepAction::Note => self.caption.clone(),
            StepAction::Burst(size) => format!("burst of {size}"),
            StepAction::Rate(per_second) if *per_second <= 0.0 => "load off".to_owned(),
            StepAction::Rate(per_second) => format!("load {}/s", rate(*per_second)),
            StepAction::Load(shape) => {
                let time = duration::age(shape.duration());
                match shape {
                    Shape::Hold { rate: held, .. } => format!("hold {}/s for {time}", rate(*held)),
                    Shape::Ramp { from, to, .. } => {
                        format!("ramp {} to {}/s in {time}", rate(*from), rate(*to))
                    }
                    Shape::Stairs { rates, .. } => format!("stairs of {} rates for {time}", rates.len()),
                    Shape::Sawtooth { high, times, .. } => {
                        format!("sawtooth to {}/s, {times} times in {time}", rate(*high))
                    }
                    Shape::Trace(points) => format!("trace of {} points for {time}", points.len()),
                }
            }
            StepAction::Pause(time) => format!("pause of {}", duration::span(*time)),
            StepAction::Wait(condition, deadline) => {
                format!("wait for {condition} within {}", duration::span(*deadline))
            }
            StepAction::Kill => "kill a worker".to_owned(),
            StepAction::Stop(part) => format!("stop {}", part.word()),
            StepAction::Start(part) => format!("start {}", part.word()),
            StepAction::Tune(_) => "tune the HPA".to_owned(),
            StepAction::Mark(text) => format!("mark {text:?}"),
        }
    }
}

/// Reads a scenario. `name` is the file's name without its ending; `read` reads a file next to it.
///
/// # Errors
/// All problems, in the order of their lines.
pub fn parse(
    name: &str,
    text: &str,
    read: &dyn Fn(&Path) -> Result<String, String>,
) -> Result<Scenario, Vec<Problem>> {
    let (mut reader, root) = Reader::new(text)?;
    const KNOWN: [&str; 8] =
        ["name", "description", "timeout", "settle", "sandbox", "hpa", "steps", "expect"];
    let root = reader.table(&root, String::new(), &KNOWN);
    let scenario = Scenario {
        name: reader.text(&root, "name").unwrap_or(name).to_owned(),
        description: reader.text(&root, "description").unwrap_or_default().to_owned(),
        timeout: reader.duration(&root, "timeout").unwrap_or(Duration::from_secs(600)),
        settle: reader.duration(&root, "settle").unwrap_or(Duration::from_secs(60)),
        sandbox: sandbox(&mut reader, &root),
        hpa: steps::settings(&mut reader, &root, "hpa").unwrap_or_default(),
        steps: steps::steps(&mut reader, &root, read),
        expect: reader.each_text(&root, "expect", condition::expectation),
    };
    if scenario.timeout.is_zero() {
        reader.wrong(&root, "timeout", "it must be above 0s");
    }
    reader.finish(scenario)
}

fn sandbox<'a>(reader: &mut Reader<'a>, root: &fields::Table<'a>) -> SandboxSettings {
    let mut settings = SandboxSettings::default();
    const KNOWN: [&str; 4] = ["sync_period", "work_duration", "pod_start", "scrape_interval"];
    let Some(table) = reader.child(root, "sandbox", &KNOWN) else { return settings };
    let mut set = |key, place: &mut Duration, is_whole: bool| {
        let Some(time) = reader.duration(&table, key) else { return };
        if time.is_zero() || (is_whole && time.subsec_nanos() != 0) {
            let rule = if is_whole { "whole seconds above 0s" } else { "above 0s" };
            reader.wrong(&table, key, &format!("it must be {rule}"));
        }
        *place = time;
    };
    set("sync_period", &mut settings.sync_period, true);
    set("work_duration", &mut settings.work_duration, false);
    set("pod_start", &mut settings.pod_start, false);
    set("scrape_interval", &mut settings.scrape_interval, false);
    settings
}

#[cfg(test)]
mod tests;
