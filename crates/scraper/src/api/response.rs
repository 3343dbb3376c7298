//! Answers: `{"status": "success", "data": …}`, or an error with its type and status code.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use promfmt::api::{Answer, ApiError};
use serde::Serialize;

use crate::promql;

/// An error; the types and status codes are those of Prometheus' API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestError {
    /// 400: the request is invalid.
    BadData(String),
    /// 422: the query cannot be evaluated.
    Execution(String),
    /// 503: the query took too long.
    Timeout(String),
    /// 500: an error of the server.
    Internal(String),
}

impl RequestError {
    /// An invalid parameter.
    pub(super) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter {name:?}: {problem}"))
    }

    /// An error of the query in parameter `name`.
    pub(super) fn query(name: &str, error: promql::Error) -> Self {
        match error {
            promql::Error::Parse(problem) => Self::parameter(name, problem),
            promql::Error::Execution(problem) => Self::Execution(problem),
            promql::Error::Timeout => Self::Timeout(promql::Error::Timeout.to_string()),
        }
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let (code, kind, message) = match self {
            Self::BadData(message) => (StatusCode::BAD_REQUEST, "bad_data", message),
            Self::Execution(message) => (StatusCode::UNPROCESSABLE_ENTITY, "execution", message),
            Self::Timeout(message) => (StatusCode::SERVICE_UNAVAILABLE, "timeout", message),
            Self::Internal(message) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        };
        (code, Json(Answer::<()>::Error(ApiError { kind: kind.to_owned(), message }))).into_response()
    }
}

/// The result of every handler.
pub(super) type HandlerResult = Result<Response, RequestError>;

/// A successful answer with `data`.
pub(super) fn success(data: impl Serialize) -> HandlerResult {
    Ok(Json(Answer::Success { data }).into_response())
}
