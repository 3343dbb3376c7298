//! Workloads and pods in every state that is told of.

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
fn a_deployment_is_done_as_kubectl_says() {
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
        assert!(matches!(judge(status), Rollout::Going { wanted: 2, .. }), "{field}");
    }
    let refused = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]});
    assert_eq!(judge(refused), Rollout::Going { ready: 0, wanted: 2, complaint: "quota".into() });
}

#[test]
fn sets_are_done_when_their_pods_are_new_and_ready() {
    let set = |status: Value| {
        let object = json!({"spec": {"replicas": 1, "selector": {}, "serviceName": "s", "template": {}}, "status": status});
        stateful_set(&serde_json::from_value(object).unwrap())
    };
    assert_eq!(set(json!({"replicas": 1, "readyReplicas": 1})), Rollout::Done { ready: 1 });
    assert!(matches!(set(json!({"replicas": 1})), Rollout::Going { ready: 0, .. }));
    let old = json!({"replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"});
    assert!(matches!(set(old), Rollout::Going { .. }));
    let daemon = |status: Value| {
        let object = json!({"spec": {"selector": {}, "template": {}}, "status": status});
        daemon_set(&serde_json::from_value(object).unwrap())
    };
    let status = json!({"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1});
    assert!(matches!(daemon(status.clone()), Rollout::Going { .. }));
    let mut done = status;
    (done["numberAvailable"], done["updatedNumberScheduled"]) = (1.into(), 1.into());
    assert_eq!(daemon(done), Rollout::Done { ready: 1 });
}

#[test]
fn the_reasons_of_waiting_are_told() {
    let waiting = |reason: &str, message: &str| {
        container(&json!({"waiting": {"reason": reason, "message": message}}), &json!({}), 0)
    };
    let with = |container: Value| pod(&json!({"containerStatuses": [container]}));
    for (pod, expected) in [
        (
            with(waiting("CreateContainerConfigError", "secret \"rabbitmq\" not found")),
            "pod p: container c cannot be made: secret \"rabbitmq\" not found",
        ),
        (
            pod(
                &json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                       "message": "0/1 nodes are available: 1 Insufficient memory."}]}),
            ),
            "pod p has no node: 0/1 nodes are available: 1 Insufficient memory.",
        ),
        (with(waiting("ContainerCreating", "")), "pod p starts"),
    ] {
        assert_eq!(why(&[pod]), Reason { what: expected.into(), more: More::Nothing });
    }
    let running = why(&[with(container(&json!({"running": {}}), &json!({}), 0))]);
    assert_eq!(running.what, "pod p runs and is not ready yet");
    let log = Log { pod: "p".into(), container: "c".into(), when: When::InVain };
    assert_eq!(running.more, More::Log(log));
}

#[test]
fn an_image_that_cannot_be_had_is_told_with_whose_it_is() {
    for (reason, message, expected) in [
        (
            "ImagePullBackOff",
            "Back-off pulling image \"i:1\"",
            "pod p: image i:1 cannot be had: Back-off pulling image \"i:1\"",
        ),
        (
            "ImagePullBackOff",
            "Back-off pulling image \"i:1\": ErrImagePull: no",
            "pod p: image i:1 cannot be had: no",
        ),
        ("ErrImageNeverPull", "", "pod p: image i:1 cannot be had: ErrImageNeverPull"),
    ] {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        let reason_told = why(&[pod(&json!({"containerStatuses": [container(&state, &json!({}), 0)]}))]);
        let missing = Missing {
            pod: "p".into(),
            container: "c".into(),
            image: "i:1".into(),
            reason: reason.into(),
            message: pull::essence(message).into(),
        };
        assert_eq!(reason_told, Reason { what: expected.into(), more: More::Image(missing) });
    }
}

#[test]
fn a_crash_names_its_log_and_comes_before_anything_else() {
    let ended = |reason: &str| json!({"terminated": {"exitCode": 137, "reason": reason}});
    let looping =
        |reason: &str| container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended(reason), 3);
    let crashing = |reason: &str| pod(&json!({"containerStatuses": [looping(reason)]}));
    let log = More::Log(Log { pod: "p".into(), container: "c".into(), when: When::Now });
    let starts = pod(&json!({}));
    assert_eq!(
        why(&[starts, crashing("Error")]),
        Reason {
            what: "pod p: container c crashes again and again (3 restarts, exit code 137)".into(),
            more: log.clone()
        }
    );
    assert!(why(&[crashing("OOMKilled")]).what.contains("more memory than its limit"));
    let between = container(&json!({"running": {}}), &ended("Error"), 1);
    assert_eq!(why(&[pod(&json!({"containerStatuses": [between]}))]).more, log);
}

#[test]
fn without_a_pod_the_controller_speaks() {
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
