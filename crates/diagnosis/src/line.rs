//! The lines of a report: where in the chain, what a check came to, what was seen, and the one thing to do about it.

use serde::Serialize;

use super::facts::{Fact, Seen};
use text::clean;

/// The hops of the chain, in the order in which a cause comes before its consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// The API server and the namespace.
    Cluster,
    /// What the asking user may do.
    Rights,
    /// Deployments, StatefulSets and their pods.
    Workloads,
    /// The broker and the queue.
    Broker,
    /// Where the broker's figures are scraped from.
    Endpoint,
    /// Prometheus and what makes it scrape.
    Prometheus,
    /// The external metrics API, and the adapter or KEDA behind it.
    Api,
    /// The HorizontalPodAutoscaler.
    Autoscaler,
    /// How long a burst takes through all of them.
    Intervals,
}

impl Hop {
    /// For a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Rights => "rights",
            Self::Workloads => "workloads",
            Self::Broker => "broker",
            Self::Endpoint => "metrics endpoint",
            Self::Prometheus => "Prometheus",
            Self::Api => "external metrics API",
            Self::Autoscaler => "autoscaler",
            Self::Intervals => "intervals",
        }
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and is not as it should be, or will not stay so.
    Warning,
    /// Breaks the chain.
    Failure,
    /// There is nothing to check here.
    NotApplicable,
    /// Whoever asks may not see it, which says nothing about the chain.
    NotPermitted,
}

impl Verdict {
    /// The word that begins a line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "FAILURE",
            Self::NotApplicable => "n/a",
            Self::NotPermitted => "not permitted",
        }
    }
}

/// How a fix is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A command for a shell.
    Command,
    /// YAML to apply, or to merge into what is there.
    Yaml,
}

/// The one thing to do about a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What it does, as a sentence.
    pub what: String,
    /// Whether [`Self::text`] is a command or YAML.
    pub form: Form,
    /// The command or the YAML; lines are kept.
    pub text: String,
}

impl Fix {
    /// A command.
    #[must_use]
    pub fn command(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self { what: clean::text(&what.into()), form: Form::Command, text: clean::text(&text.into()) }
    }

    /// YAML, whose lines are cleaned one by one.
    #[must_use]
    pub fn yaml(what: impl Into<String>, text: impl AsRef<str>) -> Self {
        let lines: Vec<String> = text.as_ref().lines().map(clean::text).collect();
        Self { what: clean::text(&what.into()), form: Form::Yaml, text: lines.join("\n") }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where in the chain.
    pub hop: Hop,
    /// What was checked: a fixed name, for scripts.
    pub check: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was seen, as a sentence; cleaned.
    pub saw: String,
    /// How it was asked, as a command or a request that shows the same; empty where several answers were put together.
    pub how: String,
    /// What to do about it. A report shows only the first: see [`Report::fix`](super::report::Report::fix).
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// Writes the lines of one hop.
pub(super) struct Pen<'a> {
    pub(super) hop: Hop,
    pub(super) lines: &'a mut Vec<Line>,
}

impl Pen<'_> {
    fn line(&mut self, check: &'static str, verdict: Verdict, saw: &str, how: &str, fix: Option<Fix>) {
        let (saw, how) = (clean::text(saw), clean::text(how));
        self.lines.push(Line { hop: self.hop, check, verdict, saw, how, fix });
    }

    pub(super) fn ok(&mut self, check: &'static str, saw: impl AsRef<str>, how: &str) {
        self.line(check, Verdict::Ok, saw.as_ref(), how, None);
    }

    pub(super) fn warn(&mut self, check: &'static str, saw: impl AsRef<str>, how: &str, fix: Fix) {
        self.line(check, Verdict::Warning, saw.as_ref(), how, Some(fix));
    }

    pub(super) fn fail(&mut self, check: &'static str, saw: impl AsRef<str>, how: &str, fix: Fix) {
        self.line(check, Verdict::Failure, saw.as_ref(), how, Some(fix));
    }

    pub(super) fn not_applicable(&mut self, check: &'static str, saw: impl AsRef<str>) {
        self.line(check, Verdict::NotApplicable, saw.as_ref(), "", None);
    }

    pub(super) fn not_permitted(&mut self, check: &'static str, saw: impl AsRef<str>, how: &str) {
        self.line(check, Verdict::NotPermitted, saw.as_ref(), how, None);
    }

    /// The thing, if it was seen. Otherwise the line that says why not: absence is for the caller to judge.
    pub(super) fn seen<'f, T>(
        &mut self,
        check: &'static str,
        fact: &'f Fact<T>,
    ) -> Result<Option<&'f T>, ()> {
        match &fact.seen {
            Seen::Value(thing) => Ok(Some(thing)),
            Seen::Absent => Ok(None),
            Seen::NotPermitted(sentence) => {
                self.not_permitted(check, sentence, &fact.how);
                Err(())
            }
            Seen::Failed(sentence) => {
                let fix = Fix::command("ask it again by hand to see what is in the way", fact.how.clone());
                self.fail(check, sentence, &fact.how, fix);
                Err(())
            }
            Seen::NotAsked(why) => {
                self.not_applicable(check, why);
                Err(())
            }
        }
    }
}
