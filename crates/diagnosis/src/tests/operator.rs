//! Prometheus, the operator's monitors, the broker and its metrics.

use serde_json::json;

use super::broker::by_exporter;
use super::others::drill;
use super::{Case, all, fact};
use crate::Verdict;
use crate::facts::{Fact, Facts, Sample, Seen};

use Verdict::{Failure, Warning};

fn no_target(facts: &mut Facts) {
    facts.prometheus.age = Fact::seen("how", None);
    facts.prometheus.targets =
        fact(json!({"activeTargets": [], "droppedTargetCounts": {"serviceMonitor/demo/rabbitmq/0": 3}}));
}

/// Replaces a part of the first monitor.
fn monitor(facts: &mut Facts, change: impl FnOnce(&mut crate::facts::Custom<crate::facts::MonitorSpec>)) {
    if let Seen::Value(all) = &mut facts.prometheus.monitors.seen {
        change(&mut all[0]);
    }
}

#[test]
fn what_keeps_prometheus_from_scraping() {
    all(&[
        Case {
            name: "no Prometheus",
            breakage: |facts| facts.prometheus.services.seen = Seen::Absent,
            check: "prometheus",
            verdict: Failure,
            saw: "no Service named prometheus-operated",
            fix: "--prometheus",
        },
        Case {
            name: "Prometheus scaled to 0",
            breakage: |facts| {
                facts.prometheus.pools.seen =
                    Seen::Failed("no pod behind Service prometheus-operated is ready".into());
                facts.prometheus.stateful_sets = fact(json!([{"metadata": {"name": "prometheus-prometheus"},
                    "spec": {"replicas": 0, "serviceName": "p", "selector": {}, "template": {}}}]));
            },
            check: "prometheus",
            verdict: Failure,
            saw: "no pod behind Service",
            fix: "kubectl scale statefulset/prometheus-prometheus --replicas=1 -n monitoring",
        },
        Case {
            name: "Prometheus scaled to 0 by its operator",
            breakage: |facts| {
                facts.prometheus.pools.seen =
                    Seen::Failed("no pod behind Service prometheus-operated is ready".into());
                facts.prometheus.stateful_sets =
                    fact(json!([{"metadata": {"name": "prometheus-main", "ownerReferences":
                    [{"apiVersion": "v1", "kind": "Prometheus", "name": "main", "uid": "1"}]},
                    "spec": {"replicas": 0, "serviceName": "p", "selector": {}, "template": {}}}]));
            },
            check: "prometheus",
            verdict: Failure,
            saw: "no pod behind Service",
            fix: "kubectl patch prometheus main -n monitoring",
        },
        Case {
            name: "Prometheus stopped by a drill",
            breakage: |facts| {
                facts.prometheus.pools.seen =
                    Seen::Failed("no pod behind Service prometheus-operated is ready".into());
                if let Seen::Value(all) = &mut facts.prometheus.resources.seen {
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
            saw: "a drill of the dashboard has stopped it",
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
            saw: "rejects PrometheusRule alerts, so that none of its rules and alerts is there: parse error",
            fix: "kubectl edit prometheusrule alerts -n demo",
        },
        Case {
            name: "no monitor",
            breakage: |facts| {
                facts.prometheus.monitors = Fact::seen("how", Vec::new());
                facts.prometheus.series = Fact::seen("how", Vec::new());
            },
            check: "monitor",
            verdict: Failure,
            saw: "no ServiceMonitor selects Service rabbitmq",
            fix: "release: prometheus",
        },
        Case {
            name: "a monitor without the label",
            breakage: |facts| monitor(facts, |monitor| monitor.metadata.labels = None),
            check: "monitor-selected",
            verdict: Failure,
            saw: "passed over in silence",
            fix: "kubectl label servicemonitor rabbitmq -n demo release=prometheus",
        },
        Case {
            name: "a namespace that Prometheus does not look into",
            breakage: |facts| {
                facts.prometheus.resources = fact(
                    json!([{"metadata": {"name": "main", "namespace": "monitoring"},
                "spec": {"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {"matchLabels": {"scraped": "yes"}}}}]),
                );
            },
            check: "monitor-selected",
            verdict: Failure,
            saw: "namespaces with scraped=yes",
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
            saw: "no serviceMonitorSelector",
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
            saw: "no port named 15692, it has amqp, management, metrics",
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
            saw: "a Service's own labels count, not its pods'",
            fix: r#"{"matchLabels":{"app.kubernetes.io/name":"rabbitmq"}}"#,
        },
        Case {
            name: "no pod behind the Service",
            breakage: no_target,
            check: "monitor-target",
            verdict: Failure,
            saw: "has no target (3 candidates dropped)",
            fix: "kubectl get endpointslices -n demo",
        },
        Case {
            name: "a Prometheus that has just reloaded",
            breakage: |facts| {
                no_target(facts);
                facts.prometheus.age = Fact::seen("how", Some(1.0));
            },
            check: "monitor-target",
            verdict: Warning,
            saw: "a sample of just now",
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
            saw: "it is 30 s old, and a new one takes about a minute",
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
            saw: "Prometheus has no pool serviceMonitor/demo/rabbitmq/0",
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
            saw: "Prometheus has no pool serviceMonitor/demo/rabbitmq/0",
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
            saw: "scrapeTimeout greater",
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
            saw: "connection refused",
            fix: "kubectl describe pod rabbitmq-0 -n demo",
        },
        Case {
            name: "old samples",
            breakage: |facts| facts.prometheus.age = Fact::seen("how", Some(90.0)),
            check: "series",
            verdict: Failure,
            saw: "older than three scrapes of 1 s",
            fix: "surge doctor",
        },
        Case {
            name: "no series at all",
            breakage: |facts| facts.prometheus.series = Fact::seen("how", Vec::new()),
            check: "series",
            verdict: Failure,
            saw: "no series of any queue",
            fix: "kubectl get servicemonitor",
        },
        Case {
            name: "an exporter whose broker is down, by Prometheus",
            breakage: |facts| {
                by_exporter(facts);
                let labels = [("service", "rabbitmq-exporter"), ("namespace", "demo")];
                let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
                facts.prometheus.exporter_up = Fact::seen("how", vec![Sample { labels, value: 0.0 }]);
            },
            check: "exporter-broker",
            verdict: Failure,
            saw: "rabbitmq_up of rabbitmq-exporter is 0",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
    ]);
}
