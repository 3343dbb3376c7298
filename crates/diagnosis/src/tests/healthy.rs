//! The facts of a working chain: the demo with its adapter.

use std::collections::BTreeMap;

use promfmt::operator::ServiceMonitorSpec;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use text::command::{ClusterFlags, Command};

use super::hostile::{name, names};
use crate::SERIES;
use crate::facts::*;

/// A value, with a command that no test reads.
pub(crate) fn known<T>(value: T) -> Fact<T> {
    Fact::value(Command::new("how"), value)
}

fn absent<T>() -> Fact<T> {
    Fact::new(Command::new("how"), Outcome::Absent)
}

/// A value from its JSON.
pub(crate) fn fact<T: DeserializeOwned>(mut json: Value) -> Fact<T> {
    names(&mut json);
    known(serde_json::from_value(json).unwrap())
}

/// ServiceMonitors from their JSON.
pub(crate) fn monitors(json: Value) -> Fact<Vec<Monitor>> {
    let all: Fact<Vec<CustomObject<ServiceMonitorSpec>>> = fact(json);
    all.map(|all| all.into_iter().map(Monitor::from).collect())
}

/// An error of the metrics API.
pub(crate) fn api_error(code: u16, message: &str) -> Fact<MetricResponse> {
    known(MetricResponse::Error { code, message: message.to_owned() })
}

/// Replaces a part of a value. The parent of the pointer must exist.
pub(crate) fn set<T: DeserializeOwned + serde::Serialize>(
    fact: &mut Fact<T>,
    pointer: &str,
    mut value: Value,
) {
    names(&mut value);
    let mut json = serde_json::to_value(fact.get().unwrap()).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        parent => parent[key.replace("~1", "/")] = value,
    }
    fact.outcome = Outcome::Value(serde_json::from_value(json).unwrap());
}

/// Sets the condition ScalingActive to False.
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

pub(crate) fn sample(series: &str, queue: &str, value: f64) -> Sample {
    let labels = [
        ("__name__", series),
        ("queue", &name(queue)),
        ("vhost", "/"),
        ("namespace", &name("demo")),
        ("job", &name("rabbitmq")),
        ("instance", "10.0.0.1:15692"),
    ];
    let labels: BTreeMap<String, String> = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    Sample { labels, value }
}

/// A sample as the endpoint exposes it, without the labels of a target.
pub(crate) fn exposed(series: &str, queue: &str, value: f64) -> Sample {
    let mut sample = sample(series, queue, value);
    sample.labels.retain(|label, _| !matches!(label.as_str(), "namespace" | "job" | "instance"));
    sample
}

/// The kind of the HPA's target.
pub(crate) fn deployment_kind() -> Kind {
    Kind {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        plural: "deployments".into(),
        has_scale: true,
    }
}

pub(crate) fn healthy() -> Facts {
    let labels: Value = serde_json::from_str(LABELS).unwrap();
    let at = |port| ServicePort { namespace: name("demo"), service: name("rabbitmq"), port };
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
        subject: Subject {
            context: "here".into(),
            namespace: name("demo"),
            hpa: name("scaler"),
            flags: ClusterFlags::default(),
        },
        now: "2026-01-01T01:00:00Z".parse().unwrap(),
        version: known("Kubernetes v1.34.4".into()),
        reach: None,
        permissions: vec![Permission {
            verb: "get",
            resource: "pods".into(),
            namespace: Some(name("demo")),
            purpose: "pods",
            allowed: known(true),
        }],
        namespace: fact(
            json!({"metadata": {"name": "demo", "labels": {"team": "a"}}, "status": {"phase": "Active"}}),
        ),
        autoscaler: fact(hpa.clone()),
        autoscalers: fact(json!([hpa])),
        looks: Vec::new(),
        metrics: vec![ExternalMetric {
            index: 0,
            series: known(vec![sample(depth, "Orders", 40.0), sample(depth, "Orders.dead", 0.0)]),
            history: known(vec![History {
                labels: sample(depth, "Orders", 40.0).labels,
                points: (0..20).map(|second| (f64::from(second), 40.0)).collect(),
            }]),
            newest_sample_age: known(Some(0.4)),
            rule_result: known(vec![Sample { labels: BTreeMap::new(), value: 40.0 }]),
            response: known(MetricResponse::Values(vec![40_000])),
        }],
        deployments: fact(json!([workload("deployment", "producer"), workload("deployment", "worker")])),
        stateful_sets: fact(json!([workload("statefulset", "rabbitmq")])),
        replica_sets: fact(json!([])),
        pods: fact(json!([])),
        logs: Vec::new(),
        target: ScaleTarget {
            candidates: known(vec![Candidate {
                kind: deployment_kind(),
                object: fact(json!({"metadata": {"name": "worker", "namespace": "demo"}})),
            }]),
            ..ScaleTarget::not_asked("a Deployment")
        },
        vertical: absent(),
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
                monitor: Some(MonitorEndpoint { namespace: name("demo"), name: name("rabbitmq"), index: 0 }),
                samples: known(vec![exposed(depth, "Orders", 40.0), exposed(depth, "Orders.dead", 0.0)]),
                malformed: None,
                better_path: None,
            }],
            settings: fact(json!([{"data": {"a.conf": "x = 1\ncollect_statistics_interval = 1000\n"}}])),
        },
        prometheus: Prometheus {
            services: known(vec![ServicePort {
                namespace: name("monitoring"),
                service: name("prometheus-operated"),
                port: 9090,
            }]),
            stateful_sets: fact(json!([])),
            operator: absent(),
            rules: fact(json!([])),
            resources: fact(json!([{"metadata": {"name": "main", "namespace": "monitoring"},
                "spec": {"serviceMonitorSelector": {"matchLabels": {"release": "prometheus"}},
                    "serviceMonitorNamespaceSelector": {}, "scrapeInterval": "30s"}}])),
            monitors: monitors(
                json!([{"metadata": {"name": "rabbitmq", "namespace": "demo", "resourceVersion": "7",
                    "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"release": "prometheus"}},
                "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}},
                    "endpoints": [{"port": "metrics", "path": "/metrics/detailed", "interval": "1s",
                        "scrapeTimeout": "1s"}]}}]),
            ),
            pools: fact(json!(["serviceMonitor/demo/rabbitmq/0"])),
            targets: fact(
                json!({"activeTargets": [{"scrapePool": "serviceMonitor/demo/rabbitmq/0", "health": "up",
                "scrapeInterval": "1s", "labels": {"pod": "rabbitmq-0", "job": "rabbitmq", "namespace": "demo",
                "instance": "10.0.0.1:15692"}}], "droppedTargetCounts": {}}),
            ),
            exporter_up: known(Vec::new()),
        },
        api: MetricsApi {
            registration: fact(json!({"metadata": {"name": "v1beta1.external.metrics.k8s.io"},
                "spec": {"groupPriorityMinimum": 100, "versionPriority": 100,
                    "service": {"namespace": "monitoring", "name": "prometheus-adapter"}},
                "status": {"conditions": [{"type": "Available", "status": "True", "reason": "Passed"}]}})),
            backend: fact(json!({"metadata": {"name": "prometheus-adapter", "namespace": "monitoring"},
                "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [{"name": "a",
                    "args": ["--metrics-relist-interval=30s", "--metrics-max-age=10m",
                             "--prometheus-url=http://prometheus-main.monitoring.svc:9090/"]}]}}}})),
            prometheus_service: fact(json!({"spec": {"ports": [{"port": 9090}]}})),
            rules: fact(rules["data"]["config.yaml"].clone()),
            rules_config_map: format!("{}/{}", name("monitoring"), name("prometheus-adapter")),
            rules_key: "config.yaml".into(),
        },
        pod_metrics: PodMetrics::not_asked("the HPA has no such metric"),
        keda: Keda::not_asked("there is no KEDA"),
        controller_arguments: absent(),
        controller_settings: absent(),
    }
}
