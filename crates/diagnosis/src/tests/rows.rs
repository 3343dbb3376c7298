//! Conditions of the HPA and their causes, and the external metrics API.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::json;
use text::command::Command;

use super::{Case, all, api_error, condition, fact, first, healthy, known, set};
use crate::facts::{Fact, Look, MetricResponse, Outcome};
use crate::{Verdict, disagrees, examine};

use Verdict::{Failure, Ok, Warning};

const UNFETCHED: &str = "the HPA was unable to compute the replica count: unable to get external metric \
                         demo/rabbitmq_queue_length: unable to fetch metrics from external metrics API: ";

#[test]
fn conditions_name_the_cause() {
    for (tail, cause) in [
        ("the server could not find the requested resource (get x.external.metrics.k8s.io)", "No APIService"),
        ("the server is currently unable to handle the request (get x)", "backend has no ready pod"),
        ("the server could not find the metric rabbitmq_queue_length for ", "found no series"),
        ("Internal error occurred: unable to fetch metrics", "cannot reach Prometheus"),
        ("no metrics returned from external metrics API", "The query matches nothing"),
        ("scaledObject name is not specified", "KEDA serves external metrics"),
    ] {
        let mut facts = healthy();
        condition(&mut facts, "FailedGetExternalMetric", &format!("{UNFETCHED}{tail}"));
        facts.metrics[0].response = api_error(500, "no");
        let report = examine(&facts);
        let mut findings = report.findings.iter();
        let finding = findings.find(|finding| finding.check == "scaling-active").unwrap();
        assert_eq!(finding.verdict, Failure, "{tail}");
        assert!(finding.detail.contains(cause), "{tail}: {}", finding.detail);
    }
}

#[test]
fn metrics_api() {
    all(&[
        Case {
            name: "no APIService",
            breakage: |facts| {
                facts.api.registration.outcome = Outcome::Absent;
                facts.metrics[0].response =
                    api_error(404, "the server could not find the requested resource");
            },
            check: "apiservice",
            verdict: Failure,
            detail: "APIService v1beta1.external.metrics.k8s.io does not exist",
            fix: "kind: APIService",
        },
        Case {
            name: "no APIService and no adapter",
            breakage: |facts| {
                facts.api.registration.outcome = Outcome::Absent;
                facts.api.backend.outcome = Outcome::Absent;
            },
            check: "apiservice",
            verdict: Failure,
            detail: "no server serves external metrics",
            fix: "surge up",
        },
        Case {
            name: "adapter scaled to 0",
            breakage: |facts| {
                set(
                    &mut facts.api.registration,
                    "/status/conditions",
                    json!([{"type": "Available", "status": "False",
                    "reason": "MissingEndpoints", "message": "no endpoints"}]),
                );
                set(&mut facts.api.backend, "/spec/replicas", json!(0));
                facts.metrics[0].response =
                    api_error(503, "the server is currently unable to handle the request");
            },
            check: "apiservice",
            verdict: Failure,
            detail: "MissingEndpoints",
            fix: "kubectl scale deployment/prometheus-adapter --replicas=1 -n monitoring",
        },
        Case {
            name: "stale discovery",
            breakage: |facts| {
                facts.metrics[0].response = api_error(404, "the server could not find the metric x for ");
            },
            check: "value",
            verdict: Failure,
            detail: "Prometheus has the series",
            fix: "kubectl rollout restart deployment/prometheus-adapter -n monitoring",
        },
        Case {
            name: "nothing discovered",
            breakage: |facts| {
                facts.metrics[0].series = known(Vec::new());
                facts.metrics[0].response = api_error(404, "the server could not find the metric x for ");
            },
            check: "value",
            verdict: Failure,
            detail: "found no series",
            fix: "kubectl get servicemonitor",
        },
        Case {
            name: "the adapter asks the wrong Prometheus",
            breakage: |facts| {
                facts.metrics[0].response =
                    api_error(500, "Internal error occurred: unable to fetch metrics");
            },
            check: "value",
            verdict: Failure,
            detail: "but not the one at http://prometheus-main.monitoring.svc:9090/",
            fix: r#""path":"/spec/template/spec/containers/0/args/2","value":"--prometheus-url=http://prometheus-operated.monitoring.svc:9090""#,
        },
        Case {
            name: "the adapter asks a missing Service",
            breakage: |facts| {
                facts.api.prometheus_service = Fact::new(Command::new("how"), Outcome::Absent);
                facts.metrics[0].response = api_error(404, "the server could not find the metric x for ");
            },
            check: "adapter-url",
            verdict: Failure,
            detail: "namespace monitoring has no Service prometheus-main",
            fix: r#""value":"--prometheus-url=http://prometheus-operated.monitoring.svc:9090""#,
        },
        Case {
            name: "the adapter asks a missing port, with a path",
            breakage: |facts| {
                facts.api.prometheus_service = fact(json!({"spec": {"ports": [{"port": 80}]}}));
                let argument = "/spec/template/spec/containers/0/args/2";
                set(
                    &mut facts.api.backend,
                    argument,
                    json!("--prometheus-url=http://prometheus-main:9090/metrics/"),
                );
            },
            check: "adapter-url",
            verdict: Failure,
            detail: "Service prometheus-main of namespace monitoring has no port 9090",
            fix: r#""value":"--prometheus-url=http://prometheus-operated.monitoring.svc:9090/metrics""#,
        },
        Case {
            name: "Prometheus answers again",
            breakage: |facts| {
                facts.metrics[0].response =
                    api_error(500, "Internal error occurred: unable to fetch metrics");
                facts.api.prometheus_service = fact(json!({"spec": {"ports": [{"port": 9090}],
                    "selector": {"operator.prometheus.io/name": "main"}}}));
            },
            check: "value",
            verdict: Failure,
            detail: "Prometheus at http://prometheus-main.monitoring.svc:9090/ answers now",
            fix: "surge doctor",
        },
        Case {
            name: "Prometheus answers again, at the same Service",
            breakage: |facts| {
                facts.metrics[0].response =
                    api_error(500, "Internal error occurred: unable to fetch metrics");
                let argument = "/spec/template/spec/containers/0/args/2";
                let url = "--prometheus-url=http://prometheus-operated.monitoring.svc:9090";
                set(&mut facts.api.backend, argument, json!(url));
            },
            check: "value",
            verdict: Failure,
            detail: "It may have been down until just now",
            fix: "surge doctor",
        },
        Case {
            name: "a helm release asks the wrong Prometheus",
            breakage: |facts| {
                facts.metrics[0].response =
                    api_error(500, "Internal error occurred: unable to fetch metrics");
                set(
                    &mut facts.api.backend,
                    "/metadata/labels",
                    json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "adapter",
                        "helm.sh/chart": "prometheus-adapter-5.3.0"}),
                );
            },
            check: "value",
            verdict: Failure,
            detail: "but not the one at http://prometheus-main.monitoring.svc:9090/",
            fix: "helm upgrade -n monitoring --reuse-values --set prometheus.url=http://prometheus-operated.monitoring.svc --set prometheus.port=9090 --repo https://prometheus-community.github.io/helm-charts --version 5.3.0 adapter prometheus-adapter",
        },
        Case {
            name: "an empty answer",
            breakage: |facts| facts.metrics[0].response = known(MetricResponse::Values(Vec::new())),
            check: "value",
            verdict: Failure,
            detail: "the query matches nothing",
            fix: "how",
        },
        Case {
            name: "KEDA serves external metrics",
            breakage: |facts| {
                set(
                    &mut facts.api.registration,
                    "/spec/service",
                    json!({"namespace": "keda", "name": "keda-metrics-apiserver"}),
                );
            },
            check: "apiservice-owner",
            verdict: Failure,
            detail: "this HPA has no ScaledObject",
            fix: "queueName: Orders",
        },
        Case {
            name: "an adapter serves the API for KEDA's HPA",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric",
                    json!({"name": "s0-rabbitmq-Orders", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "worker"}}}),
                );
            },
            check: "apiservice-owner",
            verdict: Failure,
            detail: "A cluster can have only one of them",
            fix: "helm uninstall -n monitoring prometheus-adapter",
        },
        Case {
            name: "the adapter has older rules",
            breakage: |facts| {
                facts.metrics[0].response = known(MetricResponse::Values(vec![80_000]));
                facts.looks = vec![look(facts, 10, facts.autoscaler.clone())];
                let url = "--prometheus-url=http://prometheus-operated.monitoring.svc:9090";
                set(&mut facts.api.backend, "/spec/template/spec/containers/0/args/2", json!(url));
            },
            check: "value",
            verdict: Failure,
            detail: "the same query returns 40",
            fix: "kubectl rollout restart deployment/prometheus-adapter",
        },
    ]);
}

#[test]
fn causes_come_before_consequences() {
    let mut facts = healthy();
    facts.api.registration.outcome = Outcome::Absent;
    facts.metrics[0].response = api_error(404, "the server could not find the requested resource");
    condition(
        &mut facts,
        "FailedGetExternalMetric",
        &format!("{UNFETCHED}the server could not find the requested resource"),
    );
    let report = examine(&facts);
    assert!(report.findings.iter().filter(|finding| finding.verdict == Failure).count() >= 3);
    assert_eq!(first(&report).0, "apiservice");
}

#[test]
fn only_a_second_look_shows_a_stale_status() {
    let mut facts = healthy();
    assert!(!disagrees(&facts));
    facts.metrics[0].response = known(MetricResponse::Values(vec![90_000]));
    assert!(disagrees(&facts), "the first look asks for a second");
    let check = |facts: &crate::Facts| {
        examine(facts)
            .findings
            .into_iter()
            .find(|finding| finding.check == "status")
            .map(|finding| (finding.verdict, finding.detail))
            .unwrap()
    };
    assert_eq!(check(&facts).0, Ok);

    let later = |facts: &crate::Facts, reading: &str| {
        let mut autoscaler = facts.autoscaler.clone();
        set(&mut autoscaler, "/status/currentMetrics/0/external/current", json!({"averageValue": reading}));
        vec![look(facts, 20, autoscaler)]
    };
    facts.looks = later(&facts, "20");
    assert!(disagrees(&facts));
    let (verdict, detail) = check(&facts);
    assert_eq!(verdict, Failure, "{detail}");
    assert!(detail.contains("has had 90 for 20 s"), "{detail}");
    facts.looks = later(&facts, "45");
    assert!(!disagrees(&facts), "it has moved");
    assert_eq!(check(&facts).0, Ok);
}

#[test]
fn an_earlier_failure_is_a_warning() {
    let mut facts = healthy();
    condition(
        &mut facts,
        "FailedGetExternalMetric",
        &format!("{UNFETCHED}no metrics returned from external metrics API"),
    );
    assert!(disagrees(&facts));
    let verdict = |facts: &crate::Facts| {
        let mut findings = examine(facts).findings.into_iter();
        findings.find(|finding| finding.check == "scaling-active").unwrap().verdict
    };
    assert_eq!(verdict(&facts), Warning);
    facts.looks = vec![look(&facts, 20, facts.autoscaler.clone())];
    assert_eq!(verdict(&facts), Failure);
    facts.looks = vec![look(&facts, 3, healthy().autoscaler)];
    assert_eq!(verdict(&facts), Ok);
}

/// A later look with the same numbers and this HPA.
fn look(facts: &crate::Facts, seconds: u64, autoscaler: Fact<HorizontalPodAutoscaler>) -> Look {
    Look {
        after: std::time::Duration::from_secs(seconds),
        autoscaler,
        queues: facts.broker.queues.clone(),
        endpoints: facts.broker.endpoints.iter().map(|endpoint| endpoint.samples.clone()).collect(),
        metrics: facts.metrics.clone(),
    }
}
