//! Deployments and StatefulSets of the namespace: whether their pods are ready, and why not.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::facts::Facts;
use super::line::{Fix, Pen};
use super::{drill, select, words};

/// A Deployment or StatefulSet, as far as its pods go.
struct Workload<'a> {
    kind: &'static str,
    name: &'a str,
    wanted: i32,
    ready: i32,
    selector: &'a LabelSelector,
    metadata: &'a ObjectMeta,
    /// Why it makes no pods, if it says so.
    refusal: Option<String>,
}

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let deployments = pen.seen("workloads", &facts.deployments).ok().flatten();
    let sets = pen.seen("workloads", &facts.stateful_sets).ok().flatten();
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
        let saw = format!("namespace {} has no Deployment and no StatefulSet", facts.place.namespace);
        pen.not_applicable("workloads", saw);
    }
    // The broker first: the others wait for it.
    all.sort_by_key(|workload| (workload.kind != "statefulset", workload.name));
    for workload in &all {
        one(facts, pen, workload);
    }
}

fn one(facts: &Facts, pen: &mut Pen<'_>, workload: &Workload<'_>) {
    let Workload { kind, name, wanted, ready, .. } = workload;
    let namespace = &facts.place.namespace;
    let how = format!("kubectl get {kind} {name} -n {namespace}");
    let pods: Vec<&Pod> = facts
        .pods
        .all()
        .iter()
        .filter(|pod| select::selects(workload.selector, pod.metadata.labels.as_ref()))
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .collect();
    if *wanted == 0 {
        // The scale target at zero is the autoscaler's affair.
        if is_scale_target(facts, kind, name) {
            pen.ok("workload", format!("{kind} {name} is at 0 replicas"), &how);
            return;
        }
        let drilled = drill::stopped(workload.metadata);
        let what = format!("give {name} a replica again");
        let fix = Fix::command(
            if drilled { drill::put_back(&what) } else { what },
            format!("kubectl scale {kind}/{name} --replicas=1 -n {namespace}"),
        );
        let by = if drilled { drill::BY } else { "" };
        pen.fail("workload", format!("{kind} {name} is scaled to 0 replicas{by}"), &how, fix);
        return;
    }
    let trouble = pods.iter().find_map(|pod| trouble(pod).map(|trouble| (*pod, trouble)));
    let short = format!("{kind} {name}: {ready} of {wanted} ready");
    match (trouble, ready < wanted) {
        (Some((pod, trouble)), is_short) => {
            let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
            let saw = format!("{short}; pod {pod_name}: {}", trouble.words);
            let how = format!("kubectl get pod {pod_name} -n {namespace}");
            let fix = trouble.fix(kind, name, pod_name, namespace, *ready > 0);
            if is_short && *ready == 0 {
                pen.fail("workload", saw, &how, fix);
            } else {
                pen.warn("workload", saw, &how, fix);
            }
        }
        (None, true) => {
            let why = workload.refusal.clone();
            let events = Fix::command(
                "read what its events say",
                format!("kubectl describe {kind} {name} -n {namespace}"),
            );
            match why {
                Some(why) if *ready == 0 => pen.fail("workload", format!("{short}: {why}"), &how, events),
                // Pods of the HPA's target come and go: only none at all breaks the chain.
                None if *ready == 0 && facts.pods.get().is_some() && pods.is_empty() => {
                    pen.fail("workload", format!("{short}, and it has no pods"), &how, events);
                }
                None if *ready == 0 => {
                    let saw = format!("{short}; its pods are not ready and say no reason");
                    pen.fail("workload", saw, &how, events);
                }
                why => {
                    let why = why.unwrap_or_else(|| "the others are on their way".to_owned());
                    pen.warn("workload", format!("{short}; {why}"), &how, events);
                }
            }
        }
        (None, false) => pen.ok("workload", short, &how),
    }
}

fn is_scale_target(facts: &Facts, kind: &str, name: &str) -> bool {
    facts.autoscalers.all().iter().chain(facts.autoscaler.get()).any(|hpa| {
        let target = hpa.spec.as_ref().map(|spec| &spec.scale_target_ref);
        target.is_some_and(|target| target.kind.eq_ignore_ascii_case(kind) && target.name == name)
    })
}

/// What is wrong with a pod.
struct Trouble {
    kind: Kind,
    words: String,
    container: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Crash,
    Memory,
    Image,
    Settings,
    Unschedulable,
    Restarts,
    Unready,
}

impl Trouble {
    /// `has_ready`: whether others of its pods are ready, such as those of before a change.
    fn fix(&self, kind: &str, name: &str, pod: &str, namespace: &str, has_ready: bool) -> Fix {
        let container = &self.container;
        match self.kind {
            Kind::Crash | Kind::Restarts => Fix::command(
                "read why it ended",
                format!("kubectl logs {pod} -c {container} -n {namespace} --previous"),
            ),
            Kind::Memory => Fix::command(
                "give it more memory",
                format!(
                    "kubectl set resources {kind}/{name} -c {container} --limits=memory=512Mi -n {namespace}"
                ),
            ),
            Kind::Image if has_ready => Fix::command(
                "go back to the image that runs, or name another that the node can have",
                format!("kubectl rollout undo {kind}/{name} -n {namespace}"),
            ),
            Kind::Image => Fix::command(
                "name an image that the node can have",
                format!("kubectl set image {kind}/{name} {container}=IMAGE:TAG -n {namespace}"),
            ),
            Kind::Settings | Kind::Unschedulable | Kind::Unready => {
                Fix::command("read what its events say", format!("kubectl describe pod {pod} -n {namespace}"))
            }
        }
    }
}

fn trouble(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let initial = status.init_container_statuses.iter().flatten();
    for container in initial.chain(status.container_statuses.iter().flatten()) {
        if let Some((kind, words)) = container_trouble(container) {
            return Some(Trouble { kind, words, container: container.name.clone() });
        }
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let is_false = |kind: &str| conditions.iter().find(|c| c.type_ == kind && c.status == "False");
    if let Some(condition) = is_false("PodScheduled") {
        let words =
            format!("cannot be scheduled: {}", condition.message.as_deref().unwrap_or("no reason given"));
        return Some(Trouble { kind: Kind::Unschedulable, words, container: String::new() });
    }
    let unready = is_false("Ready").or_else(|| is_false("ContainersReady"))?;
    let words = format!("not ready: {}", unready.message.as_deref().unwrap_or("its readiness probe fails"));
    Some(Trouble { kind: Kind::Unready, words, container: String::new() })
}

/// Restarts from which a pod that runs is worth a warning.
const MANY_RESTARTS: i32 = 3;

fn container_trouble(container: &ContainerStatus) -> Option<(Kind, String)> {
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let now = container.state.as_ref();
    let ended = now.and_then(|state| state.terminated.as_ref()).filter(|t| t.exit_code != 0).or(ended);
    let how_it_ended = || {
        ended.map_or_else(String::new, |ended| {
            let reason = ended.reason.as_deref().unwrap_or("Error");
            format!(", last ended as {reason} ({})", ended.exit_code)
        })
    };
    let is_memory = ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"));
    let crash = if is_memory { Kind::Memory } else { Kind::Crash };
    if let Some(waiting) = now.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        let image = container.image.as_str();
        return match reason {
            "CrashLoopBackOff" => {
                let restarts = words::count(
                    usize::try_from(container.restart_count).unwrap_or(0),
                    "restart",
                    "restarts",
                );
                Some((crash, format!("CrashLoopBackOff after {restarts}{}", how_it_ended())))
            }
            "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
                Some((Kind::Image, format!("{reason}: image {image} cannot be had")))
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some((Kind::Settings, format!("{reason}: {message}")))
            }
            _ => None,
        };
    }
    if now.is_some_and(|state| state.terminated.is_some()) && !container.ready && ended.is_some() {
        return Some((crash, format!("its container is not running{}", how_it_ended())));
    }
    (container.restart_count >= MANY_RESTARTS && ended.is_some()).then(|| {
        let kind = if is_memory { Kind::Memory } else { Kind::Restarts };
        (kind, format!("{} restarts{}", container.restart_count, how_it_ended()))
    })
}
