//! The known breakages of a metric chain, each with the test that causes it and checks the verdict and the fix: on the
//! sandbox, or on a real stack where only that can fail so. A row without its test is a failure.

/// The place of a test.
#[derive(Debug, Clone, Copy)]
enum On {
    /// A file of these tests.
    Sandbox(&'static str),
    /// A file of `tests/cluster/doctor/`.
    Cluster(&'static str),
}

use On::{Cluster, Sandbox};

/// A breakage.
struct Row {
    /// The breakage, or the HPA's message.
    what: &'static str,
    /// The check that finds it.
    check: &'static str,
    /// The place of its test.
    on: On,
    /// The test function.
    test: &'static str,
}

const fn row(what: &'static str, check: &'static str, on: On, test: &'static str) -> Row {
    Row { what, check, on, test }
}

/// Messages of the HPA.
const SAID: [Row; 9] = [
    row(
        "the server could not find the requested resource",
        "apiservice",
        Sandbox("chain"),
        "prometheus_and_its_monitors",
    ),
    row("the same, on a real stack", "apiservice", Cluster("stack"), "the_fix_repairs_a_broken_stack"),
    row(
        "the server is currently unable to handle the request",
        "apiservice",
        Cluster("stack"),
        "the_fix_repairs_a_broken_stack",
    ),
    row(
        "the server could not find the metric",
        "value",
        Cluster("stack"),
        "the_fix_repairs_an_unlisted_metric",
    ),
    row("unable to fetch metrics", "value", Cluster("stack"), "the_fix_repairs_a_broken_stack"),
    row("no metrics returned from external metrics API", "value", Sandbox("rules"), "elsewhere"),
    row(
        "scaledObject name is not specified",
        "apiservice-owner",
        Cluster("keda"),
        "a_second_autoscaler_on_kedas_target_goes",
    ),
    row("AmbiguousSelector", "two-autoscalers", Cluster("keda"), "a_second_autoscaler_on_kedas_target_goes"),
    row(
        "ScalingActive is True, but the value is always 0",
        "queue",
        Sandbox("autoscaler"),
        "queues_and_competing_hpas",
    ),
];

/// Faults of a real stack, also silent ones.
const TRAPS: [Row; 23] = [
    row(
        "the rule's guard answers 0 for a misspelt queue",
        "queue",
        Cluster("chain"),
        "the_fix_repairs_a_broken_chain",
    ),
    row(
        "a new monitor takes about a minute",
        "monitor-pool",
        Cluster("stack"),
        "the_fix_repairs_a_monitor_without_operator",
    ),
    row(
        "without its operator, Prometheus learns no monitor",
        "monitor-pool",
        Cluster("stack"),
        "the_fix_repairs_a_monitor_without_operator",
    ),
    row(
        "a monitor without the label is ignored",
        "monitor-selected",
        Sandbox("chain"),
        "prometheus_and_its_monitors",
    ),
    row(
        "a monitor whose port is no name of the Service's",
        "monitor-port",
        Sandbox("chain"),
        "prometheus_and_its_monitors",
    ),
    row(
        "a monitor that selects the pods' labels",
        "monitor-selector",
        Sandbox("chain"),
        "prometheus_and_its_monitors",
    ),
    row("a Service that selects no pod", "service", Sandbox("chain"), "prometheus_and_its_monitors"),
    row(
        "a monitor that the operator rejects",
        "monitor-rejected",
        Sandbox("chain"),
        "prometheus_and_its_monitors",
    ),
    row(
        "a PrometheusRule that does not parse",
        "rule-rejected",
        Cluster("chain"),
        "the_fix_repairs_a_wrong_monitor",
    ),
    row(
        "an APIService without a backend blocks namespaces",
        "namespace",
        Cluster("stack"),
        "the_fix_frees_a_namespace_from_a_dead_api",
    ),
    row(
        "KEDA's finalizer on a TriggerAuthentication",
        "trigger-authentication",
        Cluster("keda"),
        "the_fix_frees_a_namespace_from_kedas_finalizer",
    ),
    row(
        "KEDA's finalizer on a ScaledObject",
        "scaled-object",
        Cluster("keda"),
        "the_fix_frees_a_namespace_from_kedas_finalizer",
    ),
    row(
        "KEDA's operator is missing",
        "keda-operator",
        Cluster("keda"),
        "the_fix_frees_a_namespace_from_kedas_finalizer",
    ),
    row(
        "a ScaledObject without credentials",
        "trigger-authentication",
        Cluster("keda"),
        "the_fix_repairs_kedas_credentials",
    ),
    row(
        "a ScaledObject with a misspelt queue",
        "queue",
        Cluster("keda"),
        "the_fix_repairs_kedas_credentials",
    ),
    row(
        "an HPA where KEDA refuses one of its own",
        "apiservice-owner",
        Cluster("keda"),
        "a_second_autoscaler_on_kedas_target_goes",
    ),
    row("Prometheus is missing", "prometheus", Cluster("stack"), "the_fix_repairs_a_broken_stack"),
    row(
        "an exporter stays up while its broker refuses it",
        "exporter-broker",
        Cluster("exporter"),
        "a_refused_exporter_differs_from_a_missing_one",
    ),
    row(
        "an exporter that leaves the queue out",
        "exporter-queues",
        Cluster("exporter"),
        "a_refused_exporter_differs_from_a_missing_one",
    ),
    row(
        "a rule that is guarded by an exporter's own up",
        "rule-guard",
        Cluster("exporter"),
        "a_rule_with_the_exporters_up_is_found",
    ),
    row(
        "the queue is not there, while the metric says 0",
        "queue",
        Sandbox("autoscaler"),
        "queues_and_competing_hpas",
    ),
    row(
        "a series that the adapter has not listed yet",
        "value",
        Cluster("stack"),
        "the_fix_repairs_an_unlisted_metric",
    ),
    row(
        "an image that cannot be pulled",
        "workload",
        Cluster("chain"),
        "a_failed_pull_is_found_behind_old_pods",
    ),
];

/// Faults of rules, selectors and targets.
const PITFALLS: [Row; 32] = [
    row("namespaced without a label", "rule-namespace", Sandbox("rules"), "single_rules"),
    row("the series have the namespace of the scraped pod", "rule-namespace", Sandbox("rules"), "elsewhere"),
    row(
        "the same on a real stack",
        "rule-namespace",
        Cluster("chain"),
        "an_hpa_in_another_namespace_has_no_series",
    ),
    row("two series for one name", "rule-twice", Sandbox("rules"), "single_rules"),
    row("no rule for the metric", "rule", Sandbox("rules"), "single_rules"),
    row("the chart's key in the adapter's own file", "rule", Sandbox("rules"), "unsound_rules"),
    row("two jobs count the queue twice", "counted-once", Sandbox("rules"), "twice_the_queue"),
    row("an invalid label value", "selector", Sandbox("autoscaler"), "metric_target_and_bounds"),
    row("or vector(0) in a rule", "rule-fallback", Sandbox("rules"), "unsound_rules"),
    row(
        "or vector(0) in a trigger of KEDA",
        "trigger-fallback",
        Cluster("keda"),
        "a_trigger_that_reads_an_outage_as_zero_is_fixed",
    ),
    row(
        "KEDA counts an empty result as 0",
        "trigger-null",
        Cluster("keda"),
        "a_trigger_that_reads_an_outage_as_zero_is_fixed",
    ),
    row(
        "max-age not above the scrape interval",
        "max-age",
        Cluster("stack"),
        "the_fix_repairs_the_adapters_settings",
    ),
    row(
        "the adapter asks the Prometheus of its chart's default",
        "adapter-url",
        Cluster("stack"),
        "the_fix_repairs_the_adapters_settings",
    ),
    row("ready messages only", "rule-ready", Sandbox("rules"), "single_rules"),
    row("Value in place of AverageValue", "target-type", Sandbox("autoscaler"), "metric_target_and_bounds"),
    row(
        "the plugin's path without queues",
        "endpoint-series",
        Sandbox("chain"),
        "prometheus_and_its_monitors",
    ),
    row(
        "a query without the HPA's matchers",
        "rule-matchers",
        Sandbox("numbers"),
        "rules_that_read_other_series",
    ),
    row(
        "a rule with a virtual host of its own",
        "rule-pins",
        Sandbox("numbers"),
        "rules_that_read_other_series",
    ),
    row(
        "a query with another result than its series",
        "rule-value",
        Sandbox("numbers"),
        "rules_that_read_other_series",
    ),
    row("a label that is called otherwise", "selector", Sandbox("numbers"), "selectors_that_match_no_series"),
    row("a monitor that drops a label", "relabeling", Sandbox("numbers"), "relabelings_and_monitors"),
    row("scheme https on a plain port", "target", Sandbox("numbers"), "relabelings_and_monitors"),
    row("a path that does not exist", "endpoint", Sandbox("numbers"), "relabelings_and_monitors"),
    row(
        "a monitor for another namespace",
        "monitor-namespace",
        Sandbox("numbers"),
        "relabelings_and_monitors",
    ),
    row("a Service without a monitor", "monitor", Sandbox("numbers"), "relabelings_and_monitors"),
    row("a misspelt queue of the second metric", "queue", Sandbox("numbers"), "every_metric_is_walked"),
    row("a second metric without a rule", "rule", Sandbox("numbers"), "every_metric_is_walked"),
    row(
        "a target of another group or kind",
        "scale-target",
        Sandbox("autoscaler"),
        "metric_target_and_bounds",
    ),
    row(
        "pods of another Deployment",
        "counted-pods",
        Sandbox("autoscaler"),
        "pods_of_another_deployment_are_counted",
    ),
    row(
        "no resource metrics API",
        "resource-metrics",
        Sandbox("autoscaler"),
        "a_missing_resource_api_is_not_the_external_one",
    ),
    row(
        "a program that says why it is not ready",
        "workload",
        Sandbox("pods"),
        "logs_explain_unready_programs",
    ),
    row("spec.replicas in a manifest", "replicas", Sandbox("autoscaler"), "queues_and_competing_hpas"),
];

fn source(on: On) -> &'static str {
    match on {
        Sandbox("chain") => include_str!("chain.rs"),
        Sandbox("numbers") => include_str!("numbers.rs"),
        Sandbox("rules") => include_str!("rules.rs"),
        Sandbox("autoscaler") => include_str!("autoscaler.rs"),
        Sandbox("pods") => include_str!("pods.rs"),
        Cluster("chain") => include_str!("../on_cluster/doctor/chain.rs"),
        Cluster("stack") => include_str!("../on_cluster/doctor/stack.rs"),
        Cluster("keda") => include_str!("../on_cluster/doctor/keda.rs"),
        Cluster("exporter") => include_str!("../on_cluster/doctor/exporter.rs"),
        other => panic!("no file of tests for {other:?}"),
    }
}

/// The text of a function, up to the closing brace at the start of a line.
fn body(text: &'static str, name: &str) -> Option<&'static str> {
    let (_, rest) = text.split_once(&format!("fn {name}("))?;
    rest.split("\n}\n").next()
}

#[test]
fn each_breakage_has_a_test() {
    for row in SAID.iter().chain(&TRAPS).chain(&PITFALLS) {
        let Some(body) = body(source(row.on), row.test) else {
            panic!("{}: there is no test {} in {:?}", row.what, row.test, row.on);
        };
        assert!(
            body.contains(&format!("\"{}\"", row.check)),
            "{}: {} does not look at {}",
            row.what,
            row.test,
            row.check
        );
    }
}
