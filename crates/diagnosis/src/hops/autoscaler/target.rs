//! The reference to the scale target: its group, kind and name, and the subresource `scale`.

use serde_json::{Value, json};

use crate::facts::{Candidate, Facts, Kind, Outcome, group};
use crate::finding::{Fix, ReportWriter};
use crate::owner;
use crate::{fixes, fmt, messages, scale_target};

const CHECK: &str = "scale-target";

/// Checks the reference of the HPA. Returns whether the controller can find the target.
pub(super) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) -> bool {
    let Some(hpa) = facts.autoscaler.get() else { return false };
    let target = fixes::target(hpa);
    let wanted_group = group(target.api_version.as_deref().unwrap_or_default());
    let candidates = facts.target.candidates.all();
    // The controller looks the kind up by its group and takes any version of it.
    let exact =
        candidates.iter().find(|known| known.kind.group() == wanted_group && known.kind.kind == target.kind);
    let is_found = match exact {
        Some(known) if exists(facts, known, &target.name) == Some(false) => {
            name_missing(facts, writer, &known.kind, &target.name);
            false
        }
        Some(known) => has_scale(facts, writer, known) && is_free(facts, writer),
        None if facts.target.candidates.get().is_some() => {
            wrong_kind(facts, writer, &target.name, candidates);
            false
        }
        None => true,
    };
    if is_found {
        selector(facts, writer);
    }
    is_found
}

/// Returns whether the object exists, as far as that is known.
fn exists(facts: &Facts, known: &Candidate, name: &str) -> Option<bool> {
    let listed = match (known.kind.group(), known.kind.kind.as_str()) {
        ("apps", "Deployment") => facts
            .deployments
            .get()
            .map(|all| all.iter().any(|one| one.metadata.name.as_deref() == Some(name))),
        ("apps", "StatefulSet") => facts
            .stateful_sets
            .get()
            .map(|all| all.iter().any(|one| one.metadata.name.as_deref() == Some(name))),
        _ => None,
    };
    listed.or(match &known.object.outcome {
        Outcome::Value(object) => Some(object.metadata.name.as_deref() == Some(name)),
        Outcome::Absent => Some(false),
        Outcome::NotPermitted(_) | Outcome::Failed(_) | Outcome::NotAsked(_) => None,
    })
}

/// Reports that the kind has no object of that name.
fn name_missing(facts: &Facts, writer: &mut ReportWriter<'_>, kind: &Kind, name: &str) {
    let detail = messages::target_missing(&kind.kind, name, &facts.subject.namespace);
    let of_kind: Vec<&str> = match (kind.group(), kind.kind.as_str()) {
        ("apps", "Deployment") => {
            facts.deployments.all().iter().filter_map(|d| d.metadata.name.as_deref()).collect()
        }
        ("apps", "StatefulSet") => {
            facts.stateful_sets.all().iter().filter_map(|s| s.metadata.name.as_deref()).collect()
        }
        _ => facts.target.names.all().iter().map(String::as_str).collect(),
    };
    let (detail, fix) = match fmt::nearest(name, of_kind.iter().copied()) {
        Some(meant) => (detail, change(facts, &json!({"name": meant}), &messages::fix_rename_object())),
        None if of_kind.is_empty() => (detail, fixes::list_kind(facts, "deployments,statefulsets")),
        None => {
            let detail = messages::target_others(detail, &kind.kind, fmt::list(of_kind.iter().copied()));
            (detail, fixes::list_kind(facts, &kind.plural))
        }
    };
    writer.fail(CHECK, detail, facts.target.candidates.command.as_ref(), fix);
}

/// Reports a kind that the server does not have in that group or spelling.
fn wrong_kind(facts: &Facts, writer: &mut ReportWriter<'_>, name: &str, candidates: &[Candidate]) {
    let Some(hpa) = facts.autoscaler.get() else { return };
    let target = fixes::target(hpa);
    let api_version = target.api_version.clone().unwrap_or_else(|| "v1".to_owned());
    let command = facts.target.candidates.command.as_ref();
    let wrong = messages::target_kind_unknown(&api_version, &target.kind);
    // The kind that has an object of that name, before one that has none.
    let right = candidates
        .iter()
        .find(|known| exists(facts, known, name) == Some(true))
        .map(|known| known.kind.clone())
        .or_else(|| by_name(facts, name))
        .or_else(|| candidates.first().map(|known| known.kind.clone()));
    let Some(right) = right else {
        let fix = fixes::list_kind(facts, "deployments,statefulsets");
        return writer.fail(CHECK, wrong, command, fix);
    };
    let mut fields = serde_json::Map::new();
    if right.group() != group(&api_version) {
        fields.insert("apiVersion".to_owned(), right.api_version.clone().into());
    }
    if right.kind != target.kind {
        fields.insert("kind".to_owned(), right.kind.clone().into());
    }
    let detail = messages::target_kind_right(wrong, &right.kind, name, &right.api_version);
    let fix = change(facts, &Value::Object(fields), &messages::fix_reference());
    writer.fail(CHECK, detail, command, fix);
}

/// The kind of the Deployment or StatefulSet with that name.
fn by_name(facts: &Facts, name: &str) -> Option<Kind> {
    let of = |kind: &str, plural: &str| Kind {
        api_version: "apps/v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        has_scale: true,
    };
    let mut deployments = facts.deployments.all().iter();
    if deployments.any(|object| object.metadata.name.as_deref() == Some(name)) {
        return Some(of("Deployment", "deployments"));
    }
    let mut sets = facts.stateful_sets.all().iter();
    sets.any(|object| object.metadata.name.as_deref() == Some(name))
        .then(|| of("StatefulSet", "statefulsets"))
}

/// A change of fields of `spec.scaleTargetRef`.
fn change(facts: &Facts, fields: &Value, what: &str) -> Fix {
    Fix::command(what, fixes::merge_patch_hpa(facts, &json!({"spec": {"scaleTargetRef": fields}})))
}

/// Reports a kind without the subresource `scale`, which the controller reads and writes.
fn has_scale(facts: &Facts, writer: &mut ReportWriter<'_>, known: &Candidate) -> bool {
    if known.kind.has_scale {
        return true;
    }
    let Kind { kind, plural, api_version, .. } = &known.kind;
    let detail = messages::target_without_scale(kind, api_version);
    let fix = if kind.as_str() != "DaemonSet" && api_version.contains('.') {
        let version = api_version.split_once('/').map_or("", |(_, version)| version);
        let change = json!({"spec": {"versions": [{"name": version, "subresources": {"scale": {
            "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector"}}}]}});
        Fix::yaml(messages::fix_add_scale(format!("{plural}.{}", known.kind.group())), fixes::yaml(&change))
    } else {
        fixes::list_kind(facts, "deployments,statefulsets")
    };
    writer.fail(CHECK, detail, facts.target.candidates.command.as_ref(), fix);
    false
}

/// Reports a target that another controller scales: a ReplicaSet of a Deployment gets its size from that.
fn is_free(facts: &Facts, writer: &mut ReportWriter<'_>) -> bool {
    let (Some(target), Some(metadata)) = (scale_target::reference(facts), scale_target::metadata(facts))
    else {
        return true;
    };
    let Some(owner) = owner::controller(metadata).filter(|_| target.kind == "ReplicaSet") else {
        return true;
    };
    let detail = messages::target_owned(target.kind, target.name, owner.kind, owner.name);
    let fields = json!({"apiVersion": "apps/v1", "kind": owner.kind, "name": owner.name});
    let fix = change(facts, &fields, &messages::fix_reference());
    writer.fail(CHECK, detail, facts.target.candidates.command.as_ref(), fix);
    false
}

/// Reports a scale without a selector, without which the controller counts no pods.
fn selector(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let Some(scale) = facts.target.scale.get() else { return };
    let has_selector =
        scale.status.as_ref().is_some_and(|status| status.selector.as_ref().is_some_and(|s| !s.is_empty()));
    if has_selector || scale.status.is_none() {
        return;
    }
    let Some(target) = scale_target::reference(facts) else { return };
    let known = facts.target.candidates.all().first().map(|known| &known.kind);
    let plural = known.map_or_else(String::new, |kind| format!("{}.{}", kind.plural, kind.group()));
    let change = json!({"subresources": {"scale": {"labelSelectorPath": ".status.selector"}}});
    let fix = Fix::yaml(messages::fix_add_selector_path(plural), fixes::yaml(&change));
    let detail = messages::target_without_selector(target.kind, target.name);
    writer.fail("scale-selector", detail, facts.target.scale.command.as_ref(), fix);
}
