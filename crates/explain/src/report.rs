//! The report of `surge explain`: what the next sync does, why, what the next change needs, and what to change.

use hpa::trace::Path;
use jiff::Timestamp;
use serde_json::{Value, json};
use text::clean;

use crate::change::{Change, Subject, changes};
use crate::history::{self, Rescale};
use crate::metric::MetricReport;
use crate::pods::{PodLine, PodTable, word};
use crate::{Explanation, strings};

/// Version of the JSON form. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// Pods of a metric in the text; the JSON form has all.
const SHOWN_PODS: usize = 20;

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    context: String,
    namespace: String,
    name: String,
    target: (String, String),
    explanation: Explanation,
    changes: Vec<Change>,
    /// The past rescales, if they were asked for, as lines and for programs.
    history: Option<(Vec<String>, Vec<Value>)>,
}

impl Report {
    /// The report of an explanation.
    #[must_use]
    pub fn new(context: &str, subject: Subject<'_>, explanation: Explanation) -> Self {
        let target = &subject.spec.scale_target_ref;
        Self {
            context: clean::text(context),
            namespace: clean::text(subject.namespace),
            name: clean::text(subject.name),
            target: (clean::text(&target.kind), clean::text(&target.name)),
            changes: changes(subject, &explanation),
            explanation,
            history: None,
        }
    }

    /// Adds the past rescales; `clock` formats their times.
    #[must_use]
    pub fn with_history(self, rescales: &[Rescale], clock: &dyn Fn(Timestamp) -> String) -> Self {
        Self { history: Some((history::lines(rescales, clock), history::json(rescales))), ..self }
    }

    /// Returns true if the HPA can scale in both directions: the scale and every metric can be read.
    #[must_use]
    pub fn can_scale(&self) -> bool {
        let is_readable = !matches!(self.explanation.trace.path, Path::NoScale | Path::Failed);
        is_readable && self.explanation.metrics.iter().all(|metric| metric.failure.is_none())
    }

    /// The size before the sync; `None` if the scale cannot be read.
    fn current(&self) -> Option<i32> {
        let trace = &self.explanation.trace;
        (trace.path != Path::NoScale).then_some(trace.current)
    }

    /// The size after the sync: without a reading it stays.
    fn next(&self) -> Option<i32> {
        let trace = &self.explanation.trace;
        if trace.path == Path::Failed { Some(trace.current) } else { self.current().map(|_| trace.desired) }
    }

    /// The report for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Explanation { rules, trace, metrics, pods, sentences } = &self.explanation;
        let (current, next) = (self.current(), self.next());
        let place = format!("{}/{}", self.namespace, self.name);
        let target = format!("{}/{}", self.target.0, self.target.1);
        let head = strings::report_head(&place, &target, current, (trace.min, trace.max), rules);
        let what = match current.zip(next) {
            None => strings::NO_SCALE.to_owned(),
            Some((current, next)) if current == next => strings::stays(current),
            Some((current, next)) => strings::changes(current, next),
        };
        let pods = metrics.iter().zip(pods).filter_map(|(metric, table)| Some((metric, table.as_ref()?)));
        let outlook: Vec<String> = sentences.iter().filter(|sentence| **sentence != what).cloned().collect();
        let changes = match self.changes.as_slice() {
            [] => vec![strings::NO_CHANGE.to_owned()],
            changes => changes.iter().flat_map(change_lines).collect(),
        };
        let mut text = format!("{head}\n\n");
        for (title, lines) in [
            (strings::WHAT, vec![what]),
            (strings::WHY, metrics.iter().map(MetricReport::line).collect()),
            (strings::PODS, pods.flat_map(|(metric, table)| pod_lines(metric, table)).collect()),
            (strings::NEXT, outlook),
            (strings::PAST, self.history.iter().flat_map(|(lines, _)| lines.clone()).collect()),
            (strings::CHANGE, changes),
        ] {
            let mut title = title;
            for line in lines {
                text.push_str(&format!("{title:<8}{line}\n"));
                title = "";
            }
        }
        text
    }

    /// The report for programs, by `docs/schema/explain.json`.
    #[must_use]
    pub fn json(&self) -> Value {
        let Explanation { rules, trace, metrics, pods, sentences } = &self.explanation;
        json!({
            "version": VERSION,
            "context": self.context,
            "namespace": self.namespace,
            "name": self.name,
            "target": {"kind": self.target.0, "name": self.target.1},
            "rules": rules,
            "currentReplicas": self.current(),
            "nextReplicas": self.next(),
            "wantedReplicas": trace.raw,
            "minReplicas": trace.min,
            "maxReplicas": trace.max,
            "canScale": self.can_scale(),
            "metrics": metrics.iter().zip(pods).map(|(metric, table)| metric_json(metric, table.as_ref())).collect::<Vec<_>>(),
            "sentences": sentences,
            "history": self.history.as_ref().map(|(_, rescales)| rescales),
            "changes": self.changes.iter().map(|change| json!({
                "what": change.what,
                "command": change.command.as_ref().map(ToString::to_string),
            })).collect::<Vec<_>>(),
        })
    }
}

fn change_lines(change: &Change) -> Vec<String> {
    let command = change.command.as_ref().map(|command| format!("  {command}"));
    std::iter::once(change.what.clone()).chain(command).collect()
}

fn pod_lines(metric: &MetricReport, table: &PodTable) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", metric.name, table.summary)];
    lines.extend(table.second_pass.iter().map(|pass| format!("  {pass}")));
    lines.extend(table.truncation.iter().map(|truncation| format!("  {truncation}")));
    let width = table.lines.iter().take(SHOWN_PODS).map(|line| line.name.len()).max().unwrap_or(0);
    let pod = |line: &PodLine| {
        let usage = [&line.usage, &line.request].map(|figure| figure.as_deref().unwrap_or("-"));
        let reason = line.assumed.as_deref().unwrap_or(&line.reason);
        let text = format!(
            "  {:<width$}  {:<9}  {} of {}  {}  {reason}",
            line.name,
            word(line.part),
            usage[0],
            usage[1],
            line.share.as_deref().unwrap_or("-"),
        );
        text.trim_end().to_owned()
    };
    lines.extend(table.lines.iter().take(SHOWN_PODS).map(pod));
    if table.lines.len() > SHOWN_PODS {
        lines.push(format!("  {}", strings::more_pods(table.lines.len() - SHOWN_PODS)));
    }
    lines
}

fn metric_json(metric: &MetricReport, table: Option<&PodTable>) -> Value {
    let pods = table.map(|table| {
        json!({
            "summary": table.summary,
            "secondPass": table.second_pass,
            "truncation": table.truncation,
            "withoutRequest": table.without_request,
            "pods": table.lines.iter().map(|line| json!({
                "name": line.name,
                "part": word(line.part),
                "reason": line.reason,
                "usage": line.usage,
                "request": line.request,
                "share": line.share,
                "assumed": line.assumed,
                "foreign": line.is_foreign,
            })).collect::<Vec<_>>(),
        })
    });
    json!({
        "type": metric.type_,
        "name": metric.name,
        "usage": metric.usage,
        "target": metric.target,
        "ratio": metric.share,
        "assumedRatio": metric.assumed_share,
        "tolerance": [metric.band.0, metric.band.1],
        "within": metric.within,
        "arithmetic": metric.arithmetic,
        "proposal": metric.proposal,
        "wins": metric.wins,
        "failure": metric.failure,
        "pods": pods,
    })
}

#[cfg(test)]
mod tests {
    use hpa::{Reading, Scale, Time};
    use observed::convert;
    use text::command::ClusterFlags;

    use super::*;
    use crate::rules::Rules;

    /// The report of an HPA from 1 to 10 replicas on a queue with a target of 20.
    fn report(size: i32, metrics: &Value, readings: &[Reading]) -> Report {
        let object = json!({
            "metadata": {"name": "web"},
            "spec": {"minReplicas": 1, "maxReplicas": 10, "metrics": metrics,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            "status": {"currentReplicas": size, "desiredReplicas": size, "conditions": [
                {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}]},
        });
        let hpa = convert::hpa::convert(&serde_json::from_value(object).unwrap());
        let scale = Scale { spec_replicas: size, status_replicas: size, selector: "app=web".to_owned() };
        let subject = crate::Subject {
            hpa: &hpa,
            namespace: "shop",
            scale: Ok(&scale),
            pods: &[],
            foreign: &[],
            readings,
            rules: Rules::of(Some("v1.34.4")),
            now: Time::from_secs(100_000),
        };
        let explanation = crate::explain(&subject, &|time| time.0.to_string()).unwrap();
        let flags = ClusterFlags::default();
        let spec = hpa.spec.as_deref().unwrap();
        Report::new("kind-demo", Subject { namespace: "shop", name: "web", spec, flags: &flags }, explanation)
    }

    fn depth() -> Value {
        json!({"type": "External", "external": {"metric": {"name": "depth"},
            "target": {"type": "AverageValue", "averageValue": "20"}}})
    }

    #[test]
    fn a_maxed_out_hpa_says_what_to_change() {
        let report = report(10, &json!([depth()]), &[Reading::External(vec![280_000])]);
        assert_eq!(
            report.text(),
            "HPA shop/web scales Deployment/web: 10 now, min 1, max 10 (rules of 1.34)\n\n\
             What    the next sync stays at 10\n\
             Why     depth 280 ÷ (20 × 10) = 1.40, outside 0.90 to 1.10: asks for 14 and decides\n\
             Next    maxed out: wants 14, max is 10\n        depth needs 179 or less before one pod can go\n\
             Change  raise maxReplicas to 14 if the cluster has room\n          \
             kubectl patch hpa web --type merge -p '{\"spec\":{\"maxReplicas\":14}}' -n shop\n"
        );
        assert!(report.can_scale());
    }

    #[test]
    fn a_failed_metric_cannot_scale_and_a_change_is_announced() {
        let two = json!([depth(), {"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        let failed = Reading::Failed("no metrics API".to_owned());
        let report = report(3, &two, &[Reading::External(vec![100_000]), failed]);
        assert!(!report.can_scale());
        let text = report.text();
        for line in [
            "What    the next sync goes from 3 to 5",
            "cpu could not be read: ",
            "no metrics API",
            "Change  find the cause of the failed metric",
            "surge doctor --hpa web -n shop",
        ] {
            assert!(text.contains(line), "{line:?} is not in:\n{text}");
        }
        let json = report.json();
        assert_eq!((&json["nextReplicas"], &json["canScale"]), (&json!(5), &json!(false)));
        assert_eq!(json["metrics"][0]["proposal"], 5);
    }
}
