//! `surge import` and `surge report`, with the real program.

use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

use axum::extract::Query;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::process::Command;

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

async fn surge(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(SURGE).args(arguments).current_dir(folder).output().await.unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// The samples of a query: ten minutes in which a queue fills and the HPA goes from 1 to 5.
fn samples(query: &str, start: f64, end: f64, step: f64) -> Vec<Value> {
    let value = |second: f64| {
        let busy = (120.0..420.0).contains(&second);
        Some(match query {
            _ if query.contains("spec_min_replicas") => 1.0,
            _ if query.contains("spec_max_replicas") => 10.0,
            _ if query.contains("spec_target_metric") => 20.0,
            _ if query.contains("status_target_metric") => {
                if busy {
                    90.0
                } else {
                    0.0
                }
            }
            _ if query.contains("status_current_replicas") => {
                if busy && second > 135.0 {
                    5.0
                } else {
                    1.0
                }
            }
            _ if query.contains("status_desired_replicas") => {
                if busy {
                    5.0
                } else {
                    1.0
                }
            }
            _ if query.contains("rabbitmq") => {
                if busy {
                    90.0
                } else {
                    0.0
                }
            }
            _ => return None,
        })
    };
    let mut samples = Vec::new();
    let mut time = start;
    while time <= end {
        samples.extend(value(time - start).map(|value| json!([time, value.to_string()])));
        time += step;
    }
    samples
}

/// A Prometheus that has these series only.
async fn prometheus() -> String {
    let answer = |Query(parameters): Query<HashMap<String, String>>| async move {
        let number = |name: &str| parameters[name].parse::<f64>().unwrap();
        let values = samples(&parameters["query"], number("start"), number("end"), number("step"));
        let metric = json!({"metric_name": "depth", "metric_target_type": "average"});
        let result =
            if values.is_empty() { json!([]) } else { json!([{"metric": metric, "values": values}]) };
        Json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}}))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v1/query_range", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn an_import_can_be_reported() {
    let folder = tempfile::tempdir().unwrap();
    let url = prometheus().await;
    let arguments = [
        "import",
        "prometheus",
        "--url",
        &url,
        "-n",
        "shop",
        "--hpa",
        "web",
        "--start",
        "2026-05-01T10:00:00Z",
        "--end",
        "2026-05-01T10:10:00Z",
        "--query",
        "queue=sum(rabbitmq_queue_messages)",
        "-o",
        "web.surge.jsonl",
    ];
    let imported = surge(folder.path(), &arguments).await;
    let said = text(&imported.stderr);
    assert!(imported.status.success(), "{said}");
    assert!(said.contains("spec.behavior is not in the data"), "{said}");
    let header = std::fs::read_to_string(folder.path().join("web.surge.jsonl")).unwrap();
    let header: Value = serde_json::from_str(header.lines().next().unwrap()).unwrap();
    assert_eq!(header["imported"], "prometheus");
    assert!(header["unknown"].as_array().unwrap().len() > 3, "{header}");

    let again = surge(folder.path(), &arguments).await;
    assert_eq!(again.status.code(), Some(1), "an import overwrites no recording: {}", text(&again.stderr));

    let reported = surge(folder.path(), &["report", "web.surge.jsonl", "--utc", "-o", "-"]).await;
    let html = text(&reported.stdout);
    assert!(reported.status.success(), "{}", text(&reported.stderr));
    for wanted in [
        "shop/web",
        "import from prometheus",
        "1 → 5",
        "messages in the queue",
        "10:02:00",
        "Not in this file",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
}

#[tokio::test]
async fn a_week_is_reported_with_its_days() {
    let folder = tempfile::tempdir().unwrap();
    let url = prometheus().await;
    let arguments = ["import", "prometheus", "--url", &url, "-n", "shop", "--hpa", "web", "--step", "5m"];
    let range = ["--start", "2026-05-01T10:00:00Z", "--end", "2026-05-08T10:00:00Z"];
    let imported = surge(folder.path(), &[&arguments[..], &range].concat()).await;
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let reported = surge(folder.path(), &["report", "import.surge.jsonl", "--utc", "-o", "-"]).await;
    let html = text(&reported.stdout);
    // The busy minutes at its beginning are not lost, and the axis has the days.
    for wanted in ["<dd>7d</dd>", "1 → 5", "10:05:00", "May 3", "May 8 "] {
        assert!(html.contains(wanted), "{wanted}");
    }
}

#[tokio::test]
async fn a_record_of_hpa_status_can_be_reported() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = |second: u32, current: i32, desired: i32, value: f64| {
        json!({"timestamp": format!("2026-05-01T10:00:{second:02}Z"), "currentReplicas": current,
            "desiredReplicas": desired, "metricValues": [{"type": "Resource", "name": "cpu", "value": value,
            "target": 60, "unit": "%"}], "conditions": []})
    };
    let record = json!({"hpaName": "web", "namespace": "shop", "start": "2026-05-01T10:00:00Z",
        "interval": 15_000_000_000_i64, "snapshots": [snapshot(0, 2, 2, 50.0), snapshot(15, 2, 4, 110.0),
        snapshot(30, 4, 4, 60.0), snapshot(45, 4, 4, 60.0)]});
    std::fs::write(folder.path().join("records.jsonl"), format!("{record}\n")).unwrap();
    let imported = surge(folder.path(), &["import", "hpa-status", "records.jsonl"]).await;
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let reported = surge(folder.path(), &["report", "import.surge.jsonl"]).await;
    assert!(reported.status.success(), "{}", text(&reported.stderr));
    let html = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(html.contains("2 → 4") && html.contains("cpu: 110%/60%"));
}

#[tokio::test]
async fn wrong_files_are_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text"), "hello\n").unwrap();
    for (arguments, code, expected) in [
        (&["report", "absent.surge.jsonl"][..], 1, "absent.surge.jsonl"),
        (&["report", "text"], 1, "text"),
        (&["report"], 2, "<FILE>"),
        (&["import", "hpa-status", "text"], 1, "line 1 is no record of kubectl-hpa-status"),
        (&["import", "prometheus", "--hpa", "web", "--start", "x", "-n", "a"], 2, "--start"),
        (
            &["import", "prometheus", "--hpa", "web", "--start", "1h", "--query", "depth=x"],
            2,
            "the names are: queue",
        ),
        (
            &["import", "prometheus", "--hpa", "web", "--start", "1h", "--url", "ftp://x", "-n", "a"],
            2,
            "is no URL such as https://",
        ),
    ] {
        let output = surge(folder.path(), arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
