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

    // The controller matches group and kind exactly. The API server stores any.
    for (wrong, fix) in [
        (json!({"name": "workers"}), r#"{"scaleTargetRef":{"name":"worker"}}"#),
        (json!({"apiVersion": "extensions/v1beta1"}), r#"{"scaleTargetRef":{"apiVersion":"apps/v1"}}"#),
        (json!({"kind": "deployment"}), r#"{"scaleTargetRef":{"kind":"Deployment"}}"#),
    ] {
        sandbox.patch(HPA, json!({"spec": {"scaleTargetRef": wrong}})).await;
        sandbox.repaired("scale-target", fix).await;
    }

    sandbox.patch(WORKER, json!({"spec": {"replicas": 0}})).await;
    sandbox.repaired("scaling-active", "kubectl scale deployment/worker --replicas=1").await;
}

/// A second Deployment with the labels of the workers: the controller counts its pods for every metric that counts pods.
#[tokio::test]
async fn pods_of_another_deployment_are_counted() {
    let sandbox = Sandbox::start().await;
    let canary = WORKER.replace("deployments/worker", "deployments/worker-canary");
    let mut second = sandbox.get(WORKER).await;
    second["metadata"]["name"] = "worker-canary".into();
    second["spec"]["replicas"] = json!(3);
    sandbox.recreate(&canary, second).await;
    let external = |target: Value| {
        json!({"spec": {"metrics": [{"type": "External", "external": {
            "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}}, "target": target}}]}})
    };
    let line = |report: &Value, check: &str| {
        let lines = report["lines"].as_array().unwrap().clone();
        lines.into_iter().find(|line| line["check"] == check).unwrap_or_default()
    };

    sandbox.patch(HPA, external(json!({"type": "Value", "value": "20"}))).await;
    let report = sandbox
        .until("all pods to be ready", |_, report| {
            line(report, "counted-pods")["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("all 4 ready pods"))
        })
        .await;
    let detail = line(&report, "counted-pods")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("of Deployment worker-canary"), "{detail}");
    assert_eq!(report["fix"]["check"], "counted-pods", "{report:#}");
    assert!(
        report["fix"]["yaml"].as_str().unwrap().contains("app.kubernetes.io/name: worker-canary"),
        "{report:#}"
    );

    // AverageValue divides by no count of pods.
    sandbox.patch(HPA, external(json!({"type": "AverageValue", "averageValue": "20"}))).await;
    let harmless = |report: &Value| line(report, "counted-pods")["verdict"] == "ok";
    sandbox.until("a harmless overlap", |_, report| harmless(report)).await;
    sandbox.delete(&canary).await;
    sandbox.until_healthy().await;
}

/// CPU next to the queue, on a cluster without resource metrics.
#[tokio::test]
async fn a_missing_resource_api_is_not_the_external_one() {
    let sandbox = Sandbox::start().await;
    sandbox.delete_if_there("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io").await;
    let metrics = json!({"spec": {"metrics": [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
        {"type": "External", "external": {"metric": {"name": "rabbitmq_queue_length",
            "selector": {"matchLabels": {"queue": "Orders"}}}, "target": {"type": "AverageValue", "averageValue": "20"}}}]}});
    sandbox.patch(HPA, metrics).await;
    let report = sandbox.until_failure("resource-metrics", "metrics-server").await;
    let text = report.to_string();
    assert!(!text.contains("No APIService serves external metrics"), "{report:#}");
    let report = sandbox
        .until("the controller's condition", |_, report| {
            report.to_string().contains("FailedGetResourceMetric")
        })
        .await;
    assert!(
        report.to_string().contains("scales up by its other metrics and refuses to scale down"),
        "{report:#}"
    );
    assert_eq!(report["fix"]["check"], "resource-metrics", "{report:#}");
}
