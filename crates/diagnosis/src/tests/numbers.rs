//! Neighbouring hops whose numbers disagree, and the cause between the two.

use serde_json::{Value, json};

use super::healthy::{exposed, monitors, sample};
use super::rules::{BY_NAMESPACE, rule};
use super::{Case, all, api_error, fact, first, healthy, known, set};
use crate::facts::{ExternalMetric, Facts, MetricResponse, Outcome, Sample};
use crate::{SERIES, Verdict, examine};

use Verdict::{Failure, Ok, Warning};

const DEPTH: &str = SERIES[0];

/// A sample with another value for a label; an empty one removes it.
fn with(mut sample: Sample, label: &str, value: &str) -> Sample {
    if value.is_empty() {
        sample.labels.remove(label);
    } else {
        sample.labels.insert(label.to_owned(), value.to_owned());
    }
    sample
}

/// Sets the numbers of the rule's result and of the API.
fn results(facts: &mut Facts, values: &[f64]) {
    let result = values.iter().map(|value| Sample { value: *value, ..Sample::default() });
    facts.metrics[0].rule_result = known(result.collect());
    let milli = values.iter().map(|value| (value * 1_000.0) as i64).collect();
    facts.metrics[0].response = known(MetricResponse::Values(milli));
}

/// Sets the messages of the queue at the broker, at its endpoint and in Prometheus.
fn depth(facts: &mut Facts, messages: u32) {
    if let Outcome::Value(queues) = &mut facts.broker.queues.outcome {
        queues[0].messages_ready = Some(messages.into());
        queues[0].messages_unacknowledged = Some(0);
    }
    let value = f64::from(messages);
    facts.broker.endpoints[0].samples =
        known(vec![exposed(DEPTH, "Orders", value), exposed(DEPTH, "Orders.dead", 0.0)]);
    stored(facts, vec![sample(DEPTH, "Orders", value), sample(DEPTH, "Orders.dead", 0.0)]);
}

fn stored(facts: &mut Facts, series: Vec<Sample>) {
    facts.metrics[0].series = known(series);
    facts.metrics[0].history = known(Vec::new());
}

fn selector(facts: &mut Facts, selector: Value) {
    set(&mut facts.autoscaler, "/spec/metrics/0/external/metric/selector", selector);
}

fn relabelings(facts: &mut Facts, field: &str, entries: Value) {
    let mut monitor = json!([{"metadata": {"name": "rabbitmq", "namespace": "demo", "resourceVersion": "7",
            "labels": {"release": "prometheus"}},
        "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}},
            "endpoints": [{"port": "metrics", "interval": "1s"}]}}]);
    monitor[0]["spec"]["endpoints"][0][field] = entries;
    facts.prometheus.monitors = monitors(monitor);
}

#[test]
fn rules_that_ignore_or_contradict_the_selector() {
    all(&[
        Case {
            name: "the query lacks the HPA's matchers",
            breakage: |facts| {
                depth(facts, 0);
                rule(
                    facts,
                    DEPTH,
                    BY_NAMESPACE,
                    "sum by (vhost, queue) (rabbitmq_detailed_queue_messages{queue=~\".+\"})",
                );
                let mut series = facts.metrics[0].series.all().to_vec();
                series.push(sample(DEPTH, "Invoices", 205.0));
                stored(facts, series);
                results(facts, &[0.0, 0.0, 205.0]);
            },
            check: "rule-matchers",
            verdict: Failure,
            detail: "which is 0 in Prometheus. The query of the rule returns 205, since it lacks <<.LabelMatchers>>",
            fix: "(rabbitmq_detailed_queue_messages{<<.LabelMatchers>>,queue=~",
        },
        Case {
            name: "the query pins another queue and lacks the matchers",
            breakage: |facts| {
                rule(
                    facts,
                    DEPTH,
                    "{namespaced: false}",
                    "sum(<<.Series>>{queue=\"Orders.dead\",vhost=\"/\"}) or vector(0)",
                );
                results(facts, &[0.0]);
            },
            check: "rule-matchers",
            verdict: Failure,
            detail: "which is 40 in Prometheus. The query of the rule returns 0",
            fix: "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\\\"/\\\"}) or vector(0)",
        },
        Case {
            name: "a selector that contradicts a rule of one queue",
            breakage: |facts| {
                rule(
                    facts,
                    DEPTH,
                    BY_NAMESPACE,
                    "sum(<<.Series>>{<<.LabelMatchers>>,queue=\"Orders.dead\"}) or vector(0)",
                );
                let rules = facts.api.rules.get().unwrap().replace("queue!=\"\"", "queue=\"Orders.dead\"");
                facts.api.rules = known(rules);
                results(facts, &[0.0]);
            },
            check: "rule-pins",
            verdict: Failure,
            detail: "No series has both",
            fix: r#"[{"op":"remove","path":"/spec/metrics/0/external/metric/selector/matchLabels/queue"}]"#,
        },
        Case {
            name: "a rule with another virtual host than the series have",
            breakage: |facts| {
                rule(
                    facts,
                    DEPTH,
                    BY_NAMESPACE,
                    "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"prod\"}) or vector(0)",
                );
                results(facts, &[0.0]);
            },
            check: "rule-pins",
            verdict: Failure,
            detail: "the rule has vhost=\"prod\", but the series that the HPA asks for have /",
            fix: "sum(<<.Series>>{<<.LabelMatchers>>,vhost=\\\"/\\\"}) or vector(0)",
        },
        Case {
            name: "a series query that selects nothing",
            breakage: |facts| {
                let rules = facts.api.rules.get().unwrap();
                facts.api.rules = known(rules.replace("namespace!=\"\",queue", "cluster=\"a\",queue"));
                facts.metrics[0].response = api_error(404, "the server could not find the metric x for ");
            },
            check: "rule-series",
            verdict: Failure,
            detail: "has cluster=\"a\", which no series has",
            fix: "rabbitmq_detailed_queue_messages\\\",queue!=\\\"\\\"}",
        },
        Case {
            name: "series filters that exclude the series",
            breakage: |facts| {
                let rules = facts.api.rules.get().unwrap();
                let filters = "  seriesFilters: [{isNot: ^rabbitmq_detailed}]\n  metricsQuery:";
                facts.api.rules = known(rules.replacen("  metricsQuery:", filters, 1));
            },
            check: "rule-filter",
            verdict: Failure,
            detail: "exclude rabbitmq_detailed_queue_messages, which would make rabbitmq_queue_length",
            fix: "kubectl patch configmap prometheus-adapter -n monitoring",
        },
        Case {
            name: "a query with another result than its series",
            breakage: |facts| {
                rule(facts, DEPTH, BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>} > 100) or vector(0)");
                results(facts, &[0.0]);
            },
            check: "rule-value",
            verdict: Failure,
            detail: "the query of the rule returns 0, but the series that it reads add up to 40",
            fix: "sum(max by (namespace, vhost, queue) (<<.Series>>{<<.LabelMatchers>>,vhost=",
        },
        Case {
            name: "the queues of two namespaces",
            breakage: |facts| {
                rule(facts, DEPTH, "{namespaced: false}", "sum(<<.Series>>{<<.LabelMatchers>>})");
                let other = with(sample(DEPTH, "Orders", 7.0), "namespace", "another");
                stored(facts, vec![sample(DEPTH, "Orders", 40.0), other]);
                results(facts, &[47.0]);
            },
            check: "series-namespace",
            verdict: Failure,
            detail: "the rule adds the queue of several namespaces (another, demo)",
            fix: "overrides:",
        },
    ]);
}

#[test]
fn rules_of_one_queue_are_content() {
    let mut facts = healthy();
    rule(&mut facts, DEPTH, BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>,queue=\"Orders\"})");
    set(&mut facts.autoscaler, "/spec/metrics/0/external/metric", json!({"name": "rabbitmq_queue_length"}));
    let report = examine(&facts);
    assert_eq!((report.verdict(), report.fix()), (Ok, None), "{}", report.text());
    assert!(report.text().contains("Its rule picks Orders"), "{}", report.text());
}

#[test]
fn virtual_hosts_are_a_choice() {
    let mut facts = healthy();
    let query = "sum(<<.Series>>{<<.LabelMatchers>>}) or 0 * max(up == 1)";
    rule(&mut facts, DEPTH, BY_NAMESPACE, query);
    let of = |vhost: &str, value| with(sample(DEPTH, "Orders", value), "vhost", vhost);
    stored(&mut facts, vec![of("us", 400.0), of("eu", 7.0)]);
    facts.broker.management = None;
    facts.broker.endpoints.clear();
    results(&mut facts, &[407.0]);
    let report = examine(&facts);
    let (finding, fix) = report.fix().unwrap();
    assert_eq!((finding.check.as_ref(), finding.verdict), ("series-vhost", Warning), "{}", report.text());
    assert!(fix.what.contains("eu (7), us (400)"), "{}", fix.what);
    assert!(fix.text().contains(r#"sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"eu\"}) or 0 * max(up == 1)"#));
}

#[test]
fn relabelings_are_named() {
    all(&[
        Case {
            name: "a dropped label",
            breakage: |facts| {
                relabelings(facts, "metricRelabelings", json!([{"action": "labeldrop", "regex": "queue"}]));
                stored(facts, vec![with(sample(DEPTH, "Orders", 0.0), "queue", "")]);
                results(facts, &[0.0]);
            },
            check: "relabeling",
            verdict: Failure,
            detail: "endpoints/0/metricRelabelings/0 (labeldrop queue) of ServiceMonitor demo/rabbitmq",
            fix: r#"[{"op":"remove","path":"/spec/endpoints/0/metricRelabelings/0"}]"#,
        },
        Case {
            name: "other series are kept",
            breakage: |facts| {
                let entries = json!([{"targetLabel": "team", "replacement": "a"},
                    {"action": "keep", "sourceLabels": ["__name__"], "regex": "rabbitmq_queue_.*"}]);
                relabelings(facts, "metricRelabelings", entries);
                stored(facts, Vec::new());
                facts.metrics[0].response = api_error(404, "the server could not find the metric x for ");
            },
            check: "relabeling",
            verdict: Failure,
            detail: "endpoints/0/metricRelabelings/1 (keep __name__ rabbitmq_queue_.*)",
            fix: r#""path":"/spec/endpoints/0/metricRelabelings/1""#,
        },
        Case {
            name: "labels that are kept without the queue",
            breakage: |facts| {
                let entries =
                    json!([{"action": "labelkeep", "regex": "__name__|vhost|namespace|job|instance"}]);
                relabelings(facts, "metricRelabelings", entries);
                stored(facts, vec![with(sample(DEPTH, "Orders", 0.0), "queue", "")]);
            },
            check: "relabeling",
            verdict: Failure,
            detail: "(labelkeep __name__|vhost|namespace|job|instance)",
            fix: r#""path":"/spec/endpoints/0/metricRelabelings/0""#,
        },
        Case {
            name: "a queue under another name",
            breakage: |facts| {
                let entries = json!([{"sourceLabels": ["vhost", "queue"], "targetLabel": "queue"}]);
                relabelings(facts, "metricRelabelings", entries);
                stored(facts, vec![with(sample(DEPTH, "Orders", 40.0), "queue", "/;Orders")]);
                results(facts, &[0.0]);
            },
            check: "relabeling",
            verdict: Failure,
            detail: "(replace vhost, queue queue)",
            fix: r#""path":"/spec/endpoints/0/metricRelabelings/0""#,
        },
        Case {
            name: "another namespace on the target",
            breakage: |facts| {
                relabelings(
                    facts,
                    "relabelings",
                    json!([{"targetLabel": "namespace", "replacement": "prod"}]),
                );
                facts.prometheus.targets = fact(json!({"activeTargets": [{
                    "scrapePool": "serviceMonitor/demo/rabbitmq/0", "health": "up", "scrapeInterval": "1s",
                    "labels": {"namespace": "prod", "job": "rabbitmq", "instance": "10.0.0.1:15692"},
                    "discoveredLabels": {"__meta_kubernetes_namespace": "demo"}}]}));
                stored(facts, vec![with(sample(DEPTH, "Orders", 40.0), "namespace", "prod")]);
                results(facts, &[0.0]);
            },
            check: "relabeling",
            verdict: Failure,
            detail: "endpoints/0/relabelings/0 (replace namespace)",
            fix: r#""path":"/spec/endpoints/0/relabelings/0""#,
        },
        Case {
            name: "honorLabels with a namespace of the exporter",
            breakage: |facts| {
                relabelings(facts, "honorLabels", json!(true));
                let own = |value| with(exposed(DEPTH, "Orders", value), "namespace", "vhosts");
                facts.broker.endpoints[0].samples = known(vec![own(40.0)]);
                stored(facts, vec![with(sample(DEPTH, "Orders", 40.0), "namespace", "vhosts")]);
                results(facts, &[0.0]);
            },
            check: "relabeling",
            verdict: Failure,
            detail: "endpoints/0/honorLabels",
            fix: r#"[{"op":"remove","path":"/spec/endpoints/0/honorLabels"}]"#,
        },
    ]);
}

#[test]
fn selectors_with_other_names() {
    all(&[
        Case {
            name: "another name of the label",
            breakage: |facts| selector(facts, json!({"matchLabels": {"queue_name": "Orders"}})),
            check: "selector",
            verdict: Failure,
            detail: "Orders is a value of queue here",
            fix: r#"[{"op":"remove","path":"/spec/metrics/0/external/metric/selector/matchLabels/queue_name"},{"op":"add","path":"/spec/metrics/0/external/metric/selector/matchLabels/queue","value":"Orders"}]"#,
        },
        Case {
            name: "another name of the label in an expression",
            breakage: |facts| {
                selector(
                    facts,
                    json!({"matchExpressions": [{"key": "name", "operator": "In", "values": ["Orders"]}]}),
                );
            },
            check: "selector",
            verdict: Failure,
            detail: "Orders is a value of queue here",
            fix: r#"[{"op":"replace","path":"/spec/metrics/0/external/metric/selector/matchExpressions/0/key","value":"queue"}]"#,
        },
        Case {
            name: "an exporter with queue_name",
            breakage: |facts| {
                let rename = |sample: Sample| {
                    let queue = sample.label("queue").to_owned();
                    with(with(sample, "queue", ""), "queue_name", &queue)
                };
                stored(
                    facts,
                    vec![rename(sample(DEPTH, "Orders", 40.0)), rename(sample(DEPTH, "Orders.dead", 0.0))],
                );
                let samples =
                    [exposed(DEPTH, "Orders", 40.0), exposed(DEPTH, "Orders.dead", 0.0)].map(rename);
                facts.broker.endpoints[0].samples = known(samples.into());
                rule(facts, DEPTH, BY_NAMESPACE, "sum(<<.Series>>{<<.LabelMatchers>>}) or vector(0)");
                results(facts, &[0.0]);
            },
            check: "selector",
            verdict: Failure,
            detail: "Orders is a value of queue_name here",
            fix: r#"matchLabels/queue_name","value":"Orders""#,
        },
        Case {
            name: "an invalid value in an expression",
            breakage: |facts| {
                selector(
                    facts,
                    json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": ["mail/out"]}]}),
                );
                facts.metrics[0].response = api_error(400, "invalid label value");
            },
            check: "selector",
            verdict: Failure,
            detail: "the selector has queue=\"mail/out\"",
            fix: r#"[{"op":"remove","path":"/spec/metrics/0/external/metric/selector/matchExpressions/0"}]"#,
        },
        Case {
            name: "the rule selects the value first",
            breakage: |facts| {
                selector(
                    facts,
                    json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": ["mail/out"]}]}),
                );
            },
            check: "selector",
            verdict: Failure,
            detail: "no valid label value",
            fix: r#"(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\",queue=\"mail/out\"})"#,
        },
        Case {
            name: "another HPA uses the rule",
            breakage: |facts| {
                let mut other = facts.autoscaler.get().unwrap().clone();
                other.metadata.name = Some("another".to_owned());
                facts.autoscalers = known(vec![other]);
                selector(
                    facts,
                    json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": ["mail/out"]}]}),
                );
            },
            check: "selector",
            verdict: Failure,
            detail: "no valid label value",
            fix: r#""path":"/spec/metrics/0/external/metric/name","value":"rabbitmq_queue_length_mail_out""#,
        },
    ]);
}

#[test]
fn neighbours_that_only_differ_in_number() {
    let later = |facts: &mut Facts| {
        let look = crate::facts::Look {
            after: std::time::Duration::from_secs(30),
            autoscaler: facts.autoscaler.clone(),
            queues: facts.broker.queues.clone(),
            endpoints: facts.broker.endpoints.iter().map(|endpoint| endpoint.samples.clone()).collect(),
            metrics: facts.metrics.clone(),
        };
        facts.looks = vec![look];
    };
    type Change = fn(&mut Facts);
    let cases: [(&str, Change, &str); 3] = [
        (
            "endpoint-value",
            |facts| {
                depth(facts, 12);
                if let Outcome::Value(queues) = &mut facts.broker.queues.outcome {
                    queues[0].messages_ready = Some(40);
                }
                results(facts, &[12.0]);
            },
            "has 12, but the broker has 40",
        ),
        (
            "series-value",
            |facts| {
                stored(facts, vec![sample(DEPTH, "Orders", 12.0)]);
                results(facts, &[12.0]);
            },
            "Prometheus has 12, but the endpoint has 40",
        ),
        (
            "value",
            |facts| facts.metrics[0].response = known(MetricResponse::Values(vec![0])),
            "is 0, but the same query returns 40",
        ),
    ];
    for (check, change, words) in cases {
        let mut facts = healthy();
        change(&mut facts);
        assert!(crate::is_open(&facts), "{check}: a later look may explain it");
        assert_eq!(examine(&facts).count(Failure), 0, "{check}: the queue may just have changed");
        later(&mut facts);
        assert!(!crate::is_open(&facts), "{check}");
        let report = examine(&facts);
        let finding =
            report.findings.iter().find(|finding| finding.check == check && finding.verdict == Failure);
        let detail = finding.map(|finding| finding.detail.as_str()).unwrap_or_default();
        assert!(detail.contains(words), "{check}: {}", report.text());
    }
}

#[test]
fn a_silent_zero_is_a_failure_without_prometheus() {
    let mut facts = healthy();
    facts.prometheus = crate::facts::Prometheus::not_asked("no Prometheus found");
    facts.broker.endpoints.clear();
    facts.metrics[0] = ExternalMetric {
        response: known(MetricResponse::Values(vec![0])),
        ..ExternalMetric::not_asked(0, "no Prometheus found")
    };
    let look = crate::facts::Look {
        after: std::time::Duration::from_secs(60),
        autoscaler: facts.autoscaler.clone(),
        queues: facts.broker.queues.clone(),
        endpoints: Vec::new(),
        metrics: facts.metrics.clone(),
    };
    facts.looks = vec![look];
    let report = examine(&facts);
    assert!(report.text().contains("but the broker has 40 messages"), "{}", report.text());
}

/// Adds a second External metric with its answers.
fn second(facts: &mut Facts, name: &str, selector: &Value, observed: ExternalMetric) {
    let mut metrics = serde_json::to_value(&facts.autoscaler.get().unwrap().spec).unwrap()["metrics"].clone();
    metrics.as_array_mut().unwrap().push(json!({"type": "External", "external": {
        "metric": {"name": name, "selector": selector},
        "target": {"type": "AverageValue", "averageValue": "20"}}}));
    set(&mut facts.autoscaler, "/spec/metrics", metrics);
    facts.metrics.push(ExternalMetric { index: 1, ..observed });
}

#[test]
fn every_external_metric_is_examined() {
    let mut facts = healthy();
    let mut observed = facts.metrics[0].clone();
    observed.rule_result = known(vec![Sample::default()]);
    observed.response = known(MetricResponse::Values(vec![0]));
    second(&mut facts, "rabbitmq_queue_length", &json!({"matchLabels": {"queue": "Order"}}), observed);
    let report = examine(&facts);
    let (finding, fix) = report.fix().unwrap();
    assert_eq!(finding.check, "queue", "{}", report.text());
    assert_eq!(finding.metric.as_deref(), Some("rabbitmq_queue_length{queue=Order}"));
    assert!(finding.detail.starts_with("rabbitmq_queue_length{queue=Order}: the broker has no queue Order"));
    assert!(fix.text().contains("/spec/metrics/1/external/metric/selector/matchLabels/queue"));
}

#[test]
fn a_second_metric_without_a_rule_is_found() {
    let mut facts = healthy();
    let observed = ExternalMetric {
        response: api_error(404, "the server could not find the metric checkout_lag for "),
        series: known(Vec::new()),
        ..ExternalMetric::not_asked(1, "no rule makes the metric")
    };
    second(&mut facts, "checkout_lag", &json!({"matchLabels": {"group": "checkout"}}), observed);
    let report = examine(&facts);
    let (check, fix) = first(&report);
    assert_eq!(check, "rule", "{}", report.text());
    assert!(fix.contains(r#"[{"op":"remove","path":"/spec/metrics/1"}]"#), "{fix}");
    assert!(report.text().contains("scales up by its other metrics, but never down"), "{}", report.text());
    assert!(
        report
            .findings
            .iter()
            .any(|finding| { finding.check == "rule" && finding.verdict == Ok && finding.metric.is_some() })
    );
}

#[test]
fn a_metric_of_no_queue_has_its_own_chain() {
    let mut facts = healthy();
    let text = "externalRules:\n- {seriesQuery: 'worker_busy{namespace!=\"\"}', resources: {overrides: {namespace: {resource: namespace}}}, name: {as: busy_workers}, metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'}\n";
    facts.api.rules = known(text.to_owned());
    set(
        &mut facts.autoscaler,
        "/spec/metrics/0/external/metric",
        json!({"name": "busy_workers", "selector": {"matchLabels": {"job": "worker"}}}),
    );
    set(&mut facts.autoscaler, "/status/currentMetrics", Value::Null);
    let busy = |pod: &str| {
        let labels =
            [("__name__", "worker_busy"), ("namespace", "demo"), ("job", "worker"), ("instance", pod)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Sample { labels, value: 1.0 }
    };
    stored(&mut facts, vec![busy("a"), busy("b")]);
    results(&mut facts, &[2.0]);
    let labels = busy("a").labels;
    let points = (0..10).map(|scrape| (f64::from(scrape * 5), 1.0)).collect();
    facts.metrics[0].history = known(vec![crate::facts::History { labels, points }]);
    facts.prometheus.targets = fact(json!({"activeTargets": [
        {"scrapePool": "serviceMonitor/demo/worker/0", "health": "up", "scrapeInterval": "5s",
            "labels": {"job": "worker", "instance": "a"}}]}));
    let report = examine(&facts);
    assert_eq!((report.count(Failure), report.count(Warning)), (0, 0), "{}", report.text());
    assert!(report.text().contains("busy_workers is about no queue"), "{}", report.text());
    assert!(report.text().contains("Prometheus scrapes busy_workers every 5"), "{}", report.text());
}

#[test]
fn monitors_and_targets() {
    all(&[
        Case {
            name: "a monitor that looks into its own namespace only",
            breakage: |facts| {
                facts.prometheus.monitors = monitors(json!([{"metadata": {"name": "rabbitmq",
                        "namespace": "monitoring", "labels": {"release": "prometheus"}},
                    "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}},
                        "endpoints": [{"port": "metrics"}]}}]));
                stored(facts, Vec::new());
            },
            check: "monitor-namespace",
            verdict: Failure,
            detail: "ServiceMonitor monitoring/rabbitmq fits Service rabbitmq",
            fix: r#"[{"op":"add","path":"/spec/namespaceSelector","value":{"matchNames":["demo"]}}]"#,
        },
        Case {
            name: "a monitor that looks into other namespaces",
            breakage: |facts| {
                facts.prometheus.monitors = monitors(json!([{"metadata": {"name": "rabbitmq",
                        "namespace": "monitoring", "labels": {"release": "prometheus"}},
                    "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}},
                        "namespaceSelector": {"matchNames": ["shop"]}, "endpoints": [{"port": "metrics"}]}}]));
                stored(facts, Vec::new());
            },
            check: "monitor-namespace",
            verdict: Failure,
            detail: "its namespaceSelector selects shop, not demo",
            fix: r#"{"matchNames":["shop","demo"]}"#,
        },
        Case {
            name: "no monitor, and labels that change",
            breakage: |facts| {
                facts.prometheus.monitors = known(Vec::new());
                stored(facts, Vec::new());
                set(&mut facts.services, "/0/metadata/labels/app.kubernetes.io~1version", json!("1.2"));
            },
            check: "monitor",
            verdict: Failure,
            detail: "no monitor selects Service rabbitmq",
            fix: "matchLabels:\n      app.kubernetes.io/name: rabbitmq\n      app.kubernetes.io/part-of: autoscaling-demo",
        },
        Case {
            name: "TLS on a plain port",
            breakage: |facts| down(facts, "http: server gave HTTP response to HTTPS client"),
            check: "target",
            verdict: Failure,
            detail: "server gave HTTP response to HTTPS client",
            fix: r#"[{"op":"remove","path":"/spec/endpoints/0/scheme"}]"#,
        },
        Case {
            name: "a body with an invalid line",
            breakage: |facts| down(facts, "expected equal, got \"INVALID\""),
            check: "target",
            verdict: Failure,
            detail: "expected equal",
            fix: "kubectl get --raw '/api/v1/namespaces/demo/pods/rabbitmq-0:15692/proxy/metrics/detailed?family=a'",
        },
        Case {
            name: "a label twice in a line",
            breakage: |facts| {
                facts.broker.endpoints[0].malformed = Some("a repeated label in \"a{b,b}\"".into());
            },
            check: "endpoint-format",
            verdict: Failure,
            detail: "Prometheus then refuses all lines of the scrape",
            fix: "how",
        },
        Case {
            name: "a path that does not exist",
            breakage: |facts| {
                down(facts, "server returned HTTP status 404 Not Found");
                facts.broker.endpoints[0].samples.outcome = Outcome::Failed("answered 404 Not Found".into());
                facts.broker.endpoints[0].better_path = Some("/metrics/per-object".into());
            },
            check: "target",
            verdict: Failure,
            detail: "404",
            fix: r#""path":"/spec/endpoints/0/path","value":"/metrics/per-object""#,
        },
        Case {
            name: "an entry that drops the target",
            breakage: |facts| {
                let entries =
                    json!([{"action": "keep", "sourceLabels": ["__meta_kubernetes_pod_name"], "regex": "x"}]);
                relabelings(facts, "relabelings", entries);
                facts.metrics[0].newest_sample_age = known(None);
                stored(facts, Vec::new());
                facts.prometheus.targets = fact(json!({"activeTargets": []}));
            },
            check: "relabeling",
            verdict: Failure,
            detail: "relabelings[0] of endpoint 0 (keep) drops all",
            fix: r#""path":"/spec/endpoints/0/relabelings/0""#,
        },
    ]);
}

/// A target that is down for that reason.
fn down(facts: &mut Facts, error: &str) {
    facts.prometheus.targets = fact(json!({"activeTargets": [{
        "scrapePool": "serviceMonitor/demo/rabbitmq/0", "health": "down", "lastError": error,
        "scrapeUrl": "http://10.0.0.1:15692/metrics/detailed?family=a",
        "labels": {"pod": "rabbitmq-0", "namespace": "demo", "instance": "10.0.0.1:15692"}}]}));
}

#[test]
fn templates_with_blocks_are_read() {
    let mut facts = healthy();
    let query = "sum(<<.Series>>{<<range $label, $value := .LabelValuesByName>><<$label>>=~\"<<$value>>\",<<end>>vhost=\"/\"})";
    rule(&mut facts, DEPTH, BY_NAMESPACE, query);
    let report = examine(&facts);
    assert_eq!((report.verdict(), report.fix()), (Ok, None), "{}", report.text());
    rule(&mut facts, DEPTH, BY_NAMESPACE, "sum(<<.Series | printf \"%s\">>{<<.LabelMatchers>>})");
    let report = examine(&facts);
    assert_eq!(report.count(Failure), 0, "{}", report.text());
    assert!(report.text().contains("cannot be checked here"), "{}", report.text());
}
