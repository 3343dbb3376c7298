//! Messages: publish and read.

use std::sync::Arc;

use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::types::ShortString;
use axum::extract::{Extension, Path, State};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::User;
use super::answer::{Body, Refusal};
use super::exchanges::name_of;
use crate::error::AmqpError;
use crate::message::Route;
use crate::shared::Shared;
use crate::state::arguments::value::{table_from_json, table_json};
use crate::state::management::{AfterRead, MANAGEMENT, ReadMessage};
use crate::state::queues::check_lock;
use crate::wire::properties;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/exchanges/{vhost}/{name}/publish", post(publish))
        .route("/api/queues/{vhost}/{name}/get", post(read))
}

async fn publish(
    State(shared): State<Arc<Shared>>,
    Extension(User(user)): Extension<User>,
    Path((vhost, exchange)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    body.require(&["properties", "routing_key", "payload", "payload_encoding"])?;
    let payload = body.text("payload")?;
    let payload = match body.text("payload_encoding")? {
        "string" => payload.as_bytes().to_vec(),
        "base64" => {
            STANDARD.decode(payload).map_err(|_| Refusal::BadRequest(json!(["not_base64", payload])))?
        }
        other => return Err(Refusal::BadRequest(json!(["unsupported_encoding", other]))),
    };
    let mut bytes = properties::encode(&properties_of(&Body(body.table("properties")?))?);
    let properties_len = bytes.len();
    bytes.extend(payload);
    let route = Route { exchange: name_of(&exchange).into(), key: body.text("routing_key")?.into() };
    let now = shared.now();
    let mut state = shared.lock();
    state.vhost(&vhost).ok_or(Refusal::Missing)?;
    let numbered =
        |error: AmqpError| Refusal::BadRequest(format!("{} {}", error.code.number(), error.text).into());
    let routed =
        state.publish_of_management(&user, &vhost, &route, (bytes, properties_len), now).map_err(numbered)?;
    Ok(Json(json!({"routed": routed})))
}

fn properties_of(given: &Body) -> Result<AMQPProperties, Refusal> {
    let mut properties = AMQPProperties::default();
    for (key, value) in &given.0 {
        let text = || -> Result<ShortString, Refusal> {
            let text = given.text(key)?;
            if text.len() > 255 {
                return Err(Refusal::BadRequest(json!(["too_long", text])));
            }
            Ok(text.into())
        };
        let number = || given.number(key).map(Option::unwrap_or_default);
        let byte = || u8::try_from(number()?).map_err(|_| Refusal::BadRequest(json!(["too_large", value])));
        properties = match key.as_str() {
            "content_type" => properties.with_content_type(text()?),
            "content_encoding" => properties.with_content_encoding(text()?),
            "headers" => properties.with_headers(table_from_json(&given.table(key)?)),
            "delivery_mode" => properties.with_delivery_mode(byte()?),
            "priority" => properties.with_priority(byte()?),
            "correlation_id" => properties.with_correlation_id(text()?),
            "reply_to" => properties.with_reply_to(text()?),
            "expiration" => properties.with_expiration(text()?),
            "message_id" => properties.with_message_id(text()?),
            "timestamp" => properties.with_timestamp(number()? as u64),
            "type" => properties.with_type(text()?),
            "user_id" => properties.with_user_id(text()?),
            "app_id" => properties.with_app_id(text()?),
            "cluster_id" => properties.with_cluster_id(text()?),
            // RabbitMQ ignores other keys.
            _ => properties,
        };
    }
    Ok(properties)
}

async fn read(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    body.require(&["ackmode", "count", "encoding"])?;
    let after = match body.text("ackmode")? {
        "ack_requeue_true" | "reject_requeue_true" => AfterRead::Requeue,
        "ack_requeue_false" => AfterRead::Acknowledge,
        "reject_requeue_false" => AfterRead::Reject,
        other => return Err(Refusal::BadRequest(json!(["unsupported_ackmode", other]))),
    };
    let as_text = match body.text("encoding")? {
        "auto" => true,
        "base64" => false,
        _ => {
            return Err(Refusal::BadRequest("Unsupported encoding. Please use auto or base64.".into()));
        }
    };
    let count = body.number("count")?.unwrap_or_default();
    let truncate = body.number("truncate")?.unwrap_or(usize::MAX);
    let now = shared.now();
    let mut state = shared.lock();
    let missing = || Refusal::NotFound(format!("NOT_FOUND - no queue '{name}' in vhost '{vhost}'"));
    let id = state.find(&vhost, &name).ok_or_else(missing)?;
    check_lock(state.queues.get(&id).ok_or_else(missing)?, MANAGEMENT, None)?;
    let read = state.read_messages(id, count, after, now);
    drop(state);
    Ok(Json(read.iter().map(|message| object(message, as_text, truncate)).collect()))
}

fn object(read: &ReadMessage, as_text: bool, truncate: usize) -> Value {
    let body = read.message.body();
    let shown = &body[..body.len().min(truncate)];
    let text = std::str::from_utf8(shown).ok().filter(|_| as_text);
    let (payload, encoding) = match text {
        Some(text) => (text.to_owned(), "string"),
        None => (STANDARD.encode(shown), "base64"),
    };
    json!({
        "payload_bytes": body.len(),
        "redelivered": read.redelivered,
        "exchange": read.exchange,
        "routing_key": read.key,
        "message_count": read.left,
        "properties": properties_json(&properties::decode(read.message.properties())),
        "payload": payload,
        "payload_encoding": encoding,
    })
}

/// The properties that a message has; an empty array if it has none, as RabbitMQ writes it.
fn properties_json(properties: &AMQPProperties) -> Value {
    let text = |text: &Option<ShortString>| text.as_ref().map(|text| Value::from(text.as_str()));
    let all = [
        ("content_type", text(properties.content_type())),
        ("content_encoding", text(properties.content_encoding())),
        ("headers", properties.headers().as_ref().map(table_json)),
        ("delivery_mode", properties.delivery_mode().map(Value::from)),
        ("priority", properties.priority().map(Value::from)),
        ("correlation_id", text(properties.correlation_id())),
        ("reply_to", text(properties.reply_to())),
        ("expiration", text(properties.expiration())),
        ("message_id", text(properties.message_id())),
        ("timestamp", properties.timestamp().map(Value::from)),
        ("type", text(properties.kind())),
        ("user_id", text(properties.user_id())),
        ("app_id", text(properties.app_id())),
        ("cluster_id", text(properties.cluster_id())),
    ];
    let object: Map<String, Value> =
        all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    if object.is_empty() { json!([]) } else { object.into() }
}
