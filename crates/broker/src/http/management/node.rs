//! The broker itself: overview, node, virtual hosts, health checks, users, permissions, policies.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::User;
use super::answer::Refusal;
use super::list;
use crate::http::query::QueryPairs;
use crate::shared::{Mode, Shared};
use crate::state::State as Broker;
use crate::state::policy::{Overflow, Policy};

/// RabbitMQ version of the API; clients use it to detect features.
const RABBITMQ_VERSION: &str = "3.10.8";

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/overview", get(overview))
        .route("/api/whoami", get(whoami))
        .route("/api/cluster-name", get(cluster_name))
        .route("/api/extensions", get(async || Json(json!([]))))
        .route("/api/nodes", get(nodes))
        .route("/api/nodes/{name}", get(node))
        .route("/api/vhosts", get(vhosts))
        .route("/api/vhosts/{vhost}", get(vhost))
        .route("/api/users", get(users))
        .route("/api/users/{name}", get(user))
        .merge(list::routes("/api/permissions", "/api/vhosts/{vhost}/permissions", permission_objects))
        .merge(list::routes("/api/policies", "/api/policies/{vhost}", policy_objects))
        .route("/api/health/checks/alarms", get(alarms))
        .route("/api/health/checks/local-alarms", get(alarms))
        .route("/api/health/checks/virtual-hosts", get(serves))
        .route("/api/health/checks/node-is-quorum-critical", get(alone))
        .route("/api/health/checks/node-is-mirror-sync-critical", get(alone))
        .route("/api/healthchecks/node", get(serves))
        .route("/api/aliveness-test/{vhost}", get(alive))
}

async fn overview(State(shared): State<Arc<Shared>>) -> Response {
    let (totals, node, blocked, exchanges) = {
        let state = shared.lock();
        // Each virtual host has the default exchange as well.
        let exchanges: usize = state.exchanges.values().map(|exchanges| exchanges.len() + 1).sum();
        (state.totals(), state.config.node.clone(), state.alarm.reason().is_some(), exchanges)
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
            "exchanges": exchanges,
            "queues": totals.queues,
        },
    }))
    .into_response()
}

async fn whoami(Extension(User(name)): Extension<User>) -> Json<Value> {
    Json(json!({"name": name, "tags": ["administrator"]}))
}

async fn cluster_name(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"name": shared.lock().config.node}))
}

fn node_object(shared: &Shared) -> Value {
    let uptime = shared.now().ms;
    let state = shared.lock();
    json!({
        "disk_free_alarm": false,
        "mem_alarm": state.alarm.reason().is_some(),
        "mem_limit": state.config.limits.memory,
        "mem_used": state.meter.used(),
        "name": state.config.node,
        "partitions": [],
        "rates_mode": "none",
        "running": true,
        "type": "disc",
        "uptime": uptime,
    })
}

async fn nodes(State(shared): State<Arc<Shared>>, pairs: QueryPairs) -> Result<Json<Value>, Refusal> {
    list::answer(vec![node_object(&shared)], &pairs).map(Json)
}

async fn node(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Some(node_object(&shared)).filter(|node| node["name"] == *name).map(Json).ok_or(Refusal::Missing)
}

fn vhost_object(state: &Broker, name: &str) -> Value {
    let (mut ready, mut unacked) = (0, 0);
    for queue in state.queues.values().filter(|queue| *queue.vhost == *name) {
        ready += queue.ready();
        unacked += queue.unacked;
    }
    json!({
        "cluster_state": {state.config.node.clone(): "running"},
        "messages": ready + unacked,
        "messages_ready": ready,
        "messages_unacknowledged": unacked,
        "name": name,
        "tags": [],
        "tracing": false,
    })
}

async fn vhosts(State(shared): State<Arc<Shared>>, pairs: QueryPairs) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    let objects = state.exchanges.keys().map(|name| vhost_object(&state, name)).collect();
    list::answer(objects, &pairs).map(Json)
}

async fn vhost(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    let name = state.vhost(&name).ok_or(Refusal::Missing)?;
    Ok(Json(vhost_object(&state, &name)))
}

/// A user without the password, which never leaves the broker.
fn user_object(name: &str) -> Value {
    json!({"name": name, "tags": ["administrator"], "limits": {}})
}

async fn users(State(shared): State<Arc<Shared>>, pairs: QueryPairs) -> Result<Json<Value>, Refusal> {
    let objects = shared.lock().config.users.keys().map(|name| user_object(name)).collect();
    list::answer(objects, &pairs).map(Json)
}

async fn user(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let is_known = shared.lock().config.users.contains_key(&name);
    is_known.then(|| Json(user_object(&name))).ok_or(Refusal::Missing)
}

/// Every user has all permissions.
fn permission_objects(state: &Broker, vhost: Option<&str>) -> Vec<Value> {
    let vhosts = state.exchanges.keys().filter(|name| vhost.is_none_or(|vhost| ***name == *vhost));
    let of_vhost = |vhost: &Arc<str>| {
        let vhost = vhost.clone();
        let object = move |user| json!({"user": user, "vhost": *vhost, "configure": ".*", "write": ".*", "read": ".*"});
        state.config.users.keys().map(object)
    };
    vhosts.flat_map(of_vhost).collect()
}

fn policy_object(vhost: &str, policy: &Policy) -> Value {
    let definition = &policy.definition;
    let overflow = definition.overflow.map(|overflow| match overflow {
        Overflow::DropHead => "drop-head",
        Overflow::RejectPublish => "reject-publish",
        Overflow::RejectPublishDlx => "reject-publish-dlx",
    });
    let keys = [
        ("max-length", definition.max_length.map(Value::from)),
        ("max-length-bytes", definition.max_length_bytes.map(Value::from)),
        ("overflow", overflow.map(Value::from)),
        ("message-ttl", definition.message_ttl.map(Value::from)),
        ("dead-letter-exchange", definition.dead_letter_exchange.clone().map(Value::from)),
        ("dead-letter-routing-key", definition.dead_letter_routing_key.clone().map(Value::from)),
        ("expires", definition.expires.map(Value::from)),
        ("delivery-limit", definition.delivery_limit.map(Value::from)),
    ];
    let definition: Map<String, Value> =
        keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    json!({
        "apply-to": "queues",
        "definition": definition,
        "name": policy.name,
        "pattern": policy.pattern.as_str(),
        "priority": policy.priority,
        "vhost": vhost,
    })
}

/// A policy holds for all virtual hosts.
fn policy_objects(state: &Broker, vhost: Option<&str>) -> Vec<Value> {
    let vhosts = state.exchanges.keys().filter(|name| vhost.is_none_or(|vhost| ***name == *vhost));
    let objects = |vhost: &Arc<str>| -> Vec<Value> {
        state.policies.iter().map(|policy| policy_object(vhost, policy)).collect()
    };
    vhosts.flat_map(objects).collect()
}

/// The answer of a health check that has failed.
fn unhealthy(reason: &str, details: Value) -> Response {
    let mut body = json!({"status": "failed", "reason": reason});
    if let (Value::Object(body), Value::Object(details)) = (&mut body, details) {
        body.extend(details);
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

async fn alarms(State(shared): State<Arc<Shared>>) -> Response {
    let state = shared.lock();
    match state.alarm.reason() {
        None => Json(json!({"status": "ok"})).into_response(),
        Some(_) => {
            let alarms = json!({"alarms": [{"node": state.config.node, "resource": "memory"}]});
            unhealthy("There are alarms in effect in the cluster", alarms)
        }
    }
}

async fn serves(State(shared): State<Arc<Shared>>) -> Response {
    match shared.mode() {
        Mode::Serving => Json(json!({"status": "ok"})).into_response(),
        Mode::Frozen | Mode::Stopped => unhealthy("The broker does not serve", json!({})),
    }
}

async fn alone() -> Json<Value> {
    Json(json!({"status": "ok", "reason": "single node cluster"}))
}

async fn alive(State(shared): State<Arc<Shared>>, Path(vhost): Path<String>) -> Result<Response, Refusal> {
    shared.lock().vhost(&vhost).ok_or(Refusal::Missing)?;
    Ok(serves(State(shared)).await)
}
