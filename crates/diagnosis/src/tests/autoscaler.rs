//! The HPA, and others that set the replicas.

use serde_json::json;

use super::{Case, all, condition, fact, set};
use crate::Verdict;
use crate::facts::Outcome;

use Verdict::{Failure, NotApplicable, Warning};

/// Adds a second HPA with this Deployment as target, owned by KEDA or not.
fn add_hpa(facts: &mut crate::Facts, deployment: &str, is_kedas: bool) {
    let owners = json!([{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "x", "uid": "u"}]);
    let second = json!({
        "metadata": {"name": "keda-hpa-x", "ownerReferences": if is_kedas { owners } else { json!([]) }},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": deployment}},
    });
    let first = serde_json::to_value(facts.autoscaler.get().unwrap()).unwrap();
    facts.autoscalers = fact(json!([first, second]));
}

#[test]
fn autoscalers() {
    all(&[
        Case {
            name: "no HPA",
            breakage: |facts| facts.autoscaler.outcome = Outcome::Absent,
            check: "hpa",
            verdict: Failure,
            detail: "has no HPA scaler",
            fix: "surge doctor --namespace demo --hpa",
        },
        Case {
            name: "a CPU HPA",
            breakage: |facts| set(&mut facts.autoscaler, "/spec/metrics", json!([])),
            check: "metric",
            verdict: NotApplicable,
            detail: "has no External metric",
            fix: "",
        },
        Case {
            name: "nothing to scale",
            breakage: |facts| set(&mut facts.autoscaler, "/spec/scaleTargetRef/name", json!("workers")),
            check: "scale-target",
            verdict: Failure,
            detail: "scales Deployment workers, which does not exist",
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
            detail: "The API and the controller refuse it",
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
            detail: "without a selector",
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
            detail: "up to maxReplicas",
            fix: r#""averageValue":"20""#,
        },
        Case {
            name: "no room",
            breakage: |facts| set(&mut facts.autoscaler, "/spec/maxReplicas", json!(1)),
            check: "bounds",
            verdict: Warning,
            detail: "The HPA cannot scale",
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
            detail: "scaleDown.selectPolicy is Disabled",
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
            detail: "two HPAs, scaler and other",
            fix: "kubectl delete hpa other -n demo",
        },
        Case {
            name: "a second HPA besides KEDA's",
            breakage: |facts| {
                let mut second = serde_json::to_value(facts.autoscaler.get().unwrap()).unwrap();
                second["metadata"]["name"] = "keda-hpa-worker".into();
                second["metadata"]["ownerReferences"] = json!([{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "worker", "uid": "1"}]);
                facts.autoscalers = fact(json!([facts.autoscaler.get(), second]));
            },
            check: "two-autoscalers",
            verdict: Failure,
            detail: "keda-hpa-worker",
            fix: "kubectl delete hpa scaler -n demo",
        },
        Case {
            name: "two HPAs, by the condition",
            breakage: |facts| {
                condition(
                    facts,
                    "AmbiguousSelector",
                    "pods by selector app=worker are controlled by multiple HPAs: [demo/scaler demo/second]",
                );
            },
            check: "scaling-active",
            verdict: Failure,
            detail: "HPA second selects the same pods",
            fix: "kubectl delete hpa second -n demo",
        },
        Case {
            name: "a second HPA besides KEDA's, by the condition",
            breakage: |facts| {
                add_hpa(facts, "worker", true);
                condition(
                    facts,
                    "AmbiguousSelector",
                    "pods by selector app=worker are controlled by multiple HPAs: [demo/keda-hpa-x demo/scaler]",
                );
            },
            check: "scaling-active",
            verdict: Failure,
            detail: "HPA keda-hpa-x scales Deployment worker too",
            fix: "kubectl delete hpa scaler -n demo",
        },
        Case {
            name: "two Deployments with the same labels, by the condition",
            breakage: |facts| {
                add_hpa(facts, "packer", false);
                set(&mut facts.deployments, "/0/metadata/name", json!("packer"));
                condition(
                    facts,
                    "AmbiguousSelector",
                    "pods by selector app=worker are controlled by multiple HPAs: [demo/scaler demo/keda-hpa-x]",
                );
            },
            check: "scaling-active",
            verdict: Failure,
            detail: "HPA keda-hpa-x scales Deployment packer, which selects the same pods as Deployment worker",
            fix: "matchLabels:\n      app: packer",
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
            detail: "The target is scaled to 0",
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
            detail: "more than maxReplicas 10",
            fix: r#""maxReplicas":20"#,
        },
        Case {
            name: "no controller",
            breakage: |facts| set(&mut facts.autoscaler, "/status", json!({})),
            check: "conditions",
            verdict: Failure,
            detail: "no controller has synced it",
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
            detail: "The next apply overrides the HPA",
            fix: "no replicas: the HPA sets them",
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
            detail: "argocd applies deployment worker with spec.replicas",
            fix: "no replicas",
        },
    ]);
}
