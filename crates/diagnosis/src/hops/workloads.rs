//! The workloads of the namespace: whether their pods are ready, and why not.

mod quota;
mod services;
mod trouble;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use text::command::Command;

use crate::facts::Facts;
use crate::finding::{Finding, Fix, ReportWriter, Verdict};
use crate::owner::{self, Owner};
use crate::{drill, events, fixes, messages, scale_target, scaled_object};

use self::trouble::Trouble;

/// A workload.
struct Workload<'a> {
    /// Its kind in a command, such as `deployment`.
    command: &'a str,
    owner: Owner<'a>,
    wanted: i32,
    ready: i32,
    metadata: &'a ObjectMeta,
    /// Its pods' template, if it could be read.
    template: Option<&'a PodSpec>,
    /// The controller's words about pods that the API server refuses.
    refusal: Option<&'a str>,
}

impl<'a> Workload<'a> {
    fn of_deployment(deployment: &'a Deployment) -> Option<Self> {
        let (spec, status) = (deployment.spec.as_ref()?, deployment.status.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let refusal = conditions.iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True");
        Some(Self {
            command: "deployment",
            owner: Owner { kind: "Deployment", name: deployment.metadata.name.as_deref()? },
            wanted: spec.replicas.unwrap_or(1),
            ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
            metadata: &deployment.metadata,
            template: spec.template.spec.as_ref(),
            refusal: refusal.and_then(|condition| condition.message.as_deref()),
        })
    }

    fn of_stateful_set(facts: &'a Facts, set: &'a StatefulSet) -> Option<Self> {
        let (spec, name) = (set.spec.as_ref()?, set.metadata.name.as_deref()?);
        let ready = set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
        let wanted = spec.replicas.unwrap_or(1);
        // A StatefulSet has no condition for it. The events of an earlier time say nothing about ready pods.
        let refusal =
            events::newest(facts, "StatefulSet", name, &["FailedCreate"]).filter(|_| ready < wanted);
        Some(Self {
            command: "statefulset",
            owner: Owner { kind: "StatefulSet", name },
            wanted,
            ready,
            metadata: &set.metadata,
            template: spec.template.spec.as_ref(),
            refusal: refusal.map(events::message),
        })
    }

    /// The HPA's target, if it is of another kind.
    fn of_other_target(facts: &'a Facts) -> Option<Self> {
        let target = &facts.autoscaler.get()?.spec.as_ref()?.scale_target_ref;
        if ["Deployment", "StatefulSet"].iter().any(|kind| target.kind.eq_ignore_ascii_case(kind)) {
            return None;
        }
        let scale = facts.target.scale.get()?;
        let owner = Owner { kind: &target.kind, name: &target.name };
        let ready =
            facts.pods.all().iter().filter(|pod| is_ready(pod) && owner::of(facts, pod) == Some(owner));
        Some(Self {
            command: &target.kind,
            owner,
            wanted: scale.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0),
            ready: i32::try_from(ready.count()).unwrap_or(i32::MAX),
            metadata: &scale.metadata,
            template: None,
            refusal: None,
        })
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    { conditions }.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Examines the workloads. Returns the findings about programs that the broker refuses: they follow from a fault that the hop
/// of the broker explains.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) -> Vec<Finding> {
    let deployments = writer.require("workloads", &facts.deployments).ok().flatten();
    let sets = writer.require("workloads", &facts.stateful_sets).ok().flatten();
    let of_deployments = deployments.into_iter().flatten().filter_map(Workload::of_deployment);
    let of_sets = sets.into_iter().flatten().filter_map(|set| Workload::of_stateful_set(facts, set));
    let mut all: Vec<Workload<'_>> =
        of_sets.chain(of_deployments).chain(Workload::of_other_target(facts)).collect();
    if all.is_empty() && deployments.is_some() && sets.is_some() {
        writer.not_applicable("workloads", messages::no_workloads(&facts.subject.namespace));
    }
    // The broker first, since the others depend on it.
    all.sort_by_key(|workload| (workload.command != "statefulset", workload.owner.name));
    let mut refused = Vec::new();
    for workload in &all {
        let before = writer.findings.len();
        let is_refused = check(facts, writer, workload);
        if is_refused {
            refused.extend(writer.findings.drain(before..));
        }
    }
    services::examine(facts, writer);
    refused
}

/// Checks a workload. Returns whether the broker refuses its programs.
fn check(facts: &Facts, writer: &mut ReportWriter<'_>, workload: &Workload<'_>) -> bool {
    let Workload { command: kind, owner: Owner { name, .. }, wanted, ready, .. } = workload;
    let namespace = &facts.subject.namespace;
    let command = Command::kubectl(["get"]).object(kind, name).namespace(namespace);
    let command = Some(&command);
    if *wanted == 0 {
        at_zero(facts, writer, workload, command);
        return false;
    }
    let pods: Vec<&Pod> = facts
        .pods
        .all()
        .iter()
        .filter(|pod| owner::of(facts, pod) == Some(workload.owner))
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .collect();
    let counts = messages::workload_ready(kind, name, ready, wanted);
    // Pods of the HPA's target come and go: only no ready pod at all breaks the chain.
    let verdict = if *ready == 0 { Verdict::Failure } else { Verdict::Warning };
    if let Some((pod, trouble)) = pods.iter().find_map(|pod| Some((*pod, Trouble::of(facts, pod)?))) {
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        let detail = messages::workload_pod(counts, pod, &trouble.detail);
        let command = Command::kubectl(["get"]).object("pod", pod).namespace(namespace);
        let fix = trouble.fix(workload, pod, namespace);
        writer.bad("workload", verdict, detail, Some(&command), fix);
        return trouble.is_refused_queue;
    }
    if let Some(reason) = workload.refusal {
        let events = || Fix::command(messages::fix_read_events(), fixes::describe(kind, name, namespace));
        let fix = quota::fix(reason, namespace, wanted.saturating_sub(*ready)).unwrap_or_else(events);
        writer.bad("workload", verdict, messages::workload_refused(counts, reason), command, fix);
        return false;
    }
    if ready >= wanted {
        writer.ok("workload", counts, command);
        return false;
    }
    let detail = if *ready > 0 {
        messages::workload_progressing(counts)
    } else if facts.pods.get().is_some() && pods.is_empty() {
        messages::workload_without_pods(counts)
    } else {
        messages::workload_unready(counts)
    };
    let fix = Fix::command(messages::fix_read_events(), fixes::describe(kind, name, namespace));
    writer.bad("workload", verdict, detail, command, fix);
    false
}

fn at_zero(facts: &Facts, writer: &mut ReportWriter<'_>, workload: &Workload<'_>, command: Option<&Command>) {
    let Workload { command: kind, owner: Owner { name, .. }, .. } = workload;
    // The hops of KEDA and of the autoscaler judge a scale target at 0.
    if is_scale_target(facts, workload.owner) {
        return writer.ok("workload", messages::workload_at_zero(kind, name), command);
    }
    let is_drill = drill::stopped(workload.metadata);
    let what = fixes::after_drill(is_drill, messages::fix_scale_up(name));
    let fix = Fix::command(what, fixes::scale_to_one(kind, name, &facts.subject.namespace));
    let by = if is_drill { messages::by_drill() } else { String::new() };
    let detail = messages::workload_scaled_to_zero(kind, name, by);
    // A workload of another application may rest. The broker of the chain may not.
    if is_of_chain(facts, workload) {
        writer.fail("workload", detail, command, fix);
    } else {
        writer.warn("workload", detail, command, fix);
    }
}

/// Returns whether the chain needs the workload: a Service of the broker or of its metrics has its name, it is of the target's
/// application, or a drill stopped it.
fn is_of_chain(facts: &Facts, workload: &Workload<'_>) -> bool {
    let part_of =
        |metadata: &'_ ObjectMeta| metadata.labels.as_ref()?.get(contract::names::LABEL_PART_OF).cloned();
    let name = workload.owner.name;
    let application = part_of(workload.metadata);
    facts.broker.management.as_ref().is_some_and(|at| at.service == name)
        || facts.broker.endpoints.iter().any(|endpoint| endpoint.at.service == name)
        || (application.is_some() && application == scale_target::metadata(facts).and_then(part_of))
        || drill::stopped(workload.metadata)
}

fn is_scale_target(facts: &Facts, owner: Owner<'_>) -> bool {
    let by_hpa = facts.autoscalers.all().iter().chain(facts.autoscaler.get()).any(|hpa| {
        let target = fixes::target(hpa);
        target.kind.eq_ignore_ascii_case(owner.kind) && target.name == owner.name
    });
    by_hpa || scaled_object::of_target(facts, owner.kind, owner.name).is_some()
}
