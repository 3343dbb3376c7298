//! Exchanges and bindings: list, read, declare, delete.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use amq_protocol::protocol::exchange::Declare;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::answer::{Body, Refusal};
use super::list;
use crate::error::{AmqpError, ReplyCode};
use crate::http::query::QueryPairs;
use crate::shared::Shared;
use crate::state::State as Broker;
use crate::state::arguments::value::{table_from_json, table_json};
use crate::state::ids::QueueId;
use crate::state::routing::{Binding, ExchangeProperties, ExchangeType};

/// Characters that a properties key keeps.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) fn router() -> Router<Arc<Shared>> {
    let binding = "/api/bindings/{vhost}/e/{source}/q/{queue}";
    Router::new()
        .merge(list::routes("/api/exchanges", "/api/exchanges/{vhost}", |state, vhost| {
            let vhosts = state.exchanges.keys().filter(|name| vhost.is_none_or(|vhost| ***name == *vhost));
            vhosts.flat_map(|vhost| objects(state, vhost)).collect()
        }))
        .route("/api/exchanges/{vhost}/{name}", get(one).put(declare).delete(remove))
        .route("/api/exchanges/{vhost}/{name}/bindings/source", get(bindings_of_exchange))
        // The broker binds queues to exchanges only.
        .route("/api/exchanges/{vhost}/{name}/bindings/destination", get(async || Json(json!([]))))
        .merge(list::routes("/api/bindings", "/api/bindings/{vhost}", |state, vhost| {
            bindings(state, |found| vhost.is_none_or(|vhost| found.vhost == vhost))
        }))
        .route(binding, get(bindings_between).post(bind))
        .route(&format!("{binding}/{{key}}"), get(one_binding).delete(unbind))
        .route(
            "/api/bindings/{vhost}/e/{source}/e/{target}",
            get(async || Json(json!([]))).post(refuse_exchange),
        )
}

/// The exchange that a path names; `amq.default` stands for the default exchange, whose name is empty.
pub(super) fn name_of(path: &str) -> &str {
    if path == "amq.default" { "" } else { path }
}

/// The exchanges of a virtual host with the default exchange, by name.
fn objects(state: &Broker, vhost: &str) -> Vec<Value> {
    let declared = state.exchanges.get(vhost).into_iter().flatten();
    let declared = declared.map(|(name, exchange)| object(vhost, name, &exchange.declared));
    std::iter::once(object(vhost, "", &DEFAULT)).chain(declared).collect()
}

/// The properties of the default exchange.
const DEFAULT: ExchangeProperties =
    ExchangeProperties { kind: ExchangeType::Direct, durable: true, auto_delete: false, internal: false };

fn object(vhost: &str, name: &str, declared: &ExchangeProperties) -> Value {
    json!({
        "arguments": {},
        "auto_delete": declared.auto_delete,
        "durable": declared.durable,
        "internal": declared.internal,
        "name": name,
        "type": declared.kind.name(),
        "vhost": vhost,
    })
}

async fn one(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let (state, name) = (shared.lock(), name_of(&name));
    let wanted = |object: &Value| object["name"] == name;
    objects(&state, &vhost)
        .into_iter()
        .find(wanted)
        .filter(|_| state.vhost(&vhost).is_some())
        .map(Json)
        .ok_or(Refusal::Missing)
}

async fn declare(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let kind = match body.text("type")? {
        "" => ExchangeType::Direct.name(),
        other => ExchangeType::parse(other)
            .ok_or_else(|| Refusal::BadRequest(format!("invalid exchange type '{other}'").into()))?
            .name(),
    };
    let declaration = Declare {
        exchange: name.as_str().into(),
        kind: kind.into(),
        passive: false,
        durable: body.flag("durable")?,
        auto_delete: body.flag("auto_delete")?,
        internal: body.flag("internal")?,
        nowait: false,
        arguments: table_from_json(&body.table("arguments")?),
    };
    let mut state = shared.lock();
    let missing = || Refusal::NotFound("vhost_not_found".to_owned());
    let known = state.exchanges.get(&*vhost).ok_or_else(missing)?.contains_key(&*name);
    state.declare_exchange(&vhost, &declaration)?;
    Ok(if known { StatusCode::NO_CONTENT } else { StatusCode::CREATED })
}

async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
    pairs: QueryPairs,
) -> Result<StatusCode, Refusal> {
    let (mut state, name) = (shared.lock(), name_of(&name));
    let known = state.exchanges.get(&*vhost).is_some_and(|exchanges| exchanges.contains_key(name));
    if !known && !name.is_empty() {
        return Err(Refusal::Missing);
    }
    state.delete_exchange(&vhost, name, pairs.is_true("if-unused"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A binding in the API: its source, its queue, and itself; `None` is the queue's binding to the default exchange.
struct Found<'a> {
    vhost: &'a str,
    source: &'a str,
    queue: &'a str,
    binding: Option<&'a Binding>,
}

impl Found<'_> {
    /// The key that tells the bindings of one source and one queue apart: the routing key, and a hash of the arguments.
    fn key(&self) -> String {
        let Some(binding) = self.binding else { return utf8_percent_encode(self.queue, KEPT).to_string() };
        let key = utf8_percent_encode(&binding.key, KEPT);
        match (binding.arguments.inner().is_empty(), binding.key.is_empty()) {
            (true, true) => "~".to_owned(),
            (true, false) => key.to_string(),
            (false, _) => {
                let mut hasher = DefaultHasher::new();
                table_json(&binding.arguments).to_string().hash(&mut hasher);
                format!("{key}~{:x}", hasher.finish())
            }
        }
    }

    fn object(&self) -> Value {
        json!({
            "source": self.source,
            "vhost": self.vhost,
            "destination": self.queue,
            "destination_type": "queue",
            "routing_key": self.binding.map_or(self.queue, |binding| &binding.key),
            "arguments": self.binding.map_or_else(|| json!({}), |binding| table_json(&binding.arguments)),
            "properties_key": self.key(),
        })
    }
}

/// The bindings that a request wants, the default exchange's first.
fn bindings(state: &Broker, wanted: impl Fn(&Found<'_>) -> bool) -> Vec<Value> {
    let mut objects = Vec::new();
    let mut queues: Vec<_> = state.queues.values().collect();
    queues.sort_unstable_by(|one, other| (&one.vhost, &one.name).cmp(&(&other.vhost, &other.name)));
    for queue in queues {
        let found = Found { vhost: &queue.vhost, source: "", queue: &queue.name, binding: None };
        objects.extend(wanted(&found).then(|| found.object()));
    }
    for (vhost, exchanges) in &state.exchanges {
        for (source, exchange) in exchanges {
            for binding in &exchange.bindings {
                let Some(queue) = state.queues.get(&binding.queue) else { continue };
                let found = Found { vhost, source, queue: &queue.name, binding: Some(binding) };
                objects.extend(wanted(&found).then(|| found.object()));
            }
        }
    }
    objects
}

pub(super) async fn bindings_of_queue(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    state.find(&vhost, &name).ok_or(Refusal::Missing)?;
    Ok(Json(bindings(&state, |found| found.vhost == vhost && found.queue == name).into()))
}

async fn bindings_of_exchange(
    State(shared): State<Arc<Shared>>,
    Path((vhost, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let (state, name) = (shared.lock(), name_of(&name));
    state.vhost(&vhost).ok_or(Refusal::Missing)?;
    Ok(Json(bindings(&state, |found| found.vhost == vhost && found.source == name).into()))
}

/// The bindings of one source and one queue.
fn between(state: &Broker, vhost: &str, source: &str, queue: &str) -> Vec<Value> {
    bindings(state, |found| found.vhost == vhost && found.source == source && found.queue == queue)
}

async fn bindings_between(
    State(shared): State<Arc<Shared>>,
    Path((vhost, source, queue)): Path<(String, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    state.find(&vhost, &queue).ok_or(Refusal::Missing)?;
    Ok(Json(between(&state, &vhost, name_of(&source), &queue).into()))
}

async fn one_binding(
    State(shared): State<Arc<Shared>>,
    Path((vhost, source, queue, key)): Path<(String, String, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let found = between(&shared.lock(), &vhost, name_of(&source), &queue);
    let wanted = |object: &Value| object["properties_key"] == *key;
    found.into_iter().find(wanted).map(Json).ok_or(Refusal::Missing)
}

async fn bind(
    State(shared): State<Arc<Shared>>,
    Path((vhost, source, queue)): Path<(String, String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let mut state = shared.lock();
    let missing = || Refusal::NotFound(format!("no queue '{queue}' in vhost '{vhost}'"));
    let id = state.find(&vhost, &queue).ok_or_else(missing)?;
    let key = body.text("routing_key")?.into();
    let binding = Binding { queue: id, key, arguments: table_from_json(&body.table("arguments")?) };
    let source = name_of(&source);
    state.bind(&vhost, source, binding.clone())?;
    let key = Found { vhost: &vhost, source, queue: &queue, binding: Some(&binding) }.key();
    let place = format!("{}/{}", utf8_percent_encode(&queue, KEPT), utf8_percent_encode(&key, KEPT));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)]).into_response())
}

async fn unbind(
    State(shared): State<Arc<Shared>>,
    Path((vhost, source, queue, key)): Path<(String, String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let (mut state, source) = (shared.lock(), name_of(&source));
    let id: QueueId = state.find(&vhost, &queue).ok_or(Refusal::Missing)?;
    let bindings = state.exchanges.get(&*vhost).and_then(|exchanges| exchanges.get(source));
    let wanted = |binding: &&Binding| {
        binding.queue == id
            && Found { vhost: &vhost, source, queue: &queue, binding: Some(binding) }.key() == key
    };
    let found = bindings.and_then(|exchange| exchange.bindings.iter().find(wanted)).cloned();
    state.unbind(&vhost, source, &found.ok_or(Refusal::Missing)?)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn refuse_exchange() -> Refusal {
    AmqpError::new(ReplyCode::NotImplemented, "bindings between exchanges").into()
}
