//! Pods that the scale's selector picks and the target does not own. The controller counts them.

use std::collections::BTreeMap;

use text::command::Command;

use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::owner::{self, Owner};
use crate::spec_metric::{self, SpecMetric};
use crate::{fixes, fmt, messages, scale_target};

const CHECK: &str = "counted-pods";

pub(super) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let (Some(target), Some(pods), Some(hpa)) =
        (scale_target::reference(facts), scale_target::selected_pods(facts), facts.autoscaler.get())
    else {
        return;
    };
    let mut strangers: BTreeMap<Option<Owner<'_>>, Vec<&str>> = BTreeMap::new();
    let mut ready = 0;
    for pod in &pods {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            continue;
        }
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        ready += usize::from({ conditions }.any(|c| c.type_ == "Ready" && c.status == "True"));
        let owner = owner::of(facts, pod);
        if owner != Some(target) {
            strangers.entry(owner).or_default().push(pod.metadata.name.as_deref().unwrap_or_default());
        }
    }
    let Some((first, _)) = strangers.first_key_value() else { return };
    let command = command(facts);
    let owned: Vec<String> = strangers
        .iter()
        .map(|(owner, pods)| {
            let pods = fmt::list(pods.iter().copied());
            match owner {
                Some(owner) => messages::pods_of(pods, owner.kind, owner.name),
                None => messages::pods_without_owner(pods),
            }
        })
        .collect();
    let detail = messages::strangers(target.kind, target.name, owned.join("; "));
    let metrics = spec_metric::all(hpa);
    let counting: Vec<String> =
        metrics.iter().filter(|metric| metric.counts_pods()).map(|metric| metric.title()).collect();
    if counting.is_empty() {
        return writer.ok(CHECK, messages::strangers_harmless(detail), Some(&command));
    }
    let names = fmt::list(counting.iter().map(String::as_str));
    let by_ready = metrics.iter().any(|metric| by_ready_pods(*metric));
    let effect = if by_ready { messages::counts_ready(names, ready) } else { messages::counts_usage(names) };
    let detail = messages::sentence_after(detail, effect);
    writer.fail(CHECK, detail, Some(&command), fix(facts, *first, &strangers));
}

/// Returns whether the controller multiplies the metric's ratio by the ready pods of the selector.
fn by_ready_pods(metric: SpecMetric<'_>) -> bool {
    metric.counts_pods() && matches!(metric.spec.type_.as_str(), "External" | "Object")
}

/// The pods of the selector with their owners.
fn command(facts: &Facts) -> Command {
    let get = fixes::get("pods", &facts.subject.namespace);
    let selector = scale_target::selector(facts).map(promfmt::selector::text);
    let scale = facts.target.scale.get().and_then(|scale| scale.status.as_ref()?.selector.clone());
    let get = selector.or(scale).into_iter().fold(get, |get, selector| get.flag("-l", selector));
    get.flag("-o", "custom-columns=POD:.metadata.name,OWNER:.metadata.ownerReferences[0].name")
}

/// Labels of its own for the first workload that is not the target, or for its pods.
fn fix(facts: &Facts, first: Option<Owner<'_>>, strangers: &BTreeMap<Option<Owner<'_>>, Vec<&str>>) -> Fix {
    let namespace = &facts.subject.namespace;
    let key = fixes::hpa::selector_key(facts);
    if let Some(fix) = first.and_then(|owner| fixes::hpa::own_labels(facts, owner)) {
        return fix;
    }
    match (first, key, strangers.get(&None).and_then(|pods| pods.first())) {
        (None, Some(key), Some(pod)) => {
            let label =
                Command::kubectl(["label"]).object("pod", pod).namespace(namespace).arg(format!("{key}-"));
            Fix::command(messages::fix_unlabel_pod(), label)
        }
        (Some(owner), ..) => {
            let edit = fixes::edit(&owner.kind.to_lowercase(), owner.name, namespace);
            Fix::command(messages::fix_own_labels(owner.name), edit)
        }
        _ => Fix::command(messages::fix_compare_labels(), fixes::get("pods", namespace).arg("--show-labels")),
    }
}
