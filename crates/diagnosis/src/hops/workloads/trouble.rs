//! The reason why a pod does not work: its containers' states, the kubelet's events, and the containers' own logs.

use hpa::quantity::{Format, Quantity, format_milli};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;
use text::command::Command;

use super::Workload;
use crate::facts::{ContainerLog, Facts, Outcome, Run};
use crate::finding::Fix;
use crate::{events, fixes, fmt, log, messages};

/// Restarts that are worth a warning although the container runs.
const MANY_RESTARTS: i32 = 3;

/// The reason why a pod does not work.
pub(super) struct Trouble<'f> {
    cause: Cause<'f>,
    pub(super) detail: String,
    /// The log says that the broker refuses the queue.
    pub(super) is_refused_queue: bool,
}

enum Cause<'f> {
    /// A container ended or is not ready, and its log says why.
    Log { container: &'f str, run: Run },
    /// The limit of memory was reached.
    Memory { container: &'f str, limit: Option<&'f str> },
    /// The image cannot be pulled.
    Image { container: &'f str },
    /// The probe asks a port at which no process listens, while the container declares another.
    ProbePort { container: &'f str, field: &'static str, port: IntOrString },
    /// The pod does not run: scheduling, volumes, settings. Only its events say more.
    NotStarted,
}

impl<'f> Trouble<'f> {
    /// The trouble of a pod, if it has any.
    pub(super) fn of(facts: &'f Facts, pod: &'f Pod) -> Option<Self> {
        let status = pod.status.as_ref()?;
        let initial = status.init_container_statuses.iter().flatten();
        let regular = status.container_statuses.iter().flatten();
        let all = || {
            initial.clone().map(|status| (status, true)).chain(regular.clone().map(|status| (status, false)))
        };
        if let Some(trouble) = all().find_map(|(container, _)| container_trouble(facts, pod, container)) {
            return Some(trouble);
        }
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let is_false = |kind: &str| conditions.iter().find(|c| c.type_ == kind && c.status == "False");
        if let Some(condition) = is_false("PodScheduled") {
            let reason = condition.message.clone().unwrap_or_else(messages::no_reason);
            return Some(Self::not_started(messages::pod_unscheduled(reason)));
        }
        let unready = is_false("Ready").or_else(|| is_false("ContainersReady"))?;
        // An init container that runs holds back the others.
        let holding =
            all().find(|(container, is_initial)| is_running(container) && (*is_initial || !container.ready));
        if let Some((container, is_initial)) =
            holding.filter(|(container, is_initial)| !(*is_initial && container.ready))
        {
            return Some(unready_container(facts, pod, container, is_initial));
        }
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let starting = [
            "FailedMount",
            "FailedAttachVolume",
            "FailedCreatePodSandBox",
            "FailedScheduling",
            "FailedBinding",
        ];
        if let Some(event) = events::newest(facts, "Pod", name, &starting) {
            let reason = event.reason.as_deref().unwrap_or_default();
            return Some(Self::not_started(messages::container_waiting(reason, events::message(event))));
        }
        let reason = unready.message.clone().unwrap_or_else(messages::no_reason);
        Some(Self::not_started(messages::pod_unready(reason)))
    }

    fn not_started(detail: String) -> Self {
        Self { cause: Cause::NotStarted, detail, is_refused_queue: false }
    }

    pub(super) fn fix(&self, workload: &Workload<'_>, pod: &str, namespace: &str) -> Fix {
        let object = format!("{}/{}", workload.command, workload.owner.name);
        match &self.cause {
            Cause::Log { container, run } => {
                let what = match run {
                    Run::Current => messages::fix_container_log(),
                    Run::Previous => messages::fix_previous_log(),
                };
                Fix::command(what, fixes::container_log(pod, container, namespace, *run))
            }
            Cause::Memory { container, limit } => {
                let doubled = limit.and_then(doubled).unwrap_or_else(|| "AMOUNT".to_owned());
                let set = Command::kubectl(["set", "resources", &object])
                    .flag("-c", *container)
                    .arg(format!("--limits=memory={doubled}"))
                    .namespace(namespace);
                Fix::command(messages::fix_memory(), set)
            }
            // Ready pods still have the image from before a change.
            Cause::Image { .. } if workload.ready > 0 => {
                let undo = Command::kubectl(["rollout", "undo", &object]).namespace(namespace);
                Fix::command(messages::fix_previous_image(), undo)
            }
            Cause::Image { container } => {
                let set = Command::kubectl(["set", "image"])
                    .namespace(namespace)
                    .operands([object, format!("{container}=IMAGE:TAG")]);
                Fix::command(messages::fix_image(), set)
            }
            Cause::ProbePort { container, field, port } => {
                let containers = workload.template.map(|spec| spec.containers.as_slice()).unwrap_or_default();
                let Some(index) = containers.iter().position(|candidate| candidate.name == *container) else {
                    let log = fixes::container_log(pod, container, namespace, Run::Current);
                    return Fix::command(messages::fix_container_log(), log);
                };
                let path = format!("/spec/template/spec/containers/{index}/{field}/port");
                let change = json!([{"op": "replace", "path": path, "value": port}]);
                let patch =
                    fixes::json_patch(workload.command, workload.owner.name, Some(namespace), &change);
                Fix::command(messages::fix_probe_port(), patch)
            }
            Cause::NotStarted => {
                Fix::command(messages::fix_read_events(), fixes::describe("pod", pod, namespace))
            }
        }
    }
}

/// Twice an amount of memory, in its own notation.
fn doubled(limit: &str) -> Option<String> {
    let milli = limit.parse::<Quantity>().ok()?.milli().ok()?.checked_mul(2)?;
    let format = if limit.ends_with('i') { Format::BinarySi } else { Format::DecimalSi };
    Some(format_milli(milli, format))
}

fn is_running(container: &ContainerStatus) -> bool {
    container.state.as_ref().is_some_and(|state| state.running.is_some())
}

/// The trouble of a container by its state: it waits for a reason, or it ended.
fn container_trouble<'f>(
    facts: &'f Facts,
    pod: &'f Pod,
    container: &'f ContainerStatus,
) -> Option<Trouble<'f>> {
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let now = container.state.as_ref();
    let current = now.and_then(|state| state.terminated.as_ref()).filter(|ended| ended.exit_code != 0);
    let ended = current.or(last);
    let exit = || {
        ended.map_or_else(String::new, |ended| {
            messages::container_ended(ended.reason.as_deref().unwrap_or("Error"), ended.exit_code)
        })
    };
    let name = container.name.as_str();
    let is_memory = ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"));
    let restarts = container.restart_count;
    let ended_with = |detail: String, run: Run| {
        if is_memory {
            let cause = Cause::Memory { container: name, limit: memory_limit(pod, name) };
            return Trouble { cause, detail, is_refused_queue: false };
        }
        let liveness = probe_answer(facts, pod, name, "Liveness probe");
        let detail = liveness.map_or(detail.clone(), |answer| messages::with_probe(detail, answer));
        with_log(facts, pod, name, detail, &[run])
    };
    if let Some(waiting) = now.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        return match reason {
            "CrashLoopBackOff" => {
                let restarts = fmt::count(usize::try_from(restarts).unwrap_or(0), "restart", "restarts");
                Some(ended_with(messages::container_crash_loop(name, restarts, exit()), Run::Previous))
            }
            "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => Some(Trouble {
                cause: Cause::Image { container: name },
                detail: messages::container_image(reason, &container.image),
                is_refused_queue: false,
            }),
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some(Trouble::not_started(messages::container_waiting(reason, message)))
            }
            _ => None,
        };
    }
    if current.is_some() && !container.ready {
        return Some(ended_with(messages::container_stopped(name, exit()), Run::Current));
    }
    let has_many = restarts >= MANY_RESTARTS && ended.is_some();
    has_many.then(|| ended_with(messages::container_restarts(name, restarts, exit()), Run::Previous))
}

/// The trouble of a container that runs and is not ready.
fn unready_container<'f>(
    facts: &'f Facts,
    pod: &'f Pod,
    container: &'f ContainerStatus,
    is_initial: bool,
) -> Trouble<'f> {
    let name = container.name.as_str();
    if is_initial {
        return with_log(facts, pod, name, messages::init_container_runs(name), &[Run::Current]);
    }
    let mut detail = messages::container_unready(name);
    for probe in ["Startup probe", "Readiness probe"] {
        let Some(answer) = probe_answer(facts, pod, name, probe) else { continue };
        detail = messages::with_probe(detail, answer);
        if let Some((field, port, asked)) = wrong_port(pod.spec.as_ref(), name, probe, answer) {
            let detail = messages::with_probe_port(detail, shown(&asked), shown(&port));
            let cause = Cause::ProbePort { container: name, field, port };
            return Trouble { cause, detail, is_refused_queue: false };
        }
    }
    if container.restart_count > 0 {
        detail = messages::with_restarts(detail, container.restart_count);
    }
    with_log(facts, pod, name, detail, &[Run::Current, Run::Previous])
}

fn shown(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}

/// Adds to a detail what the log of one of these runs says, or why it could not be read.
fn with_log<'f>(
    facts: &'f Facts,
    pod: &Pod,
    container: &'f str,
    detail: String,
    runs: &[Run],
) -> Trouble<'f> {
    let pod = pod.metadata.name.as_deref().unwrap_or_default();
    let logs: Vec<&ContainerLog> = runs
        .iter()
        .filter_map(|run| {
            let mut logs = facts.logs.iter();
            logs.find(|log| log.of.pod == pod && log.of.container == container && log.of.run == *run)
        })
        .collect();
    let run = runs.first().copied().unwrap_or(Run::Current);
    let said = logs.iter().find_map(|found| Some((found.of.run, log::telling(found.text.get()?)?)));
    if let Some((run, line)) = said {
        let fault = log::fault(&line);
        let is_refused_queue = log::blames_queue(&line);
        let mut detail = messages::with_log_line(detail, line);
        if let Some(fault) = fault {
            detail = messages::sentence_after(detail, fault);
        }
        return Trouble { cause: Cause::Log { container, run }, detail, is_refused_queue };
    }
    let denied = logs.iter().any(|log| matches!(log.text.outcome, Outcome::NotPermitted(_)));
    if denied {
        let detail = messages::sentence_after(detail, messages::log_hidden());
        return Trouble::not_started(detail);
    }
    Trouble { cause: Cause::Log { container, run }, detail, is_refused_queue: false }
}

/// The memory limit of a container.
fn memory_limit<'f>(pod: &'f Pod, container: &str) -> Option<&'f str> {
    let limits = container_of(pod.spec.as_ref()?, container)?.resources.as_ref()?.limits.as_ref()?;
    Some(limits.get("memory")?.0.as_str())
}

fn container_of<'f>(spec: &'f PodSpec, name: &str) -> Option<&'f Container> {
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    all.find(|container| container.name == name)
}

/// The newest answer of a container's probe, such as `HTTP probe failed with statuscode: 503`.
fn probe_answer<'f>(facts: &'f Facts, pod: &Pod, container: &str, probe: &str) -> Option<&'f str> {
    let pod = pod.metadata.name.as_deref()?;
    let place = format!("{{{container}}}");
    let found = events::of(facts, "Pod", pod, &["Unhealthy"]).filter(|event| {
        let path = event.involved_object.field_path.as_deref();
        events::message(event).starts_with(probe) && path.is_none_or(|path| path.ends_with(&place))
    });
    { found }.max_by_key(|event| events::seen(event)).map(events::message)
}

/// The field of a probe whose port no process has, the only port that the container declares, and the probe's port.
fn wrong_port(
    spec: Option<&PodSpec>,
    container: &str,
    probe: &str,
    answer: &str,
) -> Option<(&'static str, IntOrString, IntOrString)> {
    let container = container_of(spec?, container)?;
    let (probe, http, tcp): (&Probe, _, _) = if probe == "Startup probe" {
        (container.startup_probe.as_ref()?, "startupProbe/httpGet", "startupProbe/tcpSocket")
    } else {
        (container.readiness_probe.as_ref()?, "readinessProbe/httpGet", "readinessProbe/tcpSocket")
    };
    let (field, asked) = match (&probe.http_get, &probe.tcp_socket) {
        (Some(get), _) => (http, &get.port),
        (None, Some(socket)) => (tcp, &socket.port),
        (None, None) => return None,
    };
    let [only] = container.ports.as_deref()? else { return None };
    let is_declared = match asked {
        IntOrString::Int(number) => *number == only.container_port || !answer.contains("connection refused"),
        IntOrString::String(name) => only.name.as_ref() == Some(name),
    };
    let port = only.name.clone().map_or(IntOrString::Int(only.container_port), IntOrString::String);
    (!is_declared).then(|| (field, port, asked.clone()))
}
