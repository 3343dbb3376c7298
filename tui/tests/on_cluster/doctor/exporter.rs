//! The demo with an exporter, which stays up when its broker does not.

use super::{Profile, Site, is_fix, seen};

#[test]
#[ignore = "needs a cluster"]
fn a_refused_exporter_differs_from_a_missing_one() {
    let site = Site::of(Profile::Exporter);
    site.run("kubectl set env deployment/rabbitmq-exporter RABBIT_PASSWORD=wrong -n NS");
    let report = site.until("the exporter to be refused", |code, report| {
        code == Some(1) && is_fix(report, "exporter-broker", "kubectl logs deployment/rabbitmq-exporter")
    });
    site.run("kubectl rollout undo deployment/rabbitmq-exporter -n NS");
    assert!(seen(&report, "exporter-broker").contains("rabbitmq_up"), "{report:#}");
    site.until_fine();

    // It reads the broker, which has the queue, and leaves the queue out.
    site.run("kubectl set env deployment/rabbitmq-exporter RABBIT_EXPORTERS=overview -n NS");
    site.repaired_by_its_fix("exporter-queues", "RABBIT_EXPORTERS=overview,queue");
    site.run("kubectl set env deployment/rabbitmq-exporter SKIP_QUEUES=^Orders$ -n NS");
    site.repaired_by_its_fix("exporter-queues", "SKIP_QUEUES-");

    site.run("kubectl scale deployment/rabbitmq-exporter --replicas=0 -n NS");
    site.repaired_by_its_fix("workload", "kubectl scale deployment/rabbitmq-exporter --replicas=1");
}

/// `up` of an exporter stays 1 when its broker is down, so a rule with that guard reports 0 in the outage.
#[test]
#[ignore = "needs a cluster"]
fn a_rule_with_the_exporters_up_is_found() {
    let site = Site::of(Profile::Exporter);
    let rules = site.run(
        "kubectl get configmap prometheus-adapter -n monitoring -o json | sed '/\"resourceVersion\"/d; /\"uid\"/d'",
    );
    site.shell("kubectl replace -f -", &rules.replace("rabbitmq_up", "up"));
    let report = site
        .until("the guard", |code, report| code == Some(0) && is_fix(report, "rule-guard", "rabbitmq_up"));
    site.shell("kubectl replace -f -", &rules);
    assert!(seen(&report, "rule-guard").contains("scales in during an outage"), "{report:#}");
    site.until("no warning", |code, report| code == Some(0) && report["fix"]["check"] != "rule-guard");
}
