//! The HorizontalPodAutoscaler: its metric, its bounds, and others that set the replicas.

mod competitors;
mod counted;
mod failed;
pub(crate) mod status;
mod target;

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{HPAScalingRules, HorizontalPodAutoscalerBehavior};
use observed::keda::Pause;
use serde_json::{Value, json};
use text::command::Command;

use crate::chain::{self, Chain};
use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::metric::ExternalTarget;
use crate::{fixes, fmt, messages, scaled_object, select};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let name = &facts.subject.hpa;
    let fact = &facts.autoscaler;
    let hpa = match writer.require("hpa", fact) {
        Ok(Some(hpa)) => hpa,
        Ok(None) => return missing(facts, writer),
        Err(()) => return,
    };
    let spec = hpa.spec.clone().unwrap_or_default();
    let (min, max) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    let target = &spec.scale_target_ref;
    let detail = messages::hpa_scales(name, &target.kind, &target.name, min, max);
    writer.ok("hpa", detail, fact.command.as_ref());
    target::examine(facts, writer);
    chain::each(facts, writer, |chain, writer| metric_and_target(facts, writer, chain));
    bounds(facts, writer, min, max);
    behavior(facts, writer, &spec.behavior.unwrap_or_default());
    counted::examine(facts, writer);
    competitors::examine(facts, writer, hpa);
    let newest = facts.looks.last().and_then(|look| look.autoscaler.get()).unwrap_or(hpa);
    let explained = status::conditions(facts, writer, newest);
    failed::examine(facts, writer, newest, explained.metric());
    if !explained.is_explained() {
        chain::each(facts, writer, |chain, writer| status::reading(facts, writer, hpa, chain));
    }
}

fn missing(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let subject = &facts.subject;
    let mut objects = facts.keda.scaled_objects.all().iter();
    if let Some(object) = objects.find(|object| scaled_object::concerns_hpa(facts, object)) {
        return missing_of_keda(facts, writer, object);
    }
    let names = || facts.autoscalers.all().iter().filter_map(|hpa| hpa.metadata.name.as_deref());
    let mut detail = messages::no_hpa(&subject.namespace, &subject.hpa);
    let mut fix = fixes::install_demo(facts);
    if let Some(other) = names().next() {
        detail = messages::no_hpa_but(detail, fmt::list(names()));
        let doctor = Command::surge(["doctor"]).flag("--namespace", &subject.namespace).flag("--hpa", other);
        fix = Fix::command(messages::fix_other_hpa(), doctor);
    }
    writer.fail("hpa", detail, facts.autoscaler.command.as_ref(), fix);
}

/// The HPA of a ScaledObject does not exist: KEDA deletes it during a pause, and creates it once the object is valid.
fn missing_of_keda(facts: &Facts, writer: &mut ReportWriter<'_>, object: &crate::facts::ScaledObject) {
    let name = scaled_object::name(object);
    if scaled_object::is_held(object) {
        return writer.not_applicable("hpa", messages::hpa_deleted_by_pause(&facts.subject.hpa, name));
    }
    let mut detail = messages::no_hpa(&facts.subject.namespace, &facts.subject.hpa);
    let given = object.status.hpa_name.as_deref().filter(|given| *given != facts.subject.hpa);
    let exists =
        |hpa: &str| facts.autoscalers.all().iter().any(|known| known.metadata.name.as_deref() == Some(hpa));
    let fix = match given.filter(|given| exists(given)) {
        Some(given) => {
            detail = messages::no_hpa_but(detail, given);
            let doctor =
                Command::surge(["doctor"]).flag("--namespace", &facts.subject.namespace).flag("--hpa", given);
            Fix::command(messages::fix_other_hpa(), doctor)
        }
        None => {
            detail = messages::sentence_after(detail, messages::keda_creates_hpa(name));
            fixes::keda::operator_log(facts, &messages::fix_keda_log())
        }
    };
    writer.fail("hpa", detail, facts.autoscaler.command.as_ref(), fix);
}

fn metric_and_target(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let metric = &chain.metric;
    let command = facts.autoscaler.command.as_ref();
    let path = format!("/spec/metrics/{}/external", metric.index);
    let patch = |field: &str, value: Value| {
        let path = format!("{path}/{field}");
        fixes::json_patch_hpa(facts, &json!([{"op": "replace", "path": path, "value": value}]))
    };
    if metric.query.is_empty() {
        selector_is_empty(facts, writer, chain);
    } else if select::invalid_value(&metric.selector).is_none() {
        // The API hop reports an invalid selector.
        writer.ok("selector", messages::selector(&metric.name, &metric.query), command);
    }
    match metric.target {
        ExternalTarget::AverageValue(milli) => {
            writer.ok("target-type", messages::target_average(fmt::milli(milli)), command);
        }
        ExternalTarget::Value(milli) => {
            let target = fmt::milli(milli);
            let average = json!({"type": "AverageValue", "averageValue": target});
            let fix = Fix::command(messages::fix_average_value(), patch("target", average));
            writer.warn("target-type", messages::target_value(target), command, fix);
        }
    }
}

/// A metric without a selector reads what the rule picks: one queue, or all.
fn selector_is_empty(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let (metric, command) = (&chain.metric, facts.autoscaler.command.as_ref());
    let counted = chain.counted_series();
    let queues: BTreeMap<&str, f64> =
        counted.iter().map(|sample| (chain.queue_of(sample), sample.value)).collect();
    let is_one = !chain.is_queue() || queues.len() == 1 || (queues.is_empty() && chain.queues.len() == 1);
    if is_one {
        let picked = queues.keys().next().copied().unwrap_or_default();
        let picked = if picked.is_empty() { chain.queues.first().map_or("", String::as_str) } else { picked };
        let detail = messages::selector_of_rule(&metric.name, picked);
        return writer.ok("selector", detail.trim_end(), command);
    }
    let candidates: Vec<String> =
        queues.iter().map(|(queue, value)| messages::candidate(queue, value)).collect();
    // The queue with consumers, of those that the metric adds.
    let consumed = facts.broker.queues.all().iter().filter(|queue| queue.consumers.unwrap_or(0) > 0);
    let known = consumed.map(|queue| queue.name.as_str()).find(|name| queues.contains_key(name));
    let label = chain.queue_label.as_deref().unwrap_or(chain::QUEUE);
    let fix = match known.or_else(|| queues.keys().next().copied()) {
        Some(queue) => {
            let others = messages::or_choose(candidates.join(", "));
            let what = messages::fix_metric_queue(queue, others);
            fixes::selector::set_value(facts, metric, label, queue, &what)
        }
        None => fixes::look_again(facts),
    };
    writer.warn("selector", messages::selector_empty(&metric.name), command, fix);
}

fn bounds(facts: &Facts, writer: &mut ReportWriter<'_>, min: i32, max: i32) {
    // Some releases of KEDA keep the HPA of a paused object, with one size.
    if min == max && scaled_object::owner(facts).is_some_and(scaled_object::is_held) {
        return writer.not_applicable("bounds", messages::bounds_by_pause(min));
    }
    if min == max {
        let raise = fixes::raise_max(facts, min.saturating_add(9));
        let fix = Fix::command(messages::fix_raise_max(), raise);
        writer.warn("bounds", messages::bounds_equal(min), facts.autoscaler.command.as_ref(), fix);
    }
}

fn behavior(facts: &Facts, writer: &mut ReportWriter<'_>, behavior: &HorizontalPodAutoscalerBehavior) {
    let command = facts.autoscaler.command.as_ref();
    let is_disabled = |rules: &HPAScalingRules| rules.select_policy.as_deref() == Some("Disabled");
    // KEDA disables a direction to pause it.
    let pauses = scaled_object::owner(facts).map(scaled_object::pauses).unwrap_or_default();
    let is_paused = |direction: &str| {
        pauses.iter().any(|pause| match pause {
            Pause::ScaleIn { .. } => direction == "scaleDown",
            Pause::ScaleOut { .. } => direction == "scaleUp",
            Pause::Held { .. } | Pause::HeldAt { .. } => false,
        })
    };
    for (direction, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        let is_off = rules.as_ref().is_some_and(is_disabled);
        if is_off && is_paused(direction) {
            writer.not_applicable("behavior", messages::policy_by_pause(direction));
        } else if is_off {
            let change = json!({"spec": {"behavior": {direction: {"selectPolicy": "Max"}}}});
            let fix = Fix::command(messages::fix_policy(), fixes::merge_patch_hpa(facts, &change));
            writer.warn("behavior", messages::policy_disabled(direction), command, fix);
        }
    }
    let window = behavior.scale_down.as_ref().and_then(|rules| rules.stabilization_window_seconds);
    let window = window.map_or_else(messages::default_window, |seconds| format!("{seconds} s"));
    let policies = behavior.scale_up.as_ref().and_then(|rules| rules.policies.as_deref()).unwrap_or_default();
    let policies: Vec<String> = policies
        .iter()
        .map(|policy| messages::policy(policy.value, policy.type_.to_lowercase(), policy.period_seconds))
        .collect();
    let up = if policies.is_empty() { messages::default_policies() } else { policies.join(" or ") };
    writer.ok("behavior", messages::behavior(up, window), command);
}
