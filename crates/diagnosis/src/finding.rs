//! The findings of a report: the hop, the check, its verdict, the observation and the fix.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use text::clean;
use text::command::Command;

use crate::facts::{Fact, Outcome};
use crate::messages;

/// The hops of the chain. A cause comes before its consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// The API server and the namespace.
    Cluster,
    /// The user's permissions.
    #[serde(rename = "rights")]
    Permissions,
    /// Deployments, StatefulSets and their pods.
    Workloads,
    /// The broker and the queue.
    Broker,
    /// The broker's metrics endpoints.
    Endpoint,
    /// Prometheus and its configuration.
    Prometheus,
    /// The external metrics API, and the adapter or KEDA behind it.
    Api,
    /// The resource metrics API and the custom metrics API.
    Metrics,
    /// The HorizontalPodAutoscaler.
    Autoscaler,
    /// The time from a burst to a decision.
    Intervals,
}

impl Hop {
    /// The heading of the hop.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Permissions => "permissions",
            Self::Workloads => "workloads",
            Self::Broker => "broker",
            Self::Endpoint => "metrics endpoint",
            Self::Prometheus => "Prometheus",
            Self::Api => "external metrics API",
            Self::Metrics => "pod metrics",
            Self::Autoscaler => "autoscaler",
            Self::Intervals => "intervals",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Correct.
    Ok,
    /// Works, but is not correct or will not last.
    Warning,
    /// Breaks the chain.
    Failure,
    /// There is nothing to check.
    NotApplicable,
    /// The user may not see it. This says nothing about the chain.
    NotPermitted,
}

impl Verdict {
    /// The label of the verdict in a text report.
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

/// The form of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A command for a shell.
    Command,
    /// YAML to apply, or to merge into an existing file.
    Yaml,
}

/// One remedy for a finding: a sentence, a command, YAML, or a command and then YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fix {
    /// The remedy as a sentence.
    pub what: String,
    /// The command to run, first if there is YAML too.
    pub command: Option<Command>,
    /// The YAML to apply or to merge; lines are kept.
    pub yaml: Option<String>,
}

impl Fix {
    /// A command.
    #[must_use]
    pub fn command(what: impl AsRef<str>, command: Command) -> Self {
        Self { what: clean::text(what.as_ref()), command: Some(command), yaml: None }
    }

    /// YAML.
    #[must_use]
    pub fn yaml(what: impl AsRef<str>, yaml: impl AsRef<str>) -> Self {
        let lines: Vec<String> = yaml.as_ref().lines().map(clean::text).collect();
        Self { what: clean::text(what.as_ref()), command: None, yaml: Some(lines.join("\n")) }
    }

    /// The same fix with a command to run before the YAML is applied.
    #[must_use]
    pub(crate) fn after(mut self, command: Command) -> Self {
        self.command = Some(command);
        self
    }

    /// The same fix with a command to run after its own, if that succeeds.
    #[must_use]
    pub(crate) fn then(mut self, next: Command) -> Self {
        self.command = self.command.map(|command| command.and(next));
        self
    }

    /// The form of [`Self::text`].
    #[must_use]
    pub fn form(&self) -> Form {
        if self.yaml.is_some() { Form::Yaml } else { Form::Command }
    }

    /// The YAML, or else the command.
    #[must_use]
    pub fn text(&self) -> String {
        match (&self.yaml, &self.command) {
            (Some(yaml), _) => yaml.clone(),
            (None, Some(command)) => command.to_string(),
            (None, None) => String::new(),
        }
    }
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The hop.
    pub hop: Hop,
    /// A fixed name of the check, for scripts.
    pub check: Cow<'static, str>,
    /// The External metric that it is about, if the HPA has several.
    pub metric: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The observation as a sentence; cleaned.
    pub detail: String,
    /// The command that shows the same; `None` when the finding combines several responses.
    pub evidence: Option<Command>,
    /// The remedy. A report shows only one: see [`Report::fix`](crate::report::Report::fix).
    pub fix: Option<Fix>,
}

/// Writes the findings of one hop.
pub(crate) struct ReportWriter<'a> {
    pub(crate) hop: Hop,
    /// The External metric that the findings are about, if the HPA has several.
    pub(crate) metric: Option<String>,
    pub(crate) findings: &'a mut Vec<Finding>,
}

impl ReportWriter<'_> {
    fn write(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        detail: &str,
        evidence: Option<&Command>,
        fix: Option<Fix>,
    ) {
        let metric = self.metric.as_deref().map(clean::text);
        let detail = clean::text(detail);
        let detail = match &metric {
            Some(metric) => messages::of_metric(metric, detail),
            None => detail,
        };
        self.findings.push(Finding {
            hop: self.hop,
            check: Cow::Borrowed(check),
            metric,
            verdict,
            detail,
            evidence: evidence.cloned(),
            fix,
        });
    }

    pub(crate) fn ok(&mut self, check: &'static str, detail: impl AsRef<str>, evidence: Option<&Command>) {
        self.write(check, Verdict::Ok, detail.as_ref(), evidence, None);
    }

    pub(crate) fn warn(
        &mut self,
        check: &'static str,
        detail: impl AsRef<str>,
        evidence: Option<&Command>,
        fix: Fix,
    ) {
        self.write(check, Verdict::Warning, detail.as_ref(), evidence, Some(fix));
    }

    pub(crate) fn fail(
        &mut self,
        check: &'static str,
        detail: impl AsRef<str>,
        evidence: Option<&Command>,
        fix: Fix,
    ) {
        self.write(check, Verdict::Failure, detail.as_ref(), evidence, Some(fix));
    }

    /// Writes a failure or a warning.
    pub(crate) fn bad(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        detail: impl AsRef<str>,
        evidence: Option<&Command>,
        fix: Fix,
    ) {
        self.write(check, verdict, detail.as_ref(), evidence, Some(fix));
    }

    pub(crate) fn not_applicable(&mut self, check: &'static str, detail: impl AsRef<str>) {
        self.write(check, Verdict::NotApplicable, detail.as_ref(), None, None);
    }

    pub(crate) fn not_permitted(
        &mut self,
        check: &'static str,
        detail: impl AsRef<str>,
        evidence: Option<&Command>,
    ) {
        self.write(check, Verdict::NotPermitted, detail.as_ref(), evidence, None);
    }

    /// The value of a fact, or `None` when it is absent, which the caller judges.
    ///
    /// # Errors
    /// If the fact has neither. The method then writes the finding with the reason.
    pub(crate) fn require<'f, T>(
        &mut self,
        check: &'static str,
        fact: &'f Fact<T>,
    ) -> Result<Option<&'f T>, ()> {
        let command = fact.command.as_ref();
        match &fact.outcome {
            Outcome::Value(value) => return Ok(Some(value)),
            Outcome::Absent => return Ok(None),
            Outcome::NotPermitted(sentence) => self.not_permitted(check, sentence, command),
            Outcome::Failed(sentence) => {
                let fix =
                    command.map(|command| Fix::command(messages::fix_repeat_request(), command.clone()));
                self.write(check, Verdict::Failure, sentence, command, fix);
            }
            Outcome::NotAsked(reason) => self.not_applicable(check, reason),
        }
        Err(())
    }
}
