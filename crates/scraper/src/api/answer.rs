//! The envelope of every answer: `{"status": "success", "data": …}` or an error of a named type.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::promql;

/// An answer that went wrong; the types and codes are those of Prometheus' API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// 400: the request is at fault.
    BadData(String),
    /// 422: the query cannot be evaluated.
    Execution(String),
    /// 503: it took too long.
    Timeout(String),
    /// 500: the server is at fault.
    Internal(String),
}

impl Failure {
    /// A parameter that cannot be read.
    pub(super) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter {name:?}: {problem}"))
    }

    /// An error of a query, which stood in parameter `name`.
    pub(super) fn query(name: &str, error: promql::Error) -> Self {
        match error {
            promql::Error::Parse(problem) => Self::parameter(name, problem),
            promql::Error::Execution(problem) => Self::Execution(problem),
            promql::Error::Timeout => Self::Timeout(promql::Error::Timeout.to_string()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (code, kind, text) = match self {
            Self::BadData(text) => (StatusCode::BAD_REQUEST, "bad_data", text),
            Self::Execution(text) => (StatusCode::UNPROCESSABLE_ENTITY, "execution", text),
            Self::Timeout(text) => (StatusCode::SERVICE_UNAVAILABLE, "timeout", text),
            Self::Internal(text) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", text),
        };
        (code, Json(json!({"status": "error", "errorType": kind, "error": text}))).into_response()
    }
}

/// What every handler gives.
pub(super) type Answer = Result<Response, Failure>;

/// A good answer around `data`.
pub(super) fn success(data: impl Serialize) -> Answer {
    #[derive(Serialize)]
    struct Success<T> {
        status: &'static str,
        data: T,
    }
    Ok(Json(Success { status: "success", data }).into_response())
}
