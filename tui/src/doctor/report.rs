//! What a look along the chain found: one line a check, and one fix. The command, the dashboard and the tests read the same.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::clean;

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
    /// What to do about it. A report shows only the first: see [`Report::fix`].
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// How long it takes from a burst to a decision, by what was read and what had to be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Timing {
    /// Seconds if every clock happens to be about to tick.
    pub least_seconds: f64,
    /// Seconds on average.
    pub mean_seconds: f64,
    /// Seconds if every clock has just ticked.
    pub worst_seconds: f64,
}

impl Timing {
    /// Of clocks that tick one after another, each with its period and independent of the others: nothing at the least,
    /// half of each on average, all of each at worst.
    #[must_use]
    pub fn of(periods: impl IntoIterator<Item = Duration>) -> Self {
        let worst: f64 = periods.into_iter().map(|period| period.as_secs_f64()).sum();
        Self { least_seconds: 0.0, mean_seconds: worst / 2.0, worst_seconds: worst }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Name of the context, or what else leads to the cluster.
    pub context: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// Whether the API server answered.
    pub is_reachable: bool,
    /// The lines, in the order of the chain.
    pub lines: Vec<Line>,
    /// How long a burst takes, where that can be told.
    pub timing: Option<Timing>,
}

/// Exit code: nothing failed.
const FINE: u8 = 0;
/// Exit code: a check failed.
const FAILED: u8 = 1;
/// Exit code: the API server did not answer.
const UNREACHABLE: u8 = 3;

impl Report {
    /// How many lines have that verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict == verdict).count()
    }

    /// The verdict of the whole: the gravest of its lines. What may not be seen makes nothing worse.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        [Verdict::Failure, Verdict::Warning]
            .into_iter()
            .find(|verdict| self.count(*verdict) > 0)
            .unwrap_or(Verdict::Ok)
    }

    /// The line to mend first and how: the first failure, else the first warning that something can be done about.
    /// Causes stand before their consequences, so what comes after it may well be mended with it.
    #[must_use]
    pub fn fix(&self) -> Option<(&Line, &Fix)> {
        let first = |verdict| self.lines.iter().find(|line| line.verdict == verdict && line.fix.is_some());
        let line = match self.count(Verdict::Failure) {
            0 => first(Verdict::Warning),
            _ => first(Verdict::Failure),
        }?;
        Some((line, line.fix.as_ref()?))
    }

    /// 0, 1 when a check failed, 3 when the API server cannot be reached.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.is_reachable, self.verdict()) {
            (false, _) => UNREACHABLE,
            (true, Verdict::Failure) => FAILED,
            (true, _) => FINE,
        }
    }

    /// `1 failure, 2 warnings, 20 ok, …`
    #[must_use]
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        for (verdict, one, many) in [
            (Verdict::Failure, "failure", "failures"),
            (Verdict::Warning, "warning", "warnings"),
            (Verdict::Ok, "ok", "ok"),
            (Verdict::NotApplicable, "not applicable", "not applicable"),
            (Verdict::NotPermitted, "not permitted", "not permitted"),
        ] {
            match self.count(verdict) {
                0 => {}
                1 => parts.push(format!("1 {one}")),
                count => parts.push(format!("{count} {many}")),
            }
        }
        parts.join(", ")
    }

    /// The report for a person: a heading a hop, a line a check, and the fix.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "HPA {} in namespace {}, context {}\n",
            clean::text(&self.hpa),
            clean::text(&self.namespace),
            clean::text(&self.context)
        );
        let mut hop = None;
        for line in &self.lines {
            if hop != Some(line.hop) {
                let _ = write!(text, "\n{}\n", line.hop.title());
                hop = Some(line.hop);
            }
            let _ = writeln!(text, "  {:<13} {}", line.verdict.word(), line.saw);
            let needs_proof =
                matches!(line.verdict, Verdict::Failure | Verdict::Warning | Verdict::NotPermitted);
            if needs_proof && !line.how.is_empty() {
                let _ = writeln!(text, "  {:<13} seen by: {}", "", line.how);
            }
        }
        let _ = write!(text, "\n{}\n", self.summary());
        if let Some((line, fix)) = self.fix() {
            let first = if line.verdict == Verdict::Failure { "first failure" } else { "first warning" };
            let _ = write!(text, "\nThe {first}: {}\nThe fix: {}\n\n", line.saw, fix.what);
            for line in fix.text.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// The report for a program.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let fix = self.fix().map(|(line, fix)| {
            serde_json::json!({
                "hop": line.hop, "check": line.check, "what": fix.what, "form": fix.form, "text": fix.text,
            })
        });
        serde_json::json!({
            "context": clean::text(&self.context),
            "namespace": clean::text(&self.namespace),
            "hpa": clean::text(&self.hpa),
            "reachable": self.is_reachable,
            "verdict": self.verdict(),
            "summary": self.summary(),
            "lines": self.lines,
            "burstToDecision": self.timing,
            "fix": fix,
        })
    }
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
        fact: &'f super::facts::Fact<T>,
    ) -> Result<Option<&'f T>, ()> {
        use super::facts::Seen;
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
