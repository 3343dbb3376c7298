//! Metrics of every kind: the API that serves each, requests, and readings that are missing while the controller goes on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Case, all, fact, first, healthy, known, owned_pod, set};
use crate::facts::{Fact, Facts, Outcome, Readings};
use crate::{Verdict, examine};

use Verdict::{Failure, Ok, Warning};

fn external() -> Value {
    json!({"type": "External", "external": {
        "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
        "target": {"type": "AverageValue", "averageValue": "20"}}})
}

fn cpu() -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}})
}

fn pods_metric() -> Value {
    json!({"type": "Pods", "pods": {"metric": {"name": "http_requests"}, "target": {"type": "AverageValue", "averageValue": "10"}}})
}

fn object_metric() -> Value {
    json!({"type": "Object", "object": {"metric": {"name": "hits"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
        "target": {"type": "Value", "value": "10"}}})
}

fn registration(
    facts: &Facts,
) -> Fact<k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService> {
    facts.api.registration.clone()
}

/// Gives the HPA these metrics, ready pods with requests, and APIs that answer.
fn with(facts: &mut Facts, metrics: Value) {
    set(&mut facts.autoscaler, "/spec/metrics", metrics);
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    let mut pod = owned_pod("worker", "worker-1", "worker", &status);
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m"}});
    facts.pods = fact(json!([pod]));
    for api in [&mut facts.pod_metrics.resource, &mut facts.pod_metrics.custom] {
        api.registration = facts.api.registration.clone();
        api.listed = known(vec!["pods/http_requests_total".to_owned(), "services/latency".to_owned()]);
    }
    facts.pod_metrics.resource.name = "v1beta1.metrics.k8s.io".into();
    facts.pod_metrics.custom.name = "v1beta1.custom.metrics.k8s.io".into();
    let pods = facts.pods.all().iter().filter_map(|pod| pod.metadata.name.clone());
    let usage = |name: String| (name, BTreeMap::from([(super::hostile::name("worker"), 42_i64)]));
    let usage = pods.map(usage).collect();
    facts.pod_metrics.readings.insert(0, known(Readings::Containers(usage)));
}

/// The status of an HPA whose resource metric failed while the external one asks for more.
fn busy(facts: &mut Facts) {
    let external = json!({"type": "External", "external": {"metric": {"name": "rabbitmq_queue_length"}, "current": {"averageValue": "20"}}});
    set(&mut facts.autoscaler, "/status/currentMetrics", json!([{"type": ""}, external]));
}

fn failed(facts: &mut Facts, reason: &str, message: &str) {
    let message = format!("the HPA was unable to compute the replica count: {message}");
    super::condition(facts, reason, &message);
}

const NO_RESOURCE_API: &str = "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";

#[test]
fn resource_metrics() {
    all(&[
        Case {
            name: "no metrics-server",
            breakage: |facts| {
                with(facts, json!([cpu(), external()]));
                facts.pod_metrics.resource.registration.outcome = Outcome::Absent;
                failed(facts, "FailedGetResourceMetric", NO_RESOURCE_API);
            },
            check: "resource-metrics",
            verdict: Failure,
            detail: "no APIService serves metrics.k8s.io, so the HPA cannot read cpu",
            fix: "metrics-server/releases/latest/download/components.yaml",
        },
        Case {
            name: "no metrics-server, by the condition",
            breakage: |facts| {
                with(facts, json!([cpu(), external()]));
                facts.pod_metrics.resource.registration.outcome = Outcome::Absent;
                failed(facts, "FailedGetResourceMetric", NO_RESOURCE_API);
            },
            check: "scaling-active",
            verdict: Failure,
            detail: "metrics-server is not installed. Meanwhile the HPA scales up by its other metrics and refuses to scale down",
            fix: "",
        },
        Case {
            name: "no metrics-server during a burst",
            breakage: |facts| {
                with(facts, json!([cpu(), external()]));
                facts.pod_metrics.resource.registration.outcome = Outcome::Absent;
                busy(facts);
            },
            check: "metric-reading",
            verdict: Failure,
            detail: "the HPA has no reading of cpu. Meanwhile the HPA scales up by its other metrics and refuses to scale down",
            fix: "",
        },
        Case {
            name: "a failed metric, by the event",
            breakage: |facts| {
                with(facts, json!([cpu(), external()]));
                busy(facts);
                facts.warnings = fact(
                    json!([{"metadata": {}, "reason": "FailedGetResourceMetric", "lastTimestamp": "2026-01-01T00:59:50Z",
                    "message": "failed to get cpu utilization: missing request for cpu in container worker of Pod worker-1",
                    "involvedObject": {"kind": "HorizontalPodAutoscaler", "name": "scaler"}}]),
                );
            },
            check: "metric-reading",
            verdict: Failure,
            detail: "the HPA has no reading of cpu: failed to get cpu utilization: missing request for cpu",
            fix: "",
        },
        Case {
            name: "a metric newer than the status",
            breakage: |facts| with(facts, json!([external(), cpu()])),
            check: "metric-reading",
            verdict: Warning,
            detail: "the HPA's status has no reading of cpu yet",
            fix: "surge doctor",
        },
        Case {
            name: "metrics-server is not available",
            breakage: |facts| {
                with(facts, json!([cpu()]));
                set(
                    &mut facts.pod_metrics.resource.registration,
                    "/status/conditions",
                    json!([{"type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": "no route"}]),
                );
            },
            check: "resource-metrics",
            verdict: Failure,
            detail: "v1beta1.metrics.k8s.io (monitoring/prometheus-adapter) is not available: FailedDiscoveryCheck",
            fix: "",
        },
        Case {
            name: "no request",
            breakage: |facts| {
                with(facts, json!([cpu()]));
                set(&mut facts.pods, "/0/spec/containers/0/resources", json!({}));
            },
            check: "request",
            verdict: Failure,
            detail: "containers without a request for cpu: worker-1/worker",
            fix: "kubectl set resources deployment/worker -c worker --requests=cpu=50m -n demo",
        },
        Case {
            name: "no request of a container without a sample",
            breakage: |facts| {
                with(facts, json!([cpu()]));
                set(
                    &mut facts.pods,
                    "/0/spec/containers",
                    json!([{"name": "worker", "resources": {"requests": {"cpu": "1"}}}, {"name": "proxy"}]),
                );
            },
            check: "request",
            verdict: Failure,
            detail: "containers without a request for cpu: worker-1/proxy",
            fix: "--requests=cpu=AMOUNT",
        },
        Case {
            name: "a request of the pod as a whole",
            breakage: |facts| {
                with(facts, json!([cpu()]));
                set(
                    &mut facts.pods,
                    "/0/spec",
                    json!({"resources": {"requests": {"cpu": "1"}}, "containers": [{"name": "worker"}]}),
                );
            },
            check: "request",
            verdict: Ok,
            detail: "every container has a request",
            fix: "",
        },
        Case {
            name: "a container that no pod has",
            breakage: |facts| {
                with(
                    facts,
                    json!([{"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "app",
                    "target": {"type": "Utilization", "averageUtilization": 70}}}]),
                );
            },
            check: "request",
            verdict: Failure,
            detail: "the HPA reads container app, but pod worker-1 has worker",
            fix: r#"[{"op":"replace","path":"/spec/metrics/0/containerResource/container","value":"worker"}]"#,
        },
        Case {
            name: "a pod without a sample",
            breakage: |facts| {
                with(facts, json!([cpu()]));
                facts.pod_metrics.readings.insert(0, known(Readings::Containers(BTreeMap::new())));
            },
            check: "pod-metrics",
            verdict: Failure,
            detail: "the API has no cpu of 1 of 1 pods: worker-1",
            fix: "surge doctor",
        },
    ]);
}

#[test]
fn custom_metrics() {
    fn refused(facts: &mut Facts, metric: &Value) {
        with(facts, json!([metric, external()]));
        let error = Readings::Error { code: 404, message: "the server could not find the metric".into() };
        facts.pod_metrics.readings.insert(0, known(error));
    }
    all(&[
        Case {
            name: "a Pods metric without an adapter",
            breakage: |facts| {
                with(facts, json!([pods_metric(), external()]));
                facts.pod_metrics.custom.registration.outcome = Outcome::Absent;
                facts.pod_metrics.readings.clear();
            },
            check: "custom-metrics",
            verdict: Failure,
            detail: "no APIService serves custom.metrics.k8s.io, so the HPA cannot read http_requests",
            fix: r#"[{"op":"test","path":"/spec/metrics/0/type","value":"Pods"},{"op":"remove","path":"/spec/metrics/0"}]"#,
        },
        Case {
            name: "an Object metric without a rule",
            breakage: |facts| {
                refused(facts, &object_metric());
                facts.pod_metrics.custom.backend = facts.api.backend.clone();
            },
            check: "custom-metric",
            verdict: Failure,
            detail: "For Service objects the API lists latency. No rule of ConfigMap monitoring/prometheus-adapter makes hits",
            fix: r#""value":"Object""#,
        },
        Case {
            name: "a misspelt Pods metric",
            breakage: |facts| {
                refused(facts, &pods_metric());
                facts.pod_metrics.custom.listed = known(vec!["pods/http_request".to_owned()]);
            },
            check: "custom-metric",
            verdict: Failure,
            detail: "For Pod objects the API lists http_request",
            fix: r#"[{"op":"replace","path":"/spec/metrics/0/pods/metric/name","value":"http_request"}]"#,
        },
        Case {
            name: "a Pods metric with values",
            breakage: |facts| {
                with(facts, json!([pods_metric()]));
                let values =
                    facts.pods.all().iter().filter_map(|pod| Some((pod.metadata.name.clone()?, 12_000)));
                let values = Readings::Objects(values.collect());
                facts.pod_metrics.readings.insert(0, known(values));
            },
            check: "custom-metric",
            verdict: Ok,
            detail: "http_requests of pods: worker-1 12",
            fix: "",
        },
    ]);
}

#[test]
fn a_resource_metric_is_never_explained_by_the_external_api() {
    let mut facts = healthy();
    with(&mut facts, json!([cpu(), external()]));
    facts.pod_metrics.resource.registration.outcome = Outcome::Absent;
    failed(&mut facts, "FailedGetResourceMetric", NO_RESOURCE_API);
    let report = examine(&facts);
    assert_eq!(first(&report).0, "resource-metrics", "{}", report.text());
    assert!(!report.text().contains("No APIService serves external metrics"), "{}", report.text());
    assert_eq!(registration(&facts).get().map(|_| ()), Some(()), "the external API is registered");
}

#[test]
fn a_cpu_hpa_needs_no_broker_and_no_prometheus() {
    let mut facts = healthy();
    with(&mut facts, json!([cpu()]));
    let current = json!([{"type": "Resource", "resource": {"name": "cpu", "current": {"averageValue": "42m", "averageUtilization": 42}}}]);
    set(&mut facts.autoscaler, "/status/currentMetrics", current);
    facts.prometheus.services = known(Vec::new());
    facts.broker.queues.outcome = Outcome::Failed("no pod is ready".into());
    facts.api.registration.outcome = Outcome::Absent;
    let report = examine(&facts);
    assert_eq!(report.count(Failure), 0, "{}", report.text());
    assert!(report.text().contains("the HPA reads cpu: 42 % of 70 %"), "{}", report.text());
}
