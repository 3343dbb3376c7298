//! The demo's own objects, broken in place; the stack stays untouched.

use serde_json::json;

use super::{Profile, Site, is_fix, seen, verdicts};

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_broken_chain() {
    let site = Site::of(Profile::Plugin);

    // The rule's guard answers 0 for it, and the autoscaler reports no problem.
    let hpa = site.changed("hpa", "worker-scaler", "NS", |hpa| {
        hpa["spec"]["metrics"][0]["external"]["metric"]["selector"]["matchLabels"]["queue"] = "orders".into();
    });
    site.repaired_by_its_fix("queue", r#"/matchLabels/queue","value":"Orders""#);

    let _second = hpa.copy("second");
    site.repaired_by_its_fix("two-autoscalers", "kubectl delete hpa second");

    let broker = site.changed("statefulset", "rabbitmq", "NS", |set| set["spec"]["replicas"] = json!(0));
    site.repaired_by_its_fix("workload", "kubectl scale statefulset/rabbitmq --replicas=1");
    drop(broker);

    let _service = site.changed("service", "rabbitmq", "NS", |service| {
        service["spec"]["selector"] = json!({"app.kubernetes.io/name": "rabbit"});
    });
    site.repaired_by_its_fix("service", "kubectl patch service rabbitmq");
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_wrong_monitor() {
    let site = Site::of(Profile::Plugin);
    let monitor = site.restored("servicemonitor", "rabbitmq", "NS");

    monitor.change(|monitor| monitor["metadata"]["labels"]["release"] = "another".into());
    site.repaired_by_its_fix("monitor-selected", "kubectl label servicemonitor rabbitmq");

    monitor.change(|monitor| monitor["spec"]["endpoints"][0]["port"] = "prometheus".into());
    site.repaired_by_its_fix("monitor-port", r#""value":"metrics""#);

    monitor.change(|monitor| {
        monitor["spec"]["selector"] = json!({"matchLabels": {"app.kubernetes.io/name": "rabbit"}});
    });
    site.repaired_by_its_fix("monitor-selector", "kubectl patch servicemonitor rabbitmq");

    // The API server accepts it; the operator rejects it in an event.
    monitor.change(|monitor| monitor["spec"]["endpoints"][0]["scrapeTimeout"] = "10s".into());
    site.repaired_by_its_fix("monitor-rejected", "/spec/endpoints/0/scrapeTimeout");

    let rule = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "broken", "labels": {"release": "prometheus"}},
        "spec": {"groups": [{"name": "g", "rules": [{"record": "r", "expr": "sum("}]}]}});
    let _rule = site.created("prometheusrule", "broken", "NS", &rule);
    let report = site.until_found(0, "rule-rejected", "kubectl edit prometheusrule broken");
    assert!(
        seen(&report, "rule-rejected").contains("was rejected due to invalid configuration"),
        "{report:#}"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn a_failed_pull_is_found_behind_old_pods() {
    let site = Site::of(Profile::Plugin);
    let _worker = site.changed("deployment", "worker", "NS", |worker| {
        worker["spec"]["template"]["spec"]["containers"][0]["image"] = "nowhere.invalid/worker:0".into();
    });
    let report = site.until("the pull to fail", |code, report| {
        code == Some(0) && is_fix(report, "workload", "kubectl rollout undo deployment/worker")
    });
    assert!(seen(&report, "workload").contains("cannot pull image nowhere.invalid/worker:0"), "{report:#}");
    site.carry_out(&report);
    site.until("no warning", |code, report| code == Some(0) && report["fix"]["check"] != "workload");
}

/// An HPA that is not the demo's: its own namespace, name and target, and a metric whose rule expects the broker there.
#[test]
#[ignore = "needs a cluster"]
fn an_hpa_in_another_namespace_has_no_series() {
    let site = Site::of(Profile::Plugin);
    let namespace = "surge-e2e-elsewhere";
    let _namespace = site.namespace(namespace);
    let hpa = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "mine"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mine"}, "maxReplicas": 3,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                "target": {"type": "AverageValue", "averageValue": "5"}}}]}});
    let _hpa = site.created("hpa", "mine", namespace, &hpa);
    let arguments = ["--namespace", namespace, "--hpa", "mine"];
    let report = site.until_of(&arguments, "rule-namespace", |code, report| {
        code == Some(1) && is_fix(report, "rule-namespace", "namespaced: false")
    });
    assert_eq!(verdicts(&report, "value"), ["failure"], "the query finds nothing: {report:#}");
    assert_eq!(verdicts(&report, "scale-target"), ["failure"], "{report:#}");
}

/// A worker that cannot log in runs and is not ready; its own log says why.
#[test]
#[ignore = "needs a cluster"]
fn a_refused_login_is_read_from_the_log() {
    let site = Site::of(Profile::Plugin);
    let _worker = site.changed("deployment", "worker", "NS", |worker| {
        let spec = &mut worker["spec"];
        spec["strategy"] = json!({"type": "Recreate"});
        let environment = spec["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        environment.retain(|entry| entry["name"] != "AMQP_PASSWORD");
        environment.push(json!({"name": "AMQP_PASSWORD", "value": "wrong"}));
    });
    let report = site.until_found(1, "workload", "kubectl logs worker-");
    assert!(seen(&report, "workload").contains("ACCESS_REFUSED"), "{report:#}");
}

/// The reference of an older Kubernetes, or in lower case.
#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_reference() {
    let site = Site::of(Profile::Plugin);
    let hpa = site.restored("hpa", "worker-scaler", "NS");
    hpa.change(|hpa| hpa["spec"]["scaleTargetRef"]["apiVersion"] = "extensions/v1beta1".into());
    site.repaired_by_its_fix("scale-target", r#"{"apiVersion":"apps/v1"}"#);
    hpa.change(|hpa| hpa["spec"]["scaleTargetRef"]["kind"] = "deployment".into());
    site.repaired_by_its_fix("scale-target", r#"{"kind":"Deployment"}"#);
}
