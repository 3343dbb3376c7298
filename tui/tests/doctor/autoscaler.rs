//! The HPA: its metric, its target, and others that set the replicas.

use serde_json::{Value, json};

use crate::doctor::sandbox::{APPLY, DEMO, HPA, Sandbox, WORKER};

/// A change of the HPA's queue.
fn queue(name: &str) -> Value {
    json!({"spec": {"metrics": [{"type": "External", "external": {
        "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": name}}},
        "target": {"type": "AverageValue", "averageValue": "20"}}}]}})
}

#[tokio::test]
async fn queues_and_competing_hpas() {
    let sandbox = Sandbox::start().await;

    // The rule's guard returns 0, so the HPA reports no error.
    sandbox.patch(HPA, queue("orders")).await;
    let report = sandbox.until_failure("queue", r#"matchLabels/queue","value":"Orders""#).await;
    let lines = report["lines"].as_array().unwrap();
    let verdict =
        |check: &str| lines.iter().find(|line| line["check"] == check).map(|line| line["verdict"].clone());
    assert_eq!(verdict("value"), Some(json!("ok")), "only the broker shows the wrong name: {report:#}");

    sandbox.patch(HPA, queue("Parcels")).await;
    sandbox.repaired("queue", "kubectl patch hpa worker-scaler").await;

    let hpa = sandbox.get(HPA).await;
    let mut second = hpa.clone();
    second["metadata"]["name"] = "second".into();
    sandbox.recreate(HPA, second).await;
    sandbox.repaired("two-autoscalers", "kubectl delete hpa second -n autoscaling-demo").await;

    sandbox.delete(HPA).await;
    sandbox.until_failure("hpa", "surge up").await;
    sandbox.recreate(HPA, hpa).await;
    sandbox.until_healthy().await;

    let apply = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": DEMO}, "spec": {"replicas": 1}});
    let path = format!("{WORKER}?fieldManager=gitops&force=true");
    let _object = sandbox.request(http::Method::PATCH, &path, APPLY, &apply).await;
    let report = sandbox.until_warning("replicas", "# no replicas").await;
    assert_eq!(report["fix"]["form"], "yaml", "{report:#}");
}

#[tokio::test]
async fn metric_target_and_bounds() {
    let sandbox = Sandbox::start().await;
    let metric = |metric: Value, target: Value| json!({"spec": {"metrics": [{"type": "External", "external": {"metric": metric, "target": target}}]}});
    let average = || json!({"type": "AverageValue", "averageValue": "20"});
    let named = |labels: Value| json!({"name": "rabbitmq_queue_length", "selector": {"matchLabels": labels}});

    sandbox
        .patch(HPA, metric(named(json!({"queue": "Orders"})), json!({"type": "Value", "value": "20"})))
        .await;
    sandbox.repaired_warning("target-type", r#""averageValue":"20""#).await;

    // An invalid label value, so the controller refuses the selector.
    sandbox.patch(HPA, metric(named(json!({"queue": "Orders", "vhost": "/"})), average())).await;
    sandbox.repaired("selector", "/metric/selector/matchLabels/vhost").await;

    sandbox.patch(HPA, metric(json!({"name": "rabbitmq_queue_length"}), average())).await;
    sandbox.repaired_warning("selector", r#"{"matchLabels":{"queue":"Orders"}}"#).await;

    sandbox.patch(HPA, json!({"spec": {"maxReplicas": 1}})).await;
    sandbox.repaired_warning("bounds", r#"{"spec":{"maxReplicas":10}}"#).await;

    sandbox.patch(HPA, json!({"spec": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}})).await;
    sandbox.repaired_warning("behavior", r#"{"scaleDown":{"selectPolicy":"Max"}}"#).await;

    sandbox.patch(HPA, json!({"spec": {"scaleTargetRef": {"name": "workers"}}})).await;
    sandbox.repaired("scale-target", r#"{"scaleTargetRef":{"name":"worker"}}"#).await;

    sandbox.patch(WORKER, json!({"spec": {"replicas": 0}})).await;
    sandbox.repaired("scaling-active", "kubectl scale deployment/worker --replicas=1").await;
}
