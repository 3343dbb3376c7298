//! The autoscaler: what it asks for, what it scales, and who else has a hand on the replicas.

use serde_json::{Value, json};

use crate::doctor::sandbox::{APPLY, DEMO, HPA, Sandbox, WORKER};

/// Another queue for the HPA to ask for.
fn queue(name: &str) -> Value {
    json!({"spec": {"metrics": [{"type": "External", "external": {
        "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": name}}},
        "target": {"type": "AverageValue", "averageValue": "20"}}}]}})
}

#[tokio::test]
async fn what_is_around_the_autoscaler() {
    let sandbox = Sandbox::start().await;

    // The rule's guard answers 0 for it, so that the autoscaler is content.
    sandbox.patch(HPA, queue("orders")).await;
    let report = sandbox.until_told("queue", r#""matchLabels":{"queue":"Orders"}"#).await;
    let lines = report["lines"].as_array().unwrap();
    let verdict =
        |check: &str| lines.iter().find(|line| line["check"] == check).map(|line| line["verdict"].clone());
    assert_eq!(verdict("value"), Some(json!("ok")), "the silence that only the broker breaks: {report:#}");

    sandbox.patch(HPA, queue("Parcels")).await;
    sandbox.mended("queue", "kubectl patch hpa worker-scaler").await;

    let hpa = sandbox.get(HPA).await;
    let mut second = hpa.clone();
    second["metadata"]["name"] = "second".into();
    sandbox.create_again(HPA, second).await;
    sandbox.mended("two-autoscalers", "kubectl delete hpa second -n autoscaling-demo").await;

    sandbox.delete(HPA).await;
    sandbox.until_told("hpa", "surge up").await;
    sandbox.create_again(HPA, hpa).await;
    sandbox.until_fine().await;

    let apply = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": DEMO}, "spec": {"replicas": 1}});
    let path = format!("{WORKER}?fieldManager=gitops&force=true");
    let _object = sandbox.request(http::Method::PATCH, &path, APPLY, &apply).await;
    let report = sandbox.until_warned("replicas", "# replicas: left out").await;
    assert_eq!(report["fix"]["form"], "yaml", "{report:#}");
}

#[tokio::test]
async fn what_the_autoscaler_asks_for() {
    let sandbox = Sandbox::start().await;
    let metric = |metric: Value, target: Value| json!({"spec": {"metrics": [{"type": "External", "external": {"metric": metric, "target": target}}]}});
    let average = || json!({"type": "AverageValue", "averageValue": "20"});
    let named = |labels: Value| json!({"name": "rabbitmq_queue_length", "selector": {"matchLabels": labels}});

    sandbox
        .patch(HPA, metric(named(json!({"queue": "Orders"})), json!({"type": "Value", "value": "20"})))
        .await;
    sandbox.put_right("target-type", r#""value":{"type":"AverageValue","averageValue":"20"}"#).await;

    // No label may have such a value, so that the controller refuses the selector.
    sandbox.patch(HPA, metric(named(json!({"queue": "Orders", "vhost": "/"})), average())).await;
    sandbox.mended("selector", "/metric/selector/matchLabels/vhost").await;

    sandbox.patch(HPA, metric(json!({"name": "rabbitmq_queue_length"}), average())).await;
    sandbox.put_right("selector", r#"{"matchLabels":{"queue":"Orders"}}"#).await;

    sandbox.patch(HPA, json!({"spec": {"maxReplicas": 1}})).await;
    sandbox.put_right("bounds", r#"{"spec":{"maxReplicas":10}}"#).await;

    sandbox.patch(HPA, json!({"spec": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}})).await;
    sandbox.put_right("behavior", r#"{"scaleDown":{"selectPolicy":"Max"}}"#).await;

    sandbox.patch(HPA, json!({"spec": {"scaleTargetRef": {"name": "workers"}}})).await;
    sandbox.mended("scale-target", r#"{"scaleTargetRef":{"name":"worker"}}"#).await;

    sandbox.patch(WORKER, json!({"spec": {"replicas": 0}})).await;
    sandbox.mended("scaling-active", "kubectl scale deployment/worker --replicas=1").await;
}
