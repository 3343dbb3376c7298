//! What a look along the chain found: one line a check, and one fix. The command, the dashboard and the tests read the same.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::line::{Fix, Line, Verdict};
use text::clean;

/// How long it takes from a burst to a decision, by what was read and what had to be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
