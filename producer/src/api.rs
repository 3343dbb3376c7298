//! The producer's HTTP side: routes, answers, and the counting of requests.

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
    http::{Limits, limited},
    probes::{self, Probes, method_not_allowed, not_found, problem},
    trace_context,
};
use tokio_util::task::TaskTracker;

use crate::{
    complaints::Complaints,
    metrics::Metrics,
    publisher::{Outcome, Publisher},
    query,
};

/// Label of every path that is not served.
const OTHER: &str = "other";
/// Seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// What the handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    publisher: Publisher,
    metrics: Metrics,
    shutdown: Shutdown,
    in_flight: TaskTracker,
    complaints: Complaints,
}

impl Api {
    pub(crate) fn new(publisher: Publisher, metrics: Metrics, shutdown: Shutdown) -> Self {
        let complaints = Complaints::default();
        Self(Arc::new(Inner { publisher, metrics, shutdown, in_flight: TaskTracker::new(), complaints }))
    }

    /// Returns when no request is in flight. To be called after the shutdown has begun: no more are let in then.
    pub(crate) async fn drained(&self) {
        self.0.in_flight.close();
        self.0.in_flight.wait().await;
    }
}

/// All routes, within `limits`, counted.
pub(crate) fn router(api: &Api, probes: &Probes, limits: Limits) -> Router {
    let routes = Router::new()
        .route(routes::GENERATE, any(generate))
        .merge(probes::router(probes))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(api.clone());
    limited(routes, limits).layer(middleware::from_fn_with_state(api.clone(), count))
}

/// Counts every answer, also those of the fallbacks and the limits.
async fn count(State(api): State<Api>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let path = path.as_ref().map_or(OTHER, MatchedPath::as_str);
    api.0.metrics.request(&method, path, answer.status().as_u16(), begun.elapsed());
    answer
}

async fn generate(
    State(api): State<Api>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    // axum's GET also takes HEAD, which would publish and hide the answer.
    if method != Method::GET && method != Method::POST {
        return ([(header::ALLOW, "GET, POST")], method_not_allowed().await).into_response();
    }
    let order = match query::parse(query.as_deref().unwrap_or_default()) {
        Ok(order) => order,
        Err(error) => return problem(&Problem::new(400, "Bad Request", error.to_string())),
    };
    let traceparent = headers.get(trace_context::TRACEPARENT).and_then(|value| value.to_str().ok());
    // The token first, then the question: so a shutdown either sees this request or is seen by it.
    let in_flight = (api.0.in_flight.token(), api.0.metrics.in_flight());
    let outcome = if api.0.shutdown.has_begun() {
        Outcome::nothing(order.count, Cause::ShuttingDown)
    } else {
        api.0.publisher.publish(&order, traceparent.and_then(trace_context::valid)).await
    };
    drop(in_flight);
    if let Some(cause) = outcome.cause {
        api.0.metrics.failed(outcome.failed, cause);
        api.0.complaints.failed(cause, outcome.failed, Instant::now());
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
    let detail = format!("{}; {confirmed} of {} jobs were confirmed", explain(cause), confirmed + failed);
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
        Cause::Disconnected => "the broker is not connected, nothing was published: see /readyz",
        Cause::ConnectionLost => {
            "the connection to the broker was lost before it answered: the jobs that failed may or may not be queued"
        }
        Cause::Nacked => "the broker refused a job, as a full queue does",
        Cause::Returned => "the broker has no queue for the jobs",
        Cause::Blocked => {
            "the broker is blocking publishers, being short of memory or disk: jobs that were sent before it said so may be queued later"
        }
        Cause::Slow => "the broker did not confirm in time: the jobs that failed may or may not be queued",
        Cause::Busy => "too many jobs are waiting for a confirm, nothing was published",
        Cause::ShuttingDown => {
            "this producer is shutting down, nothing was published: another one may take it"
        }
    }
}
