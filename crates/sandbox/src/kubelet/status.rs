//! The status that a kubelet reports for a pod: pure, from what its containers do.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::meta;

/// Address of the node.
pub(super) const HOST_IP: &str = "127.0.0.1";

/// What one container does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) name: String,
    pub(super) image: String,
    /// True when the image stands for a program.
    pub(super) image_known: bool,
    pub(super) state: ContainerState,
    pub(super) last: Option<ContainerState>,
    pub(super) ready: bool,
    pub(super) started: bool,
    pub(super) restarts: i32,
    /// PID of the newest run.
    pub(super) pid: Option<i32>,
}

impl View {
    fn exit_code(&self) -> Option<i32> {
        self.state.terminated.as_ref().map(|terminated| terminated.exit_code)
    }

    /// Has run at least once.
    fn has_run(&self) -> bool {
        self.state.running.is_some() || self.state.terminated.is_some() || self.last.is_some()
    }
}

/// What all of a pod does.
pub(super) struct Whole<'a> {
    pub(super) pod: &'a Pod,
    pub(super) ip: &'a str,
    pub(super) init: Vec<View>,
    pub(super) main: Vec<View>,
    /// Accepted by the kubelet.
    pub(super) start: Time,
    /// Its end was asked for, or all its containers are over.
    pub(super) ending: bool,
}

/// The status at `now`; times of conditions that did not change are kept.
pub(super) fn of(whole: &Whole<'_>, now: &Time) -> PodStatus {
    let before = whole.pod.status.clone().unwrap_or_default();
    let phase = phase(whole);
    let mut status = PodStatus {
        phase: Some(phase.to_owned()),
        host_ip: Some(HOST_IP.to_owned()),
        host_ips: Some(vec![HostIP { ip: HOST_IP.to_owned() }]),
        pod_ip: Some(whole.ip.to_owned()),
        pod_ips: Some(vec![PodIP { ip: whole.ip.to_owned() }]),
        start_time: Some(whole.start.clone()),
        container_statuses: Some(whole.main.iter().map(container_status).collect()),
        init_container_statuses: (!whole.init.is_empty())
            .then(|| whole.init.iter().map(container_status).collect()),
        observed_generation: whole.pod.metadata.generation,
        ..PodStatus::default()
    };
    status.conditions = Some(conditions(whole, phase, &before, now));
    status
}

fn container_status(view: &View) -> ContainerStatus {
    ContainerStatus {
        name: view.name.clone(),
        image: view.image.clone(),
        image_id: if view.image_known && view.has_run() { view.image.clone() } else { String::new() },
        container_id: view.pid.map(|pid| format!("process://{pid}")),
        state: Some(view.state.clone()),
        last_state: Some(view.last.clone().unwrap_or_default()),
        ready: view.ready,
        started: Some(view.started),
        restart_count: view.restarts,
        resources: view.has_run().then(k8s_openapi::api::core::v1::ResourceRequirements::default),
        ..ContainerStatus::default()
    }
}

fn restarts(pod: &Pod, code: i32) -> bool {
    match pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) {
        Some("Never") => false,
        Some("OnFailure") => code != 0,
        _ => true,
    }
}

/// Whether an ended container with this exit code starts again.
pub(super) fn comes_again(pod: &Pod, code: i32) -> bool {
    restarts(pod, code)
}

fn initialized(whole: &Whole<'_>) -> bool {
    whole.init.iter().all(|view| view.exit_code() == Some(0)) || whole.main.iter().any(View::has_run)
}

fn phase(whole: &Whole<'_>) -> &'static str {
    let failed_init = whole
        .init
        .iter()
        .filter_map(View::exit_code)
        .any(|code| code != 0 && (whole.ending || !restarts(whole.pod, code)));
    if failed_init {
        return "Failed";
    }
    let codes: Vec<Option<i32>> = whole.main.iter().map(View::exit_code).collect();
    let over = codes.iter().all(|code| code.is_some_and(|code| whole.ending || !restarts(whole.pod, code)));
    if over && !codes.is_empty() {
        return if codes.iter().flatten().all(|&code| code == 0) { "Succeeded" } else { "Failed" };
    }
    let all_have_run = initialized(whole) && whole.main.iter().all(View::has_run);
    if all_have_run { "Running" } else { "Pending" }
}

fn conditions(whole: &Whole<'_>, phase: &str, before: &PodStatus, now: &Time) -> Vec<PodCondition> {
    let any_process = whole.init.iter().chain(&whole.main).any(|view| view.state.running.is_some());
    let initialized = initialized(whole);
    let pending_init: Vec<&str> =
        whole.init.iter().filter(|view| view.exit_code() != Some(0)).map(|view| view.name.as_str()).collect();
    let unready: Vec<&str> =
        whole.main.iter().filter(|view| !view.ready).map(|view| view.name.as_str()).collect();
    let verdict = |good: bool, reason: &str, message: String| {
        if good { (true, None, None) } else { (false, Some(reason.to_owned()), Some(message)) }
    };
    let ready = match phase {
        "Succeeded" => (false, Some("PodCompleted".to_owned()), None),
        "Failed" => (false, Some("PodFailed".to_owned()), None),
        _ => verdict(
            unready.is_empty(),
            "ContainersNotReady",
            format!("containers with unready status: [{}]", unready.join(" ")),
        ),
    };
    let init = if phase == "Succeeded" {
        (true, Some("PodCompleted".to_owned()), None)
    } else {
        verdict(
            initialized,
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{}]", pending_init.join(" ")),
        )
    };
    let over = whole.ending || phase == "Succeeded" || phase == "Failed";
    let list = [
        ("PodReadyToStartContainers", (!over || any_process, None, None)),
        ("Initialized", init),
        ("Ready", gated(whole.pod, before, ready.clone())),
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
                observed_generation: whole.pod.metadata.generation,
                last_probe_time: None,
                last_transition_time: Some(kept.unwrap_or_else(|| now.clone())),
            }
        })
        .collect();
    // Those of others stay.
    conditions.extend(before.conditions.iter().flatten().filter(|theirs| !list_has(&theirs.type_)).cloned());
    conditions
}

type Verdict = (bool, Option<String>, Option<String>);

/// `spec.readinessGates`: conditions that others set, without which the pod as a whole is not ready.
fn gated(pod: &Pod, before: &PodStatus, ready: Verdict) -> Verdict {
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

fn list_has(of_type: &str) -> bool {
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .contains(&of_type)
}

/// Whether the pod's containers are all over and none will come again.
pub(super) fn is_over(whole: &Whole<'_>) -> bool {
    meta::is_terminal(&Pod {
        status: Some(PodStatus { phase: Some(phase(whole).to_owned()), ..PodStatus::default() }),
        ..Pod::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn view(state: Value, ready: bool) -> View {
        View {
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

    fn ended(code: i32) -> Value {
        json!({"terminated": {"exitCode": code, "reason": "x"}})
    }

    fn pod(policy: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "generation": 1},
            "spec": {"restartPolicy": policy, "containers": []},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"},
                {"type": "Their", "status": "True"},
            ]},
        }))
        .unwrap()
    }

    fn status_of(policy: &str, main: Vec<View>, init: Vec<View>, ending: bool) -> PodStatus {
        let now = Time("2026-01-01T00:00:05Z".parse().unwrap());
        let pod = pod(policy);
        of(&Whole { pod: &pod, ip: "10.244.0.2", init, main, start: now.clone(), ending }, &now)
    }

    #[test]
    fn phases_follow_the_containers() {
        let waiting = || json!({"waiting": {"reason": "ContainerCreating"}});
        for (expected, policy, main, ending) in [
            ("Pending", "Always", vec![waiting()], false),
            ("Pending", "Always", vec![running(), waiting()], false),
            ("Running", "Always", vec![running()], false),
            ("Running", "Always", vec![ended(1)], false),
            ("Running", "OnFailure", vec![ended(1)], false),
            ("Succeeded", "OnFailure", vec![ended(0)], false),
            ("Failed", "Never", vec![ended(0), ended(3)], false),
            ("Succeeded", "Always", vec![ended(0)], true),
            ("Failed", "Always", vec![ended(137)], true),
        ] {
            let views = main.iter().map(|state| view(state.clone(), false)).collect();
            let status = status_of(policy, views, Vec::new(), ending);
            assert_eq!(status.phase.as_deref(), Some(expected), "{policy} {main:?}");
        }
    }

    #[test]
    fn conditions_keep_their_times_and_those_of_others() {
        let status = status_of("Always", vec![view(running(), true)], Vec::new(), false);
        let find = |of_type: &str| {
            status.conditions.as_ref().unwrap().iter().find(|c| c.type_ == of_type).unwrap().clone()
        };
        assert_eq!(find("Ready").last_transition_time.unwrap().0.to_string(), "2025-01-01T00:00:00Z");
        assert_eq!(
            find("ContainersReady").last_transition_time.unwrap().0.to_string(),
            "2026-01-01T00:00:05Z"
        );
        assert_eq!(find("Their").status, "True");

        let status = status_of("Always", vec![view(running(), false)], Vec::new(), false);
        let ready = status.conditions.unwrap().into_iter().find(|c| c.type_ == "Ready").unwrap();
        assert_eq!(ready.reason.as_deref(), Some("ContainersNotReady"));
        assert_eq!(ready.message.as_deref(), Some("containers with unready status: [c]"));
        assert_eq!(ready.last_transition_time.unwrap().0.to_string(), "2026-01-01T00:00:05Z");
    }

    #[test]
    fn init_containers_hold_the_pod_back() {
        let waiting = view(json!({"waiting": {"reason": "PodInitializing"}}), false);
        let status = status_of("Always", vec![waiting.clone()], vec![view(running(), false)], false);
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
        let status = status_of("Never", vec![waiting], vec![view(ended(1), false)], false);
        assert_eq!(status.phase.as_deref(), Some("Failed"));
    }

    #[test]
    fn a_readiness_gate_holds_the_pod_back_but_not_its_containers() {
        for (their, expected) in [
            (None, Some("corresponding condition of pod readiness gate \"a/b\" does not exist.")),
            (Some("False"), Some("the status of pod readiness gate \"a/b\" is not \"True\", but False")),
            (Some("True"), None),
        ] {
            let mut pod = pod("Always");
            pod.spec.as_mut().unwrap().readiness_gates =
                serde_json::from_value(json!([{"conditionType": "a/b"}])).unwrap();
            if let Some(status) = their {
                let condition = serde_json::from_value(json!({"type": "a/b", "status": status})).unwrap();
                pod.status.as_mut().unwrap().conditions.as_mut().unwrap().push(condition);
            }
            let now = Time("2026-01-01T00:00:05Z".parse().unwrap());
            let main = vec![view(running(), true)];
            let whole = Whole {
                pod: &pod,
                ip: "10.244.0.2",
                init: Vec::new(),
                main,
                start: now.clone(),
                ending: false,
            };
            let conditions = of(&whole, &now).conditions.unwrap();
            let find =
                |of_type: &str| conditions.iter().find(|condition| condition.type_ == of_type).unwrap();
            assert_eq!(find("Ready").message.as_deref(), expected);
            assert_eq!(find("ContainersReady").status, "True");
        }
    }
}
