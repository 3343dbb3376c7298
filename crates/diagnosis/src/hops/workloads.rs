//! Deployments and StatefulSets of the namespace: whether their pods are ready, and why not.

mod services;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use text::command::Command;

use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::{drill, fixes, fmt, messages, select};

/// A Deployment or StatefulSet.
struct Workload<'a> {
    kind: &'static str,
    name: &'a str,
    wanted: i32,
    ready: i32,
    selector: &'a LabelSelector,
    metadata: &'a ObjectMeta,
    /// The condition ReplicaFailure.
    refusal: Option<String>,
}

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let deployments = writer.require("workloads", &facts.deployments).ok().flatten();
    let sets = writer.require("workloads", &facts.stateful_sets).ok().flatten();
    let mut all = Vec::new();
    for deployment in deployments.into_iter().flatten() {
        let (Some(spec), status) = (&deployment.spec, deployment.status.as_ref()) else { continue };
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let refusal = conditions.iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True");
        all.push(Workload {
            kind: "deployment",
            name: deployment.metadata.name.as_deref().unwrap_or_default(),
            wanted: spec.replicas.unwrap_or(1),
            ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
            selector: &spec.selector,
            metadata: &deployment.metadata,
            refusal: refusal.and_then(|condition| condition.message.clone()),
        });
    }
    for set in sets.into_iter().flatten() {
        let Some(spec) = &set.spec else { continue };
        all.push(Workload {
            kind: "statefulset",
            name: set.metadata.name.as_deref().unwrap_or_default(),
            wanted: spec.replicas.unwrap_or(1),
            ready: set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0),
            selector: &spec.selector,
            metadata: &set.metadata,
            refusal: None,
        });
    }
    if all.is_empty() && deployments.is_some() && sets.is_some() {
        writer.not_applicable("workloads", messages::no_workloads(&facts.subject.namespace));
    }
    // The broker first, since the others depend on it.
    all.sort_by_key(|workload| (workload.kind != "statefulset", workload.name));
    for workload in &all {
        check(facts, writer, workload);
    }
    services::examine(facts, writer);
}

fn check(facts: &Facts, writer: &mut ReportWriter<'_>, workload: &Workload<'_>) {
    let Workload { kind, name, wanted, ready, .. } = workload;
    let namespace = &facts.subject.namespace;
    let command = Command::kubectl(["get"]).object(kind, name).namespace(namespace);
    let command = Some(&command);
    if *wanted == 0 {
        return at_zero(facts, writer, workload, command);
    }
    let pods: Vec<&Pod> = facts
        .pods
        .all()
        .iter()
        .filter(|pod| select::matches(workload.selector, pod.metadata.labels.as_ref()))
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .collect();
    let counts = messages::workload_ready(kind, name, ready, wanted);
    if let Some((pod, trouble)) = pods.iter().find_map(|pod| Some((*pod, Trouble::of(pod)?))) {
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        let detail = messages::workload_pod(counts, pod, &trouble.detail);
        let command = Command::kubectl(["get"]).object("pod", pod).namespace(namespace);
        let fix = trouble.fix(workload, pod, namespace);
        if *ready == 0 {
            writer.fail("workload", detail, Some(&command), fix);
        } else {
            writer.warn("workload", detail, Some(&command), fix);
        }
        return;
    }
    if ready >= wanted {
        return writer.ok("workload", counts, command);
    }
    let events = Fix::command(messages::fix_read_events(), fixes::describe(kind, name, namespace));
    let detail = match &workload.refusal {
        Some(reason) => messages::workload_refused(counts, reason),
        None if *ready > 0 => messages::workload_progressing(counts),
        None if facts.pods.get().is_some() && pods.is_empty() => messages::workload_without_pods(counts),
        None => messages::workload_unready(counts),
    };
    // Pods of the HPA's target come and go: only no ready pod at all breaks the chain.
    if *ready == 0 {
        writer.fail("workload", detail, command, events);
    } else {
        writer.warn("workload", detail, command, events);
    }
}

fn at_zero(facts: &Facts, writer: &mut ReportWriter<'_>, workload: &Workload<'_>, command: Option<&Command>) {
    let Workload { kind, name, .. } = workload;
    // The autoscaler hop judges a scale target at 0.
    if is_scale_target(facts, kind, name) {
        return writer.ok("workload", messages::workload_at_zero(kind, name), command);
    }
    let is_drill = drill::stopped(workload.metadata);
    let what = fixes::after_drill(is_drill, messages::fix_scale_up(name));
    let fix = Fix::command(what, fixes::scale_to_one(kind, name, &facts.subject.namespace));
    let by = if is_drill { messages::by_drill() } else { String::new() };
    writer.fail("workload", messages::workload_scaled_to_zero(kind, name, by), command, fix);
}

fn is_scale_target(facts: &Facts, kind: &str, name: &str) -> bool {
    facts.autoscalers.all().iter().chain(facts.autoscaler.get()).any(|hpa| {
        let target = fixes::target(hpa);
        target.kind.eq_ignore_ascii_case(kind) && target.name == name
    })
}

/// The reason why a pod does not work.
struct Trouble {
    cause: Cause,
    detail: String,
    container: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Crash,
    Memory,
    Image,
    Settings,
    Unschedulable,
    Restarts,
    Unready,
}

impl Trouble {
    /// The trouble of a pod, if it has any.
    fn of(pod: &Pod) -> Option<Self> {
        let status = pod.status.as_ref()?;
        let initial = status.init_container_statuses.iter().flatten();
        for container in initial.chain(status.container_statuses.iter().flatten()) {
            if let Some((cause, detail)) = container_trouble(container) {
                return Some(Self { cause, detail, container: container.name.clone() });
            }
        }
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let is_false = |kind: &str| conditions.iter().find(|c| c.type_ == kind && c.status == "False");
        if let Some(condition) = is_false("PodScheduled") {
            let reason = condition.message.clone().unwrap_or_else(messages::no_reason);
            let detail = messages::pod_unscheduled(reason);
            return Some(Self { cause: Cause::Unschedulable, detail, container: String::new() });
        }
        let unready = is_false("Ready").or_else(|| is_false("ContainersReady"))?;
        let reason = unready.message.clone().unwrap_or_else(messages::readiness_probe);
        let detail = messages::pod_unready(reason);
        Some(Self { cause: Cause::Unready, detail, container: String::new() })
    }

    fn fix(&self, workload: &Workload<'_>, pod: &str, namespace: &str) -> Fix {
        let object = format!("{}/{}", workload.kind, workload.name);
        let container = &self.container;
        match self.cause {
            Cause::Crash | Cause::Restarts => {
                let log = Command::kubectl(["logs"])
                    .arg(format!("pod/{pod}"))
                    .flag("-c", container)
                    .namespace(namespace)
                    .arg("--previous");
                Fix::command(messages::fix_previous_log(), log)
            }
            Cause::Memory => {
                let set = Command::kubectl(["set", "resources", &object])
                    .flag("-c", container)
                    .arg("--limits=memory=512Mi")
                    .namespace(namespace);
                Fix::command(messages::fix_memory(), set)
            }
            // Ready pods still have the image from before a change.
            Cause::Image if workload.ready > 0 => {
                let undo = Command::kubectl(["rollout", "undo", &object]).namespace(namespace);
                Fix::command(messages::fix_previous_image(), undo)
            }
            Cause::Image => {
                let set = Command::kubectl(["set", "image"])
                    .namespace(namespace)
                    .operands([object, format!("{container}=IMAGE:TAG")]);
                Fix::command(messages::fix_image(), set)
            }
            Cause::Settings | Cause::Unschedulable | Cause::Unready => {
                Fix::command(messages::fix_read_events(), fixes::describe("pod", pod, namespace))
            }
        }
    }
}

/// Restarts that are worth a warning although the container runs.
const MANY_RESTARTS: i32 = 3;

fn container_trouble(container: &ContainerStatus) -> Option<(Cause, String)> {
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let now = container.state.as_ref();
    let ended = now.and_then(|state| state.terminated.as_ref()).filter(|t| t.exit_code != 0).or(last);
    let exit = || {
        ended.map_or_else(String::new, |ended| {
            messages::container_ended(ended.reason.as_deref().unwrap_or("Error"), ended.exit_code)
        })
    };
    let is_memory = ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"));
    let crash = if is_memory { Cause::Memory } else { Cause::Crash };
    let restarts = container.restart_count;
    if let Some(waiting) = now.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        return match reason {
            "CrashLoopBackOff" => {
                let restarts = fmt::count(usize::try_from(restarts).unwrap_or(0), "restart", "restarts");
                Some((crash, messages::container_crash_loop(restarts, exit())))
            }
            "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
                Some((Cause::Image, messages::container_image(reason, &container.image)))
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some((Cause::Settings, messages::container_waiting(reason, message)))
            }
            _ => None,
        };
    }
    if now.is_some_and(|state| state.terminated.is_some()) && !container.ready && ended.is_some() {
        return Some((crash, messages::container_stopped(exit())));
    }
    (restarts >= MANY_RESTARTS && ended.is_some()).then(|| {
        let cause = if is_memory { Cause::Memory } else { Cause::Restarts };
        (cause, messages::container_restarts(restarts, exit()))
    })
}
