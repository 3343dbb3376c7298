//! The reference to the target, the pods that the HPA counts, and others that set the size.

use serde_json::{Value, json};

use super::{Case, all, deployment_kind, fact, healthy, known, owned_pod, set};
use crate::facts::{Candidate, Facts, Kind, Outcome};
use crate::{Verdict, examine};

use Verdict::{Failure, Ok, Warning};

/// The target's kind as discovery has it, with an object of its name.
fn found(kind: Kind) -> Vec<Candidate> {
    vec![Candidate { kind, object: fact(json!({"metadata": {"name": "worker"}})) }]
}

fn custom(has_scale: bool) -> Kind {
    Kind { api_version: "example.org/v1".into(), kind: "Runner".into(), plural: "runners".into(), has_scale }
}

fn reference(facts: &mut Facts, api_version: &str, kind: &str, name: &str) {
    let reference = json!({"apiVersion": api_version, "kind": kind, "name": name});
    set(&mut facts.autoscaler, "/spec/scaleTargetRef", reference);
}

fn ready() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

/// A second Deployment whose pods have the labels of the workers.
fn canary(facts: &mut Facts) {
    let mut all = serde_json::to_value(facts.deployments.get().unwrap()).unwrap();
    let mut second = all[1].clone();
    second["metadata"]["name"] = "canary".into();
    all.as_array_mut().unwrap().push(second);
    facts.deployments = fact(all);
    let pod = |name: &str, deployment: &str| owned_pod("worker", name, deployment, &ready());
    facts.pods =
        fact(json!([pod("worker-1", "worker"), pod("canary-1", "canary"), pod("canary-2", "canary")]));
}

fn target(facts: &mut Facts, target: Value) {
    set(&mut facts.autoscaler, "/spec/metrics/0/external/target", target);
}

fn metric(facts: &mut Facts, metric: &Value) {
    set(&mut facts.autoscaler, "/spec/metrics", json!([metric]));
}

#[test]
fn references() {
    all(&[
        Case {
            name: "a group of an older Kubernetes",
            breakage: |facts| reference(facts, "extensions/v1beta1", "Deployment", "worker"),
            check: "scale-target",
            verdict: Failure,
            detail: "the server has no kind Deployment in the group of extensions/v1beta1. Deployment worker is of apps/v1",
            fix: r#"kubectl patch hpa scaler -n demo --type merge -p '{"spec":{"scaleTargetRef":{"apiVersion":"apps/v1"}}}'"#,
        },
        Case {
            name: "a kind in lower case",
            breakage: |facts| reference(facts, "apps/v1", "deployment", "worker"),
            check: "scale-target",
            verdict: Failure,
            detail: "Deployment worker is of apps/v1",
            fix: r#"-p '{"spec":{"scaleTargetRef":{"kind":"Deployment"}}}'"#,
        },
        Case {
            name: "no group",
            breakage: |facts| reference(facts, "v1", "Deployment", "worker"),
            check: "scale-target",
            verdict: Failure,
            detail: "in the group of v1",
            fix: r#"{"apiVersion":"apps/v1"}"#,
        },
        Case {
            name: "a StatefulSet called a Deployment of another kind",
            breakage: |facts| {
                reference(facts, "apps/v1", "Statefulset", "rabbitmq");
                facts.target.candidates = known(Vec::new());
            },
            check: "scale-target",
            verdict: Failure,
            detail: "StatefulSet rabbitmq is of apps/v1",
            fix: r#"{"kind":"StatefulSet"}"#,
        },
        Case {
            name: "an unknown kind",
            breakage: |facts| {
                reference(facts, "example.org/v1", "Runner", "nothing");
                facts.target.candidates = known(Vec::new());
            },
            check: "scale-target",
            verdict: Failure,
            detail: "the server has no kind Runner",
            fix: "kubectl get deployments,statefulsets -n demo",
        },
        Case {
            name: "a custom kind without the subresource scale",
            breakage: |facts| {
                reference(facts, "example.org/v1", "Runner", "worker");
                facts.target.candidates = known(found(custom(false)));
            },
            check: "scale-target",
            verdict: Failure,
            detail: "kind Runner of example.org/v1 has no subresource scale",
            fix: "labelSelectorPath",
        },
        Case {
            name: "a custom kind without a selector",
            breakage: |facts| {
                reference(facts, "example.org/v1", "Runner", "worker");
                facts.target.candidates = known(found(custom(true)));
                facts.target.scale = fact(json!({"spec": {"replicas": 1}, "status": {"replicas": 1}}));
            },
            check: "scale-selector",
            verdict: Failure,
            detail: "the scale of Runner worker has no selector",
            fix: "labelSelectorPath",
        },
        Case {
            name: "a custom object that does not exist",
            breakage: |facts| {
                reference(facts, "example.org/v1", "Runner", "workers");
                facts.target.candidates = known(found(custom(true)));
                facts.target.candidates = known(vec![Candidate {
                    kind: custom(true),
                    object: crate::facts::Fact { outcome: Outcome::Absent, ..known(Default::default()) },
                }]);
                facts.target.names = fact(json!(["worker"]));
            },
            check: "scale-target",
            verdict: Failure,
            detail: "Runner workers, which does not exist",
            fix: r#"{"name":"worker"}"#,
        },
        Case {
            name: "the ReplicaSet of a Deployment",
            breakage: |facts| {
                reference(facts, "apps/v1", "ReplicaSet", "worker");
                let kind =
                    Kind { kind: "ReplicaSet".into(), plural: "replicasets".into(), ..deployment_kind() };
                facts.target.candidates = known(vec![Candidate {
                    kind,
                    object: fact(json!({"metadata": {"name": "worker",
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker", "uid": "u", "controller": true}]}})),
                }]);
            },
            check: "scale-target",
            verdict: Failure,
            detail: "Deployment worker owns it and sets its size",
            fix: r#""kind":"Deployment","name":"worker""#,
        },
    ]);
    // The controller takes any version of the group.
    let mut facts = healthy();
    reference(&mut facts, "apps/v1beta2", "Deployment", "worker");
    let report = examine(&facts);
    assert_eq!(report.count(Failure), 0, "{}", report.text());
}

#[test]
fn strangers_are_counted_by_the_metric_type() {
    all(&[
        Case {
            name: "Value",
            breakage: |facts| {
                canary(facts);
                target(facts, json!({"type": "Value", "value": "20"}));
            },
            check: "counted-pods",
            verdict: Failure,
            detail: "pods that Deployment worker does not own: canary-1, canary-2 of Deployment canary. For rabbitmq_queue_length with queue=Orders the HPA multiplies the ratio by all 3 ready pods",
            fix: "matchLabels:\n      app: canary",
        },
        Case {
            name: "AverageValue",
            breakage: canary,
            check: "counted-pods",
            verdict: Ok,
            detail: "AverageValue of an External metric does not count pods",
            fix: "",
        },
        Case {
            name: "Resource",
            breakage: |facts| {
                canary(facts);
                metric(
                    facts,
                    &json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}),
                );
            },
            check: "counted-pods",
            verdict: Failure,
            detail: "Their readings enter cpu",
            fix: "matchLabels:\n      app: canary",
        },
        Case {
            name: "ContainerResource",
            breakage: |facts| {
                canary(facts);
                metric(
                    facts,
                    &json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "worker",
                    "target": {"type": "AverageValue", "averageValue": "1"}}}),
                );
            },
            check: "counted-pods",
            verdict: Failure,
            detail: "Their readings enter cpu of container worker",
            fix: "matchLabels:\n      app: canary",
        },
        Case {
            name: "Pods",
            breakage: |facts| {
                canary(facts);
                metric(
                    facts,
                    &json!({"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "1"}}}),
                );
            },
            check: "counted-pods",
            verdict: Failure,
            detail: "Their readings enter hits of pods",
            fix: "matchLabels:\n      app: canary",
        },
        Case {
            name: "a pod without an owner",
            breakage: |facts| {
                facts.pods = fact(
                    json!([{"metadata": {"name": "debug", "labels": {"app": "worker"}}, "status": ready()}]),
                );
                target(facts, json!({"type": "Value", "value": "20"}));
            },
            check: "counted-pods",
            verdict: Failure,
            detail: "debug without an owner",
            fix: "kubectl label pod debug -n demo app-",
        },
        Case {
            name: "a pod of a custom owner",
            breakage: |facts| {
                let mut pod = owned_pod("worker", "job-1", "worker", &ready());
                pod["metadata"]["ownerReferences"][0]["kind"] = "Job".into();
                pod["metadata"]["ownerReferences"][0]["name"] = "nightly".into();
                facts.pods = fact(json!([pod]));
                target(facts, json!({"type": "Value", "value": "20"}));
            },
            check: "counted-pods",
            verdict: Failure,
            detail: "job-1 of Job nightly",
            fix: "kubectl edit job nightly -n demo",
        },
    ]);
}

#[test]
fn others_that_set_the_size() {
    all(&[
        Case {
            name: "a VerticalPodAutoscaler of the same resource",
            breakage: |facts| {
                metric(
                    facts,
                    &json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}),
                );
                facts.vertical = fact(
                    json!([{"metadata": {"name": "right-size"}, "spec": {"targetRef": {"kind": "Deployment", "name": "worker"}}}]),
                );
            },
            check: "vertical",
            verdict: Warning,
            detail: "VerticalPodAutoscaler right-size (Auto) changes the cpu requests",
            fix: r#"kubectl patch verticalpodautoscaler right-size -n demo --type merge -p '{"spec":{"updatePolicy":{"updateMode":"Off"}}}'"#,
        },
        Case {
            name: "a VerticalPodAutoscaler of memory only",
            breakage: |facts| {
                metric(
                    facts,
                    &json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}),
                );
                facts.vertical = fact(
                    json!([{"metadata": {"name": "right-size"}, "spec": {"targetRef": {"kind": "Deployment", "name": "worker"},
                    "resourcePolicy": {"containerPolicies": [{"containerName": "*", "controlledResources": ["memory"]}]}}}]),
                );
            },
            check: "vertical",
            verdict: Ok,
            detail: "leaves the requests of the HPA's metrics alone",
            fix: "",
        },
        Case {
            name: "a program that sets the replicas",
            breakage: |facts| {
                set(&mut facts.autoscaler, "/status/lastScaleTime", json!("2026-01-01T00:10:00Z"));
                set(
                    &mut facts.deployments,
                    "/1/metadata/managedFields",
                    json!([{"manager": "night-shift", "operation": "Update",
                    "time": "2026-01-01T00:20:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]),
                );
            },
            check: "replicas",
            verdict: Warning,
            detail: "night-shift set spec.replicas of deployment worker",
            fix: "kubectl get deployment worker -n demo -o yaml --show-managed-fields",
        },
        Case {
            name: "the program that created the workload",
            breakage: |facts| {
                set(&mut facts.autoscaler, "/status/lastScaleTime", json!("2026-01-01T00:10:00Z"));
                set(
                    &mut facts.deployments,
                    "/1/metadata/managedFields",
                    json!([{"manager": "helm", "operation": "Update",
                    "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]),
                );
            },
            check: "replicas",
            verdict: Ok,
            detail: "only the HPA sets the replicas",
            fix: "",
        },
    ]);
}
