//! The producer's HTTP interface: routes, answers and request metrics.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::any,
};
use contract::{Accepted, Cause, Problem, routes};
use podkit::{
    Shutdown,
    http::{RequestLimits, limited},
    probes::{self, Probes, method_not_allowed, not_found, problem},
    trace_context,
};
use tokio_util::task::TaskTracker;

use crate::{
    log_throttle::LogThrottle,
    metrics::Metrics,
    publisher::{Outcome, Publisher},
    query,
};

/// Value of the label `path` for unknown paths.
const OTHER: &str = "other";
/// Seconds until a client should retry.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// State of the handlers.
#[derive(Debug, Clone)]
pub(crate) struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    publisher: Publisher,
    metrics: Metrics,
    shutdown: Shutdown,
    in_flight: TaskTracker,
    failures: LogThrottle,
}

impl Api {
    pub(crate) fn new(publisher: Publisher, metrics: Metrics, shutdown: Shutdown) -> Self {
        let (in_flight, failures) = (TaskTracker::new(), LogThrottle::default());
        Self(Arc::new(Inner { publisher, metrics, shutdown, in_flight, failures }))
    }

    /// Waits until no request is in flight. Call it after the shutdown has begun, when new requests are rejected.
    pub(crate) async fn drained(&self) {
        self.0.in_flight.close();
        self.0.in_flight.wait().await;
    }
}

/// Returns the router with all routes, limits and metrics.
pub(crate) fn router(api: &Api, probes: &Probes) -> Router {
    let routes = Router::new()
        .route(routes::GENERATE, any(generate))
        .merge(probes::router(probes))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(api.clone());
    limited(routes, RequestLimits::default()).layer(middleware::from_fn_with_state(api.clone(), count))
}

/// Counts every answer, including those of the fallbacks and the limits.
async fn count(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let path = path.as_ref().map_or(OTHER, MatchedPath::as_str);
    api.0.metrics.request(&method, path, answer.status().as_u16(), started.elapsed());
    answer
}

async fn generate(
    State(api): State<Api>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    // axum's GET route also accepts HEAD, which would publish jobs without an answer body.
    if method != Method::GET && method != Method::POST {
        return ([(header::ALLOW, "GET, POST")], method_not_allowed().await).into_response();
    }
    let order = match query::parse(query.as_deref().unwrap_or_default()) {
        Ok(order) => order,
        Err(error) => return problem(&Problem::new(400, "Bad Request", error.to_string())),
    };
    let traceparent = headers.get(trace_context::TRACEPARENT).and_then(|value| value.to_str().ok());
    // Register before the check: either the shutdown waits for this request, or this request sees the shutdown.
    let in_flight = (api.0.in_flight.token(), api.0.metrics.in_flight());
    let outcome = if api.0.shutdown.has_begun() {
        Outcome::rejected(order.count, Cause::ShuttingDown)
    } else {
        api.0.publisher.publish(&order, traceparent.and_then(trace_context::valid)).await
    };
    drop(in_flight);
    if let Some(cause) = outcome.cause {
        api.0.metrics.failed(outcome.failed, cause);
        api.0.failures.failed(cause, outcome.failed, Instant::now());
    }
    answer(outcome)
}

fn answer(outcome: Outcome) -> Response {
    let Outcome { confirmed, ids, failed, cause, took } = outcome;
    let Some(cause) = cause else {
        let body = Accepted { confirmed, ids, broker_ms: (took.as_secs_f64() * 1e6).round() / 1e3 };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        return (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, json)], body).into_response();
    };
    let detail =
        format!("{}; the broker confirmed {confirmed} of {} jobs", explain(cause), confirmed + failed);
    let body = Problem {
        confirmed: Some(confirmed),
        ids,
        failed: Some(failed),
        cause: Some(cause),
        ..Problem::new(503, "Service Unavailable", detail)
    };
    ([(header::RETRY_AFTER, RETRY_AFTER)], problem(&body)).into_response()
}

const fn explain(cause: Cause) -> &'static str {
    match cause {
        Cause::Disconnected => "no connection to the broker (see /readyz), nothing was published",
        Cause::ConnectionLost => {
            "lost the connection to the broker before the confirm, the failed jobs may be queued"
        }
        Cause::Nacked => "the broker rejected a job (basic.nack), for example because the queue is full",
        Cause::Returned => "the broker has no such queue",
        Cause::Blocked => {
            "the broker blocks publishers because of a memory or disk alarm, jobs sent before the alarm may be queued"
        }
        Cause::Slow => "the broker did not confirm in time, the failed jobs may be queued",
        Cause::Busy => "too many unconfirmed jobs, nothing was published",
        Cause::ShuttingDown => "the producer is shutting down, nothing was published",
    }
}
