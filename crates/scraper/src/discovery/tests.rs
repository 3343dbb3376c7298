//! Targets of inventories, as tables.

use serde_json::{Value, json};

use super::*;
use crate::config::Config;

fn pod(name: &str, changes: &Value) -> Value {
    let mut pod = json!({
        "metadata": {"namespace": "demo", "name": name, "labels": {"app": "broker"}},
        "spec": {"containers": [{"name": "rabbitmq", "ports": [
            {"name": "amqp", "containerPort": 5672}, {"name": "metrics", "containerPort": 15692}]}]},
        "status": {"podIP": "10.0.0.1", "phase": "Running"},
    });
    merge(&mut pod, changes);
    pod
}

fn service(changes: &Value) -> Value {
    let mut service = json!({
        "metadata": {"namespace": "demo", "name": "broker-svc", "labels": {"team": "red", "app/name": "b"}},
        "spec": {"selector": {"app": "broker"}, "ports": [
            {"name": "amqp", "port": 5672}, {"name": "prom", "port": 80, "targetPort": "metrics"}]},
    });
    merge(&mut service, changes);
    service
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(into.entry(key).or_insert(Value::Null), change);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

fn inventory(monitor: &Value, services: &[Value], pods: &[Value]) -> Inventory {
    let kind =
        if monitor["podMetricsEndpoints"].is_array() { MonitorKind::Pod } else { MonitorKind::Service };
    let monitor = Monitor::parse(kind, "demo", "m", monitor, &Config::default()).expect("accepted");
    let monitors = BTreeMap::from([("demo/m".to_owned(), monitor)]);
    let (service_monitors, pod_monitors) = match kind {
        MonitorKind::Service => (monitors, BTreeMap::new()),
        MonitorKind::Pod => (BTreeMap::new(), monitors),
    };
    let key = |object: &Value| format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
    Inventory {
        service_monitors,
        pod_monitors,
        services: services
            .iter()
            .map(|service| {
                (
                    key(service),
                    ServiceFacts::new(&serde_json::from_value(service.clone()).expect("a Service")),
                )
            })
            .collect(),
        pods: pods
            .iter()
            .map(|pod| (key(pod), PodFacts::new(&serde_json::from_value(pod.clone()).expect("a Pod"))))
            .collect(),
    }
}

fn labels(inventory: &Inventory) -> Vec<String> {
    inventory.discover(100).targets.iter().map(|target| target.labels.to_string()).collect()
}

const PLAIN: &str = r#"{container="rabbitmq", endpoint="prom", instance="10.0.0.1:15692", job="broker-svc", namespace="demo", pod="p-0", service="broker-svc"}"#;

#[test]
fn targets_have_the_operators_labels() {
    let plain = json!({"selector": {"matchLabels": {"team": "red"}}, "endpoints": [{"port": "prom"}]});
    let found = inventory(&plain, &[service(&json!({}))], &[pod("p-0", &json!({}))]).discover(100);
    assert_eq!(found.targets.len(), 1);
    let target = &found.targets[0];
    assert_eq!(target.labels.to_string(), PLAIN);
    assert_eq!((target.namespace.as_str(), target.pod.as_str(), target.port), ("demo", "p-0", 15692));
    assert_eq!(found.pools, BTreeMap::from([("serviceMonitor/demo/m/0".to_owned(), 1)]), "amqp was dropped");
    assert_eq!(target.discovered.get("__meta_kubernetes_service_label_app_name"), "b");

    let more = json!({
        "selector": {}, "jobLabel": "team", "targetLabels": ["app/name"], "podTargetLabels": ["app", "none"],
        "endpoints": [{"port": "prom", "relabelings": [
            {"sourceLabels": ["__meta_kubernetes_pod_name"], "regex": "p-(.*)", "targetLabel": "ordinal"},
            {"action": "labeldrop", "regex": "pod|service|endpoint|container"},
            {"targetLabel": "instance", "replacement": "broker"}]}],
    });
    assert_eq!(
        labels(&inventory(&more, &[service(&json!({}))], &[pod("p-0", &json!({}))])),
        [r#"{app="broker", app_name="b", instance="broker", job="red", namespace="demo", ordinal="0"}"#]
    );
}

#[test]
fn ports_match_by_service_or_container() {
    for (endpoint, ports) in [
        (json!({"port": "prom"}), vec![15692]),
        (json!({"port": "metrics"}), vec![]),
        (json!({"port": "80"}), vec![]),
        (json!({"targetPort": "metrics"}), vec![15692]),
        (json!({"targetPort": 5672}), vec![5672]),
        (json!({"targetPort": 80}), vec![]),
        (json!({}), vec![5672, 15692]),
    ] {
        let inventory =
            inventory(&json!({"endpoints": [endpoint]}), &[service(&json!({}))], &[pod("p-0", &json!({}))]);
        let found: Vec<_> = inventory.discover(100).targets.iter().map(|target| target.port).collect();
        assert_eq!(found, ports, "{endpoint}");
    }
}

#[test]
fn pods_without_endpoint_are_no_targets() {
    let monitor = json!({"endpoints": [{"port": "prom"}]});
    for (change, count) in [
        (json!({}), 1),
        (json!({"status": {"podIP": null}}), 0),
        (json!({"status": {"phase": "Failed"}}), 0),
        (json!({"status": {"phase": "Succeeded"}}), 0),
        (json!({"status": {"phase": "Pending"}}), 1),
        (json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), 0),
        (json!({"metadata": {"labels": {"app": "other"}}}), 0),
        (json!({"metadata": {"namespace": "elsewhere"}}), 0),
        (json!({"spec": {"containers": []}}), 0),
    ] {
        let found = labels(&inventory(&monitor, &[service(&json!({}))], &[pod("p-0", &change)]));
        assert_eq!(found.len(), count, "{change}");
    }
    let headless = service(&json!({"spec": {"selector": null}}));
    assert!(labels(&inventory(&monitor, &[headless], &[pod("p-0", &json!({}))])).is_empty());
}

#[test]
fn services_match_by_label_and_namespace() {
    let endpoints = json!([{"port": "prom"}]);
    for (selector, count) in [
        (json!({"selector": {"matchLabels": {"team": "red"}}}), 1),
        (json!({"selector": {"matchLabels": {"team": "blue"}}}), 0),
        (
            json!({"selector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["red"]}]}}),
            1,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]}}),
            0,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["red"]}]}}),
            1,
        ),
        (json!({"selector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}), 1),
        (json!({"selector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}), 0),
        (json!({"namespaceSelector": {"matchNames": ["demo", "x"]}}), 1),
        (json!({"namespaceSelector": {"matchNames": ["x"]}}), 0),
        (json!({"namespaceSelector": {"any": true}}), 1),
    ] {
        let mut monitor = selector.clone();
        monitor["endpoints"] = endpoints.clone();
        let found = labels(&inventory(&monitor, &[service(&json!({}))], &[pod("p-0", &json!({}))]));
        assert_eq!(found.len(), count, "{selector}");
    }
}

#[test]
fn targets_are_limited() {
    let pods: Vec<_> = (0..5)
        .map(|n| pod(&format!("p-{n}"), &json!({"status": {"podIP": format!("10.0.0.{n}")}})))
        .collect();
    let inventory = inventory(&json!({"endpoints": [{"port": "prom"}]}), &[service(&json!({}))], &pods);
    let found = inventory.discover(3);
    assert_eq!(found.targets.len(), 3);
    assert_eq!(found.pools["serviceMonitor/demo/m/0"], 7, "two over the bound and five amqp ports");
}

#[test]
fn pod_monitors_select_pods_without_a_service() {
    let monitor = json!({
        "selector": {"matchLabels": {"app": "broker"}}, "podTargetLabels": ["app"],
        "podMetricsEndpoints": [{"port": "metrics"}],
    });
    let found = inventory(&monitor, &[], &[pod("p-0", &json!({}))]).discover(100);
    assert_eq!(
        found.targets.iter().map(|target| target.labels.to_string()).collect::<Vec<_>>(),
        [
            r#"{app="broker", container="rabbitmq", endpoint="metrics", instance="10.0.0.1:15692", job="demo/m", namespace="demo", pod="p-0"}"#
        ]
    );
    assert_eq!(
        found.pools,
        BTreeMap::from([("podMonitor/demo/m/0".to_owned(), 1)]),
        "the port amqp is dropped"
    );

    let job = json!({"jobLabel": "app", "podMetricsEndpoints": [{"port": "metrics"}]});
    assert_eq!(
        inventory(&job, &[], &[pod("p-0", &json!({}))]).discover(9).targets[0].labels.get("job"),
        "broker"
    );

    for (change, count) in [
        (json!({}), 2),
        (json!({"status": {"podIP": null}}), 0),
        (json!({"status": {"phase": "Succeeded"}}), 0),
        (json!({"metadata": {"labels": {"app": "other"}}}), 0),
        (json!({"metadata": {"namespace": "elsewhere"}}), 0),
    ] {
        let monitor = json!({
            "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["broker"]}]},
            "podMetricsEndpoints": [{}],
        });
        assert_eq!(labels(&inventory(&monitor, &[], &[pod("p-0", &change)])).len(), count, "{change}");
    }
}
