//! Metrics without a reading while the controller goes on with the others.

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::facts::{Fact, Facts, Outcome, Readings};
use crate::finding::{Fix, ReportWriter};
use crate::spec_metric::{self, Api, SpecMetric};
use crate::{events, fixes, messages};

const CHECK: &str = "metric-reading";

/// Age of an event that still describes the present: a few syncs.
const RECENT: Duration = Duration::from_secs(90);

/// Reports the metrics without a reading, except the one that a condition has explained already.
pub(super) fn examine(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    hpa: &HorizontalPodAutoscaler,
    explained: Option<usize>,
) {
    let metrics = spec_metric::all(hpa);
    let entries =
        hpa.status.as_ref().and_then(|status| status.current_metrics.as_deref()).unwrap_or_default();
    // Without entries the controller did not compute at all: it forced a bound, or it is paused.
    if entries.is_empty() || metrics.len() < 2 {
        return;
    }
    let is_complete = entries.len() == metrics.len();
    for metric in metrics.iter().filter(|metric| Some(metric.index) != explained) {
        if metric.reading(hpa).is_some() {
            continue;
        }
        // A zero-valued entry means that the metric failed. A missing one may be newer than the status.
        let is_failed = is_complete && entries.get(metric.index).is_some_and(|entry| entry.type_.is_empty());
        let event = event(facts, *metric);
        let is_refused = is_refused(facts, *metric);
        if !is_failed && event.is_none() && !is_refused {
            let fix = Fix::command(messages::fix_wait_for_sync(), fixes::doctor(facts));
            let detail = messages::metric_without_entry(metric.title());
            writer.warn(CHECK, detail, facts.autoscaler.command.as_ref(), fix);
            continue;
        }
        let detail = match event {
            Some(message) => messages::metric_unread_because(metric.title(), message),
            None => messages::metric_unread(metric.title()),
        };
        let detail = messages::sentence_after(detail, messages::scales_up_only());
        writer.fail(CHECK, detail, facts.autoscaler.command.as_ref(), fix(facts, *metric));
    }
}

/// The message of the newest event about a metric, if it is recent.
fn event<'f>(facts: &'f Facts, metric: SpecMetric<'_>) -> Option<&'f str> {
    let hpa = facts.autoscaler.get()?;
    let metrics = spec_metric::all(hpa);
    let about = events::of(facts, "HorizontalPodAutoscaler", &facts.subject.hpa, &[]).filter(|event| {
        let reason = event.reason.as_deref().unwrap_or_default();
        let named = spec_metric::named(&metrics, reason, events::message(event));
        let age = events::seen(event).map(|seen| facts.now.duration_since(seen));
        named.is_some_and(|named| named.index == metric.index)
            && age.is_some_and(|age| age.unsigned_abs() <= RECENT)
    });
    { about }.max_by_key(|event| events::seen(event)).map(events::message)
}

/// Returns whether the metric's API has no answer.
fn is_refused(facts: &Facts, metric: SpecMetric<'_>) -> bool {
    let api = match metric.api() {
        Some(Api::Resource) => &facts.pod_metrics.resource,
        Some(Api::Custom) => &facts.pod_metrics.custom,
        Some(Api::External) | None => return false,
    };
    let response = facts.pod_metrics.readings.get(&metric.index).and_then(Fact::get);
    matches!(api.registration.outcome, Outcome::Absent) || matches!(response, Some(Readings::Error { .. }))
}

/// Repeating the controller's request for the metric, which shows the error.
pub(super) fn fix(facts: &Facts, metric: SpecMetric<'_>) -> Fix {
    let asked = match metric.api() {
        Some(Api::External) => facts.metric(metric.index).response.command.clone(),
        _ => facts.pod_metrics.readings.get(&metric.index).and_then(|fact| fact.command.clone()),
    };
    let describe = || fixes::describe("hpa", &facts.subject.hpa, &facts.subject.namespace);
    Fix::command(messages::fix_repeat_metric_request(), asked.unwrap_or_else(describe))
}
