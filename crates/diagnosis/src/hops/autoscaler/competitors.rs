//! Others that set the target's size or its requests: a second HPA, a VerticalPodAutoscaler, a manifest, another controller.

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::{Value, json};
use text::command::Command;

use crate::facts::{CustomObject, Facts, VerticalSpec, group};
use crate::finding::{Fix, ReportWriter};
use crate::spec_metric::{self, SpecMetric};
use crate::{fixes, messages, scale_target};

/// The field manager of the HPA's controller.
const CONTROLLER: &str = "kube-controller-manager";

pub(super) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    second_hpa(facts, writer, hpa);
    vertical(facts, writer, hpa);
    replicas(facts, writer, hpa);
}

/// Reports a second HPA with the same target: they override each other, or the controller refuses both.
fn second_hpa(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    let target = |hpa: &HorizontalPodAutoscaler| {
        let target = fixes::target(hpa);
        (group(target.api_version.as_deref().unwrap_or_default()).to_owned(), target.kind, target.name)
    };
    let name = |hpa: &HorizontalPodAutoscaler| hpa.metadata.name.clone().unwrap_or_default();
    let competes =
        |other: &&HorizontalPodAutoscaler| name(other) != name(hpa) && target(other) == target(hpa);
    let Some(other) = facts.autoscalers.all().iter().find(competes) else { return };
    let (_, kind, workload) = target(hpa);
    let detail = messages::competing_hpas(kind, workload, name(hpa), name(other));
    let fix = fixes::delete_one_hpa(facts, hpa, other);
    writer.fail("two-autoscalers", detail, facts.autoscalers.command.as_ref(), fix);
}

/// Reports a VerticalPodAutoscaler that changes the requests from which the HPA computes a utilisation.
fn vertical(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    let target = fixes::target(hpa);
    let is_same = |found: &&CustomObject<VerticalSpec>| {
        (&found.spec.target_ref.kind, &found.spec.target_ref.name) == (&target.kind, &target.name)
    };
    let Some(found) = facts.vertical.all().iter().find(is_same) else { return };
    let command = facts.vertical.command.as_ref();
    let mode = found.spec.update_policy.update_mode.as_deref().unwrap_or("Auto");
    let metrics = spec_metric::all(hpa);
    let shared = metrics.iter().find(|metric| controls(&found.spec, **metric));
    let Some(metric) = shared.filter(|_| mode != "Off") else {
        return writer.ok("vertical", messages::vertical_harmless(found.name(), mode), command);
    };
    let resource = metric.resource().unwrap_or_default();
    let detail = messages::vertical_shares(found.name(), resource, mode);
    let change = json!({"spec": {"updatePolicy": {"updateMode": "Off"}}});
    let patch = fixes::merge_patch("verticalpodautoscaler", found.name(), &facts.subject.namespace, &change);
    writer.warn("vertical", detail, command, Fix::command(messages::fix_vertical(resource), patch));
}

/// Returns whether the VerticalPodAutoscaler sets the request that a metric is a share of.
fn controls(spec: &VerticalSpec, metric: SpecMetric<'_>) -> bool {
    let Some(resource) = metric.resource() else { return false };
    if metric.target().is_none_or(|target| target.average_utilization.is_none()) {
        return false;
    }
    let policies = &spec.resource_policy.container_policies;
    let of = |name: &str| policies.iter().find(|policy| policy.container_name == name);
    let policy = metric.container().and_then(of).or_else(|| of("*"));
    policy.is_none_or(|policy| {
        let resources = policy.controlled_resources.as_ref();
        policy.mode.as_deref() != Some("Off")
            && resources.is_none_or(|all| all.iter().any(|controlled| controlled == resource))
    })
}

/// Reports another writer of `spec.replicas`: each of its writes overrides the HPA.
fn replicas(facts: &Facts, writer: &mut ReportWriter<'_>, hpa: &HorizontalPodAutoscaler) {
    let Some(metadata) = scale_target::metadata(facts) else { return };
    let target = fixes::target(hpa);
    let kind = target.kind.to_lowercase();
    let command = Command::kubectl(["get"])
        .object(&kind, &target.name)
        .namespace(&facts.subject.namespace)
        .args(["-o", "yaml", "--show-managed-fields"]);
    let last_scale =
        hpa.status.as_ref().and_then(|status| status.last_scale_time.as_ref()).map(|time| time.0);
    match writer_of_replicas(facts, metadata, last_scale) {
        None => {
            writer.ok("replicas", messages::replicas_free(&target.name), facts.deployments.command.as_ref());
        }
        Some(Writer::Manifest(manager)) => {
            let detail = messages::replicas_owned(manager, &kind, &target.name);
            let object = json!({"kind": target.kind, "metadata": {"name": target.name}});
            let yaml = fixes::yaml(&object) + "spec:\n  # no replicas: the HPA sets them\n";
            writer.warn("replicas", detail, Some(&command), Fix::yaml(messages::fix_replicas(), yaml));
        }
        Some(Writer::Program(manager, at)) => {
            let detail = messages::replicas_written(manager, &kind, &target.name, at);
            let look = Fix::command(messages::fix_other_writer(manager), command.clone());
            writer.warn("replicas", detail, Some(&command), look);
        }
    }
}

/// A writer of `spec.replicas` that is not the HPA.
enum Writer<'a> {
    /// A manager that applies it with the object.
    Manifest(&'a str),
    /// A manager that has written it since the HPA did, and the time.
    Program(&'a str, Timestamp),
}

fn writer_of_replicas<'a>(
    facts: &Facts,
    metadata: &'a ObjectMeta,
    last_scale: Option<Timestamp>,
) -> Option<Writer<'a>> {
    let owns = |entry: &&ManagedFieldsEntry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
    };
    let owners = || metadata.managed_fields.iter().flatten().filter(owns);
    let manager = |entry: &'a ManagedFieldsEntry| entry.manager.as_deref().unwrap_or_default();
    let applies = |entry: &&ManagedFieldsEntry| {
        entry.operation.as_deref() == Some("Apply") && entry.subresource.as_deref() != Some("scale")
    };
    if let Some(entry) = owners().find(applies) {
        return Some(Writer::Manifest(manager(entry)));
    }
    let last = metadata.annotations.as_ref();
    let last = last.and_then(|all| all.get("kubectl.kubernetes.io/last-applied-configuration"));
    let last = last.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if last.is_some_and(|object| object.pointer("/spec/replicas").is_some()) {
        return Some(Writer::Manifest("kubectl apply"));
    }
    // A write of the HPA takes the field over, so that another owner has written since. KEDA scales from and to 0, and one
    // `kubectl scale` is no competitor.
    let last_scale = last_scale?;
    let is_keda = crate::scaled_object::owner(facts).is_some();
    let competes = |entry: &&ManagedFieldsEntry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        let is_usual = manager == CONTROLLER
            || manager.starts_with("kubectl")
            || manager == crate::drill::MANAGER
            || (is_keda && manager.contains("keda"));
        !is_usual && entry.time.as_ref().is_some_and(|time| time.0 > last_scale)
    };
    let entry = owners().find(competes)?;
    Some(Writer::Program(manager(entry), entry.time.as_ref()?.0))
}
