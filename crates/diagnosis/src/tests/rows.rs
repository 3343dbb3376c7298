//! The autoscaler's words and their causes, and what the adapter and its rules can do wrong.

use serde_json::json;

use super::{Case, all, api_error, condition, fact, first, healthy, set};
use crate::facts::{Answer, Fact, Later, Seen};
use crate::{Verdict, disagrees, examine};

use Verdict::{Failure, Ok, Warning};

const UNFETCHED: &str = "the HPA was unable to compute the replica count: unable to get external metric \
                         demo/rabbitmq_queue_length: unable to fetch metrics from external metrics API: ";

#[test]
fn what_the_autoscaler_says_names_the_hop() {
    for (tail, means) in [
        ("the server could not find the requested resource (get x.external.metrics.k8s.io)", "No APIService"),
        ("the server is currently unable to handle the request (get x)", "its backend has no ready pod"),
        ("the server could not find the metric rabbitmq_queue_length for ", "found no series"),
        ("Internal error occurred: unable to fetch metrics", "cannot reach Prometheus"),
        ("no metrics returned from external metrics API", "The query finds nothing"),
        ("scaledObject name is not specified", "KEDA owns the API"),
    ] {
        let mut facts = healthy();
        condition(&mut facts, "FailedGetExternalMetric", &format!("{UNFETCHED}{tail}"));
        facts.api.answer = api_error(500, "no");
        let report = examine(&facts);
        let line = report.lines.iter().find(|line| line.check == "scaling-active").unwrap();
        assert_eq!(line.verdict, Failure, "{tail}");
        assert!(line.saw.contains(means), "{tail}: {}", line.saw);
    }
}

#[test]
fn the_rows_of_the_metrics_api() {
    all(&[
        Case {
            name: "no APIService",
            breakage: |facts| {
                facts.api.service.seen = Seen::Absent;
                facts.api.answer = api_error(404, "the server could not find the requested resource");
            },
            check: "apiservice",
            verdict: Failure,
            saw: "there is no APIService v1beta1.external.metrics.k8s.io",
            fix: "kind: APIService",
        },
        Case {
            name: "no APIService and nothing to serve it",
            breakage: |facts| {
                facts.api.service.seen = Seen::Absent;
                facts.api.backend.seen = Seen::Absent;
            },
            check: "apiservice",
            verdict: Failure,
            saw: "nothing serves external metrics",
            fix: "surge up",
        },
        Case {
            name: "adapter scaled to 0",
            breakage: |facts| {
                set(
                    &mut facts.api.service,
                    "/status/conditions",
                    json!([{"type": "Available", "status": "False",
                    "reason": "MissingEndpoints", "message": "no endpoints"}]),
                );
                set(&mut facts.api.backend, "/spec/replicas", json!(0));
                facts.api.answer = api_error(503, "the server is currently unable to handle the request");
            },
            check: "apiservice",
            verdict: Failure,
            saw: "MissingEndpoints",
            fix: "kubectl scale deployment/prometheus-adapter --replicas=1 -n monitoring",
        },
        Case {
            name: "stale discovery",
            breakage: |facts| {
                facts.api.answer = api_error(404, "the server could not find the metric x for ");
            },
            check: "value",
            verdict: Failure,
            saw: "Prometheus has the series",
            fix: "kubectl rollout restart deployment/prometheus-adapter -n monitoring",
        },
        Case {
            name: "nothing discovered",
            breakage: |facts| {
                facts.prometheus.series = Fact::seen("how", Vec::new());
                facts.api.answer = api_error(404, "the server could not find the metric x for ");
            },
            check: "value",
            verdict: Failure,
            saw: "has found no series",
            fix: "kubectl get servicemonitor",
        },
        Case {
            name: "the adapter asks the wrong Prometheus",
            breakage: |facts| {
                facts.api.answer = api_error(500, "Internal error occurred: unable to fetch metrics");
            },
            check: "value",
            verdict: Failure,
            saw: "not to the adapter at http://prometheus-main.monitoring.svc:9090/",
            fix: r#""path":"/spec/template/spec/containers/0/args/2","value":"--prometheus-url=http://prometheus-operated.monitoring.svc:9090""#,
        },
        Case {
            name: "the adapter asks a Service that is not there",
            breakage: |facts| {
                facts.api.upstream = Fact { how: "how".into(), seen: Seen::Absent };
                facts.api.answer = api_error(404, "the server could not find the metric x for ");
            },
            check: "adapter-url",
            verdict: Failure,
            saw: "namespace monitoring has no Service prometheus-main",
            fix: r#""value":"--prometheus-url=http://prometheus-operated.monitoring.svc:9090""#,
        },
        Case {
            name: "the adapter asks a port that is not there, under a path",
            breakage: |facts| {
                facts.api.upstream = fact(json!({"spec": {"ports": [{"port": 80}]}}));
                let argument = "/spec/template/spec/containers/0/args/2";
                set(
                    &mut facts.api.backend,
                    argument,
                    json!("--prometheus-url=http://prometheus-main:9090/metrics/"),
                );
            },
            check: "adapter-url",
            verdict: Failure,
            saw: "Service prometheus-main of namespace monitoring has no port 9090",
            fix: r#""value":"--prometheus-url=http://prometheus-operated.monitoring.svc:9090/metrics""#,
        },
        Case {
            name: "the adapter has not found the Prometheus that is back since a moment",
            breakage: |facts| {
                facts.api.answer = api_error(500, "Internal error occurred: unable to fetch metrics");
                facts.api.upstream = fact(json!({"spec": {"ports": [{"port": 9090}],
                    "selector": {"operator.prometheus.io/name": "main"}}}));
            },
            check: "value",
            verdict: Failure,
            saw: "asks the same one at http://prometheus-main.monitoring.svc:9090/: it may be back since a moment",
            fix: "surge doctor",
        },
        Case {
            name: "the same by the Service that was found",
            breakage: |facts| {
                facts.api.answer = api_error(500, "Internal error occurred: unable to fetch metrics");
                let argument = "/spec/template/spec/containers/0/args/2";
                let url = "--prometheus-url=http://prometheus-operated.monitoring.svc:9090";
                set(&mut facts.api.backend, argument, json!(url));
            },
            check: "value",
            verdict: Failure,
            saw: "it may be back since a moment",
            fix: "surge doctor",
        },
        Case {
            name: "the adapter that helm has made asks the wrong Prometheus",
            breakage: |facts| {
                facts.api.answer = api_error(500, "Internal error occurred: unable to fetch metrics");
                set(
                    &mut facts.api.backend,
                    "/metadata/labels",
                    json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "adapter"}),
                );
            },
            check: "value",
            verdict: Failure,
            saw: "not to the adapter at http://prometheus-main.monitoring.svc:9090/",
            fix: "helm upgrade adapter prometheus-community/prometheus-adapter -n monitoring --reuse-values --set prometheus.url=http://prometheus-operated.monitoring.svc --set prometheus.port=9090",
        },
        Case {
            name: "an empty answer",
            breakage: |facts| facts.api.answer = Fact::seen("how", Answer::Items(Vec::new())),
            check: "value",
            verdict: Failure,
            saw: "the query finds nothing",
            fix: "how",
        },
        Case {
            name: "KEDA owns the API",
            breakage: |facts| {
                set(
                    &mut facts.api.service,
                    "/spec/service",
                    json!({"namespace": "keda", "name": "keda-metrics-apiserver"}),
                );
            },
            check: "apiservice-owner",
            verdict: Failure,
            saw: "a plain HPA asks it",
            fix: "queueName: Orders",
        },
        Case {
            name: "an adapter owns the API of KEDA's HPA",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric",
                    json!({"name": "s0-rabbitmq-Orders", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "worker"}}}),
                );
            },
            check: "apiservice-owner",
            verdict: Failure,
            saw: "KEDA and an adapter cannot share one cluster",
            fix: "helm uninstall prometheus-adapter -n monitoring",
        },
        Case {
            name: "the adapter still goes by older rules",
            breakage: |facts| facts.api.answer = Fact::seen("how", Answer::Items(vec![80_000])),
            check: "value",
            verdict: Warning,
            saw: "the same query says 40",
            fix: "kubectl rollout restart deployment/prometheus-adapter",
        },
    ]);
}

#[test]
fn the_causes_stand_before_their_consequences() {
    let mut facts = healthy();
    facts.api.service.seen = Seen::Absent;
    facts.api.answer = api_error(404, "the server could not find the requested resource");
    condition(
        &mut facts,
        "FailedGetExternalMetric",
        &format!("{UNFETCHED}the server could not find the requested resource"),
    );
    let report = examine(&facts);
    assert!(report.lines.iter().filter(|line| line.verdict == Failure).count() >= 3);
    assert_eq!(first(&report).0, "apiservice");
}

#[test]
fn a_status_is_stale_only_when_a_second_look_shows_it() {
    let mut facts = healthy();
    assert!(!disagrees(&facts));
    facts.api.answer = Fact::seen("how", Answer::Items(vec![90_000]));
    assert!(disagrees(&facts), "the first look asks for a second");
    let check = |facts: &crate::Facts| {
        examine(facts)
            .lines
            .into_iter()
            .find(|line| line.check == "status")
            .map(|line| (line.verdict, line.saw))
            .unwrap()
    };
    assert_eq!(check(&facts).0, Ok);

    let later = |facts: &crate::Facts, reading: &str| {
        let mut autoscaler = facts.autoscaler.clone();
        set(&mut autoscaler, "/status/currentMetrics/0/external/current", json!({"averageValue": reading}));
        Some(Later {
            after: std::time::Duration::from_secs(20),
            autoscaler,
            answer: facts.api.answer.clone(),
        })
    };
    facts.later = later(&facts, "20");
    assert!(disagrees(&facts));
    let (verdict, saw) = check(&facts);
    assert_eq!(verdict, Failure, "{saw}");
    assert!(saw.contains("has said 90 for 20 s"), "{saw}");
    facts.later = later(&facts, "45");
    assert!(!disagrees(&facts), "it has moved");
    assert_eq!(check(&facts).0, Ok);
}

#[test]
fn a_failure_of_an_earlier_sync_is_told_from_one_that_stays() {
    let mut facts = healthy();
    condition(
        &mut facts,
        "FailedGetExternalMetric",
        &format!("{UNFETCHED}no metrics returned from external metrics API"),
    );
    assert!(disagrees(&facts));
    let verdict = |facts: &crate::Facts| {
        examine(facts).lines.into_iter().find(|line| line.check == "scaling-active").unwrap().verdict
    };
    assert_eq!(verdict(&facts), Warning);
    facts.later = Some(Later {
        after: std::time::Duration::from_secs(20),
        autoscaler: facts.autoscaler.clone(),
        answer: facts.api.answer.clone(),
    });
    assert_eq!(verdict(&facts), Failure);
    facts.later = Some(Later {
        after: std::time::Duration::from_secs(3),
        autoscaler: healthy().autoscaler,
        answer: facts.api.answer.clone(),
    });
    assert_eq!(verdict(&facts), Ok);
}
