//! Numbers that are wrong on the way while every hop answers: the doctor finds the cause, its printed fix removes it, and the HPA
//! then reads what the broker has.

use http::Method;
use serde_json::{Value, json};

use crate::doctor::sandbox::{DEMO, HPA, MONITOR, RULES, Sandbox};

const PRODUCER: &str = "/apis/apps/v1/namespaces/autoscaling-demo/deployments/producer";
const JSON: &str = "application/json-patch+json";

/// Publishes messages into a queue without consumers.
async fn publish(sandbox: &Sandbox, queue: &str, count: u32) {
    let before = sandbox.get(PRODUCER).await;
    let variable = json!([{"op": "add", "path": "/spec/template/spec/containers/0/env/-",
        "value": {"name": "QUEUE", "value": queue}}]);
    let _patched = sandbox.request(Method::PATCH, PRODUCER, JSON, &variable).await;
    rolled_out(sandbox).await;
    let path = format!("/api/v1/namespaces/{DEMO}/services/producer:3000/proxy/generate?count={count}");
    let _answer = sandbox.text(&path).await;
    let restored = json!([{"op": "replace", "path": "/spec/template", "value": before["spec"]["template"]}]);
    let _patched = sandbox.request(Method::PATCH, PRODUCER, JSON, &restored).await;
    rolled_out(sandbox).await;
}

async fn rolled_out(sandbox: &Sandbox) {
    testkit::wait::until("the producer's rollout", || async {
        let producer = sandbox.get(PRODUCER).await;
        let status = &producer["status"];
        (status["observedGeneration"] == producer["metadata"]["generation"]
            && status["updatedReplicas"] == 1
            && status["availableReplicas"] == 1
            && status["replicas"] == 1)
            .then_some(())
    })
    .await;
}

fn external(name: &str, selector: &Value) -> Value {
    let mut metric = json!({"name": name});
    if !selector.is_null() {
        metric["selector"] = selector.clone();
    }
    json!({"type": "External", "external": {"metric": metric,
        "target": {"type": "AverageValue", "averageValue": "100"}}})
}

fn queue(name: &str) -> Value {
    external("rabbitmq_queue_length", &json!({"matchLabels": {"queue": name}}))
}

async fn metrics(sandbox: &Sandbox, metrics: &[Value]) {
    let change = json!([{"op": "replace", "path": "/spec/metrics", "value": metrics}]);
    let _hpa = sandbox.request(Method::PATCH, HPA, JSON, &change).await;
}

async fn rules(sandbox: &Sandbox, text: &str) {
    sandbox.patch(RULES, json!({"data": {"config.yaml": text}})).await;
}

/// One rule for the queue length with this query.
fn rule(series: &str, query: &str) -> String {
    format!(
        "externalRules:\n- seriesQuery: '{series}'\n  resources: {{overrides: {{namespace: {{resource: namespace}}}}}}\n  \
         name: {{as: rabbitmq_queue_length}}\n  metricsQuery: '{query}'\n"
    )
}

const SERIES: &str = r#"rabbitmq_detailed_queue_messages{namespace!="",queue!=""}"#;

#[tokio::test]
async fn rules_that_read_other_series() {
    let sandbox = Sandbox::start().await;
    let working = sandbox.get(RULES).await["data"]["config.yaml"].as_str().unwrap().to_owned();
    publish(&sandbox, "Invoices", 205).await;
    metrics(&sandbox, &[queue("Orders")]).await;

    let plain = r#"sum by (vhost, queue) (rabbitmq_detailed_queue_messages{queue=~".+"})"#;
    rules(&sandbox, &rule(SERIES, plain)).await;
    // The doctor may look before Prometheus has scraped the 205 messages.
    let returned = "is 0 in Prometheus. The query of the rule returns 205";
    let found = |code, report: &Value| code == Some(1) && report.to_string().contains(returned);
    sandbox.until("rule-matchers", found).await;
    sandbox.repaired("rule-matchers", "<<.LabelMatchers>>").await;
    sandbox.until_reading(0, 0.0).await;

    rules(&sandbox, &rule(SERIES, r#"sum(<<.Series>>{<<.LabelMatchers>>,vhost="prod"}) or vector(0)"#)).await;
    metrics(&sandbox, &[queue("Invoices")]).await;
    let report = sandbox.until_failure("rule-pins", r#"vhost=\"/\""#).await;
    sandbox.carry_out(&report).await;
    sandbox.until_reading(0, 205.0).await;

    rules(&sandbox, &rule(SERIES, r#"sum(<<.Series>>{<<.LabelMatchers>>} > 1000) or vector(0)"#)).await;
    let report = sandbox.until_failure("rule-value", "metricsQuery").await;
    sandbox.carry_out(&report).await;
    sandbox.until_reading(0, 205.0).await;

    // A rule of one queue, and an HPA without a selector: nothing is wrong.
    let own = r#"sum(max by (namespace, vhost, queue) (<<.Series>>{<<.LabelMatchers>>,queue="Invoices",vhost="/"}))"#;
    rules(&sandbox, &rule(&SERIES.replace(r#"queue!="""#, r#"queue="Invoices""#), own)).await;
    metrics(&sandbox, &[external("rabbitmq_queue_length", &Value::Null)]).await;
    sandbox.until_healthy().await;
    sandbox.until_reading(0, 205.0).await;
    // A selector that contradicts it.
    metrics(&sandbox, &[queue("Orders")]).await;
    sandbox.repaired("rule-pins", "matchLabels/queue").await;
    sandbox.until_reading(0, 205.0).await;

    let ranges =
        r#"sum(<<.Series>>{<<range $l, $v := .LabelValuesByName>><<$l>>=~"<<$v>>",<<end>>vhost="/"})"#;
    rules(&sandbox, &rule(SERIES, ranges)).await;
    metrics(&sandbox, &[queue("Orders")]).await;
    sandbox.until_healthy().await;

    rules(&sandbox, &working).await;
    sandbox.until_healthy().await;
}

#[tokio::test]
async fn selectors_that_match_no_series() {
    let sandbox = Sandbox::start().await;
    publish(&sandbox, "mail/out", 30).await;

    let named = |label: &str| external("rabbitmq_queue_length", &json!({"matchLabels": {label: "Orders"}}));
    metrics(&sandbox, &[named("queue_name")]).await;
    sandbox.repaired("selector", "matchLabels/queue_name").await;
    sandbox.until_reading(0, 0.0).await;

    let expression =
        json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": ["mail/out"]}]});
    metrics(&sandbox, &[external("rabbitmq_queue_length", &expression)]).await;
    sandbox.repaired("selector", "selector/matchExpressions/0").await;
    sandbox.until_reading(0, 30.0).await;
}

#[tokio::test]
async fn relabelings_and_monitors() {
    let sandbox = Sandbox::start().await;
    let monitor = sandbox.get(MONITOR).await;
    let change = async |path: &str, value: Value| {
        let change = json!([{"op": "add", "path": format!("/spec/endpoints/0/{path}"), "value": value}]);
        let _monitor = sandbox.request(Method::PATCH, MONITOR, JSON, &change).await;
    };
    for entry in [
        json!({"action": "labeldrop", "regex": "queue"}),
        json!({"action": "keep", "sourceLabels": ["__name__"], "regex": "rabbitmq_queue_.*"}),
        json!({"action": "labelkeep", "regex": "__name__|vhost|namespace|job|instance"}),
        json!({"sourceLabels": ["queue"], "targetLabel": "queue", "replacement": "q-$1"}),
    ] {
        change("metricRelabelings", json!([entry])).await;
        sandbox.repaired("relabeling", "/spec/endpoints/0/metricRelabelings/0").await;
    }
    change("relabelings", json!([{"targetLabel": "namespace", "replacement": "prod"}])).await;
    sandbox.repaired("relabeling", "/spec/endpoints/0/relabelings/0").await;
    change("scheme", json!("https")).await;
    sandbox.repaired("target", r#"[{"op":"remove","path":"/spec/endpoints/0/scheme"}]"#).await;
    change("path", json!("/metricz")).await;
    sandbox.repaired("endpoint", "/spec/endpoints/0/path").await;

    // The same monitor in Prometheus' namespace.
    sandbox.delete(MONITOR).await;
    let mut moved = monitor.clone();
    moved["metadata"]["namespace"] = "monitoring".into();
    moved["metadata"]["name"] = "moved".into();
    let path = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/servicemonitors/moved";
    sandbox.recreate(path, moved).await;
    sandbox.repaired("monitor-namespace", r#"{"matchNames":["autoscaling-demo"]}"#).await;
    sandbox.delete(path).await;

    // The monitor that the doctor prints.
    let report = sandbox.until_failure("monitor", "kind: ServiceMonitor").await;
    let text = report["fix"]["text"].as_str().unwrap();
    assert!(!text.contains("version") || !text.contains("app.kubernetes.io/version"), "{text}");
    sandbox.carry_out(&report).await;
    sandbox.until_healthy().await;
}

#[tokio::test]
async fn every_metric_is_walked() {
    let sandbox = Sandbox::start().await;
    let working = sandbox.get(RULES).await["data"]["config.yaml"].as_str().unwrap().to_owned();
    publish(&sandbox, "Invoices", 205).await;

    metrics(&sandbox, &[queue("Orders"), queue("Invoicse")]).await;
    let report = sandbox.until_failure("queue", "/spec/metrics/1/external").await;
    assert_eq!(report["fix"]["text"].to_string().matches("Invoices").count(), 1, "{report:#}");
    sandbox.carry_out(&report).await;
    sandbox.until_reading(1, 205.0).await;

    let lag = external("checkout_lag", &json!({"matchLabels": {"group": "checkout"}}));
    metrics(&sandbox, &[queue("Orders"), lag]).await;
    let report = sandbox.until_failure("rule", "/spec/metrics/1").await;
    assert!(report.to_string().contains("none for checkout_lag"), "{report:#}");
    assert!(report.to_string().contains("never down"), "{report:#}");
    sandbox.carry_out(&report).await;
    sandbox.until_healthy().await;

    // A metric of no queue.
    let busy = "externalRules:\n- seriesQuery: 'worker_busy{namespace!=\"\"}'\n  resources: {overrides: {namespace: {resource: namespace}}}\n  \
                name: {as: busy_workers}\n  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'\n";
    rules(&sandbox, busy).await;
    metrics(&sandbox, &[external("busy_workers", &json!({"matchLabels": {"job": "worker"}}))]).await;
    let report = sandbox.until("content", |code, report| code == Some(0) && report["verdict"] == "ok").await;
    assert!(report.to_string().contains("Prometheus scrapes busy_workers every 5"), "{report:#}");
    rules(&sandbox, &working).await;
}
