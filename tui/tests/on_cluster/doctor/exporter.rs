//! The demo with an exporter, which stays up when its broker does not.

use serde_json::{Value, json};

use super::{Profile, Site, is_fix, seen};

/// Sets a variable of a Deployment's first container.
fn set(deployment: &mut Value, name: &str, value: &str) {
    let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
    if container["env"].is_null() {
        container["env"] = json!([]);
    }
    let environment = container["env"].as_array_mut().unwrap();
    environment.retain(|entry| entry["name"] != name);
    environment.push(json!({"name": name, "value": value}));
}

#[test]
#[ignore = "needs a cluster"]
fn a_refused_exporter_differs_from_a_missing_one() {
    let site = Site::of(Profile::Exporter);
    let exporter = site.changed("deployment", "rabbitmq-exporter", "NS", |exporter| {
        set(exporter, "RABBIT_PASSWORD", "wrong");
    });
    let report = site.until("the exporter to be refused", |code, report| {
        code == Some(1) && is_fix(report, "exporter-broker", "kubectl logs deployment/rabbitmq-exporter")
    });
    drop(exporter);
    assert!(seen(&report, "exporter-broker").contains("rabbitmq_up"), "{report:#}");
    site.until_fine();

    // It reads the broker, which has the queue, and leaves the queue out.
    let exporter = site.restored("deployment", "rabbitmq-exporter", "NS");
    exporter.change(|exporter| set(exporter, "RABBIT_EXPORTERS", "overview"));
    site.repaired_by_its_fix("exporter-queues", "RABBIT_EXPORTERS=overview,queue");
    exporter.change(|exporter| set(exporter, "SKIP_QUEUES", "^Orders$"));
    site.repaired_by_its_fix("exporter-queues", "SKIP_QUEUES-");

    exporter.change(|exporter| exporter["spec"]["replicas"] = json!(0));
    site.repaired_by_its_fix("workload", "kubectl scale deployment/rabbitmq-exporter --replicas=1");
}

/// `up` of an exporter stays 1 when its broker is down, so a rule with that guard reports 0 in the outage.
#[test]
#[ignore = "needs a cluster"]
fn a_rule_with_the_exporters_up_is_found() {
    let site = Site::of(Profile::Exporter);
    let rules = site.changed("configmap", "prometheus-adapter", "monitoring", |map| {
        let text = map["data"]["config.yaml"].as_str().unwrap().replace("rabbitmq_up", "up");
        map["data"]["config.yaml"] = text.into();
    });
    let report = site
        .until("the guard", |code, report| code == Some(0) && is_fix(report, "rule-guard", "rabbitmq_up"));
    drop(rules);
    assert!(seen(&report, "rule-guard").contains("scales in during an outage"), "{report:#}");
    site.until("no warning", |code, report| code == Some(0) && report["fix"]["check"] != "rule-guard");
}
