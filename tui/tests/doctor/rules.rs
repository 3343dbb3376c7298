//! Unsound rules of the adapter.

use serde_json::{Value, json};

use crate::doctor::sandbox::{DEMO, HPA, MONITOR, RULES, Sandbox};

#[tokio::test]
async fn unsound_rules() {
    let sandbox = Sandbox::start().await;

    let rules = sandbox.get(RULES).await;
    let text = rules["data"]["config.yaml"].as_str().unwrap();
    sandbox.patch(RULES, json!({"data": {"config.yaml": text.replace("externalRules", "rules")}})).await;
    sandbox.repaired("rule", "externalRules:").await;

    // The structure of the chart's values.
    let file: Value = serde_saphyr::from_str(text).unwrap();
    let misplaced = json!({"rules": {"external": file["externalRules"]}}).to_string();
    sandbox.patch(RULES, json!({"data": {"config.yaml": misplaced}})).await;
    sandbox.repaired("rule", "kubectl patch configmap prometheus-adapter -n monitoring").await;
    sandbox.patch(RULES, json!({"data": {"config.yaml": text}})).await;
    sandbox.until_healthy().await;

    let monitor = sandbox.get(MONITOR).await;
    twice_the_queue(&sandbox, &monitor, text).await;

    let unguarded = format!("{}{}", text.split(" or ").next().unwrap(), " or vector(0)'\n");
    sandbox.patch(RULES, json!({"data": {"config.yaml": unguarded}})).await;
    sandbox.repaired_warning("rule-fallback", "== 1)").await;
    sandbox.patch(RULES, json!({"data": {"config.yaml": text}})).await;
    sandbox.until_healthy().await;

    single_rules(&sandbox, text).await;
    elsewhere(&sandbox).await;
}

/// The demo's rule with one fault each.
async fn single_rules(sandbox: &Sandbox, rules: &str) {
    let resources = "resources: {overrides: {namespace: {resource: namespace}}}";
    let compact = format!(
        "externalRules:\n- {{seriesQuery: 'rabbitmq_detailed_queue_messages{{namespace!=\"\",queue!=\"\"}}', {resources}, \
         name: {{as: rabbitmq_queue_length}}, \
         metricsQuery: 'sum(max by (namespace, vhost, queue) (<<.Series>>{{<<.LabelMatchers>>,vhost=\"/\"}}))'}}\n"
    );
    let put = async |text: String| sandbox.patch(RULES, json!({"data": {"config.yaml": text}})).await;
    put(compact.clone()).await;
    sandbox.until_healthy().await;

    put(compact.replace(&format!("{resources}, "), "")).await;
    sandbox.repaired("rule-namespace", "overrides:").await;

    let second = compact.replace("externalRules:\n", "").replace("rabbitmq_detailed_queue", "rabbitmq_queue");
    put(format!("{compact}{second}")).await;
    sandbox.repaired("rule-twice", "kubectl patch configmap prometheus-adapter -n monitoring").await;

    put(compact.replace("rabbitmq_queue_length", "another")).await;
    sandbox.repaired("rule", "as: rabbitmq_queue_length").await;

    put(compact.replace("queue_messages{", "queue_messages_ready{")).await;
    sandbox.repaired_warning("rule-ready", "rabbitmq_detailed_queue_messages").await;

    put(rules.to_owned()).await;
    sandbox.until_healthy().await;
}

/// An HPA outside the broker's namespace: the rule filters by the HPA's namespace, and the result is empty.
async fn elsewhere(sandbox: &Sandbox) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}});
    let _made =
        sandbox.request(http::Method::POST, "/api/v1/namespaces", "application/json", &namespace).await;
    let mut hpa = sandbox.get(HPA).await;
    hpa["metadata"] = json!({"name": "mine", "namespace": "elsewhere"});
    sandbox.recreate(&HPA.replace(DEMO, "elsewhere"), hpa).await;
    let (code, report) = sandbox.doctor(&["--namespace", "elsewhere", "--hpa", "mine"]);
    assert_eq!((code, &report["fix"]["check"]), (Some(1), &json!("rule-namespace")), "{report:#}");
    let fix = report["fix"]["text"].as_str().unwrap();
    assert!(fix.contains("namespaced: false") && fix.contains(r#"namespace=\"autoscaling-demo\""#), "{fix}");
    let verdict = |check: &str| {
        let lines: &Vec<Value> = report["lines"].as_array().unwrap();
        lines.iter().find(|line| line["check"] == check).map(|line| line["verdict"].clone())
    };
    assert_eq!(verdict("value"), Some(json!("failure")), "an empty answer: {report:#}");
    assert_eq!(verdict("broker"), Some(json!("not-applicable")), "{report:#}");
    sandbox.delete("/api/v1/namespaces/elsewhere").await;
    sandbox.until_healthy().await;
}

/// A second monitor scrapes the same endpoint as another job. The demo's rule selects one. A plain sum adds both, until the
/// doctor's rule replaces it, or the second monitor is deleted.
async fn twice_the_queue(sandbox: &Sandbox, monitor: &Value, rules: &str) {
    let again = MONITOR.replace("servicemonitors/rabbitmq", "servicemonitors/again");
    let mut second = monitor.clone();
    second["metadata"]["name"] = "again".into();
    second["spec"]["jobLabel"] = "app.kubernetes.io/component".into();
    sandbox.recreate(&again, second).await;
    sandbox.until_counted_once("The rule selects one").await;

    let sum = rules.replace("max by (namespace, vhost, queue) ", "");
    assert_ne!(sum, rules, "the rule has a maximum over the jobs");
    sandbox.patch(RULES, json!({"data": {"config.yaml": sum}})).await;
    sandbox.until_failure("counted-once", "max by (namespace, vhost, queue) (<<.Series>>").await;

    let (_, report) = sandbox.doctor(&[]);
    sandbox.carry_out(&report).await;
    sandbox.until_counted_once("The rule selects one").await;

    sandbox.patch(RULES, json!({"data": {"config.yaml": sum}})).await;
    sandbox.until_failure("counted-once", "metricsQuery:").await;
    sandbox.delete(&again).await;
    sandbox.until_counted_once("one target has").await;
    sandbox.patch(RULES, json!({"data": {"config.yaml": rules}})).await;
    sandbox.until_healthy().await;
}
