//! The shared stack, broken and repaired: Prometheus, its operator, the adapter, the APIService.

use serde_json::json;

use super::restored::Restored;
use super::{API, Profile, Site, is_fix, seen, verdicts};

/// Gives the adapter another value of an argument.
fn argument(adapter: &Restored<'_>, name: &str, value: &str) {
    adapter.change(|adapter| {
        let arguments = adapter["spec"]["template"]["spec"]["containers"][0]["args"].as_array_mut().unwrap();
        let prefix = format!("{name}=");
        arguments.retain(|argument| argument.as_str().is_none_or(|argument| !argument.starts_with(&prefix)));
        arguments.push(format!("{prefix}{value}").into());
    });
}

/// The adapter, put back and ready again at the end.
fn adapter(site: &Site) -> Restored<'_> {
    site.restored("deployment", "prometheus-adapter", "monitoring")
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_broken_stack() {
    let site = Site::of(Profile::Plugin);

    let adapter = adapter(&site);
    adapter.change(|adapter| adapter["spec"]["replicas"] = json!(0));
    let report =
        site.until_found(1, "apiservice", "kubectl scale deployment/prometheus-adapter --replicas=1");
    assert!(seen(&report, "apiservice").contains("MissingEndpoints"), "{report:#}");
    site.repaired_by_its_fix(
        "apiservice",
        "kubectl scale deployment/prometheus-adapter --replicas=1 -n monitoring",
    );

    let _registration = site.restored("apiservice", API, "");
    site.run(&format!("kubectl delete apiservice {API}"));
    site.repaired_by_its_fix("apiservice", "kind: APIService");

    let name = site.run("kubectl get prometheus -n monitoring -o 'jsonpath={.items[0].metadata.name}'");
    let _prometheus = site.changed("prometheus", &name, "monitoring", |prometheus| {
        prometheus["spec"]["replicas"] = json!(0);
    });
    let report = site.until("the adapter's own word", |_, report| {
        seen(report, "value").contains("unable to fetch metrics")
    });
    assert_eq!(report["fix"]["check"], "prometheus", "the cause before its consequences: {report:#}");
    site.repaired_by_its_fix("prometheus", &format!("kubectl patch prometheus {name} -n monitoring"));
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_the_adapters_settings() {
    let site = Site::of(Profile::Plugin);

    let adapter = adapter(&site);
    // As short as the time between two scrapes.
    argument(&adapter, "--metrics-max-age", "1s");
    let report = site.until("max-age", |_, report| verdicts(report, "max-age") == ["failure"]);
    assert!(seen(&report, "max-age").contains("The metric comes and goes"), "{report:#}");
    site.until_found(1, "max-age", "--metrics-max-age=10m");
    site.repaired_by_its_fix("max-age", "--metrics-max-age=10m");

    // The default of its chart; the adapter lists nothing from there and reports that it could not find the metric.
    argument(&adapter, "--prometheus-url", "http://prometheus.default.svc:9090/");
    let report = site.until("the adapter's own word", |_, report| {
        seen(report, "value").contains("could not find the metric")
    });
    assert!(
        seen(&report, "adapter-url").contains("namespace default has no Service prometheus"),
        "{report:#}"
    );
    site.repaired_by_its_fix("adapter-url", "--prometheus-url=http://prometheus-");
}

/// Prometheus forgets the series, and the adapter lists nothing for ten minutes, even if the series return.
#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_an_unlisted_metric() {
    let site = Site::of(Profile::Plugin);
    let adapter = adapter(&site);
    let _monitor = site.changed("servicemonitor", "rabbitmq", "NS", |monitor| {
        monitor["metadata"]["labels"]["release"] = "another".into();
    });
    site.until_found(1, "monitor-selected", "kubectl label servicemonitor rabbitmq");
    site.run("kubectl delete pod -n monitoring -l app.kubernetes.io/name=prometheus --wait && kubectl wait --for=condition=Ready pod -n monitoring -l app.kubernetes.io/name=prometheus --timeout=180s");
    argument(&adapter, "--metrics-relist-interval", "10m");
    let report = site.until("the metric to be unknown", |_, report| {
        seen(report, "value").contains("could not find the metric")
    });
    assert_eq!(report["fix"]["check"], "monitor-selected", "the cause before its consequences: {report:#}");

    site.carry_out(&report);
    let report = site.until("the adapter to be reported", |code, report| {
        code == Some(1) && is_fix(report, "value", "kubectl rollout restart deployment/prometheus-adapter")
    });
    assert!(seen(&report, "value").contains("has not listed it yet"), "{report:#}");
    site.carry_out(&report);
    site.until_fine();
}

/// A monitor that the operator does not pass to Prometheus is first reported as new, and then as a failure.
#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_a_monitor_without_operator() {
    let site = Site::of(Profile::Plugin);
    let operators = "kubectl get deployment -n monitoring -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.template.spec.containers[0].image}{\"\\n\"}{end}'";
    let operator =
        site.run(operators).lines().find(|line| line.contains("prometheus-operator:")).unwrap().to_owned();
    let operator = operator.split(' ').next().unwrap();
    let _operator = site.changed("deployment", operator, "monitoring", |operator| {
        operator["spec"]["replicas"] = json!(0);
    });
    let monitor = site.restored("servicemonitor", "rabbitmq", "NS");
    let _again = monitor.copy("again");

    let report = site.until_found(0, "monitor-pool", "surge doctor");
    assert!(seen(&report, "monitor-pool").contains("a new one takes about a minute"), "{report:#}");
    site.repaired_by_its_fix("monitor-pool", &format!("kubectl scale deployment/{operator} --replicas=1"));
}

/// An APIService without a backend blocks the deletion of every namespace.
#[test]
#[ignore = "needs a cluster"]
fn the_fix_frees_a_namespace_from_a_dead_api() {
    let site = Site::of(Profile::Plugin);
    let namespace = "surge-e2e-kept";
    let _namespace = site.namespace(namespace);
    let _registration = site.restored("apiservice", API, "");
    let adapter = adapter(&site);
    adapter.change(|adapter| adapter["spec"]["replicas"] = json!(0));
    site.until_found(1, "apiservice", "--replicas=1");
    site.run(&format!("kubectl delete namespace {namespace} --wait=false"));
    let report = site.until_of(&["--namespace", namespace], "namespace", |code, report| {
        code == Some(1) && is_fix(report, "namespace", "kubectl delete apiservice")
    });
    site.carry_out(&report);
    site.run(&format!("kubectl wait --for=delete namespace/{namespace} --timeout=120s"));
}
