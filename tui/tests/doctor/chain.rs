//! The hops between the broker and the external metrics API: Prometheus, its monitors, the adapter's rules.

use serde_json::{Value, json};

use crate::doctor::sandbox::{API, MONITOR, PROMETHEUS, SERVICE, Sandbox};

#[tokio::test]
async fn prometheus_and_its_monitors() {
    let sandbox = Sandbox::start().await;

    sandbox.patch(PROMETHEUS, json!({"spec": {"replicas": 0}})).await;
    sandbox
        .repaired("prometheus", "kubectl scale statefulset/prometheus-prometheus --replicas=1 -n monitoring")
        .await;

    sandbox.patch(MONITOR, json!({"metadata": {"labels": {"release": "another"}}})).await;
    let label = "kubectl label servicemonitor rabbitmq -n autoscaling-demo release=prometheus";
    sandbox.repaired("monitor-selected", label).await;

    let monitor = sandbox.get(MONITOR).await;
    let endpoints = |change: &dyn Fn(&mut Value)| {
        let mut endpoints = monitor["spec"]["endpoints"].clone();
        change(&mut endpoints[0]);
        json!({"spec": {"endpoints": endpoints}})
    };
    let restore = || json!({"spec": {"endpoints": monitor["spec"]["endpoints"], "selector": monitor["spec"]["selector"]}});

    sandbox.patch(MONITOR, endpoints(&|endpoint| endpoint["port"] = "prometheus".into())).await;
    sandbox.repaired("monitor-port", r#""path":"/spec/endpoints/0/port","value":"metrics""#).await;

    sandbox.patch(MONITOR, endpoints(&|endpoint| endpoint["scrapeTimeout"] = "10s".into())).await;
    sandbox.repaired("monitor-rejected", r#""path":"/spec/endpoints/0/scrapeTimeout","value":"1s""#).await;

    // The path with totals of the node.
    sandbox.patch(MONITOR, endpoints(&|endpoint| endpoint["path"] = "/metrics".into())).await;
    sandbox.repaired("endpoint-series", "/metrics/detailed").await;

    sandbox
        .patch(
            MONITOR,
            json!({"spec": {"endpoints": monitor["spec"]["endpoints"],
        "selector": {"matchLabels": {"app.kubernetes.io/name": "rabbit"}}}}),
        )
        .await;
    sandbox.repaired("monitor-selector", r#"{"matchLabels":{"app.kubernetes.io/name":"rabbitmq"}}"#).await;
    sandbox.patch(MONITOR, restore()).await;
    sandbox.until_healthy().await;

    // A Service without pods.
    let selector =
        json!([{"op": "replace", "path": "/spec/selector", "value": {"app.kubernetes.io/name": "rabbit"}}]);
    let json = "application/json-patch+json";
    let _service = sandbox.request(http::Method::PATCH, SERVICE, json, &selector).await;
    sandbox.repaired("service", "kubectl patch service rabbitmq -n autoscaling-demo").await;

    sandbox.delete(MONITOR).await;
    sandbox.until_failure("monitor", "kind: ServiceMonitor").await;
    sandbox.recreate(MONITOR, monitor.clone()).await;
    sandbox.until_healthy().await;

    let api = sandbox.get(API).await;
    sandbox.delete(API).await;
    sandbox.until_failure("apiservice", "surge up").await;
    sandbox.recreate(API, api).await;
    sandbox.until_healthy().await;
}
