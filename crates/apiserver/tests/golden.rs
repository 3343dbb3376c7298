//! The same requests, answered as a real kube-apiserver v1.34.4 answered them.
//!
//! `data/*.json` holds requests in their order and what the real server said, with what differs from run to run
//! (versions, UIDs, times, addresses) replaced by a placeholder. A step without `answer` is one where the real
//! server's words depend on its own program (a Go type's name, a random order); there only the code is compared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use apiserver::{ApiServer, Config};
use axum::body::Body;
use http::{Request, header};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    name: String,
    method: String,
    path: String,
    status: u16,
    body: Option<Value>,
    content_type: Option<String>,
    accept: Option<String>,
    answer: Option<Value>,
    #[serde(default)]
    warnings: Vec<String>,
    /// JSON pointers of what the real cluster's controllers write.
    #[serde(default)]
    ignore: Vec<String>,
}

fn placeholder(key: &str, value: &str) -> Option<&'static str> {
    match key {
        "uid" => Some("<uid>"),
        "resourceVersion" => Some("<resourceVersion>"),
        "clusterIP" if value != "None" => Some("<clusterIP>"),
        "creationTimestamp" | "time" | "deletionTimestamp" | "lastTransitionTime" => Some("<t>"),
        "continue" => Some("<continue>"),
        "description" => Some(""),
        _ => None,
    }
}

/// Replaces what differs from run to run.
fn normalize(key: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key == "clusterIPs" {
                    *value = serde_json::json!(["<ips>"]);
                }
                normalize(key, value);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| normalize(key, value)),
        Value::String(text) => {
            if let Some(fixed) = placeholder(key, text) {
                *text = fixed.to_owned();
            }
            if key == "cells" && text.ends_with('s') && text.trim_end_matches('s').parse::<u32>().is_ok() {
                *text = "<age>".to_owned();
            }
            if key == "cells" && text.parse::<jiff::Timestamp>().is_ok() {
                *text = "<t>".to_owned();
            }
            if text.starts_with("10.96.") {
                *text = "<ip>".to_owned();
            }
            *text = without_uids(text);
        }
        _ => {}
    }
}

fn without_uids(text: &str) -> String {
    let is_uid = |word: &str| {
        let lengths: Vec<usize> = word.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && word.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
    };
    let mut out = text.to_owned();
    for word in text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-')) {
        if is_uid(word) {
            out = out.replace(word, "<uid>");
        }
    }
    out
}

/// What only one of the two servers has in a table.
fn tidy_table(table: &mut Value, accept: &str) {
    if table["kind"] != "Table" {
        return;
    }
    table["metadata"] = serde_json::json!({});
    if accept.contains("as=Table") {
        for row in table["rows"].as_array_mut().into_iter().flatten() {
            if row["object"].is_object() {
                remove(row, "/object");
            }
        }
    }
    // Go writes an empty list of rows as null in some tables and as a list in others.
    if table["rows"].as_array().is_some_and(Vec::is_empty) {
        table["rows"] = Value::Null;
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    if let Some(Value::Object(map)) = value.pointer_mut(parent) {
        map.remove(name);
    }
}

async fn replay(text: &str) {
    let steps: Vec<Step> = serde_json::from_str(text).expect("the data is valid");
    let server = ApiServer::new(Config::default());
    let mut failures = Vec::new();
    for step in &steps {
        let accept = step.accept.as_deref().unwrap_or_default();
        let mut request = Request::builder().method(step.method.as_str()).uri(&step.path);
        request = request.header(header::USER_AGENT, "cmp/1.0");
        if let Some(media) = &step.content_type {
            request = request.header(header::CONTENT_TYPE, media);
        }
        if !accept.is_empty() {
            request = request.header(header::ACCEPT, accept);
        }
        let body = match &step.body {
            None => Body::empty(),
            Some(Value::String(text)) => Body::from(text.clone()),
            Some(value) => Body::from(value.to_string()),
        };
        let response = server.router().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let warnings: Vec<String> = response
            .headers()
            .get_all(header::WARNING)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut ours: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        if status != step.status {
            failures.push(format!("{}: {status} instead of {}: {ours}", step.name, step.status));
            continue;
        }
        let Some(mut real) = step.answer.clone() else { continue };
        normalize("", &mut ours);
        normalize("", &mut real);
        for pointer in &step.ignore {
            remove(&mut ours, pointer);
            remove(&mut real, pointer);
        }
        tidy_table(&mut ours, accept);
        tidy_table(&mut real, accept);
        if ours != real || warnings != step.warnings {
            failures.push(format!("{}:\n ours {ours}\n real {real}\n {warnings:?}", step.name));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} answers differ:\n{}",
        failures.len(),
        steps.len(),
        failures.join("\n")
    );
}

#[tokio::test]
async fn a_config_map_through_its_life() {
    replay(include_str!("data/objects.json")).await;
}

#[tokio::test]
async fn every_kind_with_its_defaults_tables_and_subresources() {
    replay(include_str!("data/kinds.json")).await;
}

#[tokio::test]
async fn discovery_deletions_and_options() {
    replay(include_str!("data/answers.json")).await;
}
