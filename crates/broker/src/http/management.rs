//! The read-only part of RabbitMQ's management API for queues.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::query::QueryPairs;
use crate::shared::Shared;
use crate::state::report::QueueReport;

/// RabbitMQ version of the API; clients use it to detect features.
const RABBITMQ_VERSION: &str = "3.10.8";

/// The page for a browser.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>Broker of the sandbox</title>\
    <h1>Broker of the sandbox</h1>\
    <p>This broker stands in for RabbitMQ. It has no web interface; the management API shows its queues:\
    <ul><li><a href=/api/queues>/api/queues</a><li><a href=/api/overview>/api/overview</a></ul>\n";

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/api/overview", get(overview))
        .route("/api/queues", get(all_queues))
        .route("/api/queues/{vhost}", get(queues))
        .route("/api/queues/{vhost}/{name}", get(queue))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(shared.clone(), authorize))
        // As RabbitMQ's page, it needs no login.
        .route("/", get(async || Html(PAGE)))
        .with_state(shared.clone())
}

async fn authorize(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"RabbitMQ Management\"")];
    let Some(given) = given else { return (StatusCode::UNAUTHORIZED, challenge).into_response() };
    let admitted = given
        .to_str()
        .ok()
        .and_then(|given| given.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':')?;
            let user = std::str::from_utf8(&pair[..colon]).ok()?;
            Some(shared.lock().admits(user, &pair[colon + 1..]))
        });
    if admitted == Some(true) {
        return next.run(request).await;
    }
    let body = json!({"error": "not_authorized", "reason": "Login failed"});
    (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
}

async fn not_found() -> Response {
    let body = json!({"error": "Object Not Found", "reason": "Not Found"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

async fn overview(State(shared): State<Arc<Shared>>) -> Response {
    let (totals, node, blocked) = {
        let state = shared.lock();
        (state.totals(), state.config.node.clone(), state.alarm.reason().is_some())
    };
    Json(json!({
        "management_version": RABBITMQ_VERSION,
        "rabbitmq_version": RABBITMQ_VERSION,
        "product_name": env!("CARGO_PKG_NAME"),
        "product_version": env!("CARGO_PKG_VERSION"),
        "cluster_name": node,
        "node": node,
        "rates_mode": "none",
        "disable_stats": false,
        "enable_queue_totals": false,
        "statistics_db_event_queue": 0,
        "publishing_blocked": blocked,
        "queue_totals": {
            "messages": totals.ready + totals.unacked,
            "messages_ready": totals.ready,
            "messages_unacknowledged": totals.unacked,
        },
        "object_totals": {
            "channels": totals.channels,
            "connections": totals.connections,
            "consumers": totals.consumers,
            // The default exchange.
            "exchanges": 1,
            "queues": totals.queues,
        },
    }))
    .into_response()
}

async fn all_queues(State(shared): State<Arc<Shared>>, pairs: QueryPairs) -> Response {
    let (reports, node) = {
        let state = shared.lock();
        (state.queue_reports(None), state.config.node.clone())
    };
    list(&reports, &node, &pairs)
}

async fn queues(State(shared): State<Arc<Shared>>, Path(vhost): Path<String>, pairs: QueryPairs) -> Response {
    let (reports, node) = {
        let state = shared.lock();
        (state.vhost(&vhost).map(|_| state.queue_reports(Some(&vhost))), state.config.node.clone())
    };
    match reports {
        Some(reports) => list(&reports, &node, &pairs),
        None => not_found().await,
    }
}

async fn queue(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    pairs: QueryPairs,
) -> Response {
    let (report, node) = {
        let state = shared.lock();
        (state.queue_report(&vhost, &name), state.config.node.clone())
    };
    match report {
        Some(report) => Json(object(&report, &node, &pairs)).into_response(),
        None => not_found().await,
    }
}

fn list(reports: &[QueueReport], node: &str, pairs: &QueryPairs) -> Response {
    let queues: Vec<Value> = reports.iter().map(|report| object(report, node, pairs)).collect();
    Json(queues).into_response()
}

/// Formats a queue; `disable_stats` and `enable_queue_totals` select its fields.
fn object(report: &QueueReport, node: &str, pairs: &QueryPairs) -> Value {
    let stats = !pairs.is_true("disable_stats");
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
    set("arguments", report.arguments.clone());
    set("auto_delete", report.auto_delete.into());
    set("durable", report.durable.into());
    set("exclusive", report.exclusive.into());
    set("name", (*report.name).into());
    set("node", node.into());
    set("state", "running".into());
    set("type", report.queue_type.into());
    set("vhost", (*report.vhost).into());
    if stats || pairs.is_true("enable_queue_totals") {
        set("messages", (report.ready + report.unacked).into());
        set("messages_ready", report.ready.into());
        set("messages_unacknowledged", report.unacked.into());
    }
    if stats {
        set("consumers", report.consumers.into());
        set("message_bytes", (report.ready_bytes + report.unacked_bytes).into());
        set("message_bytes_ready", report.ready_bytes.into());
        set("message_bytes_unacknowledged", report.unacked_bytes.into());
        set("policy", report.policy.clone().into());
    }
    Value::Object(object)
}
