//! Prometheus, the operator's monitors, the broker and its metrics.

use serde_json::json;

use super::healthy::sample;
use super::{Case, all, fact, set};
use crate::doctor::facts::{Fact, Facts, Sample, Seen};
use crate::doctor::{SERIES, Verdict};

use Verdict::{Failure, NotApplicable, NotPermitted, Warning};

fn no_target(facts: &mut Facts) {
    facts.prometheus.age = Fact::seen("how", None);
    facts.prometheus.targets =
        fact(json!({"activeTargets": [], "droppedTargetCounts": {"serviceMonitor/demo/rabbitmq/0": 3}}));
}

/// Replaces a part of the first monitor.
fn monitor(
    facts: &mut Facts,
    change: impl FnOnce(&mut crate::doctor::facts::Custom<crate::doctor::facts::MonitorSpec>),
) {
    if let Seen::Value(all) = &mut facts.prometheus.monitors.seen {
        change(&mut all[0]);
    }
}

/// The adapter makes its metric of the exporter's series.
fn by_exporter(facts: &mut Facts) {
    let map: serde_json::Value =
        serde_saphyr::from_str(include_str!("../../../../manifests/adapter/exporter.yaml")).unwrap();
    facts.api.rules = fact(map["data"]["config.yaml"].clone());
}

/// An exporter in place of the plugin.
fn exporter_is_down(facts: &mut Facts) {
    let up = Sample { labels: [("__name__".to_owned(), "rabbitmq_up".to_owned())].into(), value: 0.0 };
    facts.broker.endpoints[0].at.port = 9419;
    facts.broker.endpoints[0].at.service = "rabbitmq-exporter".into();
    facts.broker.endpoints[0].samples = Fact::seen("how", vec![up]);
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

#[test]
fn what_the_broker_and_its_metrics_lack() {
    all(&[
        Case {
            name: "a misspelt queue, which the guard answers with 0",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric/selector/matchLabels",
                    json!({"queue": "orders"}),
                );
                facts.api.answer = Fact::seen("how", crate::doctor::facts::Answer::Items(vec![0]));
            },
            check: "queue",
            verdict: Failure,
            saw: "the broker has no queue orders, and it has Orders, Orders.dead",
            fix: r#""value":{"matchLabels":{"queue":"Orders"}}"#,
        },
        Case {
            name: "a broker that has forgotten the queue",
            breakage: |facts| facts.broker.queues = fact(json!([])),
            check: "queue",
            verdict: Failure,
            saw: "it has none at all",
            fix: "kubectl rollout restart deployment/worker -n demo",
        },
        Case {
            name: "other arguments",
            breakage: |facts| {
                if let Seen::Value(queues) = &mut facts.broker.queues.seen {
                    queues[0].arguments.clear();
                }
            },
            check: "queue-arguments",
            verdict: Failure,
            saw: "refused (406)",
            fix: "rabbitmqctl delete_queue Orders",
        },
        Case {
            name: "nobody consumes",
            breakage: |facts| {
                if let Seen::Value(queues) = &mut facts.broker.queues.seen {
                    queues[0].consumers = Some(0);
                }
            },
            check: "consumers",
            verdict: Warning,
            saw: "it will not drain",
            fix: "kubectl logs deployment/worker -n demo",
        },
        Case {
            name: "the broker does not answer",
            breakage: |facts| {
                facts.broker.queues.seen = Seen::Failed("no pod behind Service rabbitmq is ready".into());
            },
            check: "broker",
            verdict: Failure,
            saw: "no pod behind Service rabbitmq",
            fix: "kubectl get pods -n demo -l app=rabbitmq",
        },
        Case {
            name: "no right to the broker",
            breakage: |facts| {
                facts.broker.queues.seen = Seen::NotPermitted("pods/portforward is forbidden".into());
            },
            check: "broker",
            verdict: NotPermitted,
            saw: "pods/portforward is forbidden",
            fix: "",
        },
        Case {
            name: "no broker in the namespace",
            breakage: |facts| facts.broker.management = None,
            check: "broker",
            verdict: NotApplicable,
            saw: "leads to RabbitMQ's management port",
            fix: "",
        },
        Case {
            name: "the plugin's plain path",
            breakage: |facts| {
                let mut whole = sample(SERIES[1], "", 40.0);
                whole.labels.remove("queue");
                facts.broker.endpoints[0].samples = Fact::seen("how", vec![whole]);
            },
            check: "endpoint-series",
            verdict: Failure,
            saw: "the figures of the whole node",
            fix: "path: /metrics/detailed",
        },
        Case {
            name: "metrics without the queue",
            breakage: |facts| {
                facts.broker.endpoints[0].samples = Fact::seen("how", vec![sample(SERIES[0], "Mails", 1.0)]);
            },
            check: "endpoint-queue",
            verdict: Failure,
            saw: "has series of Mails, and none of queue Orders",
            fix: "kubectl get hpa",
        },
        Case {
            name: "an exporter that nobody goes by",
            breakage: exporter_is_down,
            check: "exporter-broker",
            verdict: Warning,
            saw: "the autoscaler's metric is made without it",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
        Case {
            name: "an exporter that cannot read the broker",
            breakage: |facts| {
                by_exporter(facts);
                exporter_is_down(facts);
            },
            check: "exporter-broker",
            verdict: Failure,
            saw: "rabbitmq_up is 0",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
    ]);
}
