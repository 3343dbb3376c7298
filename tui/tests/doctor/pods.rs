//! Workloads: at 0 replicas, also by a drill, crashing, without an image, and running but not ready.

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

/// Programs that run and are not ready: their own logs say why.
#[tokio::test]
async fn logs_explain_unready_programs() {
    let sandbox = Sandbox::start().await;
    let worker = sandbox.get(WORKER).await;
    let with = |name: &str, value: &str| {
        let mut containers = worker["spec"]["template"]["spec"]["containers"].clone();
        let mut environment = containers[0]["env"].as_array().cloned().unwrap_or_default();
        environment.retain(|entry| entry["name"] != name);
        environment.push(json!({"name": name, "value": value}));
        containers[0]["env"] = environment.into();
        json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null},
            "template": {"spec": {"containers": containers}}}})
    };
    let log = |report: &Value| {
        let lines = report["lines"].as_array().unwrap();
        let failing = lines.iter().find(|line| line["check"] == "workload" && line["verdict"] == "failure");
        failing.and_then(|line| line["detail"].as_str()).unwrap_or_default().to_owned()
    };
    for (name, value, said, cause) in [
        ("AMQP_PASSWORD", "wrong", "ACCESS_REFUSED", "The login is refused"),
        ("AMQP_HOST", "rabbit-mq.nowhere.invalid", "lookup", "No such host"),
        ("QUEUE_TYPE", "quorum", "PRECONDITION_FAILED", "The queue exists with other arguments"),
    ] {
        sandbox.patch(WORKER, with(name, value)).await;
        let report = sandbox
            .until(said, |code, report| {
                code == Some(1) && log(report).contains(said) && log(report).contains(cause)
            })
            .await;
        assert_eq!(report["fix"]["check"], "workload", "{report:#}");
        let fix = report["fix"]["text"].as_str().unwrap();
        assert!(
            fix.starts_with("kubectl logs worker-")
                && fix.contains("-c worker")
                && fix.ends_with("--tail=20"),
            "{fix}"
        );
    }
    sandbox.patch(WORKER, json!({"spec": {"template": worker["spec"]["template"]}})).await;
    sandbox.until_healthy().await;
}
