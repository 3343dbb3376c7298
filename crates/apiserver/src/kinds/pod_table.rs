//! The table of pods.
//!
//! Source: `printPod` in `k8s.io/kubernetes/pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{NONE, age, count, list, name, text, text_or};
use super::{AGE, NAME, text as column, wide};
use crate::kind::{Column, Table};
use crate::time;

const COLUMNS: &[Column] = &[
    NAME,
    column("Ready"),
    column("Status"),
    column("Restarts"),
    AGE,
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

pub(super) const PODS: Table = Table { columns: COLUMNS, cells };

/// The summary of a pod's containers.
struct Summary {
    ready: i64,
    total: i64,
    reason: String,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    list(pod, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

fn is_true(pod: &Value, kind: &str) -> bool {
    condition(pod, kind).is_some_and(|condition| condition["status"] == "True")
}

fn finished(container: &Value) -> Option<Timestamp> {
    text(container, "/lastState/terminated/finishedAt").parse().ok()
}

/// Returns the reason why a container ended.
fn end_reason(container: &Value) -> Option<String> {
    let ended = container.pointer("/state/terminated")?;
    let reason = ended["reason"].as_str().unwrap_or_default();
    Some(match (reason, ended["signal"].as_i64().unwrap_or(0)) {
        ("", 0) => format!("ExitCode:{}", ended["exitCode"].as_i64().unwrap_or(0)),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    })
}

fn is_sidecar(pod: &Value, container: &str) -> bool {
    let containers = list(pod, "/spec/initContainers");
    containers.iter().any(|c| c["name"] == container && c["restartPolicy"] == "Always")
}

fn summary(pod: &Value) -> Summary {
    let phase = text(pod, "/status/phase");
    let mut out = Summary {
        ready: 0,
        total: i64::try_from(list(pod, "/spec/containers").len()).unwrap_or(0),
        reason: text_or(pod, "/status/reason", phase).to_owned(),
        restarts: 0,
        last_restart: None,
    };
    if condition(pod, "PodScheduled").is_some_and(|c| c["reason"] == "SchedulingGated") {
        out.reason = "SchedulingGated".to_owned();
    }
    let init = list(pod, "/spec/initContainers");
    out.total += i64::try_from(init.iter().filter(|c| c["restartPolicy"] == "Always").count()).unwrap_or(0);
    let (mut sidecar_restarts, mut sidecar_last) = (0, None);
    let mut initializing = false;
    for (place, container) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        let restarts = count(container, "/restartCount");
        out.restarts += restarts;
        out.last_restart = out.last_restart.max(finished(container));
        let sidecar = is_sidecar(pod, text(container, "/name"));
        if sidecar {
            sidecar_restarts += restarts;
            sidecar_last = sidecar_last.max(finished(container));
        }
        let ended = container.pointer("/state/terminated");
        if ended.is_some_and(|ended| ended["exitCode"] == 0) {
            continue;
        }
        if sidecar && container["started"] == true {
            out.ready += i64::from(container["ready"] == true);
            continue;
        }
        let waiting = text(container, "/state/waiting/reason");
        out.reason = match end_reason(container) {
            Some(reason) => format!("Init:{reason}"),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{place}/{}", init.len()),
        };
        initializing = true;
        break;
    }
    if !initializing || is_true(pod, "Initialized") {
        (out.restarts, out.last_restart) = (sidecar_restarts, sidecar_last);
        let mut running = false;
        for container in list(pod, "/status/containerStatuses").iter().rev() {
            out.restarts += count(container, "/restartCount");
            out.last_restart = out.last_restart.max(finished(container));
            let waiting = text(container, "/state/waiting/reason");
            if !waiting.is_empty() {
                out.reason = waiting.to_owned();
            } else if let Some(reason) = end_reason(container) {
                out.reason = reason;
            } else if container["ready"] == true && container.pointer("/state/running").is_some() {
                running = true;
                out.ready += 1;
            }
        }
        if out.reason == "Completed" && running {
            out.reason = if is_true(pod, "Ready") { "Running" } else { "NotReady" }.to_owned();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        if text(pod, "/status/reason") == "NodeLost" {
            out.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            out.reason = "Terminating".to_owned();
        }
    }
    out
}

fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = summary(pod);
    let restarts = match summary.last_restart {
        Some(last) if summary.restarts != 0 => {
            format!("{} ({} ago)", summary.restarts, time::duration(now.as_second() - last.as_second()))
        }
        _ => summary.restarts.to_string(),
    };
    let gates = list(pod, "/spec/readinessGates");
    let open = gates.iter().filter(|gate| is_true(pod, text(gate, "/conditionType"))).count();
    let gates = if gates.is_empty() { NONE.to_owned() } else { format!("{open}/{}", gates.len()) };
    vec![
        name(pod),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.reason.into(),
        restarts.into(),
        age(pod, now),
        text_or(pod, "/status/podIPs/0/ip", text_or(pod, "/status/podIP", NONE)).into(),
        text_or(pod, "/spec/nodeName", NONE).into(),
        text_or(pod, "/status/nominatedNodeName", NONE).into(),
        gates.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(status: &Value, deleted: bool) -> String {
        let mut pod =
            json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}, "status": status});
        if deleted {
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let cells = cells(&pod, now);
        let text = |at: usize| cells[at].as_str().unwrap().to_owned();
        format!("{} {} {}", text(1), text(2), text(3))
    }

    #[test]
    fn the_status_shows_why_a_pod_is_not_running() {
        let running = json!({"phase": "Running", "containerStatuses": [{"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}}]});
        for (status, deleted, wanted) in [
            (json!({"phase": "Pending"}), false, "0/1 Pending 0"),
            (
                json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}),
                false,
                "0/1 ContainerCreating 0",
            ),
            (running.clone(), false, "1/1 Running 0"),
            (running, true, "1/1 Terminating 0"),
            (
                json!({"phase": "Running", "containerStatuses": [{"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:50Z"}}}]}),
                false,
                "0/1 CrashLoopBackOff 3 (10s ago)",
            ),
            (
                json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}),
                false,
                "0/1 ExitCode:3 0",
            ),
            (
                json!({"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}),
                true,
                "0/1 Completed 0",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]}),
                false,
                "0/1 Init:0/0 0",
            ),
        ] {
            assert_eq!(shown(&status, deleted), wanted, "{status}");
        }
    }
}
