//! The HPA's status: its conditions, the hop that they blame, and whether its reading follows the metrics API.

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, MetricStatus,
};
use text::command::Command;
use text::duration::{seconds, span};
use text::selector::readable;

use crate::chain::Chain;
use crate::facts::{Fact, Facts, MetricResponse};
use crate::finding::{Fix, ReportWriter};
use crate::metric::{self, ExternalTarget, Metric};
use crate::owner::Owner;
use crate::spec_metric::{self, Api, SpecMetric};
use crate::{fixes, fmt, messages, scaled_object};

/// Age by which a controller should have synced a new HPA.
const FIRST_SYNC_SECONDS: u64 = 60;

fn describe(facts: &Facts) -> Command {
    fixes::describe("hpa", &facts.subject.hpa, &facts.subject.namespace)
}

/// The part of the HPA's state that its conditions explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Explained {
    /// Nothing: the controller computes.
    Nothing,
    /// The state as a whole.
    All,
    /// The failure of the metric with that index.
    Metric(usize),
}

impl Explained {
    /// Returns whether the conditions explain why the HPA does not scale.
    pub(super) fn is_explained(self) -> bool {
        self != Self::Nothing
    }

    /// The metric that the conditions explain.
    pub(super) fn metric(self) -> Option<usize> {
        match self {
            Self::Metric(index) => Some(index),
            Self::Nothing | Self::All => None,
        }
    }
}

/// Checks the conditions.
pub(super) fn conditions(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    hpa: &HorizontalPodAutoscaler,
) -> Explained {
    let command = describe(facts);
    let command = Some(&command);
    let all = hpa.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    if all.is_empty() {
        never_synced(facts, writer, hpa);
        return Explained::All;
    }
    let find = |kind: &str| all.iter().find(|condition| condition.type_ == kind);
    if let Some(condition) = find("AbleToScale").filter(|condition| condition.status == "False") {
        let detail = messages::unable_to_scale(reason(condition), readable(message(condition)));
        // The check of the target comes first and names a wrong reference.
        let fix = Fix::command(messages::fix_read_events(), describe(facts));
        writer.fail("able-to-scale", detail, command, fix);
        return Explained::All;
    }
    if let Some(condition) = find("ScalingActive") {
        if condition.status == "False" {
            return inactive(facts, writer, hpa, condition);
        }
        let detail = messages::scaling_active(&condition.status, readable(message(condition)));
        writer.ok("scaling-active", detail, command);
    }
    if let Some(condition) =
        find("ScalingLimited").filter(|c| c.status == "True" && reason(c) == "TooManyReplicas")
    {
        let max = hpa.spec.as_ref().map_or(0, |spec| spec.max_replicas);
        let fix = Fix::command(messages::fix_raise_max(), fixes::raise_max(facts, max.saturating_mul(2)));
        writer.warn(
            "scaling-limited",
            messages::scaling_limited(max, readable(message(condition))),
            command,
            fix,
        );
    }
    Explained::Nothing
}

fn never_synced(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    let command = describe(facts);
    let age = fmt::age(&hpa.metadata, facts.now).unwrap_or_default();
    if age.as_secs() > FIRST_SYNC_SECONDS {
        let detail = messages::never_synced(span(age));
        return writer.fail("conditions", detail, Some(&command), fixes::controller_manager());
    }
    let fix = Fix::command(messages::fix_wait_for_sync(), fixes::doctor(facts));
    writer.warn("conditions", messages::not_synced_yet(span(age)), Some(&command), fix);
}

fn reason(condition: &HorizontalPodAutoscalerCondition) -> &str {
    condition.reason.as_deref().unwrap_or_default()
}

fn message(condition: &HorizontalPodAutoscalerCondition) -> &str {
    condition.message.as_deref().unwrap_or_default()
}

/// Explains ScalingActive False: the reason and the metric that the message names lead to the hop.
fn inactive(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    hpa: &HorizontalPodAutoscaler,
    condition: &HorizontalPodAutoscalerCondition,
) -> Explained {
    const CHECK: &str = "scaling-active";
    let command = describe(facts);
    let detail =
        |cause: &str| messages::scaling_inactive(reason(condition), readable(message(condition)), cause);
    match reason(condition) {
        "AmbiguousSelector" => {
            let (cause, fix) = ambiguous(facts, hpa, message(condition));
            writer.fail(CHECK, detail(&cause), Some(&command), fix);
            return Explained::All;
        }
        "ScalingDisabled" => {
            at_zero(facts, writer, hpa, detail);
            return Explained::All;
        }
        "InvalidSelector" => {
            let fix = Fix::command(messages::fix_read_events(), command.clone());
            writer.fail(CHECK, detail(&messages::cause_no_selector()), Some(&command), fix);
            return Explained::All;
        }
        _ => {}
    }
    let metrics = spec_metric::all(hpa);
    let named = spec_metric::named(&metrics, reason(condition), message(condition));
    let explained = named.map_or(Explained::All, |metric| Explained::Metric(metric.index));
    // The status is as old as the last sync; the API's response is newer.
    let external = failed_metric(hpa, condition);
    if external.is_some_and(|metric| total(newest(facts, &metric)).is_some()) {
        match facts.looks.last() {
            Some(look) => {
                let cause = messages::cause_status_stale(span(look.after));
                writer.fail(CHECK, detail(&cause), Some(&command), fixes::controller_manager());
            }
            None => {
                let fix = Fix::command(messages::fix_wait_for_sync(), fixes::doctor(facts));
                writer.warn(CHECK, detail(&messages::cause_status_old()), Some(&command), fix);
            }
        }
        return explained;
    }
    let cause = match named.and_then(SpecMetric::api) {
        Some(Api::Resource) => resource_cause(message(condition)),
        Some(Api::Custom) => custom_cause(message(condition)),
        Some(Api::External) | None => cause(message(condition)),
    };
    let mut detail = detail(&cause);
    if metrics.len() > 1 {
        detail = messages::sentence_after(detail, messages::scales_up_only());
    }
    let fix = match named {
        Some(metric) => super::failed::fix(facts, metric),
        None => Fix::command(messages::fix_read_events(), command.clone()),
    };
    writer.fail(CHECK, detail, Some(&command), fix);
    explained
}

/// Explains ScalingDisabled: the target is at 0. KEDA lets it rest there, a pause of KEDA holds it there, and any other
/// controller or user has stopped it.
fn at_zero(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    hpa: &HorizontalPodAutoscaler,
    detail: impl Fn(&str) -> String,
) {
    const CHECK: &str = "scaling-active";
    let command = describe(facts);
    if let Some(object) = scaled_object::owner(facts) {
        let name = scaled_object::name(object);
        let size = scaled_object::resting_size(object);
        return if scaled_object::is_held(object) {
            writer.not_applicable(CHECK, messages::at_zero_by_pause(name));
        } else if size == 0 {
            writer.ok(CHECK, messages::at_zero_by_keda(name), Some(&command));
        } else {
            let fix = fixes::keda::operator_log(facts, &messages::fix_keda_log());
            writer.fail(CHECK, detail(&messages::cause_below_keda(name, size)), Some(&command), fix);
        };
    }
    let conditions = hpa.status.iter().flat_map(|status| status.conditions.iter().flatten());
    if { conditions }.any(|condition| condition.type_ == "ScaledToZero" && condition.status == "True") {
        return writer.ok(CHECK, messages::at_zero_by_hpa(), Some(&command));
    }
    let target = fixes::target(hpa);
    let scale = fixes::scale_to_one(&target.kind.to_lowercase(), &target.name, &facts.subject.namespace);
    let fix = Fix::command(messages::fix_target_at_zero(), scale);
    writer.fail(CHECK, detail(&messages::cause_target_at_zero()), Some(&command), fix);
}

/// The cause in the end of a message about a resource metric.
fn resource_cause(message: &str) -> String {
    let contains = |text: &str| message.contains(text);
    if contains("could not find the requested resource") {
        messages::cause_no_resource_api()
    } else if contains("currently unable to handle the request") {
        messages::cause_backend_unready()
    } else if contains("is forbidden") {
        messages::cause_forbidden("metrics.k8s.io")
    } else if contains("missing request for") || contains("missing pod-level request") {
        messages::cause_no_request()
    } else if contains("no pods returned by selector") {
        messages::cause_no_pods()
    } else if contains("not found in Pod") {
        messages::cause_no_container()
    } else if contains("did not receive metrics for targeted pods") || contains("no metrics returned from") {
        messages::cause_no_samples()
    } else {
        messages::cause_unknown()
    }
}

/// The cause in the end of a message about a custom metric.
fn custom_cause(message: &str) -> String {
    let contains = |text: &str| message.contains(text);
    if contains("could not find the requested resource") || contains("no custom metrics API") {
        messages::cause_no_custom_api()
    } else if contains("currently unable to handle the request") {
        messages::cause_backend_unready()
    } else if contains("is forbidden") {
        messages::cause_forbidden("custom.metrics.k8s.io")
    } else if contains("could not find the metric") || contains("no metrics returned from") {
        messages::cause_no_series()
    } else if contains("no pods returned by selector") {
        messages::cause_no_pods()
    } else {
        messages::cause_unknown()
    }
}

/// The External metric that a condition is about.
fn failed_metric(
    hpa: &HorizontalPodAutoscaler,
    condition: &HorizontalPodAutoscalerCondition,
) -> Option<Metric> {
    let named = spec_metric::named(&spec_metric::all(hpa), reason(condition), message(condition))?;
    metric::externals(hpa).into_iter().find(|metric| metric.index == named.index)
}

/// The newest response of the metrics API for a metric.
fn newest<'f>(facts: &'f Facts, metric: &Metric) -> &'f Fact<MetricResponse> {
    let last = facts.looks.last().and_then(|look| look.metrics.iter().find(|m| m.index == metric.index));
    &last.unwrap_or_else(|| facts.metric(metric.index)).response
}

/// The cause in the end of a condition's message. Its beginning is always the same, and contains "unable to fetch metrics" too.
fn cause(message: &str) -> String {
    let contains = |text: &str| message.contains(text);
    if contains("could not find the requested resource") {
        messages::cause_no_registration()
    } else if contains("currently unable to handle the request") {
        messages::cause_backend_unready()
    } else if contains("could not find the metric") {
        messages::cause_no_series()
    } else if contains("Internal error occurred: unable to fetch metrics") {
        messages::cause_no_prometheus()
    } else if contains("no metrics returned from external metrics API") {
        messages::cause_empty()
    } else if contains("scaledObject name is not specified") {
        messages::cause_keda()
    } else {
        messages::cause_unknown()
    }
}

/// The sum of the API's values, if it returned any.
fn total(response: &Fact<MetricResponse>) -> Option<f64> {
    match response.get() {
        Some(MetricResponse::Values(values)) if !values.is_empty() => {
            Some(values.iter().sum::<i64>() as f64 / 1_000.0)
        }
        _ => None,
    }
}

/// Returns whether the newest status of the HPA contradicts the newest response of the metrics API, so that only the next
/// sync can show which is right: the status lacks a value that the API has, or has another. A reading that changed since the
/// first look follows.
#[must_use]
pub fn disagrees(facts: &Facts) -> bool {
    let Some(first) = facts.autoscaler.get() else { return false };
    let last = facts.looks.last().and_then(|look| look.autoscaler.get()).unwrap_or(first);
    let conditions = last.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let failed = conditions.iter().find(|condition| {
        condition.type_ == "ScalingActive"
            && condition.status == "False"
            && reason(condition) == "FailedGetExternalMetric"
    });
    if let Some(condition) = failed {
        let metric = failed_metric(first, condition);
        return metric.is_some_and(|metric| total(newest(facts, &metric)).is_some());
    }
    metric::externals(first).iter().any(|metric| {
        let Some(value) = total(newest(facts, metric)) else { return false };
        let Some(reading) = Reading::of(last, metric) else { return false };
        let has_changed = !facts.looks.is_empty() && Reading::of(first, metric) != Some(reading);
        !has_changed && !reading.is(value)
    })
}

/// Two HPAs with the same pods: they have one target, or two targets whose selectors match the same pods.
fn ambiguous(facts: &Facts, hpa: &HorizontalPodAutoscaler, message: &str) -> (String, Fix) {
    let (namespace, own) = (&facts.subject.namespace, &facts.subject.hpa);
    let Some(other_name) = other_hpa(message, namespace, own) else {
        let fix = Fix::command(messages::fix_list_hpas(), fixes::get("hpa", namespace));
        return (messages::cause_same_pods(), fix);
    };
    let mut all = facts.autoscalers.all().iter();
    let Some(other) = all.find(|other| other.metadata.name.as_ref() == Some(&other_name)) else {
        let delete = fixes::delete("hpa", &other_name, namespace);
        let fix = Fix::command(messages::fix_delete_hpa(), delete);
        return (messages::cause_same_pods_as(other_name), fix);
    };
    let (target, other_target) = (fixes::target(hpa), fixes::target(other));
    if (&target.kind, &target.name) == (&other_target.kind, &other_target.name) {
        let cause = messages::cause_same_target(other_name, target.kind, target.name);
        return (cause, fixes::delete_one_hpa(facts, hpa, other));
    }
    let (kind, name) = (&other_target.kind, &other_target.name);
    let cause = messages::cause_overlapping_workloads(other_name, kind, name, target.kind, target.name);
    let of = Owner { kind, name };
    let edit = || {
        let command = fixes::edit(&kind.to_lowercase(), name, namespace);
        Fix::command(messages::fix_own_labels(name), command)
    };
    (cause, fixes::hpa::own_labels(facts, of).unwrap_or_else(edit))
}

/// The other HPA in a message with `[NAMESPACE/A NAMESPACE/B]`.
fn other_hpa(message: &str, namespace: &str, own: &str) -> Option<String> {
    let (_, inside) = message.rsplit_once('[')?;
    let inside = inside.split(']').next()?;
    let prefix = format!("{namespace}/");
    inside
        .split([' ', ','])
        .filter_map(|name| name.strip_prefix(&prefix))
        .find(|name| *name != own)
        .map(str::to_owned)
}

/// The total that the HPA read, in messages.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    total: f64,
    /// Rounding error: the controller rounds an average up.
    error: f64,
}

impl Reading {
    fn of(hpa: &HorizontalPodAutoscaler, metric: &Metric) -> Option<Self> {
        let status = hpa.status.as_ref()?;
        // One entry for each metric, in the order of the specification.
        let all = status.current_metrics.as_deref().unwrap_or_default();
        let has_name = |m: &&MetricStatus| {
            m.external.as_ref().is_some_and(|external| external.metric.name == metric.name)
        };
        let at_index = all.get(metric.index).filter(has_name);
        let current = at_index.or_else(|| all.iter().find(has_name))?.external.as_ref()?;
        let value = |text: &str| {
            let milli = text.parse::<hpa::quantity::Quantity>().ok()?.milli().ok()?;
            // The controller writes the smallest number where it has no reading.
            (milli != i64::MIN).then_some(milli as f64 / 1_000.0)
        };
        match metric.target {
            ExternalTarget::AverageValue(_) => {
                let average = value(&current.current.average_value.as_ref()?.0)?;
                let pods = f64::from(status.current_replicas.unwrap_or(0).max(1));
                Some(Self { total: average * pods, error: pods / 1_000.0 + 1e-9 })
            }
            ExternalTarget::Value(_) => {
                Some(Self { total: value(&current.current.value.as_ref()?.0)?, error: 1e-9 })
            }
        }
    }

    fn is(self, value: f64) -> bool {
        (self.total - value).abs() <= self.error
    }
}

/// Checks whether the HPA's reading follows the metrics API. Only a second look at an unchanged value proves that it does not.
pub(crate) fn reading(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    hpa: &HorizontalPodAutoscaler,
    chain: &Chain<'_>,
) {
    const CHECK: &str = "status";
    let metric = &chain.metric;
    let command = facts.autoscaler.command.as_ref();
    let Some(first) = Reading::of(hpa, metric) else { return };
    let Some(value) = total(&chain.observed.response) else { return };
    let shown = |number: f64| format!("{number:.0}");
    if first.is(value) {
        return writer.ok(CHECK, messages::reading_current(shown(first.total)), command);
    }
    let Some(look) = facts.looks.last() else {
        return writer.ok(CHECK, messages::reading_old(shown(first.total), shown(value)), command);
    };
    let second = look.autoscaler.get().and_then(|hpa| Reading::of(hpa, metric));
    match (second, total(newest(facts, metric))) {
        (Some(second), Some(newest)) if second.is(newest) || second != first => {
            writer.ok(CHECK, messages::reading_followed(span(look.after)), command);
        }
        (Some(second), Some(newest)) if (newest - value).abs() < 1e-6 => {
            let after = seconds(look.after.as_secs_f64());
            let detail = messages::reading_stale(shown(second.total), shown(newest), after);
            writer.fail(CHECK, detail, command, fixes::controller_manager());
        }
        _ => writer.ok(CHECK, messages::reading_moving(shown(first.total)), command),
    }
}
