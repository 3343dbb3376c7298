//! The endpoints `/healthz`, `/readyz` and `/metrics` of both programs.

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use contract::{PROBLEM_CONTENT_TYPE, Problem, routes};
use prometheus::{IntGauge, Registry};

use crate::{
    broker::Status,
    metrics::{self, RegisterError},
    shutdown::Shutdown,
};

/// State behind the endpoints.
#[derive(Debug, Clone)]
pub struct Probes {
    status: Status,
    shutdown: Shutdown,
    registry: Registry,
    connected: IntGauge,
}

impl Probes {
    /// Creates the endpoints' state. Readiness follows `status` until `shutdown` begins. Adds `broker_connected` to
    /// `registry`.
    ///
    /// # Errors
    /// The registry already has a metric `broker_connected`.
    pub fn new(status: &Status, shutdown: &Shutdown, registry: &Registry) -> Result<Self, RegisterError> {
        let name = "broker_connected";
        let gauge = IntGauge::new(name, "Connection to the broker: 1 connected, 0 not connected.");
        Ok(Self {
            status: status.clone(),
            shutdown: shutdown.clone(),
            registry: registry.clone(),
            connected: metrics::register(registry, name, gauge)?,
        })
    }

    /// Updates the gauge and encodes all samples.
    fn scrape(&self) -> Vec<u8> {
        self.connected.set(self.status.is_connected().into());
        metrics::text(&self.registry)
    }
}

/// Returns a router with `/healthz`, `/readyz` and `/metrics`.
pub fn router<S: Clone + Send + Sync + 'static>(probes: &Probes) -> Router<S> {
    let ready = probes.clone();
    let scraped = probes.clone();
    Router::new()
        .route(routes::HEALTHZ, get(async || "alive\n"))
        .route(routes::READYZ, get(async move || readiness(&ready)))
        .route(
            routes::METRICS,
            get(async move || ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], scraped.scrape())),
        )
}

fn readiness(probes: &Probes) -> Response {
    if probes.shutdown.has_begun() {
        return problem(&Problem::new(503, "Service Unavailable", "the program is shutting down"));
    }
    let state = probes.status.current();
    if state.is_connected() {
        format!("ready: {state}\n").into_response()
    } else {
        problem(&Problem::new(503, "Service Unavailable", format!("not ready: {state}")))
    }
}

/// Converts a problem document (RFC 9457) to a response.
#[must_use]
pub fn problem(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE)], body).into_response()
}

/// Answers 404 for an unknown path.
pub async fn not_found() -> Response {
    problem(&Problem::new(404, "Not Found", "no such path"))
}

/// Answers 405 for a method that the path does not support; the router adds `Allow`.
pub async fn method_not_allowed() -> Response {
    problem(&Problem::new(
        405,
        "Method Not Allowed",
        "the path does not support this method: see the header Allow",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::State;
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn ask(probes: &Probes, path: &str) -> (u16, String) {
        let router: Router = router(probes).fallback(not_found);
        let answer = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn probes() -> Probes {
        Probes::new(&Status::new(), &Shutdown::new(), &Registry::new()).unwrap()
    }

    #[tokio::test]
    async fn readiness_follows_the_broker_liveness_does_not() {
        let probes = probes();
        let retrying = State::Retrying {
            attempt: 3,
            after: std::time::Duration::from_secs(2),
            cause: "connection refused".to_owned(),
        };
        for (state, expected, text) in [
            (State::Connecting { after: None }, 503, "connecting"),
            (State::Connecting { after: Some("wrong password".to_owned()) }, 503, "wrong password"),
            (State::Connected, 200, "connected"),
            (State::Blocked { reason: "low on memory".to_owned() }, 200, "low on memory"),
            (retrying, 503, "connection refused"),
            (State::Closed, 503, "closed"),
        ] {
            probes.status.set(state.clone());
            let (status, body) = ask(&probes, "/readyz").await;
            assert_eq!(status, expected, "{state:?}");
            assert!(body.contains(text), "{body:?} should contain {text:?}");
            assert_eq!(ask(&probes, "/healthz").await.0, 200);
            let gauge = format!("broker_connected {}", u8::from(expected == 200));
            assert!(ask(&probes, "/metrics").await.1.contains(&gauge), "{state:?}");
        }
    }

    #[tokio::test]
    async fn a_program_that_shuts_down_is_not_ready() {
        let probes = probes();
        probes.status.set(State::Connected);
        probes.shutdown.begin();
        let (status, body) = ask(&probes, "/readyz").await;
        assert_eq!(status, 503);
        assert!(body.contains("shutting down"));
    }
}
