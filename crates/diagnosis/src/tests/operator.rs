//! Prometheus, the operator's monitors, the broker and its metrics.

use serde_json::json;

use super::broker::by_exporter;
use super::others::drill;
use super::{Case, all, fact, known};
use crate::Verdict;
use crate::facts::{Facts, Outcome, Sample};

use Verdict::{Failure, Warning};

fn no_target(facts: &mut Facts) {
    facts.metrics[0].newest_sample_age = known(None);
    facts.prometheus.targets =
        fact(json!({"activeTargets": [], "droppedTargetCounts": {"serviceMonitor/demo/rabbitmq/0": 3}}));
}

/// Changes the monitor.
fn monitor(facts: &mut Facts, change: impl FnOnce(&mut crate::facts::Monitor)) {
    if let Outcome::Value(all) = &mut facts.prometheus.monitors.outcome {
        change(&mut all[0]);
    }
}

#[test]
fn prometheus_and_monitors() {
    all(&[
        Case {
            name: "no Prometheus",
            breakage: |facts| facts.prometheus.services.outcome = Outcome::Absent,
            check: "prometheus",
            verdict: Failure,
            detail: "no Service is named prometheus-operated",
            fix: "--prometheus",
        },
        Case {
            name: "Prometheus scaled to 0",
            breakage: |facts| {
                facts.prometheus.pools.outcome =
                    Outcome::Failed("no pod behind Service prometheus-operated is ready".into());
                facts.prometheus.stateful_sets = fact(json!([{"metadata": {"name": "prometheus-prometheus"},
                    "spec": {"replicas": 0, "serviceName": "p", "selector": {}, "template": {}}}]));
            },
            check: "prometheus",
            verdict: Failure,
            detail: "no pod behind Service",
            fix: "kubectl scale statefulset/prometheus-prometheus --replicas=1 -n monitoring",
        },
        Case {
            name: "Prometheus scaled to 0 by its operator",
            breakage: |facts| {
                facts.prometheus.pools.outcome =
                    Outcome::Failed("no pod behind Service prometheus-operated is ready".into());
                facts.prometheus.stateful_sets =
                    fact(json!([{"metadata": {"name": "prometheus-main", "ownerReferences":
                    [{"apiVersion": "v1", "kind": "Prometheus", "name": "main", "uid": "1"}]},
                    "spec": {"replicas": 0, "serviceName": "p", "selector": {}, "template": {}}}]));
            },
            check: "prometheus",
            verdict: Failure,
            detail: "no pod behind Service",
            fix: "kubectl patch prometheus main -n monitoring",
        },
        Case {
            name: "Prometheus stopped by a drill",
            breakage: |facts| {
                facts.prometheus.pools.outcome =
                    Outcome::Failed("no pod behind Service prometheus-operated is ready".into());
                if let Outcome::Value(all) = &mut facts.prometheus.resources.outcome {
                    all[0].spec.replicas = Some(0);
                    all[0].metadata.managed_fields = serde_json::from_value(drill("", "Update")).unwrap();
                }
                facts.prometheus.stateful_sets =
                    fact(json!([{"metadata": {"name": "prometheus-main", "ownerReferences":
                    [{"apiVersion": "v1", "kind": "Prometheus", "name": "main", "uid": "1"}]},
                    "spec": {"replicas": 0, "serviceName": "p", "selector": {}, "template": {}}}]));
            },
            check: "prometheus",
            verdict: Failure,
            detail: "A drill of the dashboard stopped it",
            fix: "kubectl patch prometheus main -n monitoring",
        },
        Case {
            name: "a PrometheusRule that does not parse",
            breakage: |facts| {
                facts.prometheus.rules = fact(json!([{"metadata": {"name": "alerts", "namespace": "demo",
                    "resourceVersion": "9"}}]));
                facts.warnings = fact(json!([{"metadata": {}, "reason": "InvalidConfiguration",
                    "message": "parse error: unclosed left parenthesis",
                    "involvedObject": {"kind": "PrometheusRule", "name": "alerts", "resourceVersion": "9"}}]));
            },
            check: "rule-rejected",
            verdict: Warning,
            detail: "rejects PrometheusRule alerts. Its rules and alerts do not exist: parse error",
            fix: "kubectl edit prometheusrule alerts -n demo",
        },
        Case {
            name: "no monitor",
            breakage: |facts| {
                facts.prometheus.monitors = known(Vec::new());
                facts.metrics[0].series = known(Vec::new());
            },
            check: "monitor",
            verdict: Failure,
            detail: "no monitor selects Service rabbitmq",
            fix: "release: prometheus",
        },
        Case {
            name: "a monitor without the label",
            breakage: |facts| monitor(facts, |monitor| monitor.metadata.labels = None),
            check: "monitor-selected",
            verdict: Failure,
            detail: "Prometheus main ignores ServiceMonitor rabbitmq: it lacks release=prometheus",
            fix: "kubectl label servicemonitor rabbitmq -n demo release=prometheus",
        },
        Case {
            name: "a namespace that Prometheus does not select",
            breakage: |facts| {
                facts.prometheus.resources = fact(
                    json!([{"metadata": {"name": "main", "namespace": "monitoring"},
                "spec": {"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {"matchLabels": {"scraped": "yes"}}}}]),
                );
            },
            check: "monitor-selected",
            verdict: Failure,
            detail: "it selects namespaces with scraped=yes",
            fix: "kubectl label namespace demo scraped=yes",
        },
        Case {
            name: "a Prometheus that selects nothing",
            breakage: |facts| {
                facts.prometheus.resources =
                    fact(json!([{"metadata": {"name": "main", "namespace": "monitoring"}, "spec": {}}]));
            },
            check: "monitor-selected",
            verdict: Failure,
            detail: "no serviceMonitorSelector",
            fix: "kubectl patch prometheus main -n monitoring",
        },
        Case {
            name: "the port by its number",
            breakage: |facts| {
                monitor(facts, |monitor| monitor.spec.endpoints[0].port = Some("15692".into()));
                no_target(facts);
            },
            check: "monitor-port",
            verdict: Failure,
            detail: "no port named 15692. It has amqp, management, metrics",
            fix: r#""path":"/spec/endpoints/0/port","value":"metrics""#,
        },
        Case {
            name: "a selector for the pods' labels",
            breakage: |facts| {
                monitor(facts, |monitor| {
                    monitor.spec.selector =
                        serde_json::from_value(json!({"matchLabels": {"app": "rabbitmq"}})).unwrap();
                });
                no_target(facts);
            },
            check: "monitor-selector",
            verdict: Failure,
            detail: "Labels of pods do not count",
            fix: r#"{"matchLabels":{"app.kubernetes.io/name":"rabbitmq"}}"#,
        },
        Case {
            name: "no pod behind the Service",
            breakage: no_target,
            check: "monitor-target",
            verdict: Failure,
            detail: "but no target (3 dropped)",
            fix: "kubectl get endpointslices -n demo",
        },
        Case {
            name: "a Prometheus that reloads",
            breakage: |facts| {
                no_target(facts);
                facts.metrics[0].newest_sample_age = known(Some(1.0));
            },
            check: "monitor-target",
            verdict: Warning,
            detail: "its last sample is fresh",
            fix: "surge doctor",
        },
        Case {
            name: "a new monitor",
            breakage: |facts| {
                facts.prometheus.pools = fact(json!([]));
                no_target(facts);
                facts.now = "2026-01-01T00:00:30Z".parse().unwrap();
            },
            check: "monitor-pool",
            verdict: Warning,
            detail: "It is 30 s old; a new one takes about a minute",
            fix: "surge doctor",
        },
        Case {
            name: "no operator",
            breakage: |facts| {
                facts.prometheus.pools = fact(json!([]));
                no_target(facts);
            },
            check: "monitor-pool",
            verdict: Failure,
            detail: "Prometheus has no scrape pool serviceMonitor/demo/rabbitmq/0",
            fix: "kubectl get pods -n monitoring",
        },
        Case {
            name: "the operator scaled to 0",
            breakage: |facts| {
                facts.prometheus.pools = fact(json!([]));
                no_target(facts);
                facts.prometheus.operator =
                    fact(json!({"metadata": {"name": "operator", "namespace": "monitoring"},
                    "spec": {"replicas": 0, "selector": {}, "template": {}}}));
            },
            check: "monitor-pool",
            verdict: Failure,
            detail: "Prometheus has no scrape pool serviceMonitor/demo/rabbitmq/0",
            fix: "kubectl scale deployment/operator --replicas=1 -n monitoring",
        },
        Case {
            name: "a scrape longer than the interval",
            breakage: |facts| {
                facts.prometheus.pools = fact(json!([]));
                no_target(facts);
                monitor(facts, |monitor| monitor.spec.endpoints[0].scrape_timeout = Some("10s".into()));
                facts.warnings = fact(
                    json!([{"metadata": {}, "reason": "InvalidConfiguration", "message": "scrapeTimeout greater",
                    "involvedObject": {"kind": "ServiceMonitor", "name": "rabbitmq", "resourceVersion": "7"}}]),
                );
            },
            check: "monitor-rejected",
            verdict: Failure,
            detail: "scrapeTimeout greater",
            fix: r#""path":"/spec/endpoints/0/scrapeTimeout","value":"1s""#,
        },
        Case {
            name: "a target that is down",
            breakage: |facts| {
                facts.prometheus.targets =
                    fact(json!({"activeTargets": [{"scrapePool": "serviceMonitor/demo/rabbitmq/0",
                "health": "down", "lastError": "connection refused", "labels": {"pod": "rabbitmq-0"}}]}));
            },
            check: "target",
            verdict: Failure,
            detail: "connection refused",
            fix: "kubectl describe pod rabbitmq-0 -n demo",
        },
        Case {
            name: "old samples",
            breakage: |facts| facts.metrics[0].newest_sample_age = known(Some(90.0)),
            check: "series",
            verdict: Failure,
            detail: "older than three scrapes of 1 s",
            fix: "surge doctor",
        },
        Case {
            name: "no series at all",
            breakage: |facts| facts.metrics[0].series = known(Vec::new()),
            check: "series",
            verdict: Failure,
            detail: "no series of any queue",
            fix: "kubectl get servicemonitor",
        },
        Case {
            name: "an exporter whose broker is down, by Prometheus",
            breakage: |facts| {
                by_exporter(facts);
                let labels = [("service", "rabbitmq-exporter"), ("namespace", "demo")];
                let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
                facts.prometheus.exporter_up = known(vec![Sample { labels, value: 0.0 }]);
            },
            check: "exporter-broker",
            verdict: Failure,
            detail: "rabbitmq_up of rabbitmq-exporter is 0",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
    ]);
}
