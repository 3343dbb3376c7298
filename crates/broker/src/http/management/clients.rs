//! Connections, channels and consumers: list, read, and close a connection.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::list;
use crate::error::{AmqpError, ReplyCode};
use crate::shared::Shared;
use crate::state::State as Broker;
use crate::state::connection::{Channel, Client, Connection, Flow, Phase};
use crate::state::queue::Queue;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .merge(list::routes("/api/connections", "/api/vhosts/{vhost}/connections", connection_objects))
        .route("/api/connections/{name}", get(connection).delete(close))
        .route("/api/connections/{name}/channels", get(channels_of_connection))
        .merge(list::routes("/api/channels", "/api/vhosts/{vhost}/channels", |state, vhost| {
            channel_objects(state, |connection| vhost.is_none_or(|vhost| *connection.client.vhost == *vhost))
        }))
        .route("/api/channels/{name}", get(channel))
        .merge(list::routes("/api/consumers", "/api/consumers/{vhost}", |state, vhost| {
            consumer_objects(state, |queue| vhost.is_none_or(|vhost| *queue.vhost == *vhost))
        }))
}

/// Host and port of the two ends in a client's address, the client's first.
fn ends(client: &Client) -> [(&str, Option<u16>); 2] {
    let (peer, own) = client.address.split_once(" -> ").unwrap_or((&client.address, ""));
    [peer, own].map(|end| end.rsplit_once(':').map_or((end, None), |(host, port)| (host, port.parse().ok())))
}

fn connection_object(state: &Broker, connection: &Connection) -> Value {
    let client = &connection.client;
    let [(peer_host, peer_port), (host, port)] = ends(client);
    json!({
        "channel_max": client.channel_max,
        "channels": connection.channels.len(),
        "frame_max": client.frame_max,
        "host": host,
        "name": client.address,
        "node": state.config.node,
        "peer_host": peer_host,
        "peer_port": peer_port,
        "port": port,
        "protocol": "AMQP 0-9-1",
        "ssl": false,
        "state": match connection.flow {
            Flow::Blocked => "blocked",
            Flow::Running => "running",
        },
        "type": "network",
        "user": client.user,
        "user_provided_name": client.name,
        "vhost": *client.vhost,
    })
}

/// Open connections by name.
fn open(state: &Broker) -> Vec<&Connection> {
    let mut open: Vec<&Connection> =
        state.connections.values().filter(|connection| connection.phase == Phase::Open).collect();
    open.sort_unstable_by(|one, other| one.client.address.cmp(&other.client.address));
    open
}

fn connection_objects(state: &Broker, vhost: Option<&str>) -> Vec<Value> {
    let wanted = |connection: &&Connection| vhost.is_none_or(|vhost| *connection.client.vhost == *vhost);
    open(state).into_iter().filter(wanted).map(|connection| connection_object(state, connection)).collect()
}

async fn connection(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    let found = open(&state).into_iter().find(|connection| connection.client.address == name);
    found.map(|connection| Json(connection_object(&state, connection))).ok_or(Refusal::Missing)
}

async fn close(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let reason = headers.get("x-reason").and_then(|reason| reason.to_str().ok());
    let reason = reason.unwrap_or("Closed via management plugin");
    let error = AmqpError::new(ReplyCode::ConnectionForced, reason);
    let now = shared.now();
    let mut state = shared.lock();
    let found = open(&state).into_iter().find(|connection| connection.client.address == name);
    let id = found.ok_or(Refusal::Missing)?.id;
    state.close(id, &error, now);
    Ok(StatusCode::NO_CONTENT)
}

fn channel_name(connection: &Connection, number: u16) -> String {
    format!("{} ({number})", connection.client.address)
}

fn channel_object(state: &Broker, connection: &Connection, number: u16, channel: &Channel) -> Value {
    let client = &connection.client;
    let [(peer_host, peer_port), _] = ends(client);
    json!({
        "confirm": channel.confirms.is_some(),
        "connection_details": {"name": client.address, "peer_host": peer_host, "peer_port": peer_port},
        "consumer_count": channel.consumers.len(),
        "global_prefetch_count": channel.global_prefetch,
        "messages_unacknowledged": channel.unacked.len(),
        "name": channel_name(connection, number),
        "node": state.config.node,
        "number": number,
        "prefetch_count": channel.prefetch,
        "state": "running",
        "transactional": false,
        "user": client.user,
        "vhost": *client.vhost,
    })
}

fn channel_objects(state: &Broker, wanted: impl Fn(&Connection) -> bool) -> Vec<Value> {
    let mut objects = Vec::new();
    for connection in open(state).into_iter().filter(|connection| wanted(connection)) {
        let mut numbers: Vec<u16> = connection.channels.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let Some(channel) = connection.channels.get(&number) else { continue };
            objects.push(channel_object(state, connection, number, channel));
        }
    }
    objects
}

async fn channels_of_connection(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    open(&state).into_iter().find(|connection| connection.client.address == name).ok_or(Refusal::Missing)?;
    Ok(Json(channel_objects(&state, |connection| connection.client.address == name).into()))
}

async fn channel(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let channels = channel_objects(&shared.lock(), |_| true);
    channels.into_iter().find(|channel| channel["name"] == *name).map(Json).ok_or(Refusal::Missing)
}

/// The consumers of the queues that a request wants, by queue.
pub(super) fn consumer_objects(state: &Broker, wanted: impl Fn(&Queue) -> bool) -> Vec<Value> {
    let mut queues: Vec<&Queue> = state.queues.values().filter(|queue| wanted(queue)).collect();
    queues.sort_unstable_by(|one, other| (&one.vhost, &one.name).cmp(&(&other.vhost, &other.name)));
    let mut objects = Vec::new();
    for queue in queues {
        for consumer in queue.consumers.values() {
            let Some(connection) = state.connections.get(&consumer.channel_ref.connection) else { continue };
            let client = &connection.client;
            let [(peer_host, peer_port), _] = ends(client);
            objects.push(json!({
                "ack_required": !consumer.no_ack,
                "active": true,
                "activity_status": "up",
                "arguments": {},
                "channel_details": {
                    "connection_name": client.address,
                    "name": channel_name(connection, consumer.channel_ref.channel),
                    "node": state.config.node,
                    "number": consumer.channel_ref.channel,
                    "peer_host": peer_host,
                    "peer_port": peer_port,
                    "user": client.user,
                },
                "consumer_tag": *consumer.tag,
                "exclusive": consumer.exclusive,
                "prefetch_count": consumer.prefetch,
                "queue": {"name": *queue.name, "vhost": *queue.vhost},
            }));
        }
    }
    objects
}
