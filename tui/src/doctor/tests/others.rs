//! The cluster, the workloads and the autoscaler itself.

use serde_json::{Value, json};

use super::{Case, all, condition, fact, set};
use crate::doctor::Verdict;
use crate::doctor::facts::{Facts, Seen};

use Verdict::{Failure, NotApplicable, NotPermitted, Warning};

/// A pod of the worker with this status.
fn pod(facts: &mut Facts, status: &Value) {
    facts.pods =
        fact(json!([{"metadata": {"name": "worker-1", "labels": {"app": "worker"}}, "status": status}]));
    set(&mut facts.deployments, "/1/status/readyReplicas", json!(0));
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
fn namespaces_rights_and_workloads() {
    all(&[
        Case {
            name: "no namespace",
            breakage: |facts| facts.namespace.seen = Seen::Absent,
            check: "namespace",
            verdict: Failure,
            saw: "there is no namespace demo",
            fix: "surge up --namespace demo",
        },
        Case {
            name: "a dead metrics API keeps the namespace from going",
            breakage: |facts| {
                facts.namespace = fact(json!({"status": {"phase": "Terminating", "conditions": [
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "True",
                 "message": "stale GroupVersion discovery: external.metrics.k8s.io/v1beta1"}]}}));
            },
            check: "namespace",
            verdict: Failure,
            saw: "stale GroupVersion discovery",
            fix: "kubectl delete apiservice v1beta1.external.metrics.k8s.io",
        },
        Case {
            name: "a missing right",
            breakage: |facts| facts.rights[0].allowed.seen = Seen::Value(false),
            check: "right",
            verdict: NotPermitted,
            saw: "you may not get pods in namespace demo",
            fix: "",
        },
        Case {
            name: "a crash loop",
            breakage: |facts| waiting(facts, "CrashLoopBackOff", "Error"),
            check: "workload",
            verdict: Failure,
            saw: "CrashLoopBackOff after 4 restarts, last ended as Error (137)",
            fix: "kubectl logs worker-1 -c worker -n demo --previous",
        },
        Case {
            name: "no memory",
            breakage: |facts| waiting(facts, "CrashLoopBackOff", "OOMKilled"),
            check: "workload",
            verdict: Failure,
            saw: "OOMKilled",
            fix: "kubectl set resources deployment/worker -c worker --limits=memory",
        },
        Case {
            name: "no image",
            breakage: |facts| waiting(facts, "ImagePullBackOff", "Error"),
            check: "workload",
            verdict: Failure,
            saw: "image surge/worker:1 cannot be had",
            fix: "kubectl set image deployment/worker worker=",
        },
        Case {
            name: "no Secret",
            breakage: |facts| waiting(facts, "CreateContainerConfigError", "Error"),
            check: "workload",
            verdict: Failure,
            saw: "CreateContainerConfigError: because",
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
            saw: "cannot be scheduled: 0/1 nodes",
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
            saw: "violates PodSecurity",
            fix: "kubectl describe deployment worker -n demo",
        },
        Case {
            name: "the broker scaled to 0",
            breakage: |facts| set(&mut facts.stateful_sets, "/0/spec/replicas", json!(0)),
            check: "workload",
            verdict: Failure,
            saw: "statefulset rabbitmq is scaled to 0",
            fix: "kubectl scale statefulset/rabbitmq --replicas=1 -n demo",
        },
    ]);
}

#[test]
fn the_autoscaler_and_its_rivals() {
    all(&[
        Case {
            name: "no HPA",
            breakage: |facts| facts.autoscaler.seen = Seen::Absent,
            check: "hpa",
            verdict: Failure,
            saw: "has no HPA scaler",
            fix: "surge doctor --namespace demo --hpa",
        },
        Case {
            name: "a CPU HPA",
            breakage: |facts| set(&mut facts.autoscaler, "/spec/metrics", json!([])),
            check: "hpa",
            verdict: NotApplicable,
            saw: "reads no External metric",
            fix: "",
        },
        Case {
            name: "nothing to scale",
            breakage: |facts| set(&mut facts.autoscaler, "/spec/scaleTargetRef/name", json!("workers")),
            check: "scale-target",
            verdict: Failure,
            saw: "scales Deployment workers, and there is none",
            fix: r#"{"name":"worker"}"#,
        },
        Case {
            name: "a virtual host as a label",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric/selector/matchLabels",
                    json!({"queue": "Orders", "vhost": "/"}),
                );
            },
            check: "selector",
            verdict: Failure,
            saw: "the controller refuses it",
            fix: "matchLabels/vhost",
        },
        Case {
            name: "no selector",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric",
                    json!({"name": "rabbitmq_queue_length"}),
                );
            },
            check: "selector",
            verdict: Warning,
            saw: "without a selector",
            fix: r#""queue":"Orders""#,
        },
        Case {
            name: "Value",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/target",
                    json!({"type": "Value", "value": "20"}),
                );
            },
            check: "target-type",
            verdict: Warning,
            saw: "runs to the maximum",
            fix: r#""averageValue":"20""#,
        },
        Case {
            name: "no room",
            breakage: |facts| set(&mut facts.autoscaler, "/spec/maxReplicas", json!(1)),
            check: "bounds",
            verdict: Warning,
            saw: "there is nothing to scale",
            fix: r#""maxReplicas":10"#,
        },
        Case {
            name: "scaling down is off",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/behavior",
                    json!({"scaleDown": {"selectPolicy": "Disabled"}}),
                );
            },
            check: "behavior",
            verdict: Warning,
            saw: "scaleDown.selectPolicy is Disabled",
            fix: r#""selectPolicy":"Max""#,
        },
        Case {
            name: "two HPAs",
            breakage: |facts| {
                let mut second = serde_json::to_value(facts.autoscaler.get().unwrap()).unwrap();
                second["metadata"]["name"] = "other".into();
                facts.autoscalers = fact(json!([facts.autoscaler.get(), second]));
            },
            check: "two-autoscalers",
            verdict: Failure,
            saw: "two autoscalers, scaler and other",
            fix: "kubectl delete hpa other -n demo",
        },
        Case {
            name: "an HPA beside KEDA's",
            breakage: |facts| {
                let mut second = serde_json::to_value(facts.autoscaler.get().unwrap()).unwrap();
                second["metadata"]["name"] = "keda-hpa-worker".into();
                second["metadata"]["ownerReferences"] = json!([{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "worker", "uid": "1"}]);
                facts.autoscalers = fact(json!([facts.autoscaler.get(), second]));
            },
            check: "two-autoscalers",
            verdict: Failure,
            saw: "keda-hpa-worker",
            fix: "kubectl delete hpa scaler -n demo",
        },
        Case {
            name: "the controller's word for two HPAs",
            breakage: |facts| {
                condition(
                    facts,
                    "AmbiguousSelector",
                    "pods by selector app=worker are controlled by multiple HPAs: [demo/scaler demo/second]",
                );
            },
            check: "scaling-active",
            verdict: Failure,
            saw: "Two autoscalers have the same pods",
            fix: "kubectl delete hpa second -n demo",
        },
        Case {
            name: "the target at 0",
            breakage: |facts| {
                condition(
                    facts,
                    "ScalingDisabled",
                    "scaling is disabled since the replica count of the target is zero",
                );
            },
            check: "scaling-active",
            verdict: Failure,
            saw: "scaled the target to 0",
            fix: "kubectl scale deployment/worker --replicas=1 -n demo",
        },
        Case {
            name: "at the maximum",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/status/conditions",
                    json!([{"type": "ScalingLimited", "status": "True",
                "reason": "TooManyReplicas", "message": "more than the maximum"}]),
                );
            },
            check: "scaling-limited",
            verdict: Warning,
            saw: "more than maxReplicas 10",
            fix: r#""maxReplicas":20"#,
        },
        Case {
            name: "no controller",
            breakage: |facts| set(&mut facts.autoscaler, "/status", json!({})),
            check: "conditions",
            verdict: Failure,
            saw: "no controller has looked at it",
            fix: "component=kube-controller-manager",
        },
        Case {
            name: "replicas applied by a manifest",
            breakage: |facts| {
                set(
                    &mut facts.deployments,
                    "/1/metadata/annotations",
                    json!({
                "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\":{\"replicas\":3}}"}),
                );
            },
            check: "replicas",
            verdict: Warning,
            saw: "the next apply undoes the autoscaler",
            fix: "left out, they are the autoscaler's",
        },
        Case {
            name: "replicas applied by the server",
            breakage: |facts| {
                set(
                    &mut facts.deployments,
                    "/1/metadata/managedFields",
                    json!([{"manager": "argocd",
                "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]),
                );
            },
            check: "replicas",
            verdict: Warning,
            saw: "argocd applies deployment worker with spec.replicas",
            fix: "replicas: left out",
        },
        Case {
            name: "a ScaledObject that cannot go",
            breakage: |facts| {
                facts.api.scaled_objects = fact(json!([{"metadata": {"name": "worker",
                "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["finalizer.keda.sh"]}}]));
            },
            check: "scaled-object",
            verdict: Failure,
            saw: "waits for KEDA's operator",
            fix: r#"{"metadata":{"finalizers":null}}"#,
        },
        Case {
            name: "a ScaledObject that cannot go, and no HPA",
            breakage: |facts| {
                facts.autoscaler.seen = Seen::Absent;
                facts.api.scaled_objects = fact(json!([{"metadata": {"name": "worker",
                "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["finalizer.keda.sh"]}}]));
            },
            check: "scaled-object",
            verdict: Failure,
            saw: "waits for KEDA's operator",
            fix: r#"{"metadata":{"finalizers":null}}"#,
        },
        Case {
            name: "a ScaledObject that is not ready",
            breakage: |facts| {
                facts.api.scaled_objects =
                    fact(json!([{"metadata": {"name": "worker"}, "status": {"conditions":
                [{"type": "Ready", "status": "False", "message": "no TriggerAuthentication"}]}}]));
            },
            check: "scaled-object",
            verdict: Failure,
            saw: "no TriggerAuthentication",
            fix: "kubectl logs deployment/keda-operator",
        },
    ]);
}
