//! Workloads and pods in every reported state.

use serde_json::{Value, json};

use super::*;

fn pod(status: &Value) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
}

fn container(state: &Value, last: &Value, restarts: i32) -> Value {
    json!({"name": "c", "image": "i:1", "imageID": "", "ready": false, "restartCount": restarts,
           "state": state, "lastState": last})
}

fn why(pods: &[Pod]) -> Reason {
    reason(0, 1, "", pods, &[])
}

#[test]
fn deployments_are_judged_as_by_kubectl() {
    let judge = |status: Value| {
        let object = json!({"metadata": {"generation": 2}, "spec": {"replicas": 2, "selector": {}, "template": {}},
                            "status": status});
        deployment(&serde_json::from_value(object).unwrap())
    };
    let full = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    assert_eq!(judge(full.clone()), Rollout::Done { ready: 2 });
    for (field, value) in
        [("observedGeneration", 1), ("updatedReplicas", 1), ("availableReplicas", 1), ("replicas", 3)]
    {
        let mut status = full.clone();
        status[field] = value.into();
        assert!(matches!(judge(status), Rollout::InProgress { wanted: 2, .. }), "{field}");
    }
    let refused = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]});
    assert_eq!(judge(refused), Rollout::InProgress { ready: 0, wanted: 2, error: "quota".into() });
}

#[test]
fn sets_need_new_and_ready_pods() {
    let set = |status: Value| {
        let object = json!({"spec": {"replicas": 1, "selector": {}, "serviceName": "s", "template": {}}, "status": status});
        stateful_set(&serde_json::from_value(object).unwrap())
    };
    assert_eq!(set(json!({"replicas": 1, "readyReplicas": 1})), Rollout::Done { ready: 1 });
    assert!(matches!(set(json!({"replicas": 1})), Rollout::InProgress { ready: 0, .. }));
    let old = json!({"replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"});
    assert!(matches!(set(old), Rollout::InProgress { .. }));
    let daemon = |status: Value| {
        let object = json!({"spec": {"selector": {}, "template": {}}, "status": status});
        daemon_set(&serde_json::from_value(object).unwrap())
    };
    let status = json!({"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1});
    assert!(matches!(daemon(status.clone()), Rollout::InProgress { .. }));
    let mut done = status;
    (done["numberAvailable"], done["updatedNumberScheduled"]) = (1.into(), 1.into());
    assert_eq!(daemon(done), Rollout::Done { ready: 1 });
}

#[test]
fn reasons_name_pod_and_cause() {
    let waiting = |reason: &str, message: &str| {
        container(&json!({"waiting": {"reason": reason, "message": message}}), &json!({}), 0)
    };
    let with = |container: Value| pod(&json!({"containerStatuses": [container]}));
    for (pod, expected) in [
        (
            with(waiting("CreateContainerConfigError", "secret \"rabbitmq\" not found")),
            "pod p: creating container c fails: secret \"rabbitmq\" not found",
        ),
        (
            pod(
                &json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                       "message": "0/1 nodes are available: 1 Insufficient memory."}]}),
            ),
            "pod p has no node: 0/1 nodes are available: 1 Insufficient memory.",
        ),
        (with(waiting("ContainerCreating", "")), "pod p is starting"),
    ] {
        assert_eq!(why(&[pod]), Reason { what: expected.into(), detail: Detail::None });
    }
    let running = why(&[with(container(&json!({"running": {}}), &json!({}), 0))]);
    assert_eq!(running.what, "pod p is running but not ready");
    let log = LogSource { pod: "p".into(), container: "c".into(), shown: ShowLog::AfterTimeout };
    assert_eq!(running.detail, Detail::Log(log));
}

#[test]
fn a_failing_pull_names_the_image() {
    for (reason, message, expected) in [
        (
            "ImagePullBackOff",
            "Back-off pulling image \"i:1\"",
            "pod p: pulling image i:1 fails: Back-off pulling image \"i:1\"",
        ),
        (
            "ImagePullBackOff",
            "Back-off pulling image \"i:1\": ErrImagePull: no",
            "pod p: pulling image i:1 fails: no",
        ),
        ("ErrImageNeverPull", "", "pod p: pulling image i:1 fails: ErrImageNeverPull"),
    ] {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        let found = why(&[pod(&json!({"containerStatuses": [container(&state, &json!({}), 0)]}))]);
        let failure = PullFailure {
            pod: "p".into(),
            container: "c".into(),
            image: "i:1".into(),
            reason: reason.into(),
            message: image_pull::root_cause(message).into(),
        };
        assert_eq!(found, Reason { what: expected.into(), detail: Detail::Image(failure) });
    }
}

#[test]
fn a_crash_is_the_most_severe_reason() {
    let ended = |reason: &str| json!({"terminated": {"exitCode": 137, "reason": reason}});
    let looping =
        |reason: &str| container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended(reason), 3);
    let crashing = |reason: &str| pod(&json!({"containerStatuses": [looping(reason)]}));
    let log = Detail::Log(LogSource { pod: "p".into(), container: "c".into(), shown: ShowLog::Now });
    let starts = pod(&json!({}));
    assert_eq!(
        why(&[starts, crashing("Error")]),
        Reason {
            what: "pod p: container c keeps crashing (3 restarts, exit code 137)".into(),
            detail: log.clone()
        }
    );
    assert!(why(&[crashing("OOMKilled")]).what.contains("memory limit"));
    let between = container(&json!({"running": {}}), &ended("Error"), 1);
    assert_eq!(why(&[pod(&json!({"containerStatuses": [between]}))]).detail, log);
}

#[test]
fn without_a_pod_the_controllers_events_count() {
    let event = |kind: &str, message: &str| -> Event {
        serde_json::from_value(
            json!({"metadata": {}, "involvedObject": {}, "type": kind, "message": message}),
        )
        .unwrap()
    };
    let events = [event("Warning", "create Pod failed: forbidden"), event("Normal", "fine")];
    assert_eq!(reason(0, 1, "", &[], &events).what, "0 of 1 pods ready: create Pod failed: forbidden");
    assert_eq!(reason(0, 1, "quota", &[], &events).what, "0 of 1 pods ready: its pods are refused: quota");
    assert_eq!(reason(0, 2, "", &[], &[]).what, "0 of 2 pods ready");
}
