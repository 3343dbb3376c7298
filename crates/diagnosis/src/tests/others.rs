//! The API server, permissions and workloads.

use serde_json::{Value, json};

use super::{Case, all, fact, set};
use crate::Verdict;
use crate::facts::{Facts, Outcome};

use Verdict::{Failure, NotPermitted, Warning};

/// A pod with the labels of a Deployment's pods and an owner.
pub(crate) fn owned_pod(app: &str, name: &str, deployment: &str, status: &Value) -> Value {
    let set = format!("{deployment}-5d");
    json!({"metadata": {"name": name, "labels": {"app": app, "pod-template-hash": "5d"}, "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": "u", "controller": true}]},
        "spec": {"containers": [{"name": app}]}, "status": status})
}

/// Gives the worker a pod with this status.
fn pod(facts: &mut Facts, status: &Value) {
    facts.pods = fact(json!([owned_pod("worker", "worker-1", "worker", status)]));
    set(&mut facts.deployments, "/1/status/readyReplicas", json!(0));
}

/// Managed fields of the dashboard for the replicas of an object.
pub(crate) fn drill(subresource: &str, operation: &str) -> Value {
    json!([{"manager": "surge", "operation": operation, "subresource": subresource, "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}}}])
}

fn waiting(facts: &mut Facts, reason: &str, last: &str) {
    pod(
        facts,
        &json!({"containerStatuses": [{"name": "worker", "image": "surge/worker:1", "imageID": "", "ready": false,
        "restartCount": 4, "state": {"waiting": {"reason": reason, "message": "because"}},
        "lastState": {"terminated": {"reason": last, "exitCode": 137}}}]}),
    );
}

#[test]
fn namespaces_permissions_and_workloads() {
    all(&[
        Case {
            name: "no namespace",
            breakage: |facts| facts.namespace.outcome = Outcome::Absent,
            check: "namespace",
            verdict: Failure,
            detail: "namespace demo does not exist",
            fix: "surge up --namespace demo",
        },
        Case {
            name: "a dead metrics API blocks the deletion",
            breakage: |facts| {
                facts.namespace = fact(json!({"status": {"phase": "Terminating", "conditions": [
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "True",
                 "message": "stale GroupVersion discovery: external.metrics.k8s.io/v1beta1"}]}}));
            },
            check: "namespace",
            verdict: Failure,
            detail: "stale GroupVersion discovery",
            fix: "kubectl delete apiservice v1beta1.external.metrics.k8s.io",
        },
        Case {
            name: "a missing permission",
            breakage: |facts| facts.permissions[0].allowed.outcome = Outcome::Value(false),
            check: "right",
            verdict: NotPermitted,
            detail: "you may not get pods in namespace demo",
            fix: "",
        },
        Case {
            name: "a crash loop",
            breakage: |facts| waiting(facts, "CrashLoopBackOff", "Error"),
            check: "workload",
            verdict: Failure,
            detail: "container worker: CrashLoopBackOff after 4 restarts, last exit Error (137)",
            fix: "kubectl logs worker-1 -c worker -n demo --previous --tail=20",
        },
        Case {
            name: "no memory",
            breakage: |facts| waiting(facts, "CrashLoopBackOff", "OOMKilled"),
            check: "workload",
            verdict: Failure,
            detail: "OOMKilled",
            fix: "kubectl set resources deployment/worker -c worker --limits=memory=AMOUNT",
        },
        Case {
            name: "no image",
            breakage: |facts| waiting(facts, "ImagePullBackOff", "Error"),
            check: "workload",
            verdict: Failure,
            detail: "the node cannot pull image surge/worker:1",
            fix: "kubectl set image -n demo deployment/worker worker=",
        },
        Case {
            name: "no Secret",
            breakage: |facts| waiting(facts, "CreateContainerConfigError", "Error"),
            check: "workload",
            verdict: Failure,
            detail: "CreateContainerConfigError: because",
            fix: "kubectl describe pod worker-1 -n demo",
        },
        Case {
            name: "no node",
            breakage: |facts| {
                pod(
                    facts,
                    &json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}),
                );
            },
            check: "workload",
            verdict: Failure,
            detail: "no node can run it: 0/1 nodes",
            fix: "kubectl describe pod worker-1 -n demo",
        },
        Case {
            name: "refused pods",
            breakage: |facts| {
                set(
                    &mut facts.deployments,
                    "/1/status",
                    json!({"conditions": [{"type": "ReplicaFailure",
                "status": "True", "message": "violates PodSecurity"}]}),
                );
            },
            check: "workload",
            verdict: Failure,
            detail: "violates PodSecurity",
            fix: "kubectl describe deployment worker -n demo",
        },
        Case {
            name: "the broker stopped by a drill",
            breakage: |facts| {
                set(&mut facts.stateful_sets, "/0/spec/replicas", json!(0));
                set(&mut facts.stateful_sets, "/0/metadata/managedFields", drill("scale", "Update"));
            },
            check: "workload",
            verdict: Failure,
            detail: "scaled to 0 replicas, by a drill of the dashboard",
            fix: "kubectl scale statefulset/rabbitmq --replicas=1 -n demo",
        },
        Case {
            name: "the broker installed with no replicas",
            breakage: |facts| {
                set(&mut facts.stateful_sets, "/0/spec/replicas", json!(0));
                set(&mut facts.stateful_sets, "/0/metadata/managedFields", drill("", "Apply"));
            },
            check: "workload",
            verdict: Failure,
            detail: "statefulset rabbitmq is scaled to 0 replicas",
            fix: "kubectl scale statefulset/rabbitmq --replicas=1 -n demo",
        },
        Case {
            name: "the broker's Service selects other pods",
            breakage: |facts| {
                set(&mut facts.services, "/0/spec/selector", json!({"app": "rabbit"}));
            },
            check: "service",
            verdict: Failure,
            detail: "Service rabbitmq selects no pod: no pod of namespace demo has app=rabbit",
            fix: r#"kubectl patch service rabbitmq -n demo --type json -p '[{"op":"replace","path":"/spec/selector","value":{"app":"rabbitmq"}}]'"#,
        },
        Case {
            name: "an unrelated Service selects no pod",
            breakage: |facts| {
                set(
                    &mut facts.services,
                    "/0",
                    json!({"metadata": {"name": "other"},
                    "spec": {"selector": {"app": "other"}, "ports": [{"port": 80}]}}),
                );
            },
            check: "service",
            verdict: Warning,
            detail: "Service other selects no pod",
            fix: "kubectl get pods -n demo --show-labels",
        },
        Case {
            name: "the broker scaled to 0",
            breakage: |facts| set(&mut facts.stateful_sets, "/0/spec/replicas", json!(0)),
            check: "workload",
            verdict: Failure,
            detail: "statefulset rabbitmq is scaled to 0",
            fix: "kubectl scale statefulset/rabbitmq --replicas=1 -n demo",
        },
    ]);
}
