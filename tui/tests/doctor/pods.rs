//! Workloads: at 0 replicas, also by a drill, crashing, and without an image.

use serde_json::{Value, json};

use crate::doctor::sandbox::{BROKER, Sandbox, WORKER};

#[tokio::test]
async fn workloads() {
    let sandbox = Sandbox::start().await;

    sandbox.patch(BROKER, json!({"spec": {"replicas": 0}})).await;
    sandbox.repaired("workload", "kubectl scale statefulset/rabbitmq --replicas=1 -n autoscaling-demo").await;

    // The request of the dashboard's drill.
    let drill = format!("{BROKER}/scale?fieldManager=surge");
    let merge = "application/merge-patch+json";
    let _scale = sandbox.request(http::Method::PATCH, &drill, merge, &json!({"spec": {"replicas": 0}})).await;
    let report = sandbox.until_failure("workload", "kubectl scale statefulset/rabbitmq --replicas=1").await;
    let what = report["fix"]["what"].as_str().unwrap();
    assert!(what.starts_with("press D in the dashboard to end the drill"), "{what}");
    sandbox.repaired("workload", "kubectl scale statefulset/rabbitmq --replicas=1").await;

    let worker = sandbox.get(WORKER).await;
    let container = |field: &str, value: Value| {
        let mut containers = worker["spec"]["template"]["spec"]["containers"].clone();
        containers[0][field] = value;
        json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null},
            "template": {"spec": {"containers": containers}}}})
    };
    sandbox.patch(WORKER, container("args", json!(["--no-such-flag"]))).await;
    sandbox.until_failure("workload", "-c worker -n autoscaling-demo --previous").await;
    sandbox.patch(WORKER, container("image", json!("nowhere/worker:0"))).await;
    sandbox
        .until_failure("workload", "kubectl set image -n autoscaling-demo deployment/worker worker=IMAGE:TAG")
        .await;
    sandbox.patch(WORKER, container("args", Value::Null)).await;
    sandbox.until_healthy().await;
}
