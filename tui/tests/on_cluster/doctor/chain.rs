//! The demo's own objects, broken in place; the stack stays untouched.

use super::{Profile, Site, is_fix, seen, verdicts};

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_broken_chain() {
    let site = Site::of(Profile::Plugin);

    // The rule's guard answers 0 for it, and the autoscaler reports no problem.
    site.run("kubectl patch hpa worker-scaler -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/metrics/0/external/metric/selector/matchLabels/queue\",\"value\":\"orders\"}]'");
    site.repaired_by_its_fix("queue", r#"/matchLabels/queue","value":"Orders""#);

    site.run("kubectl get hpa worker-scaler -n NS -o json | sed 's/\"name\": \"worker-scaler\"/\"name\": \"second\"/' | kubectl create -f -");
    site.repaired_by_its_fix("two-autoscalers", "kubectl delete hpa second");

    site.run("kubectl scale statefulset/rabbitmq --replicas=0 -n NS");
    site.repaired_by_its_fix("workload", "kubectl scale statefulset/rabbitmq --replicas=1");

    site.run("kubectl patch service rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{\"app.kubernetes.io/name\":\"rabbit\"}}]'");
    site.repaired_by_its_fix("service", "kubectl patch service rabbitmq");
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_wrong_monitor() {
    let site = Site::of(Profile::Plugin);

    site.run("kubectl label servicemonitor rabbitmq -n NS release=another --overwrite");
    site.repaired_by_its_fix("monitor-selected", "kubectl label servicemonitor rabbitmq");

    site.run("kubectl patch servicemonitor rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/endpoints/0/port\",\"value\":\"prometheus\"}]'");
    site.repaired_by_its_fix("monitor-port", r#""value":"metrics""#);

    site.run("kubectl patch servicemonitor rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":{\"matchLabels\":{\"app.kubernetes.io/name\":\"rabbit\"}}}]'");
    site.repaired_by_its_fix("monitor-selector", "kubectl patch servicemonitor rabbitmq");

    // The API server accepts it; the operator rejects it in an event.
    site.run("kubectl patch servicemonitor rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/endpoints/0/scrapeTimeout\",\"value\":\"10s\"}]'");
    site.repaired_by_its_fix("monitor-rejected", "/spec/endpoints/0/scrapeTimeout");

    let rule = r#"{"apiVersion":"monitoring.coreos.com/v1","kind":"PrometheusRule","metadata":{"name":"broken","labels":{"release":"prometheus"}},"spec":{"groups":[{"name":"g","rules":[{"record":"r","expr":"sum("}]}]}}"#;
    site.shell(&format!("kubectl create -n {} -f -", site.namespace), rule);
    let report = site.until_found(0, "rule-rejected", "kubectl edit prometheusrule broken");
    site.run("kubectl delete prometheusrule broken -n NS");
    assert!(
        seen(&report, "rule-rejected").contains("was rejected due to invalid configuration"),
        "{report:#}"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn a_failed_pull_is_found_behind_old_pods() {
    let site = Site::of(Profile::Plugin);
    site.run("kubectl set image deployment/worker worker=nowhere.invalid/worker:0 -n NS");
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
    site.run(&format!(
        "kubectl delete namespace {namespace} --ignore-not-found; kubectl create namespace {namespace}"
    ));
    let hpa = r#"{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"mine"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"mine"},"maxReplicas":3,"metrics":[{"type":"External","external":{"metric":{"name":"rabbitmq_queue_length","selector":{"matchLabels":{"queue":"Orders"}}},"target":{"type":"AverageValue","averageValue":"5"}}}]}}"#;
    site.shell(&format!("kubectl create -n {namespace} -f -"), hpa);
    let arguments = ["--namespace", namespace, "--hpa", "mine"];
    let report = site.until_of(&arguments, "rule-namespace", |code, report| {
        code == Some(1) && is_fix(report, "rule-namespace", "namespaced: false")
    });
    site.run(&format!("kubectl delete namespace {namespace}"));
    assert_eq!(verdicts(&report, "value"), ["failure"], "the query finds nothing: {report:#}");
    assert_eq!(verdicts(&report, "scale-target"), ["failure"], "{report:#}");
}
