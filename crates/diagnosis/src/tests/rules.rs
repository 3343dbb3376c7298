//! The adapter's rules, and several series of one queue.

use serde_json::json;

use super::healthy::sample;
use super::{Case, all, fact, healthy, known, set};
use crate::{SERIES, Verdict, examine};

use Verdict::{Failure, Ok, Warning};

/// Replaces the adapter's rules by one.
pub(super) fn rule(facts: &mut crate::Facts, series: &str, resources: &str, query: &str) {
    let text = format!(
        "externalRules:\n- seriesQuery: '{series}{{queue!=\"\"}}'\n  resources: {resources}\n  name: {{as: rabbitmq_queue_length}}\n  metricsQuery: '{query}'\n"
    );
    facts.api.rules = known(text);
}

/// Gives the queue's series samples at these seconds.
fn samples_at(facts: &mut crate::Facts, seconds: &[f64]) {
    let points = seconds.iter().map(|second| (*second, 40.0)).collect();
    let labels = sample(SERIES[0], "Orders", 40.0).labels;
    facts.metrics[0].history = known(vec![crate::facts::History { labels, points }]);
}

pub(super) const BY_NAMESPACE: &str = "{overrides: {namespace: {resource: namespace}}}";

#[test]
fn unsound_rules() {
    all(&[
        Case {
            name: "no rule for the metric",
            breakage: |facts| facts.api.rules = known("externalRules: []".to_owned()),
            check: "rule",
            verdict: Failure,
            detail: "but none for rabbitmq_queue_length",
            fix: "rabbitmq_detailed_queue_messages",
        },
        Case {
            name: "rules in the place of the chart's values",
            breakage: |facts| facts.api.rules = known("rules: {external: []}".to_owned()),
            check: "rule",
            verdict: Failure,
            detail: "The adapter reads `externalRules`",
            fix: "externalRules:",
        },
        Case {
            name: "two rules for one metric",
            breakage: |facts| {
                let one = |series: &str| {
                    format!(
                        "- {{seriesQuery: '{series}{{}}', resources: {{namespaced: false}}, name: {{as: rabbitmq_queue_length}}, metricsQuery: q}}"
                    )
                };
                let text = format!("externalRules:\n{}\n{}", one(SERIES[0]), one(SERIES[1]));
                facts.api.rules = known(text);
            },
            check: "rule-twice",
            verdict: Failure,
            detail: "Each relist picks one",
            fix: "kubectl patch configmap prometheus-adapter -n monitoring",
        },
        Case {
            name: "namespaced without a label",
            breakage: |facts| {
                rule(facts, SERIES[0], "{}", "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})");
            },
            check: "rule-namespace",
            verdict: Failure,
            detail: "Each query is an error",
            fix: "overrides:",
        },
        Case {
            name: "the broker is in another namespace",
            breakage: |facts| {
                let mut elsewhere = sample(SERIES[0], "Orders", 40.0);
                elsewhere.labels.insert("namespace".into(), "queues".into());
                facts.metrics[0].series = known(vec![elsewhere]);
            },
            check: "rule-namespace",
            verdict: Failure,
            detail: "the series have namespace queues",
            fix: "namespaced: false",
        },
        Case {
            name: "or vector(0)",
            breakage: |facts| {
                rule(
                    facts,
                    SERIES[0],
                    BY_NAMESPACE,
                    "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"}) or vector(0)",
                );
            },
            check: "rule-fallback",
            verdict: Warning,
            detail: "scales in during an outage",
            fix: "== 1)",
        },
        Case {
            name: "an exporter with up as guard",
            breakage: |facts| {
                rule(
                    facts,
                    SERIES[1],
                    BY_NAMESPACE,
                    "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"}) or 0 * max(up == 1)",
                );
            },
            check: "rule-guard",
            verdict: Warning,
            detail: "an exporter without its broker",
            fix: "metricsQuery:",
        },
        Case {
            name: "ready messages only",
            breakage: |facts| {
                rule(
                    facts,
                    "rabbitmq_detailed_queue_messages_ready",
                    BY_NAMESPACE,
                    "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})",
                );
            },
            check: "rule-ready",
            verdict: Warning,
            detail: "ready messages only",
            fix: "rabbitmq_detailed_queue_messages",
        },
        Case {
            name: "scraped twice and added",
            breakage: |facts| {
                rule(facts, SERIES[0], BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})");
                let mut second = sample(SERIES[0], "Orders", 40.0);
                second.labels.insert("job".into(), "another".into());
                facts.metrics[0].series = known(vec![sample(SERIES[0], "Orders", 40.0), second]);
            },
            check: "counted-once",
            verdict: Failure,
            detail: "the HPA reads 2 times the queue",
            fix: "sum(max by (namespace, vhost, queue) (<<.Series>>{",
        },
        Case {
            name: "scraped twice and selected",
            breakage: |facts| {
                let mut second = sample(SERIES[0], "Orders", 40.0);
                second.labels.insert("job".into(), "another".into());
                facts.metrics[0].series = known(vec![sample(SERIES[0], "Orders", 40.0), second]);
            },
            check: "counted-once",
            verdict: Ok,
            detail: "The rule selects one",
            fix: "",
        },
        Case {
            name: "a queue of the same name in another namespace",
            breakage: |facts| {
                let mut second = sample(SERIES[0], "Orders", 7.0);
                second.labels.insert("namespace".into(), "another".into());
                second.labels.insert("instance".into(), "10.0.0.2:15692".into());
                facts.metrics[0].series = known(vec![second, sample(SERIES[0], "Orders", 40.0)]);
            },
            check: "counted-once",
            verdict: Ok,
            detail: "one target has rabbitmq_detailed_queue_messages",
            fix: "",
        },
        Case {
            name: "the queue in two virtual hosts",
            breakage: |facts| {
                rule(facts, SERIES[0], BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>})");
                let mut second = sample(SERIES[0], "Orders", 40.0);
                second.labels.insert("vhost".into(), "other".into());
                facts.metrics[0].series = known(vec![sample(SERIES[0], "Orders", 40.0), second]);
            },
            check: "series-vhost",
            verdict: Warning,
            detail: "several virtual hosts",
            fix: "vhost=",
        },
        Case {
            name: "scraped less often than the max-age",
            breakage: |facts| {
                set(
                    &mut facts.api.backend,
                    "/spec/template/spec/containers/0/args",
                    json!(["--metrics-relist-interval=30s", "--metrics-max-age=1m"]),
                );
                samples_at(facts, &[0.0, 60.0, 120.0]);
                facts.prometheus.targets = fact(json!({"activeTargets": []}));
            },
            check: "max-age",
            verdict: Failure,
            detail: "The metric comes and goes",
            fix: "--metrics-max-age=10m",
        },
        Case {
            name: "missing scrapes",
            breakage: |facts| {
                samples_at(facts, &[0.0, 5.0, 10.0]);
            },
            check: "scrape-interval",
            verdict: Warning,
            detail: "samples every 5 s but should scrape every 1 s",
            fix: "surge doctor",
        },
    ]);
}

#[test]
fn brokers_of_other_namespaces_are_not_added() {
    let mut facts = healthy();
    let elsewhere = ["one", "two"].map(|namespace| {
        let mut sample = sample(SERIES[0], "Orders", 40.0);
        sample.labels.insert("namespace".into(), namespace.into());
        sample.labels.insert("instance".into(), namespace.into());
        sample
    });
    facts.metrics[0].series = known(elsewhere.into());
    let report = examine(&facts);
    assert_eq!(
        report.fix().map(|(finding, _)| finding.check.as_ref()),
        Some("rule-namespace"),
        "{}",
        report.text()
    );
    assert!(report.findings.iter().all(|finding| finding.check != "counted-once"), "{}", report.text());
}
