//! Metrics in Prometheus' text format, with the series of RabbitMQ's plugin: `/metrics` for the node, `/metrics/per-object`
//! for every queue, `/metrics/detailed` for the requested families.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use regex::Regex;

use super::query::QueryPairs;
use crate::shared::Shared;
use crate::state::report::{QueueReport, Totals};

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(node))
        .route("/metrics/per-object", get(per_object))
        .route("/metrics/detailed", get(detailed))
        .with_state(shared.clone())
}

/// A metric of a queue.
struct Metric {
    /// Name without the prefix.
    name: &'static str,
    help: &'static str,
    value: fn(&QueueReport) -> usize,
}

/// Family `queue_coarse_metrics`.
const COARSE: [Metric; 3] = [
    Metric {
        name: "queue_messages_ready",
        help: "Messages ready to be delivered to consumers",
        value: |queue| queue.ready,
    },
    Metric {
        name: "queue_messages_unacked",
        help: "Messages delivered to consumers but not yet acknowledged",
        value: |queue| queue.unacked,
    },
    Metric {
        name: "queue_messages",
        help: "Sum of ready and unacknowledged messages - total queue depth",
        value: |queue| queue.ready + queue.unacked,
    },
];

/// Family `queue_consumer_count`.
const CONSUMERS: [Metric; 1] =
    [Metric { name: "queue_consumers", help: "Consumers on a queue", value: |queue| queue.consumers }];

/// The supported part of family `queue_metrics`.
const BYTES: [Metric; 3] = [
    Metric {
        name: "queue_messages_bytes",
        help: "Size in bytes of ready and unacknowledged messages",
        value: |queue| queue.ready_bytes + queue.unacked_bytes,
    },
    Metric {
        name: "queue_messages_ready_bytes",
        help: "Size in bytes of ready messages",
        value: |queue| queue.ready_bytes,
    },
    Metric {
        name: "queue_messages_unacked_bytes",
        help: "Size in bytes of all unacknowledged messages",
        value: |queue| queue.unacked_bytes,
    },
];

async fn node(State(shared): State<Arc<Shared>>) -> Response {
    let (totals, reports, memory, limit, node) = read(&shared);
    let mut text = String::new();
    for metric in COARSE.iter().chain(&CONSUMERS).chain(&BYTES) {
        head(&mut text, "rabbitmq_", metric.name, metric.help);
        let sum: usize = reports.iter().map(metric.value).sum();
        let _ = writeln!(text, "rabbitmq_{} {sum}", metric.name);
    }
    node_metrics(&mut text, totals, memory, limit, &node);
    answer(text)
}

async fn per_object(State(shared): State<Arc<Shared>>) -> Response {
    let (totals, reports, memory, limit, node) = read(&shared);
    let mut text = String::new();
    for metric in COARSE.iter().chain(&CONSUMERS).chain(&BYTES) {
        per_queue(&mut text, "rabbitmq_", metric, &reports);
    }
    node_metrics(&mut text, totals, memory, limit, &node);
    answer(text)
}

async fn detailed(State(shared): State<Arc<Shared>>, pairs: QueryPairs) -> Response {
    let (_, mut reports, _, _, node) = read(&shared);
    let vhosts: Vec<&str> = pairs.all("vhost").collect();
    if !vhosts.is_empty() {
        reports.retain(|report| vhosts.contains(&&*report.vhost));
    }
    // As in RabbitMQ 4.3: an unanchored regular expression.
    let names: Result<Vec<Regex>, _> = pairs.all("queue").map(Regex::new).collect();
    let names = match names {
        Ok(names) => names,
        Err(error) => {
            let text = format!("the parameter queue is not a regular expression: {error}\n");
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    if !names.is_empty() {
        reports.retain(|report| names.iter().any(|name| name.is_match(&report.name)));
    }
    let mut text = String::new();
    let wants = |family: &str| pairs.all("family").any(|wanted| wanted == family);
    let families: [(&str, &[Metric]); 3] =
        [("queue_coarse_metrics", &COARSE), ("queue_consumer_count", &CONSUMERS), ("queue_metrics", &BYTES)];
    for (family, metrics) in families {
        if wants(family) {
            for metric in metrics {
                per_queue(&mut text, "rabbitmq_detailed_", metric, &reports);
            }
        }
    }
    identity(&mut text, &node);
    answer(text)
}

fn read(shared: &Shared) -> (Totals, Vec<QueueReport>, usize, usize, String) {
    let state = shared.lock();
    (
        state.totals(),
        state.queue_reports(None),
        state.meter.used(),
        state.config.limits.memory,
        state.config.node.clone(),
    )
}

fn head(text: &mut String, prefix: &str, name: &str, help: &str) {
    let _ = writeln!(text, "# TYPE {prefix}{name} gauge\n# HELP {prefix}{name} {help}");
}

fn per_queue(text: &mut String, prefix: &str, metric: &Metric, reports: &[QueueReport]) {
    head(text, prefix, metric.name, metric.help);
    for report in reports {
        let (vhost, queue) = (escaped(&report.vhost), escaped(&report.name));
        let value = (metric.value)(report);
        let _ = writeln!(text, "{prefix}{}{{vhost=\"{vhost}\",queue=\"{queue}\"}} {value}", metric.name);
    }
}

/// Appends the metrics of the node.
fn node_metrics(text: &mut String, totals: Totals, memory: usize, limit: usize, node: &str) {
    for (name, help, value) in [
        ("connections", "Connections currently open", totals.connections),
        ("channels", "Channels currently open", totals.channels),
        ("consumers", "Consumers currently connected", totals.consumers),
        ("queues", "Queues available", totals.queues),
        ("process_resident_memory_bytes", "Memory used in bytes", memory),
        ("resident_memory_limit_bytes", "Memory high watermark in bytes", limit),
    ] {
        head(text, "rabbitmq_", name, help);
        let _ = writeln!(text, "rabbitmq_{name} {value}");
    }
    identity(text, node);
}

fn identity(text: &mut String, node: &str) {
    let node = escaped(node);
    head(text, "rabbitmq_", "identity_info", "RabbitMQ node & cluster identity info");
    let _ =
        writeln!(text, "rabbitmq_identity_info{{rabbitmq_node=\"{node}\",rabbitmq_cluster=\"{node}\"}} 1");
}

/// Escapes a label value for Prometheus' text format.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
