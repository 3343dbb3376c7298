//! The cases of `promql/cases.txt` against a real Prometheus: it must give the results that our evaluator gives.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail it by panicking, as the test itself does")]

use std::convert::Infallible;

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use testkit::prometheus::Prometheus;
use testkit::wait;

const EXPOSITION: &str = include_str!("promql/exposition.txt");
const CASES: &str = include_str!("promql/cases.txt");

async fn target() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/metrics", get(|| async { Ok::<_, Infallible>(EXPOSITION) }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn ask(client: &reqwest::Client, url: &str, query: &str) -> Value {
    let request = client.get(format!("{url}/api/v1/query")).query(&[("query", query)]);
    request.send().await.unwrap().json().await.unwrap()
}

/// An answer in the notation of the cases, sorted.
fn written(answer: &Value) -> Vec<String> {
    if answer["status"] == "error" {
        return vec![format!("! {}", answer["errorType"].as_str().unwrap())];
    }
    let data = &answer["data"];
    let number = |pair: &Value| pair[1].as_str().unwrap().to_owned();
    let mut lines = match data["resultType"].as_str().unwrap() {
        "scalar" => vec![format!("scalar {}", number(&data["result"]))],
        "string" => vec![format!("string {}", number(&data["result"]))],
        "vector" => data["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| format!("{} {}", series(&point["metric"]), number(&point["value"])))
            .collect(),
        other => panic!("no case has a result of type {other}"),
    };
    lines.sort();
    lines
}

fn series(metric: &Value) -> String {
    let labels = metric.as_object().unwrap();
    let name = labels.get("__name__").and_then(Value::as_str).unwrap_or_default();
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(key, _)| *key != "__name__")
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if pairs.is_empty() && !name.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", pairs.join(", "))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's package prometheus"]
async fn a_real_prometheus_gives_the_same_results() {
    let target = target().await;
    let prometheus = Prometheus::start(&format!(
        "global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: rabbitmq
  static_configs:
  - targets: ['{target}']
    labels: {{namespace: autoscaling-demo, instance: broker}}
"
    ))
    .unwrap();
    let url = prometheus.url();
    let client = reqwest::Client::new();
    // Some cases look one minute back; one scrape is enough for all of them.
    wait::until("the first scrape", || async {
        let answer = ask(&client, &url, "sum(up) + sum(twin_a)").await;
        (written(&answer) == ["{} 8"]).then_some(())
    })
    .await;

    let mut cases: Vec<(&str, Vec<String>)> = Vec::new();
    for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("> "), cases.last_mut()) {
            (Some(query), _) => cases.push((query, Vec::new())),
            (None, Some((_, expected))) => expected.push(line.to_owned()),
            (None, None) => panic!("a result before the first query: {line}"),
        }
    }
    assert!(cases.len() > 100, "the cases were read");
    let mut wrong = Vec::new();
    for (query, mut expected) in cases {
        expected.sort();
        let got = written(&ask(&client, &url, query).await);
        let agrees = if expected == ["! refused"] { !got.concat().starts_with('!') } else { got == expected };
        if !agrees {
            wrong.push(format!("{query}\n  cases      {expected:?}\n  Prometheus {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
