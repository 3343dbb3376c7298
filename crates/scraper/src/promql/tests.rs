//! The cases of `tests/promql/cases.txt`, and cases that need other samples.

use std::time::{Duration, Instant};

use promfmt::exposition::{self, NAME};
use promfmt::number;

use super::*;
use crate::labels::Labels;
use crate::sample::{Millis, Sample};

const NOW: Millis = 1_700_000_000_000;
const LOOKBACK: Millis = 300_000;

/// The exposition of the cases, scraped once, two seconds before `NOW`.
fn store() -> Store {
    let mut store = Store::new(1_000, 10_000, Duration::from_secs(900));
    let body = format!("{}up 1\n", include_str!("../../tests/promql/exposition.txt"));
    for sample in exposition::samples(&body) {
        let sample = sample.expect("the exposition parses");
        let labels = Labels::new(exposition::labels(sample.series).expect("labels"));
        let target = [("job", "rabbitmq"), ("namespace", "autoscaling-demo"), ("instance", "broker")];
        let labels = Labels::new(labels.iter().chain(target).map(|(n, v)| (n.to_owned(), v.to_owned())));
        let id = store.series_id(&labels).expect("room");
        store.append(id, Sample { time: NOW - 2_000, value: sample.value });
    }
    store
}

fn ask(store: &Store, query: &str, time: Millis) -> Result<Value, Error> {
    let mut budget = Budget::new(10_000, Instant::now() + Duration::from_secs(60));
    evaluate(&parse(query)?, store, Instants::at(time, LOOKBACK), &mut budget)
}

/// A value as the cases write it, sorted.
fn written(value: Value) -> Vec<String> {
    let mut lines = match value {
        Value::Scalar(value) => vec![format!("scalar {}", number::format(value))],
        Value::Text(text) => vec![format!("string {text}")],
        Value::Vector(points) => points
            .into_iter()
            .map(|point| format!("{} {}", point.labels, number::format(point.value)))
            .collect(),
        Value::Matrix(rows) => {
            rows.into_iter().map(|row| format!("{} {:?}", row.labels, row.samples)).collect()
        }
    };
    lines.sort();
    lines
}

#[test]
fn the_cases_have_their_results() {
    let store = store();
    let text = include_str!("../../tests/promql/cases.txt");
    let mut cases: Vec<(&str, Vec<String>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("> "), cases.last_mut()) {
            (Some(query), _) => cases.push((query, Vec::new())),
            (None, Some((_, expected))) => expected.push(line.to_owned()),
            (None, None) => panic!("a result before the first query: {line}"),
        }
    }
    let mut wrong = Vec::new();
    for (query, mut expected) in cases {
        expected.sort();
        let got = match ask(&store, query, NOW) {
            Ok(value) => written(value),
            Err(Error::Parse(_)) => vec!["! bad_data".to_owned()],
            Err(Error::Execution(text)) if text.contains("not supported") => vec!["! refused".to_owned()],
            Err(error) => vec![format!("! execution {error}")],
        };
        let fails_as_expected =
            expected == ["! execution"] && got.len() == 1 && got[0].starts_with("! execution");
        if got != expected && !fails_as_expected {
            wrong.push(format!("{query}\n  expected {expected:?}\n  got      {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn offset_and_at_move_the_instant() {
    let mut store = Store::new(10, 100, Duration::from_secs(900));
    let id = store.series_id(&Labels::new([(NAME, "a")])).expect("room");
    for (time, value) in [(NOW - 60_000, 1.0), (NOW - 30_000, 2.0), (NOW, 3.0)] {
        store.append(id, Sample { time, value });
    }
    for (query, expected) in [
        ("sum(a)", "{} 3".to_owned()),
        ("sum(a offset 10s)", "{} 2".to_owned()),
        ("sum(a offset 1m)", "{} 1".to_owned()),
        ("sum(a @ 1699999970)", "{} 2".to_owned()),
        ("sum(a @ 1699999970 offset 30s)", "{} 1".to_owned()),
        ("sum(a @ start())", "{} 3".to_owned()),
        ("timestamp(a)", "{} 1700000000".to_owned()),
        ("timestamp(a offset 10s)", "{} 1699999970".to_owned()),
        ("time()", "scalar 1700000000".to_owned()),
        // Left open, as in Prometheus 3: the sample at the start of a range is not in it.
        ("sum_over_time(a[1m])", "{} 5".to_owned()),
        ("increase(a[90s])", "{} 3".to_owned()),
        ("increase(a[90s] @ 1700000000)", "{} 3".to_owned()),
    ] {
        let value = ask(&store, query, NOW).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(written(value), [expected], "{query}");
    }
}

#[test]
fn counter_resets_are_not_losses() {
    let mut store = Store::new(10, 100, Duration::from_secs(900));
    let id = store.series_id(&Labels::new([(NAME, "a")])).expect("room");
    for (at, value) in [10.0, 20.0, 5.0, 15.0].into_iter().enumerate() {
        store.append(id, Sample { time: NOW - 30_000 + at as Millis * 10_000, value });
    }
    let sum = |query: &str| written(ask(&store, query, NOW).expect(query));
    assert_eq!(sum("increase(a[31s])"), ["{} 25.833333333333336"], "10 + 5 + 10 in 30 s, stretched to 31 s");
    assert_eq!(sum("rate(a[31s])"), ["{} 0.8333333333333334"]);
    assert_eq!(sum("rate(a[5s])"), [""; 0], "one sample has no rate");
}

#[test]
fn a_query_has_a_budget() {
    let store = store();
    let mut budget = Budget::new(3, Instant::now() + Duration::from_secs(60));
    let expr = parse("sum(cpu)").expect("PromQL");
    let error = evaluate(&expr, &store, Instants::at(NOW, LOOKBACK), &mut budget).expect_err("four series");
    assert!(error.to_string().contains("more than 3 samples"), "{error}");

    let mut budget = Budget::new(100, Instant::now() - Duration::from_millis(1));
    assert_eq!(evaluate(&expr, &store, Instants::at(NOW, LOOKBACK), &mut budget), Err(Error::Timeout));
}

#[test]
fn hostile_queries_are_refused() {
    let store = store();
    let long = MAX_QUERY_BYTES - 1;
    for query in [
        format!("{}cpu", "-".repeat(long - 3)),
        format!("{}1{}", "(".repeat(long / 2), ")".repeat(long / 2)),
        "(".repeat(long),
        format!("1{}", "+1".repeat(long / 2)),
        format!("{}cpu{}", "ceil(".repeat(long / 6), ")".repeat(long / 6)),
        format!("{}cpu{}", "sum(".repeat(long / 6), ")".repeat(long / 6)),
        "x".repeat(MAX_QUERY_BYTES + 1),
        "a{b=~\"(((((a{1000}){1000}){1000}){1000}){1000})\"}".to_owned(),
    ] {
        let start: String = query.chars().take(20).collect();
        assert!(ask(&store, &query, NOW).is_err(), "{start}…");
    }
    let nested = format!("{}cpu{}", "(".repeat(DEPTH_THAT_WORKS), ")".repeat(DEPTH_THAT_WORKS));
    assert!(ask(&store, &nested, NOW).is_ok());
}

const DEPTH_THAT_WORKS: usize = 90;
