//! What is known to break a metric chain, and for each the test that breaks a working one in that way and looks at the verdict
//! and the fix: on the sandbox here, or on a real stack where nothing else can fail so. A row without its test is a failure.

/// Where a breakage is tried.
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
    /// What is wrong, or the words in which the HPA says it.
    what: &'static str,
    /// The check that tells it.
    check: &'static str,
    /// Where it is tried.
    on: On,
    /// The function that tries it.
    test: &'static str,
}

const fn row(what: &'static str, check: &'static str, on: On, test: &'static str) -> Row {
    Row { what, check, on, test }
}

/// What the HPA says of itself, and what it means.
const SAID: [Row; 9] = [
    row(
        "the server could not find the requested resource",
        "apiservice",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row("the same, mended on a real stack", "apiservice", Cluster("stack"), "the_fix_repairs_a_broken_stack"),
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
        "an_autoscaler_beside_kedas_goes",
    ),
    row("AmbiguousSelector", "two-autoscalers", Cluster("keda"), "an_autoscaler_beside_kedas_goes"),
    row(
        "ScalingActive is True, and the value is 0 for ever",
        "queue",
        Sandbox("autoscaler"),
        "what_is_around_the_autoscaler",
    ),
];

/// The traps of a real stack, the silent ones among them.
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
        "an operator that is away brings nothing to Prometheus",
        "monitor-pool",
        Cluster("stack"),
        "the_fix_repairs_a_monitor_without_operator",
    ),
    row(
        "a monitor without the label is skipped without a word",
        "monitor-selected",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row(
        "a monitor whose port is no name of the Service's",
        "monitor-port",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row(
        "a monitor that selects the pods' labels",
        "monitor-selector",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row(
        "a Service that selects no pod",
        "service",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row(
        "a monitor that the operator rejects",
        "monitor-rejected",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row(
        "a PrometheusRule that does not parse",
        "rule-rejected",
        Cluster("chain"),
        "the_fix_repairs_a_wrong_monitor",
    ),
    row(
        "an APIService without a backend keeps namespaces",
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
        "KEDA's operator is away",
        "keda-operator",
        Cluster("keda"),
        "the_fix_frees_a_namespace_from_kedas_finalizer",
    ),
    row(
        "a ScaledObject that logs in by nothing",
        "trigger-authentication",
        Cluster("keda"),
        "the_fix_repairs_kedas_credentials",
    ),
    row(
        "a ScaledObject that asks for a misspelt queue",
        "queue",
        Cluster("keda"),
        "the_fix_repairs_kedas_credentials",
    ),
    row(
        "an HPA where KEDA refuses one of its own",
        "apiservice-owner",
        Cluster("keda"),
        "an_autoscaler_beside_kedas_goes",
    ),
    row("Prometheus is away", "prometheus", Cluster("stack"), "the_fix_repairs_a_broken_stack"),
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
        "what_is_around_the_autoscaler",
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

/// What a rule, a selector or a target may be wrong in.
const PITFALLS: [Row; 17] = [
    row(
        "namespaced, and no label to tell namespaces by",
        "rule-namespace",
        Sandbox("rules"),
        "one_rule_after_another",
    ),
    row("the namespace is that of what is scraped", "rule-namespace", Sandbox("rules"), "elsewhere"),
    row(
        "the same on a real stack",
        "rule-namespace",
        Cluster("chain"),
        "an_hpa_in_another_namespace_has_no_series",
    ),
    row("two series for one name", "rule-twice", Sandbox("rules"), "one_rule_after_another"),
    row("no rule for the metric", "rule", Sandbox("rules"), "one_rule_after_another"),
    row(
        "the chart's key in the adapter's own file",
        "rule",
        Sandbox("rules"),
        "what_the_adapters_rules_lack",
    ),
    row("two jobs count the queue twice", "counted-once", Sandbox("rules"), "twice_the_queue"),
    row(
        "a label's value that is no label's",
        "selector",
        Sandbox("autoscaler"),
        "what_the_autoscaler_asks_for",
    ),
    row("or vector(0) in a rule", "rule-fallback", Sandbox("rules"), "what_the_adapters_rules_lack"),
    row(
        "or vector(0) in a trigger of KEDA",
        "trigger-fallback",
        Cluster("keda"),
        "a_trigger_that_reads_an_outage_as_zero_is_fixed",
    ),
    row(
        "KEDA takes nothing for 0",
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
    row("ready messages only", "rule-ready", Sandbox("rules"), "one_rule_after_another"),
    row(
        "Value in place of AverageValue",
        "target-type",
        Sandbox("autoscaler"),
        "what_the_autoscaler_asks_for",
    ),
    row(
        "the plugin's path without queues",
        "endpoint-series",
        Sandbox("chain"),
        "what_is_between_the_broker_and_the_metrics_api",
    ),
    row("spec.replicas in a manifest", "replicas", Sandbox("autoscaler"), "what_is_around_the_autoscaler"),
];

fn source(on: On) -> &'static str {
    match on {
        Sandbox("chain") => include_str!("chain.rs"),
        Sandbox("rules") => include_str!("rules.rs"),
        Sandbox("autoscaler") => include_str!("autoscaler.rs"),
        Cluster("chain") => include_str!("../on_cluster/doctor/chain.rs"),
        Cluster("stack") => include_str!("../on_cluster/doctor/stack.rs"),
        Cluster("keda") => include_str!("../on_cluster/doctor/keda.rs"),
        Cluster("exporter") => include_str!("../on_cluster/doctor/exporter.rs"),
        other => panic!("no file of tests for {other:?}"),
    }
}

/// The text of a function from its name to the brace that closes it at the beginning of a line.
fn body(text: &'static str, name: &str) -> Option<&'static str> {
    let (_, rest) = text.split_once(&format!("fn {name}("))?;
    rest.split("\n}\n").next()
}

#[test]
fn whatever_breaks_a_chain_is_tried() {
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
