//! RabbitMQ's management API: queues, exchanges, bindings, messages, clients and the broker itself.
//!
//! The paths, fields and refusals are those of
//! [RabbitMQ's HTTP API](https://www.rabbitmq.com/docs/http-api-reference). Statistics that the broker does not keep are
//! left out, and so are the changes of users, permissions, virtual hosts and policies.

mod answer;
mod clients;
mod exchanges;
mod list;
mod messages;
mod node;
mod queues;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::answer::Refusal;
use crate::shared::Shared;

/// Largest body of a request in bytes, RabbitMQ's default (`management.http.max_body_size`).
const MAX_BODY: usize = 20_000_000;

/// The page for a browser.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>Broker of the sandbox</title>\
    <h1>Broker of the sandbox</h1>\
    <p>This broker stands in for RabbitMQ. It has no web interface; the management API shows its objects:\
    <ul><li><a href=/api/queues>/api/queues</a><li><a href=/api/connections>/api/connections</a>\
    <li><a href=/api/overview>/api/overview</a></ul>\n";

/// The user who has logged in.
#[derive(Debug, Clone)]
struct User(String);

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .merge(node::router())
        .merge(queues::router())
        .merge(exchanges::router())
        .merge(messages::router())
        .merge(clients::router())
        .fallback(async || Refusal::Missing)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(shared.clone(), authorize))
        // As RabbitMQ's page, it needs no login.
        .route("/", get(async || Html(PAGE)))
        .with_state(shared.clone())
}

async fn authorize(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
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
            shared.lock().admits(user, &pair[colon + 1..]).then(|| user.to_owned())
        });
    if let Some(user) = admitted {
        request.extensions_mut().insert(User(user));
        return next.run(request).await;
    }
    let body = json!({"error": "not_authorized", "reason": "Login failed"});
    (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
}
