//! Consecutive scrapes into a store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::monitor::{Monitor, MonitorKind};
use promql_parser::label::{MatchOp, Matcher};

fn target(endpoint: &Value) -> Target {
    let spec = json!({"sampleLimit": 5, "endpoints": [endpoint]});
    let monitor =
        Monitor::parse(MonitorKind::Service, "demo", "m", &spec, &Config::default()).expect("accepted");
    Target {
        pool: monitor.pool(0),
        namespace: "demo".to_owned(),
        pod: "p-0".to_owned(),
        port: 80,
        labels: Labels::new([("job", "broker"), ("namespace", "demo")]),
        discovered: Labels::empty(),
        endpoint: Arc::new(monitor.endpoints[0].clone()),
        sample_limit: monitor.sample_limit,
    }
}

fn store() -> Store {
    Store::new(100, 1_000, Duration::from_secs(60))
}

/// The series at `time`, as `labels value`.
fn current(store: &Store, time: Millis) -> Vec<String> {
    let any = Matcher::new(MatchOp::NotEqual, NAME, "");
    store
        .select(&[any])
        .into_iter()
        .filter_map(|series| Some(format!("{} {}", series.labels, series.at(time, 300_000)?.value)))
        .collect()
}

#[test]
fn a_missing_series_ends_at_once_and_may_return() {
    let (mut store, mut ingest, target) = (store(), Ingest::default(), target(&json!({})));
    let mut scrape = |body, time| ingest.store_body(&mut store, &target, body, time).expect("well formed");
    assert_eq!(scrape("a 1\nb 2\n", 1_000), Counts { scraped: 2, kept: 2, added: 2 });
    assert_eq!(scrape("a 3\n", 2_000), Counts { scraped: 1, kept: 1, added: 0 });
    assert_eq!(scrape("a 4\nb 5\n", 3_000), Counts { scraped: 2, kept: 2, added: 1 });
    let a = |value| format!(r#"a{{job="broker", namespace="demo"}} {value}"#);
    let b = |value| format!(r#"b{{job="broker", namespace="demo"}} {value}"#);
    assert_eq!(current(&store, 1_999), [a(1), b(2)]);
    assert_eq!(current(&store, 2_000), [a(3)]);
    assert_eq!(current(&store, 3_000), [a(4), b(5)]);
}

#[test]
fn a_targets_end_ends_its_series() {
    let (mut store, mut ingest, target) = (store(), Ingest::default(), target(&json!({})));
    ingest.store_body(&mut store, &target, "a 1\nown 2 1000\n", 1_000).expect("well formed");
    ingest.end(&mut store, 1_500);
    assert_eq!(current(&store, 1_499).len(), 2);
    assert_eq!(
        current(&store, 1_500),
        [r#"own{job="broker", namespace="demo"} 2"#],
        "series with timestamps get no stale marker"
    );
}

#[test]
fn a_malformed_body_changes_nothing() {
    let (mut store, mut ingest, target) = (store(), Ingest::default(), target(&json!({})));
    for (body, reason) in [
        ("a 1\nb\n", "line 2"),
        ("a 1\nb{c} 1\n", "a label without a value"),
        ("a 1\nb 1\nc 1\nd 1\ne 1\nf 1\n", "more than 5 samples"),
    ] {
        let error = ingest.store_body(&mut store, &target, body, 1_000).expect_err(body);
        assert!(error.contains(reason), "{error}");
        assert_eq!(current(&store, 1_000), [""; 0], "{body}");
    }
    ingest.store_body(&mut store, &target, "a 1\n", 2_000).expect("well formed again");
    assert_eq!(current(&store, 2_000).len(), 1);
}

#[test]
fn label_conflicts_resolve_as_in_prometheus() {
    let body = r#"a{job="own",x="y"} 1"#;
    for (endpoint, expected) in [
        (json!({}), r#"a{exported_job="own", job="broker", namespace="demo", x="y"} 1"#),
        (json!({"honorLabels": true}), r#"a{job="own", namespace="demo", x="y"} 1"#),
    ] {
        let (mut store, mut ingest) = (store(), Ingest::default());
        ingest.store_body(&mut store, &target(&endpoint), body, 1_000).expect("well formed");
        assert_eq!(current(&store, 1_000), [expected]);
    }
}

#[test]
fn honor_timestamps_is_respected() {
    for (endpoint, before, at) in [(json!({}), 1, 1), (json!({"honorTimestamps": false}), 0, 1)] {
        let (mut store, mut ingest) = (store(), Ingest::default());
        ingest.store_body(&mut store, &target(&endpoint), "a 1 4000\n", 5_000).expect("well formed");
        assert_eq!((current(&store, 4_500).len(), current(&store, 5_000).len()), (before, at), "{endpoint}");
    }
}

#[test]
fn metric_relabelling_drops_and_renames() {
    let endpoint = json!({"metricRelabelings": [
        {"action": "drop", "sourceLabels": ["__name__"], "regex": "b.*"},
        {"sourceLabels": ["q"], "targetLabel": "queue"}, {"action": "labeldrop", "regex": "q"}]});
    let (mut store, mut ingest, target) = (store(), Ingest::default(), target(&endpoint));
    for time in [1_000, 2_000] {
        let counts =
            ingest.store_body(&mut store, &target, "a{q=\"x\"} 1\nb 1\nbb 1\n", time).expect("well formed");
        assert_eq!((counts.scraped, counts.kept), (3, 1));
    }
    assert_eq!(current(&store, 2_000), [r#"a{job="broker", namespace="demo", queue="x"} 1"#]);
}

#[test]
fn an_expired_series_is_created_again() {
    let (mut store, mut ingest, target) = (store(), Ingest::default(), target(&json!({})));
    ingest.store_body(&mut store, &target, "a 1\n", 1_000).expect("well formed");
    store.expire(100_000);
    assert_eq!(store.series_count(), 0);
    ingest.store_body(&mut store, &target, "a 2\n", 100_000).expect("well formed");
    assert_eq!(current(&store, 100_000), [r#"a{job="broker", namespace="demo"} 2"#]);
}

#[test]
fn a_full_store_fails_the_scrape() {
    let mut store = Store::new(1, 1_000, Duration::from_secs(60));
    let (mut ingest, target) = (Ingest::default(), target(&json!({})));
    let error = ingest.store_body(&mut store, &target, "a 1\nb 2\n", 1_000).expect_err("one series fits");
    assert!(error.contains("holds 1 series already"), "{error}");
}
