//! Refusals, and the JSON body of a request.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::error::{AmqpError, ReplyCode};

/// A refusal with RabbitMQ's status and body.
#[derive(Debug)]
pub(super) enum Refusal {
    /// 404 for an object that does not exist.
    Missing,
    /// 404 with a reason, for an object that another one names.
    NotFound(String),
    /// 400 with a text, or with a name of the error and the value.
    BadRequest(Value),
    /// 400 with an error of its own.
    Invalid(&'static str, String),
    /// 401 for an operation that no user may carry out.
    Refused,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, reason) = match self {
            Self::Missing => (StatusCode::NOT_FOUND, "Object Not Found", "Not Found".into()),
            Self::NotFound(reason) => (StatusCode::NOT_FOUND, "not_found", reason.into()),
            Self::BadRequest(reason) => (StatusCode::BAD_REQUEST, "bad_request", reason),
            Self::Invalid(error, reason) => (StatusCode::BAD_REQUEST, error, reason.into()),
            Self::Refused => (StatusCode::UNAUTHORIZED, "not_authorised", "Access refused.".into()),
        };
        (status, Json(json!({"error": error, "reason": reason}))).into_response()
    }
}

impl From<AmqpError> for Refusal {
    fn from(error: AmqpError) -> Self {
        // RabbitMQ's API leaves out the name of these two codes.
        let text = || error.text.split_once(" - ").map_or(&*error.text, |(_, text)| text).to_owned();
        match error.code {
            ReplyCode::NotFound => Self::NotFound(text()),
            ReplyCode::AccessRefused => Self::Refused,
            ReplyCode::PreconditionFailed => Self::BadRequest(text().into()),
            _ => Self::BadRequest(error.text.into()),
        }
    }
}

/// The JSON object of a request; an empty body is an empty object.
pub(super) struct Body(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let bytes =
            axum::body::Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|_| Refusal::BadRequest("not_json".into()).into_response())
    }
}

impl Body {
    /// Fails with the names of the missing keys.
    pub(super) fn require(&self, keys: &[&str]) -> Result<(), Refusal> {
        let missing: Vec<String> = keys
            .iter()
            .filter(|key| !self.0.contains_key(**key))
            .map(|key| format!("{{key_missing,{key}}}"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Refusal::BadRequest(format!("[{}]", missing.join(",\n ")).into()))
    }

    /// The truth value of a key; false if it is missing.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Refusal> {
        match self.0.get(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(Refusal::BadRequest(json!(["not_boolean", other]))),
        }
    }

    /// The number of a key, also as text.
    pub(super) fn number(&self, key: &str) -> Result<Option<usize>, Refusal> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.map(Some).ok_or_else(|| Refusal::BadRequest(json!(["not_integer", value])))
    }

    /// The text of a key; empty if it is missing.
    pub(super) fn text(&self, key: &str) -> Result<&str, Refusal> {
        match self.0.get(key) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(Refusal::BadRequest(json!(["not_a_string", other]))),
        }
    }

    /// The object of a key; empty if it is missing. Older clients send an empty array for it.
    pub(super) fn table(&self, key: &str) -> Result<Map<String, Value>, Refusal> {
        match self.0.get(key) {
            None => Ok(Map::new()),
            Some(Value::Object(pairs)) => Ok(pairs.clone()),
            Some(Value::Array(values)) if values.is_empty() => Ok(Map::new()),
            Some(other) => Err(Refusal::BadRequest(json!(["not_an_object", other]))),
        }
    }
}
