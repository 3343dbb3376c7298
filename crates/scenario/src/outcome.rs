//! The result of a run as data.

use crate::condition::Condition;
use crate::figure::Known;
use crate::names::Name;

/// The way in which a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All steps and expectations held.
    Passed,
    /// A step or an expectation failed.
    Failed,
    /// It was stopped before its end; the sentence says why.
    Stopped(String),
}

impl Outcome {
    /// The word in results.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// The verdict about a step or an expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It held.
    Held,
    /// It did not; the sentence says why.
    Failed(String),
    /// It was not reached or cannot be judged; the sentence says why.
    Unknown(String),
}

impl Verdict {
    /// Returns true if it held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        *self == Self::Held
    }

    /// The word in results.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The reason, if it did not hold.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Held => None,
            Self::Failed(reason) | Self::Unknown(reason) => Some(reason),
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// The step in a few words.
    pub title: String,
    /// The caption; may be empty.
    pub caption: String,
    /// Seconds since the start of the run, at its beginning.
    pub began: f64,
    /// Its duration in seconds.
    pub took: f64,
    /// The verdict.
    pub verdict: Verdict,
}

/// The result of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The expectation.
    pub condition: Condition,
    /// The number that was compared: the worst one, if each burst must hold.
    pub measured: Known,
    /// The verdict.
    pub verdict: Verdict,
}

/// A change of the size of the scale target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescale {
    /// Seconds since the start of the run.
    pub at: f64,
    /// The size before.
    pub from: i32,
    /// The size after.
    pub to: i32,
}

/// The values of one moment, in the order of [`RunResult::SERIES`].
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Seconds since the start of the run.
    pub at: f64,
    /// The values; `None` without one.
    pub values: [Option<f32>; RunResult::SERIES.len()],
}

/// A burst with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct BurstResult {
    /// Its number, from 1.
    pub number: u32,
    /// The values, in the order of the names.
    pub values: Vec<(Name, Known)>,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// Name of the scenario.
    pub scenario: String,
    /// Its description; may be empty.
    pub description: String,
    /// Its duration in seconds.
    pub seconds: f64,
    /// The way in which it ended.
    pub outcome: Outcome,
    /// The steps; those that were not reached have a reason.
    pub steps: Vec<StepResult>,
    /// The expectations.
    pub expectations: Vec<Judgement>,
    /// The numbers of the run.
    pub figures: Vec<(Name, Known)>,
    /// The bursts.
    pub bursts: Vec<BurstResult>,
    /// The changes of the size.
    pub rescales: Vec<Rescale>,
    /// The marks, each with its seconds since the start of the run.
    pub marks: Vec<(f64, String)>,
    /// The values over time.
    pub samples: Vec<Sample>,
    /// The changes that were not put back, one sentence each.
    pub left: Vec<String>,
}

impl RunResult {
    /// The values over time.
    pub const SERIES: [Name; 7] =
        [Name::Depth, Name::Metric, Name::Desired, Name::Size, Name::Replicas, Name::Ready, Name::Rate];

    /// The first thing that did not hold, as a sentence.
    #[must_use]
    pub fn first_failure(&self) -> Option<String> {
        let steps = self.steps.iter().map(|step| (step.title.clone(), &step.verdict));
        let expectations = self.expectations.iter().map(|one| (one.condition.to_string(), &one.verdict));
        steps.chain(expectations).find_map(|(title, verdict)| Some(format!("{title}: {}", verdict.reason()?)))
    }

    /// The result as lines for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {} after {}\n",
            self.scenario,
            self.outcome.word(),
            text::duration::seconds(self.seconds)
        );
        if let Outcome::Stopped(reason) = &self.outcome {
            text += &format!("  {reason}\n");
        }
        for step in self.steps.iter().filter(|step| step.verdict != Verdict::Held) {
            text += &format!("  {:7}  {}: {}\n", step.verdict.word(), step.title, reason(&step.verdict));
        }
        for one in &self.expectations {
            text += &format!("  {:7}  {} ({})\n", one.verdict.word(), one.condition, one.measured_text());
        }
        for sentence in &self.left {
            text += &format!("  not put back: {sentence}\n");
        }
        text
    }
}

fn reason(verdict: &Verdict) -> &str {
    verdict.reason().unwrap_or_default()
}

impl Judgement {
    /// The measured number for the reader, or the reason why there is none.
    #[must_use]
    pub fn measured_text(&self) -> String {
        match (self.measured, &self.verdict) {
            (Known::Is(number), _) => self.condition.number(number),
            (Known::About(number), _) => format!("about {}", self.condition.number(number)),
            (_, Verdict::Unknown(reason) | Verdict::Failed(reason)) => reason.clone(),
            (_, Verdict::Held) => String::new(),
        }
    }
}
