//! The HorizontalPodAutoscaler: its metric, its bounds, and others that set the replicas.

pub(crate) mod status;

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use text::command::Command;

use crate::chain::{self, Chain};
use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::metric::{self, ExternalTarget};
use crate::{fixes, fmt, messages, select};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let name = &facts.subject.hpa;
    let fact = &facts.autoscaler;
    let hpa = match writer.require("hpa", fact) {
        Ok(Some(hpa)) => hpa,
        Ok(None) => return missing(facts, writer),
        Err(()) => return,
    };
    if metric::externals(hpa).is_empty() {
        return writer.not_applicable("hpa", messages::hpa_without_external_metric(name));
    }
    let spec = hpa.spec.clone().unwrap_or_default();
    let (min, max) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    let target = &spec.scale_target_ref;
    let detail = messages::hpa_scales(name, &target.kind, &target.name, min, max);
    writer.ok("hpa", detail, fact.command.as_ref());
    scale_target(facts, writer, hpa);
    chain::each(facts, writer, |chain, writer| metric_and_target(facts, writer, chain));
    bounds(facts, writer, min, max);
    behavior(facts, writer, &spec.behavior.unwrap_or_default());
    competing_hpas(facts, writer, hpa);
    replicas_owner(facts, writer, hpa);
    let is_explained = status::conditions(facts, writer, hpa);
    if !is_explained {
        chain::each(facts, writer, |chain, writer| status::reading(facts, writer, hpa, chain));
    }
}

fn missing(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let subject = &facts.subject;
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

/// Metadata of the workload that an HPA scales: `None` for an unknown kind or unread workloads, `Some(None)` if it does
/// not exist.
fn target_metadata<'f>(facts: &'f Facts, hpa: &HorizontalPodAutoscaler) -> Option<Option<&'f ObjectMeta>> {
    let target = fixes::target(hpa);
    let has_name = |metadata: &&ObjectMeta| metadata.name.as_deref() == Some(&target.name);
    match target.kind.as_str() {
        "Deployment" => facts
            .deployments
            .get()
            .map(|all| all.iter().map(|deployment| &deployment.metadata).find(has_name)),
        "StatefulSet" => {
            facts.stateful_sets.get().map(|all| all.iter().map(|set| &set.metadata).find(has_name))
        }
        _ => None,
    }
}

fn scale_target(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    if !matches!(target_metadata(facts, hpa), Some(None)) {
        return;
    }
    let target = fixes::target(hpa);
    let detail = messages::target_missing(&target.kind, &target.name, &facts.subject.namespace);
    let names = facts.deployments.all().iter().filter_map(|d| d.metadata.name.as_deref());
    let fix = match fmt::nearest(&target.name, names) {
        Some(meant) => {
            let change = json!({"spec": {"scaleTargetRef": {"name": meant}}});
            Fix::command(messages::fix_rename_object(), fixes::merge_patch_hpa(facts, &change))
        }
        None => fixes::install_demo(facts),
    };
    writer.fail("scale-target", detail, facts.deployments.command.as_ref(), fix);
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
    if min == max {
        let change = json!({"spec": {"maxReplicas": min.saturating_add(9)}});
        let fix = Fix::command(messages::fix_raise_max(), fixes::merge_patch_hpa(facts, &change));
        writer.warn("bounds", messages::bounds_equal(min), facts.autoscaler.command.as_ref(), fix);
    }
}

fn behavior(facts: &Facts, writer: &mut ReportWriter<'_>, behavior: &HorizontalPodAutoscalerBehavior) {
    let command = facts.autoscaler.command.as_ref();
    let is_disabled = |rules: &HPAScalingRules| rules.select_policy.as_deref() == Some("Disabled");
    for (direction, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        if rules.as_ref().is_some_and(is_disabled) {
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

/// Reports a second HPA with the same target: they override each other, or the controller refuses both.
fn competing_hpas(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    let target = |hpa: &HorizontalPodAutoscaler| {
        let target = fixes::target(hpa);
        (target.kind, target.name)
    };
    let name = |hpa: &HorizontalPodAutoscaler| hpa.metadata.name.clone().unwrap_or_default();
    let competes =
        |other: &&HorizontalPodAutoscaler| name(other) != name(hpa) && target(other) == target(hpa);
    let Some(other) = facts.autoscalers.all().iter().find(competes) else { return };
    let (kind, workload) = target(hpa);
    let detail = messages::competing_hpas(kind, workload, name(hpa), name(other));
    let fix = fixes::delete_one_hpa(facts, hpa, other);
    writer.fail("two-autoscalers", detail, facts.autoscalers.command.as_ref(), fix);
}

/// Reports a manifest with `spec.replicas`: each apply overrides the HPA.
fn replicas_owner(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    let Some(Some(metadata)) = target_metadata(facts, hpa) else { return };
    let target = fixes::target(hpa);
    let Some(manager) = manager_of_replicas(metadata) else {
        let command = facts.deployments.command.as_ref();
        return writer.ok("replicas", messages::replicas_free(&target.name), command);
    };
    let kind = target.kind.to_lowercase();
    let detail = messages::replicas_owned(manager, &kind, &target.name);
    let object = json!({"kind": target.kind, "metadata": {"name": target.name}});
    let yaml = fixes::yaml(&object) + "spec:\n  # no replicas: the HPA sets them\n";
    let command = Command::kubectl(["get"])
        .object(&kind, &target.name)
        .namespace(&facts.subject.namespace)
        .args(["-o", "yaml", "--show-managed-fields"]);
    writer.warn("replicas", detail, Some(&command), Fix::yaml(messages::fix_replicas(), yaml));
}

/// The manager that applies `spec.replicas`, by the managed fields or by kubectl's annotation.
fn manager_of_replicas(metadata: &ObjectMeta) -> Option<String> {
    let applies = metadata.managed_fields.iter().flatten().find(|entry| {
        let owns =
            entry.fields_v1.as_ref().and_then(|fields| fields.0.pointer("/f:spec/f:replicas")).is_some();
        owns && entry.operation.as_deref() == Some("Apply") && entry.subresource.as_deref() != Some("scale")
    });
    if let Some(entry) = applies {
        return Some(entry.manager.clone().unwrap_or_default());
    }
    let last = metadata.annotations.as_ref()?.get("kubectl.kubernetes.io/last-applied-configuration")?;
    let last: Value = serde_json::from_str(last).ok()?;
    last.pointer("/spec/replicas").map(|_| "kubectl apply".to_owned())
}
