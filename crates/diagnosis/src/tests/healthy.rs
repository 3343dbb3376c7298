//! A chain that works: the demo with its adapter, as a cluster would tell it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::facts::*;
use crate::{SERIES, facts};

/// A thing out of its JSON, seen by a question that nobody reads here.
pub(crate) fn fact<T: DeserializeOwned>(json: Value) -> Fact<T> {
    Fact::seen("how", serde_json::from_value(json).unwrap())
}

/// The metrics API's refusal.
pub(crate) fn api_error(code: u16, message: &str) -> Fact<Answer> {
    Fact::seen("how", Answer::Refused { code, message: message.to_owned() })
}

/// Replaces a part of an object that was seen; the pointer must lead somewhere.
pub(crate) fn set<T: DeserializeOwned + serde::Serialize>(fact: &mut Fact<T>, pointer: &str, value: Value) {
    let mut json = serde_json::to_value(fact.get().unwrap()).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        parent => parent[key.replace("~1", "/")] = value,
    }
    fact.seen = Seen::Value(serde_json::from_value(json).unwrap());
}

/// Lets the HPA say that ScalingActive is False.
pub(crate) fn condition(facts: &mut Facts, reason: &str, message: &str) {
    let conditions = json!([{"type": "AbleToScale", "status": "True"},
        {"type": "ScalingActive", "status": "False", "reason": reason, "message": message}]);
    set(&mut facts.autoscaler, "/status/conditions", conditions);
    set(&mut facts.autoscaler, "/status/currentMetrics", Value::Null);
}

const LABELS: &str =
    r#"{"app.kubernetes.io/name": "rabbitmq", "app.kubernetes.io/part-of": "autoscaling-demo"}"#;

fn workload(kind: &str, name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {"replicas": 1, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": kind}]}}},
        "status": {"replicas": 1, "readyReplicas": 1},
    })
}

pub(super) fn sample(name: &str, queue: &str, value: f64) -> Sample {
    let labels = [
        ("__name__", name),
        ("queue", queue),
        ("vhost", "/"),
        ("namespace", "demo"),
        ("job", "rabbitmq"),
        ("instance", "10.0.0.1:15692"),
    ];
    let labels: BTreeMap<String, String> = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    Sample { labels, value }
}

pub(crate) fn healthy() -> Facts {
    let labels: Value = serde_json::from_str(LABELS).unwrap();
    let at = |port| ServicePort { namespace: "demo".into(), service: "rabbitmq".into(), port };
    let hpa = json!({
        "metadata": {"name": "scaler", "namespace": "demo", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 10,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                "target": {"type": "AverageValue", "averageValue": "20"}}}]},
        "status": {"currentReplicas": 2, "desiredReplicas": 2,
            "currentMetrics": [{"type": "External", "external": {
                "metric": {"name": "rabbitmq_queue_length"}, "current": {"averageValue": "20"}}}],
            "conditions": [{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
                {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "fine"}]},
    });
    let rules: Value =
        serde_saphyr::from_str(include_str!("../../../../manifests/adapter/plugin.yaml")).unwrap();
    let depth = SERIES[0];
    Facts {
        place: Place {
            context: "here".into(),
            namespace: "demo".into(),
            hpa: "scaler".into(),
            flags: Flags::default(),
        },
        now: "2026-01-01T01:00:00Z".parse().unwrap(),
        version: Fact::seen("kubectl version", "Kubernetes v1.34.4".into()),
        rights: vec![Right {
            verb: "get",
            resource: "pods".into(),
            namespace: Some("demo".into()),
            purpose: "pods",
            allowed: Fact::seen("how", true),
        }],
        namespace: fact(
            json!({"metadata": {"name": "demo", "labels": {"team": "a"}}, "status": {"phase": "Active"}}),
        ),
        autoscaler: fact(hpa.clone()),
        autoscalers: fact(json!([hpa])),
        later: None,
        deployments: fact(json!([workload("deployment", "producer"), workload("deployment", "worker")])),
        stateful_sets: fact(json!([workload("statefulset", "rabbitmq")])),
        pods: fact(json!([])),
        services: fact(json!([{"metadata": {"name": "rabbitmq", "namespace": "demo", "labels": labels},
            "spec": {"selector": {"app": "rabbitmq"}, "ports": [{"name": "amqp", "port": 5672},
                {"name": "management", "port": 15672}, {"name": "metrics", "port": 15692}]}}])),
        warnings: fact(json!([])),
        broker: Broker {
            management: Some(at(15672)),
            queues: fact(json!([
                {"name": "Orders", "vhost": "/", "durable": true, "messages_ready": 38, "messages_unacknowledged": 2,
                 "consumers": 1, "arguments": {"x-queue-type": "classic", "x-dead-letter-exchange": "",
                 "x-dead-letter-routing-key": "Orders.dead"}},
                {"name": "Orders.dead", "vhost": "/", "durable": true, "messages_ready": 0}])),
            endpoints: vec![MetricsEndpoint {
                at: at(15692),
                path: "/metrics/detailed?family=queue_coarse_metrics".into(),
                monitor: Some("rabbitmq".into()),
                samples: Fact::seen(
                    "how",
                    vec![sample(depth, "Orders", 40.0), sample(depth, "Orders.dead", 0.0)],
                ),
            }],
            settings: fact(json!([{"data": {"a.conf": "x = 1\ncollect_statistics_interval = 1000\n"}}])),
        },
        prometheus: Prometheus {
            services: Fact::seen(
                "how",
                vec![ServicePort {
                    namespace: "monitoring".into(),
                    service: "prometheus-operated".into(),
                    port: 9090,
                }],
            ),
            stateful_sets: fact(json!([])),
            operator: Fact { how: "how".into(), seen: Seen::Absent },
            rules: fact(json!([])),
            resources: fact(json!([{"metadata": {"name": "main", "namespace": "monitoring"},
                "spec": {"serviceMonitorSelector": {"matchLabels": {"release": "prometheus"}},
                    "serviceMonitorNamespaceSelector": {}, "scrapeInterval": "30s"}}])),
            monitors: fact(
                json!([{"metadata": {"name": "rabbitmq", "namespace": "demo", "resourceVersion": "7",
                    "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"release": "prometheus"}},
                "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}},
                    "endpoints": [{"port": "metrics", "path": "/metrics/detailed", "interval": "1s",
                        "scrapeTimeout": "1s"}]}}]),
            ),
            pools: fact(json!(["serviceMonitor/demo/rabbitmq/0"])),
            targets: fact(
                json!({"activeTargets": [{"scrapePool": "serviceMonitor/demo/rabbitmq/0", "health": "up",
                "scrapeInterval": "1s", "labels": {"pod": "rabbitmq-0"}}], "droppedTargetCounts": {}}),
            ),
            series: Fact::seen("how", vec![sample(depth, "Orders", 40.0), sample(depth, "Orders.dead", 0.0)]),
            exporter_up: fact_of(Vec::new()),
            tracks: fact_of(vec![facts::Track {
                labels: BTreeMap::new(),
                times: (0..20).map(f64::from).collect(),
            }]),
            age: fact_of(Some(0.4)),
            value: fact_of(vec![Sample { labels: BTreeMap::new(), value: 40.0 }]),
        },
        api: MetricsApi {
            service: fact(json!({"metadata": {"name": "v1beta1.external.metrics.k8s.io"},
                "spec": {"groupPriorityMinimum": 100, "versionPriority": 100,
                    "service": {"namespace": "monitoring", "name": "prometheus-adapter"}},
                "status": {"conditions": [{"type": "Available", "status": "True", "reason": "Passed"}]}})),
            backend: fact(json!({"metadata": {"name": "prometheus-adapter", "namespace": "monitoring"},
                "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [{"name": "a",
                    "args": ["--metrics-relist-interval=30s", "--metrics-max-age=10m",
                             "--prometheus-url=http://prometheus-main.monitoring.svc:9090/"]}]}}}})),
            upstream: fact(json!({"spec": {"ports": [{"port": 9090}]}})),
            rules: fact(rules["data"]["config.yaml"].clone()),
            rules_at: "monitoring/prometheus-adapter".into(),
            answer: fact_of(Answer::Items(vec![40_000])),
        },
        keda: Keda::nothing("there is no KEDA"),
        controller_arguments: Fact { how: "how".into(), seen: Seen::Absent },
        controller_settings: Fact { how: "how".into(), seen: Seen::Absent },
    }
}

fn fact_of<T>(thing: T) -> Fact<T> {
    Fact::seen("how", thing)
}
