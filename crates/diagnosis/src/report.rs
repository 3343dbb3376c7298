//! The report: one finding per check, and one fix. The command, the dashboard and the tests read the same report.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use text::clean;

use crate::finding::{Finding, Fix, Verdict};

/// The time from a burst to a decision, computed from periods that were read or assumed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
    /// Seconds if every period is about to end.
    pub least_seconds: f64,
    /// Seconds on average.
    pub mean_seconds: f64,
    /// Seconds if every period has just begun.
    pub worst_seconds: f64,
}

impl Timing {
    /// The sum of independent periods, one after another: none of each at best, half of each on average, all of each at worst.
    #[must_use]
    pub fn new(periods: impl IntoIterator<Item = Duration>) -> Self {
        let worst: f64 = periods.into_iter().map(|period| period.as_secs_f64()).sum();
        Self { least_seconds: 0.0, mean_seconds: worst / 2.0, worst_seconds: worst }
    }
}

/// The findings of one examination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Name of the context, or another name of the cluster.
    pub context: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// The API server answered.
    pub is_reachable: bool,
    /// The findings, in the order of the chain.
    pub findings: Vec<Finding>,
    /// The time from a burst to a decision, if it can be computed.
    pub timing: Option<Timing>,
    /// The HPA's sync period, if the controller's settings could be read.
    pub sync_period: Option<Duration>,
}

/// Exit code when no check failed.
const PASSED: u8 = 0;
/// Exit code when a check failed.
const FAILED: u8 = 1;
/// Exit code when the API server did not answer.
const UNREACHABLE: u8 = 3;

impl Report {
    /// The number of findings with that verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// The worst verdict. A missing permission does not count.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        [Verdict::Failure, Verdict::Warning]
            .into_iter()
            .find(|verdict| self.count(*verdict) > 0)
            .unwrap_or(Verdict::Ok)
    }

    /// The first failure with its fix, or else the first warning with its fix. A cause comes before its consequences, so this
    /// fix may resolve later findings too.
    #[must_use]
    pub fn fix(&self) -> Option<(&Finding, &Fix)> {
        let first = |verdict| {
            self.findings.iter().find(|finding| finding.verdict == verdict && finding.fix.is_some())
        };
        let finding = match self.count(Verdict::Failure) {
            0 => first(Verdict::Warning),
            _ => first(Verdict::Failure),
        }?;
        Some((finding, finding.fix.as_ref()?))
    }

    /// 0, 1 when a check failed, 3 when the API server cannot be reached.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.is_reachable, self.verdict()) {
            (false, _) => UNREACHABLE,
            (true, Verdict::Failure) => FAILED,
            (true, _) => PASSED,
        }
    }

    /// The counts by verdict, such as `1 failure, 2 warnings, 20 ok`.
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

    /// The report for a person: a heading per hop, a row per finding, and the fix.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text =
            format!("HPA {} in namespace {}", clean::text(&self.hpa), clean::text(&self.namespace));
        // Without a kubeconfig there is none.
        if !self.context.is_empty() {
            text.push_str(&format!(", context {}", clean::text(&self.context)));
        }
        text.push('\n');
        let mut hop = None;
        for finding in &self.findings {
            if hop != Some(finding.hop) {
                let _ = write!(text, "\n{}\n", finding.hop.title());
                hop = Some(finding.hop);
            }
            let _ = writeln!(text, "  {:<13} {}", finding.verdict.word(), finding.detail);
            let needs_evidence =
                matches!(finding.verdict, Verdict::Failure | Verdict::Warning | Verdict::NotPermitted);
            if let Some(evidence) = finding.evidence.as_ref().filter(|_| needs_evidence) {
                let _ = writeln!(text, "  {:<13} evidence: {evidence}", "");
            }
        }
        let _ = write!(text, "\n{}\n", self.summary());
        if let Some((finding, fix)) = self.fix() {
            let first = if finding.verdict == Verdict::Failure { "First failure" } else { "First warning" };
            let _ = write!(text, "\n{first}: {}\nFix: {}\n\n", finding.detail, fix.what);
            let command = fix.command.as_ref().map(ToString::to_string);
            for line in command.iter().chain(&fix.yaml).flat_map(|part| part.lines()) {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// The report for a program.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let fix = self.fix().map(|(finding, fix)| {
            serde_json::json!({
                "hop": finding.hop,
                "check": finding.check,
                "what": fix.what,
                "form": fix.form(),
                "text": fix.text(),
                "command": fix.command.as_ref().map(ToString::to_string),
                "yaml": fix.yaml,
            })
        });
        serde_json::json!({
            "context": clean::text(&self.context),
            "namespace": clean::text(&self.namespace),
            "hpa": clean::text(&self.hpa),
            "reachable": self.is_reachable,
            "verdict": self.verdict(),
            "summary": self.summary(),
            "lines": self.findings.iter().map(line).collect::<Vec<_>>(),
            "burstToDecision": self.timing,
            "fix": fix,
        })
    }
}

/// A finding for a program. Only the report's first fix is shown.
fn line(finding: &Finding) -> serde_json::Value {
    let mut line = serde_json::json!({
        "hop": finding.hop,
        "check": finding.check,
        "verdict": finding.verdict,
        "detail": finding.detail,
        "evidence": finding.evidence.as_ref().map(ToString::to_string).unwrap_or_default(),
    });
    if let Some(metric) = &finding.metric {
        line["metric"] = metric.as_str().into();
    }
    line
}
