//! The adapter's rules, and what it and Prometheus make of more than one series.

use serde_json::json;

use super::healthy::sample;
use super::{Case, all, fact, healthy, set};
use crate::facts::Fact;
use crate::{SERIES, Verdict, examine};

use Verdict::{Failure, Ok, Warning};

/// A rule with these parts.
fn rule(facts: &mut crate::Facts, series: &str, resources: &str, query: &str) {
    let text = format!(
        "externalRules:\n- seriesQuery: '{series}{{queue!=\"\"}}'\n  resources: {resources}\n  name: {{as: rabbitmq_queue_length}}\n  metricsQuery: '{query}'\n"
    );
    facts.api.rules = Fact::seen("how", text);
}

const BY_NAMESPACE: &str = "{overrides: {namespace: {resource: namespace}}}";

#[test]
fn rules_that_are_unsound() {
    all(&[
        Case {
            name: "no rule for the metric",
            breakage: |facts| facts.api.rules = Fact::seen("how", "externalRules: []".to_owned()),
            check: "rule",
            verdict: Failure,
            saw: "none that makes rabbitmq_queue_length",
            fix: "rabbitmq_detailed_queue_messages",
        },
        Case {
            name: "rules where the chart's values have them",
            breakage: |facts| facts.api.rules = Fact::seen("how", "rules: {external: []}".to_owned()),
            check: "rule",
            verdict: Failure,
            saw: "under `externalRules`",
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
                facts.api.rules = Fact::seen("how", text);
            },
            check: "rule-twice",
            verdict: Failure,
            saw: "one replaces the other",
            fix: "kubectl edit configmap prometheus-adapter -n monitoring",
        },
        Case {
            name: "namespaced without a label",
            breakage: |facts| {
                rule(facts, SERIES[0], "{}", "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})");
            },
            check: "rule-namespace",
            verdict: Failure,
            saw: "each of its queries is an error",
            fix: "overrides:",
        },
        Case {
            name: "the broker is in another namespace",
            breakage: |facts| {
                let mut elsewhere = sample(SERIES[0], "Orders", 40.0);
                elsewhere.labels.insert("namespace".into(), "queues".into());
                facts.prometheus.series = Fact::seen("how", vec![elsewhere]);
            },
            check: "rule-namespace",
            verdict: Failure,
            saw: "the series have namespace queues",
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
            saw: "scales in during the outage",
            fix: "== 1)",
        },
        Case {
            name: "an exporter guarded by its own up",
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
            saw: "an exporter stays when its broker is down",
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
            saw: "ready messages only",
            fix: "rabbitmq_detailed_queue_messages\"",
        },
        Case {
            name: "scraped twice and added up",
            breakage: |facts| {
                rule(facts, SERIES[0], BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})");
                let mut second = sample(SERIES[0], "Orders", 40.0);
                second.labels.insert("job".into(), "another".into());
                facts.prometheus.series = Fact::seen("how", vec![sample(SERIES[0], "Orders", 40.0), second]);
            },
            check: "counted-once",
            verdict: Failure,
            saw: "reads 2 times the queue",
            fix: "job=\"another\"",
        },
        Case {
            name: "scraped twice and chosen from",
            breakage: |facts| {
                let mut second = sample(SERIES[0], "Orders", 40.0);
                second.labels.insert("job".into(), "another".into());
                facts.prometheus.series = Fact::seen("how", vec![sample(SERIES[0], "Orders", 40.0), second]);
            },
            check: "counted-once",
            verdict: Ok,
            saw: "the rule takes one of them",
            fix: "",
        },
        Case {
            name: "a queue of the same name in another namespace",
            breakage: |facts| {
                let mut second = sample(SERIES[0], "Orders", 7.0);
                second.labels.insert("namespace".into(), "another".into());
                second.labels.insert("instance".into(), "10.0.0.2:15692".into());
                facts.prometheus.series = Fact::seen("how", vec![second, sample(SERIES[0], "Orders", 40.0)]);
            },
            check: "counted-once",
            verdict: Ok,
            saw: "comes from one place",
            fix: "",
        },
        Case {
            name: "the queue in two virtual hosts",
            breakage: |facts| {
                rule(facts, SERIES[0], BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>})");
                let mut second = sample(SERIES[0], "Orders", 40.0);
                second.labels.insert("vhost".into(), "other".into());
                facts.prometheus.series = Fact::seen("how", vec![sample(SERIES[0], "Orders", 40.0), second]);
            },
            check: "series-vhost",
            verdict: Warning,
            saw: "several virtual hosts",
            fix: "vhost=\"/\"",
        },
        Case {
            name: "scraped more rarely than the adapter looks back",
            breakage: |facts| {
                set(
                    &mut facts.api.backend,
                    "/spec/template/spec/containers/0/args",
                    json!(["--metrics-relist-interval=30s", "--metrics-max-age=1m"]),
                );
                let track = crate::facts::Track { times: vec![0.0, 60.0, 120.0], ..Default::default() };
                facts.prometheus.tracks = Fact::seen("how", vec![track]);
                facts.prometheus.targets = fact(json!({"activeTargets": []}));
            },
            check: "max-age",
            verdict: Failure,
            saw: "the metric comes and goes",
            fix: "--metrics-max-age=10m",
        },
        Case {
            name: "scrapes are missed",
            breakage: |facts| {
                let track = crate::facts::Track { times: vec![0.0, 5.0, 10.0], ..Default::default() };
                facts.prometheus.tracks = Fact::seen("how", vec![track]);
            },
            check: "scrape-interval",
            verdict: Warning,
            saw: "every 5 s by its samples, though every 1 s",
            fix: "surge doctor",
        },
    ]);
}

/// Two brokers of other namespaces are not one queue that is counted twice.
#[test]
fn brokers_of_other_namespaces_are_not_added_up() {
    let mut facts = healthy();
    let elsewhere = ["one", "two"].map(|namespace| {
        let mut sample = sample(SERIES[0], "Orders", 40.0);
        sample.labels.insert("namespace".into(), namespace.into());
        sample.labels.insert("instance".into(), namespace.into());
        sample
    });
    facts.prometheus.series = Fact::seen("how", elsewhere.into());
    let report = examine(&facts);
    assert_eq!(report.fix().map(|(line, _)| line.check), Some("rule-namespace"), "{}", report.text());
    assert!(report.lines.iter().all(|line| line.check != "counted-once"), "{}", report.text());
}
