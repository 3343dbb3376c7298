//! The adapter's rules over series recorded during incidents, and the alerts, with promtool.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod common;

use std::process::Command;

use common::{PROFILES, find, manifests, yaml};
use serde_json::{Value, json};

/// Runs promtool in a folder with these files. Returns its success and output.
fn promtool(arguments: &[&str], files: &[(&str, &Value)]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        // JSON is YAML.
        std::fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    let output = Command::new("promtool").args(arguments).current_dir(folder.path()).output();
    let output = output
        .expect("promtool is not installed; on Debian: apt-get install --no-install-recommends prometheus");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Returns the adapter's Prometheus query for queue `Orders` in a namespace.
fn query(values: &str, namespace: &str) -> String {
    let rules = yaml(values)["rules"]["external"].clone();
    let rules = rules.as_array().unwrap();
    assert_eq!(rules.len(), 1, "the second of two rules with one name replaces the first");
    let series = rules[0]["name"]["matches"].as_str().unwrap().trim_matches(['^', '$']);
    assert!(rules[0]["seriesQuery"].as_str().unwrap().contains(&format!("__name__=\"{series}\"")));
    let query = rules[0]["metricsQuery"].as_str().unwrap();
    let query = query
        .replace("<<.Series>>", series)
        .replace("<<.LabelMatchers>>", &format!(r#"queue="Orders",namespace="{namespace}""#))
        .replace(r#"<<index .LabelValuesByName "namespace">>"#, namespace);
    assert!(!query.contains("<<"), "{query}");
    query
}

/// Checks the query's results at seconds; `None` is no result, on which the HPA does not scale.
fn check_results(values: &str, recording: &str, moments: &[(u32, Option<u32>, &str)]) {
    let series = yaml(recording);
    let query = query(values, "charts-demo");
    for (second, expected, why) in moments {
        let samples: Vec<Value> =
            expected.iter().map(|value| json!({"labels": "{}", "value": value})).collect();
        let test = json!({"rule_files": [], "evaluation_interval": "1s", "tests": [{
            "interval": "1s",
            "input_series": series,
            "promql_expr_test": [{"expr": query, "eval_time": format!("{second}s"), "exp_samples": samples}],
        }]});
        let (success, text) = promtool(&["test", "rules", "test.yaml"], &[("test.yaml", &test)]);
        assert!(success, "second {second}, {why}: {text}");
    }
}

#[test]
#[ignore = "needs Debian's prometheus, for promtool"]
fn the_rule_reads_the_brokers_series() {
    check_results(
        "charts/values/prometheus-adapter.yaml",
        "charts/recorded/incidents-plugin.yaml",
        &[
            (3, Some(0), "the queue is empty"),
            (8, Some(100), "two jobs scrape the broker, and a message counts once"),
            (14, Some(0), "the queue is deleted, the target is up"),
            (22, None, "the target is down"),
            (28, None, "the target is gone"),
            (38, None, "the broker starts again"),
            (44, Some(0), "the broker is back with an empty queue"),
            (50, Some(40), "messages after the restart"),
        ],
    );
}

#[test]
#[ignore = "needs Debian's prometheus, for promtool"]
fn the_rule_reads_the_exporters_series() {
    check_results(
        "charts/values/prometheus-adapter-exporter.yaml",
        "charts/recorded/incidents-exporter.yaml",
        &[
            (5, Some(40), "two exporters read the broker, and a message counts once"),
            (12, Some(140), "more messages"),
            (22, Some(0), "the queue is deleted, the exporters reach the broker"),
            (34, None, "one exporter reports no connection to the broker, the other is down"),
            (42, None, "the exporters are not scraped in time"),
            (62, Some(0), "the broker is back with an empty queue"),
        ],
    );
}

#[test]
#[ignore = "needs Debian's prometheus, for promtool"]
fn an_unknown_scrape_job_does_not_double_the_count() {
    // Other jobs, instances and ports; another vhost and another namespace, which are other queues.
    let series = |job: &str, vhost: &str, namespace: &str, value: &str| {
        json!({
            "series": format!(
                r#"rabbitmq_detailed_queue_messages{{job="{job}",instance="{job}:1",namespace="{namespace}",vhost="{vhost}",queue="Orders"}}"#
            ),
            "values": value,
        })
    };
    let test = json!({"rule_files": [], "evaluation_interval": "1s", "tests": [{
        "interval": "1s",
        "input_series": [
            series("rabbitmq", "/", "demo", "100x10"), series("a", "/", "demo", "100x10"), series("b", "/", "demo", "100x10"),
            series("rabbitmq", "other", "demo", "7x10"), series("rabbitmq", "/", "elsewhere", "9x10"),
        ],
        "promql_expr_test": [{
            "expr": query("charts/values/prometheus-adapter.yaml", "demo"), "eval_time": "5s",
            "exp_samples": [{"labels": "{}", "value": 100}],
        }],
    }]});
    let (success, text) = promtool(&["test", "rules", "test.yaml"], &[("test.yaml", &test)]);
    assert!(success, "{text}");
}

/// The queries of a dashboard's panels with Grafana's variable `$namespace` replaced, in the dashboard's order.
fn queries(dashboard: &Value) -> Vec<String> {
    let namespace = dashboard["templating"]["list"].as_array().unwrap();
    let namespace = namespace.iter().find(|variable| variable["name"] == "namespace").unwrap();
    let namespace = namespace["query"].as_str().unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| target["expr"].as_str().unwrap().replace("$namespace", namespace)).collect()
}

/// The exporter's series of the broker have other names and are not recorded.
#[test]
#[ignore = "needs Debian's prometheus, for promtool"]
fn every_query_of_the_dashboard_returns_data() {
    for profile in ["plugin", "keda"] {
        let objects = manifests(profile);
        let object = find(&objects, "ConfigMap", "autoscaling-demo-dashboard");
        let text = object["data"]["autoscaling-demo.json"].as_str().unwrap();
        let queries = queries(&serde_json::from_str(text).unwrap());
        assert!(queries.len() > 20, "{queries:?}");
        let expressions = queries.iter().map(|query| {
            json!({
                "expr": format!("count({query}) > bool 0"), "eval_time": "100s",
                "exp_samples": [{"labels": "{}", "value": 1}],
            })
        });
        let test = json!({"rule_files": [], "evaluation_interval": "5s", "tests": [{
            "interval": "5s",
            "input_series": yaml("charts/recorded/burst-plugin.yaml"),
            "promql_expr_test": expressions.collect::<Vec<_>>(),
        }]});
        let (success, text) = promtool(&["test", "rules", "test.yaml"], &[("test.yaml", &test)]);
        assert!(success, "{profile}: {text}");
    }
}

fn rules(profile: &str) -> Value {
    find(&manifests(profile), "PrometheusRule", "autoscaling-demo")["spec"].clone()
}

#[test]
#[ignore = "needs Debian's prometheus, for promtool"]
fn promtool_accepts_the_rules() {
    for profile in PROFILES {
        let (success, text) = promtool(&["check", "rules", "rules.yaml"], &[("rules.yaml", &rules(profile))]);
        assert!(success && text.contains("SUCCESS"), "{profile}: {text}");
    }
    let mut broken = rules("plugin");
    broken["groups"][0]["rules"][0]["expr"] = json!("max by (namespace, queue) (x");
    let (success, _) = promtool(&["check", "rules", "rules.yaml"], &[("rules.yaml", &broken)]);
    assert!(!success);
}

/// The series of an incident, and the expected alerts by time.
struct Incident {
    title: &'static str,
    series: Vec<(String, &'static str)>,
    alert: &'static str,
    /// The time, and the alert's labels and formatted value; `None` if no alert may fire.
    at: Vec<(&'static str, Option<(Value, &'static str)>)>,
}

/// Expands an annotation as Prometheus does.
fn expand(template: &str, labels: &Value, value: &str) -> String {
    let mut text = template.replace("{{ $value | humanizeDuration }}", value);
    for (name, label) in labels.as_object().unwrap() {
        text = text.replace(&format!("{{{{ $labels.{name} }}}}"), label.as_str().unwrap());
    }
    text
}

fn check(profile: &str, incident: &Incident) {
    let rules = rules(profile);
    let all = rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let rule = all.clone().find(|rule| rule["alert"] == incident.alert).unwrap();
    let alert_tests: Vec<Value> = incident
        .at
        .iter()
        .map(|(time, expected)| {
            let expected: Vec<Value> = expected
                .iter()
                .map(|(labels, value)| {
                    let annotations: serde_json::Map<String, Value> = rule["annotations"]
                        .as_object()
                        .unwrap()
                        .iter()
                        .map(|(name, text)| {
                            (name.clone(), expand(text.as_str().unwrap(), labels, value).into())
                        })
                        .collect();
                    let mut labels = labels.clone();
                    labels["severity"] = rule["labels"]["severity"].clone();
                    json!({"exp_labels": labels, "exp_annotations": annotations})
                })
                .collect();
            json!({"eval_time": time, "alertname": incident.alert, "exp_alerts": expected})
        })
        .collect();
    let series: Vec<Value> =
        incident.series.iter().map(|(series, values)| json!({"series": series, "values": values})).collect();
    let test = json!({"rule_files": ["rules.yaml"], "evaluation_interval": "15s", "tests": [{
        "interval": "15s", "input_series": series, "alert_rule_test": alert_tests,
    }]});
    let (success, text) =
        promtool(&["test", "rules", "test.yaml"], &[("test.yaml", &test), ("rules.yaml", &rules)]);
    assert!(success, "{profile}, {}: {text}", incident.title);
}

#[test]
#[ignore = "needs Debian's prometheus, for promtool"]
fn alerts_fire_only_in_their_incidents() {
    let hpa = |name: &str, more: &str| {
        format!(
            r#"kube_horizontalpodautoscaler_{name}{{namespace="autoscaling-demo",horizontalpodautoscaler="worker-scaler"{more}}}"#
        )
    };
    for (profile, series) in [
        ("plugin", "rabbitmq_detailed_queue_messages"),
        ("exporter", "rabbitmq_queue_messages"),
        ("keda", "rabbitmq_detailed_queue_messages"),
    ] {
        let queue =
            format!(r#"{series}{{namespace="autoscaling-demo",vhost="/",queue="Orders",job="rabbitmq"}}"#);
        let of_the_queue = json!({"namespace": "autoscaling-demo", "queue": "Orders"});
        let at_maximum = |current: &'static str| {
            vec![
                (queue.clone(), "0+10x60"),
                (hpa("status_current_replicas", ""), current),
                (hpa("spec_max_replicas", ""), "10x60"),
            ]
        };
        let incidents = [
            Incident {
                title: "the queue grows with all workers running",
                series: at_maximum("10x60"),
                alert: "QueueGrowsAtMaximum",
                at: vec![("1m", None), ("6m", Some((of_the_queue.clone(), "")))],
            },
            Incident {
                title: "the queue grows while workers are starting",
                series: at_maximum("9x60"),
                alert: "QueueGrowsAtMaximum",
                at: vec![("6m", None)],
            },
            Incident {
                title: "the series is missing",
                series: vec![("something_else{}".to_owned(), "1x60")],
                alert: "QueueMetricAbsent",
                at: vec![(
                    "3m",
                    Some((json!({"namespace": "autoscaling-demo", "queue": "Orders", "vhost": "/"}), "")),
                )],
            },
            Incident {
                title: "the series exists",
                series: vec![(queue.clone(), "0x60")],
                alert: "QueueMetricAbsent",
                at: vec![("3m", None)],
            },
            Incident {
                title: "no sample for minutes, and no staleness marker",
                // The last sample is at 1 minute.
                series: vec![(queue.clone(), "5x4 _x60")],
                alert: "QueueMetricStale",
                at: vec![("1m", None), ("4m", Some((of_the_queue, "3m 0s")))],
            },
            Incident {
                title: "the HPA cannot read the metric",
                series: vec![
                    (hpa("status_condition", r#",condition="ScalingActive",status="false""#), "0x3 1x60"),
                    (hpa("status_condition", r#",condition="AbleToScale",status="false""#), "0x60"),
                    (hpa("status_condition", r#",condition="ScalingLimited",status="false""#), "1x60"),
                ],
                alert: "AutoscalerCannotScale",
                at: vec![
                    ("2m", None),
                    (
                        "5m",
                        Some((
                            json!({
                                "namespace": "autoscaling-demo", "horizontalpodautoscaler": "worker-scaler",
                                "condition": "ScalingActive",
                            }),
                            "",
                        )),
                    ),
                ],
            },
        ];
        for incident in &incidents {
            check(profile, incident);
        }
    }
    check(
        "exporter",
        &Incident {
            title: "the exporter does not reach the broker",
            series: vec![(
                r#"rabbitmq_up{namespace="autoscaling-demo",job="rabbitmq-exporter"}"#.to_owned(),
                "1x3 0x60",
            )],
            alert: "BrokerUnreachable",
            at: vec![("1m", None), ("4m", Some((json!({"namespace": "autoscaling-demo"}), "")))],
        },
    );
}
