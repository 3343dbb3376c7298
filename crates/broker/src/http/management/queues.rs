//! Queues: list, read, declare, purge, delete.

use std::sync::Arc;

use amq_protocol::protocol::queue::Declare;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Map, Value};

use super::answer::{Body, Refusal};
use super::clients::consumer_objects;
use super::{exchanges, list};
use crate::http::query::QueryPairs;
use crate::shared::Shared;
use crate::state::arguments::value::table_from_json;
use crate::state::ids::QueueId;
use crate::state::management::MANAGEMENT;
use crate::state::queues::check_lock;
use crate::state::report::QueueReport;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/queues", get(all))
        .route("/api/queues/{vhost}", get(of_vhost))
        .route("/api/queues/{vhost}/{name}", get(one).put(declare).delete(remove))
        .route("/api/queues/{vhost}/{name}/bindings", get(exchanges::bindings_of_queue))
        .route("/api/queues/{vhost}/{name}/contents", delete(purge))
}

async fn all(State(shared): State<Arc<Shared>>, pairs: QueryPairs) -> Result<Json<Value>, Refusal> {
    let (reports, node) = {
        let state = shared.lock();
        (state.queue_reports(None), state.config.node.clone())
    };
    objects(&reports, &node, &pairs)
}

async fn of_vhost(
    State(shared): State<Arc<Shared>>,
    Path(vhost): Path<String>,
    pairs: QueryPairs,
) -> Result<Json<Value>, Refusal> {
    let (reports, node) = {
        let state = shared.lock();
        state.vhost(&vhost).ok_or(Refusal::Missing)?;
        (state.queue_reports(Some(&vhost)), state.config.node.clone())
    };
    objects(&reports, &node, &pairs)
}

async fn one(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    pairs: QueryPairs,
) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    let report = state.queue_report(&vhost, &name).ok_or(Refusal::Missing)?;
    let mut object = object(&report, &state.config.node, &pairs);
    if !pairs.is_true("disable_stats") {
        let consumers = consumer_objects(&state, |queue| *queue.vhost == *vhost && *queue.name == *name);
        object.insert("consumer_details".to_owned(), consumers.into());
    }
    Ok(Json(object.into()))
}

fn objects(reports: &[QueueReport], node: &str, pairs: &QueryPairs) -> Result<Json<Value>, Refusal> {
    let queues = reports.iter().map(|report| object(report, node, pairs).into()).collect();
    list::answer(queues, pairs).map(Json)
}

/// Formats a queue; `disable_stats` and `enable_queue_totals` select its fields.
fn object(report: &QueueReport, node: &str, pairs: &QueryPairs) -> Map<String, Value> {
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
    object
}

async fn declare(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let mut state = shared.lock();
    let vhost = state.vhost(&vhost).ok_or_else(|| Refusal::NotFound("vhost_not_found".to_owned()))?;
    let node = body.text("node")?;
    if !node.is_empty() && node != state.config.node {
        return Err(Refusal::BadRequest(format!("Node {node} could not be contacted").into()));
    }
    let declaration = Declare {
        queue: name.as_str().into(),
        passive: false,
        durable: body.flag("durable")?,
        exclusive: false,
        auto_delete: body.flag("auto_delete")?,
        nowait: false,
        arguments: table_from_json(&body.table("arguments")?),
    };
    let known = state.find(&vhost, &name).is_some();
    state.declare_active(MANAGEMENT, &vhost, declaration)?;
    Ok(if known { StatusCode::NO_CONTENT } else { StatusCode::CREATED })
}

async fn purge(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let mut state = shared.lock();
    let id = usable(&state, &vhost, &name)?;
    if let Some(queue) = state.queues.get_mut(&id) {
        queue.purge();
    }
    state.check_alarm();
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    pairs: QueryPairs,
) -> Result<StatusCode, Refusal> {
    let mut state = shared.lock();
    let id = usable(&state, &vhost, &name)?;
    state.delete_if(id, pairs.is_true("if-unused"), pairs.is_true("if-empty"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The queue of that name, which no other connection owns.
fn usable(state: &crate::state::State, vhost: &str, name: &str) -> Result<QueueId, Refusal> {
    let id = state.find(vhost, name).ok_or(Refusal::Missing)?;
    check_lock(state.queues.get(&id).ok_or(Refusal::Missing)?, MANAGEMENT, None)?;
    Ok(id)
}
