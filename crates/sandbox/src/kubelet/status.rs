//! The pod status that a kubelet reports, computed from the states of the containers. Pure.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::meta;

/// Address of the node.
pub(super) const HOST_IP: &str = "127.0.0.1";
/// Begin of a container's ID, before its PID.
const PROCESS_ID: &str = "process://";

/// PID of the container's newest run, from its status.
pub(crate) fn process_id(container: &ContainerStatus) -> Option<i32> {
    container.container_id.as_deref()?.strip_prefix(PROCESS_ID)?.parse().ok()
}

/// One container of the pod status.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContainerView {
    pub(super) name: String,
    pub(super) image: String,
    /// True when the sandbox has a command line for the image.
    pub(super) image_known: bool,
    pub(super) state: ContainerState,
    pub(super) last: Option<ContainerState>,
    pub(super) ready: bool,
    pub(super) started: bool,
    pub(super) restarts: i32,
    /// PID of the newest run.
    pub(super) pid: Option<i32>,
}

impl ContainerView {
    fn exit_code(&self) -> Option<i32> {
        self.state.terminated.as_ref().map(|terminated| terminated.exit_code)
    }

    /// Returns true when the container has run at least once.
    fn has_run(&self) -> bool {
        self.state.running.is_some() || self.state.terminated.is_some() || self.last.is_some()
    }
}

/// All inputs of the pod status.
pub(super) struct PodView<'a> {
    pub(super) pod: &'a Pod,
    pub(super) ip: &'a str,
    pub(super) init: Vec<ContainerView>,
    pub(super) main: Vec<ContainerView>,
    /// Time at which the kubelet accepted the pod.
    pub(super) start: Time,
    /// True when the pod is being deleted and all its containers have ended.
    pub(super) deleted: bool,
}

/// The status at `now`. Conditions with an unchanged status keep their transition time.
pub(super) fn pod_status(view: &PodView<'_>, now: &Time) -> PodStatus {
    let before = view.pod.status.clone().unwrap_or_default();
    let phase = phase(view);
    let mut status = PodStatus {
        phase: Some(phase.to_owned()),
        host_ip: Some(HOST_IP.to_owned()),
        host_ips: Some(vec![HostIP { ip: HOST_IP.to_owned() }]),
        pod_ip: Some(view.ip.to_owned()),
        pod_ips: Some(vec![PodIP { ip: view.ip.to_owned() }]),
        start_time: Some(view.start.clone()),
        container_statuses: Some(view.main.iter().map(container_status).collect()),
        init_container_statuses: (!view.init.is_empty())
            .then(|| view.init.iter().map(container_status).collect()),
        observed_generation: view.pod.metadata.generation,
        ..PodStatus::default()
    };
    status.conditions = Some(conditions(view, phase, &before, now));
    status
}

fn container_status(container: &ContainerView) -> ContainerStatus {
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone(),
        image_id: if container.image_known && container.has_run() {
            container.image.clone()
        } else {
            String::new()
        },
        container_id: container.pid.map(|pid| format!("{PROCESS_ID}{pid}")),
        state: Some(container.state.clone()),
        last_state: Some(container.last.clone().unwrap_or_default()),
        ready: container.ready,
        started: Some(container.started),
        restart_count: container.restarts,
        resources: container.has_run().then(k8s_openapi::api::core::v1::ResourceRequirements::default),
        ..ContainerStatus::default()
    }
}

/// Returns true when the restart policy restarts a container with this exit code.
pub(super) fn will_restart(pod: &Pod, code: i32) -> bool {
    match pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) {
        Some("Never") => false,
        Some("OnFailure") => code != 0,
        _ => true,
    }
}

fn initialized(view: &PodView<'_>) -> bool {
    view.init.iter().all(|container| container.exit_code() == Some(0))
        || view.main.iter().any(ContainerView::has_run)
}

fn phase(view: &PodView<'_>) -> &'static str {
    let failed_init = view
        .init
        .iter()
        .filter_map(ContainerView::exit_code)
        .any(|code| code != 0 && (view.deleted || !will_restart(view.pod, code)));
    if failed_init {
        return "Failed";
    }
    let codes: Vec<Option<i32>> = view.main.iter().map(ContainerView::exit_code).collect();
    let over =
        codes.iter().all(|code| code.is_some_and(|code| view.deleted || !will_restart(view.pod, code)));
    if over && !codes.is_empty() {
        return if codes.iter().flatten().all(|&code| code == 0) { "Succeeded" } else { "Failed" };
    }
    let all_have_run = initialized(view) && view.main.iter().all(ContainerView::has_run);
    if all_have_run { "Running" } else { "Pending" }
}

fn conditions(view: &PodView<'_>, phase: &str, before: &PodStatus, now: &Time) -> Vec<PodCondition> {
    let any_process = view.init.iter().chain(&view.main).any(|container| container.state.running.is_some());
    let initialized = initialized(view);
    let pending_init: Vec<&str> = view
        .init
        .iter()
        .filter(|container| container.exit_code() != Some(0))
        .map(|container| container.name.as_str())
        .collect();
    let unready: Vec<&str> = view
        .main
        .iter()
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    let value = |good: bool, reason: &str, message: String| {
        if good { (true, None, None) } else { (false, Some(reason.to_owned()), Some(message)) }
    };
    let ready = match phase {
        "Succeeded" => (false, Some("PodCompleted".to_owned()), None),
        "Failed" => (false, Some("PodFailed".to_owned()), None),
        _ => value(
            unready.is_empty(),
            "ContainersNotReady",
            format!("containers with unready status: [{}]", unready.join(" ")),
        ),
    };
    let init = if phase == "Succeeded" {
        (true, Some("PodCompleted".to_owned()), None)
    } else {
        value(
            initialized,
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{}]", pending_init.join(" ")),
        )
    };
    let over = view.deleted || phase == "Succeeded" || phase == "Failed";
    let list = [
        ("PodReadyToStartContainers", (!over || any_process, None, None)),
        ("Initialized", init),
        ("Ready", apply_readiness_gates(view.pod, before, ready.clone())),
        ("ContainersReady", ready),
        ("PodScheduled", (true, None, None)),
    ];
    let known =
        |of_type: &str| before.conditions.iter().flatten().find(|condition| condition.type_ == of_type);
    let mut conditions: Vec<PodCondition> = list
        .into_iter()
        .map(|(of_type, (good, reason, message))| {
            let status = if good { "True" } else { "False" };
            let kept =
                known(of_type).filter(|c| c.status == status).and_then(|c| c.last_transition_time.clone());
            PodCondition {
                type_: of_type.to_owned(),
                status: status.to_owned(),
                reason,
                message,
                observed_generation: view.pod.metadata.generation,
                last_probe_time: None,
                last_transition_time: Some(kept.unwrap_or_else(|| now.clone())),
            }
        })
        .collect();
    // Keeps conditions that other components set.
    conditions
        .extend(before.conditions.iter().flatten().filter(|other| !is_own_condition(&other.type_)).cloned());
    conditions
}

/// Status, reason and message.
type ConditionValue = (bool, Option<String>, Option<String>);

/// Applies `spec.readinessGates`: conditions of other components that must be True before the pod is ready.
fn apply_readiness_gates(pod: &Pod, before: &PodStatus, ready: ConditionValue) -> ConditionValue {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let problems: Vec<String> = gates
        .filter_map(|gate| {
            let name = &gate.condition_type;
            let condition = before.conditions.iter().flatten().find(|condition| condition.type_ == *name);
            match condition.map(|condition| condition.status.as_str()) {
                Some("True") => None,
                Some(status) => {
                    Some(format!("the status of pod readiness gate \"{name}\" is not \"True\", but {status}"))
                }
                None => {
                    Some(format!("corresponding condition of pod readiness gate \"{name}\" does not exist."))
                }
            }
        })
        .collect();
    if ready.0 && !problems.is_empty() {
        return (false, Some("ReadinessGatesNotReady".to_owned()), Some(problems.join(", ")));
    }
    ready
}

fn is_own_condition(of_type: &str) -> bool {
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .contains(&of_type)
}

/// Returns true when all containers have ended and none will restart.
pub(super) fn is_terminal(view: &PodView<'_>) -> bool {
    meta::is_terminal(&Pod {
        status: Some(PodStatus { phase: Some(phase(view).to_owned()), ..PodStatus::default() }),
        ..Pod::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn container(state: Value, ready: bool) -> ContainerView {
        ContainerView {
            name: "c".into(),
            image: "i".into(),
            image_known: true,
            state: serde_json::from_value(state).unwrap(),
            last: None,
            ready,
            started: ready,
            restarts: 0,
            pid: None,
        }
    }

    fn running() -> Value {
        json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}})
    }

    fn terminated(code: i32) -> Value {
        json!({"terminated": {"exitCode": code, "reason": "x"}})
    }

    fn pod(policy: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "generation": 1},
            "spec": {"restartPolicy": policy, "containers": []},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"},
                {"type": "Other", "status": "True"},
            ]},
        }))
        .unwrap()
    }

    fn status_of(
        policy: &str,
        main: Vec<ContainerView>,
        init: Vec<ContainerView>,
        deleted: bool,
    ) -> PodStatus {
        let now = Time("2026-01-01T00:00:05Z".parse().unwrap());
        let pod = pod(policy);
        let view = PodView { pod: &pod, ip: "10.244.0.2", init, main, start: now.clone(), deleted };
        pod_status(&view, &now)
    }

    #[test]
    fn phases_follow_the_containers() {
        let waiting = || json!({"waiting": {"reason": "ContainerCreating"}});
        for (expected, policy, main, deleted) in [
            ("Pending", "Always", vec![waiting()], false),
            ("Pending", "Always", vec![running(), waiting()], false),
            ("Running", "Always", vec![running()], false),
            ("Running", "Always", vec![terminated(1)], false),
            ("Running", "OnFailure", vec![terminated(1)], false),
            ("Succeeded", "OnFailure", vec![terminated(0)], false),
            ("Failed", "Never", vec![terminated(0), terminated(3)], false),
            ("Succeeded", "Always", vec![terminated(0)], true),
            ("Failed", "Always", vec![terminated(137)], true),
        ] {
            let views = main.iter().map(|state| container(state.clone(), false)).collect();
            let status = status_of(policy, views, Vec::new(), deleted);
            assert_eq!(status.phase.as_deref(), Some(expected), "{policy} {main:?}");
        }
    }

    #[test]
    fn unchanged_conditions_keep_their_times() {
        let status = status_of("Always", vec![container(running(), true)], Vec::new(), false);
        let find = |of_type: &str| {
            status.conditions.as_ref().unwrap().iter().find(|c| c.type_ == of_type).unwrap().clone()
        };
        assert_eq!(find("Ready").last_transition_time.unwrap().0.to_string(), "2025-01-01T00:00:00Z");
        assert_eq!(
            find("ContainersReady").last_transition_time.unwrap().0.to_string(),
            "2026-01-01T00:00:05Z"
        );
        assert_eq!(find("Other").status, "True");

        let status = status_of("Always", vec![container(running(), false)], Vec::new(), false);
        let ready = status.conditions.unwrap().into_iter().find(|c| c.type_ == "Ready").unwrap();
        assert_eq!(ready.reason.as_deref(), Some("ContainersNotReady"));
        assert_eq!(ready.message.as_deref(), Some("containers with unready status: [c]"));
        assert_eq!(ready.last_transition_time.unwrap().0.to_string(), "2026-01-01T00:00:05Z");
    }

    #[test]
    fn a_pod_waits_for_its_init_containers() {
        let waiting = container(json!({"waiting": {"reason": "PodInitializing"}}), false);
        let status = status_of("Always", vec![waiting.clone()], vec![container(running(), false)], false);
        assert_eq!(status.phase.as_deref(), Some("Pending"));
        let initialized = |status: &PodStatus| {
            status
                .conditions
                .as_ref()
                .unwrap()
                .iter()
                .find(|c| c.type_ == "Initialized")
                .unwrap()
                .status
                .clone()
        };
        assert_eq!(initialized(&status), "False");
        let status = status_of("Never", vec![waiting], vec![container(terminated(1), false)], false);
        assert_eq!(status.phase.as_deref(), Some("Failed"));
    }

    #[test]
    fn readiness_gates_affect_the_pod_alone() {
        for (status, expected) in [
            (None, Some("corresponding condition of pod readiness gate \"a/b\" does not exist.")),
            (Some("False"), Some("the status of pod readiness gate \"a/b\" is not \"True\", but False")),
            (Some("True"), None),
        ] {
            let mut pod = pod("Always");
            pod.spec.as_mut().unwrap().readiness_gates =
                serde_json::from_value(json!([{"conditionType": "a/b"}])).unwrap();
            if let Some(status) = status {
                let condition = serde_json::from_value(json!({"type": "a/b", "status": status})).unwrap();
                pod.status.as_mut().unwrap().conditions.as_mut().unwrap().push(condition);
            }
            let now = Time("2026-01-01T00:00:05Z".parse().unwrap());
            let main = vec![container(running(), true)];
            let view = PodView {
                pod: &pod,
                ip: "10.244.0.2",
                init: Vec::new(),
                main,
                start: now.clone(),
                deleted: false,
            };
            let conditions = pod_status(&view, &now).conditions.unwrap();
            let find =
                |of_type: &str| conditions.iter().find(|condition| condition.type_ == of_type).unwrap();
            assert_eq!(find("Ready").message.as_deref(), expected);
            assert_eq!(find("ContainersReady").status, "True");
        }
    }
}
