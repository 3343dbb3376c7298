//! A small HTTP server that burns CPU per request, so that a CPU target of an HPA has something to scale.
//!
//! `GET /work?ms=100` uses 100 ms of CPU time and answers then. One request works at a time, so a pod uses at most one
//! core, and further requests wait. `/healthz` and `/readyz` answer meanwhile.

mod burn;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use clap::Parser;
use contract::{Problem, routes, settings as variables};
use podkit::http::{self, ConnectionLimits, RequestLimits};
use podkit::metrics::{self, RegisterError};
use podkit::program::{ProcessArgs, Settings as ProgramSettings};
use podkit::{Shutdown, probes};
use prometheus::{IntCounter, Registry};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Name of the program.
pub const NAME: &str = "cpu-burner";

/// CPU time of a request that names none.
const DEFAULT_WORK: Duration = Duration::from_millis(100);
/// Longest CPU time of one request.
const MAX_WORK: Duration = Duration::from_secs(10);

/// Settings of the program.
#[derive(Debug, Parser)]
#[command(name = NAME, about = "Burns CPU per request", version)]
pub struct Settings {
    /// Address to listen on
    #[arg(long, env = variables::LISTEN, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
}

impl ProgramSettings for Settings {
    fn listen(&self) -> SocketAddr {
        self.listen
    }

    fn process(&self) -> &ProcessArgs {
        &self.process
    }
}

/// Runs the program as `main` does. `args` begins with the program's name. `listener` is an inherited socket that replaces
/// `--listen`. Returns the exit code: 0 clean, 1 failed, 2 invalid arguments.
pub fn main_with(
    args: impl IntoIterator<Item = OsString>,
    listener: Option<std::net::TcpListener>,
) -> ExitCode {
    podkit::program::main(args, listener, run)
}

async fn run(_settings: Settings, listener: TcpListener, shutdown: Shutdown) -> Result<(), RegisterError> {
    let app = router(&shutdown)?;
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        shutdown.begun().await;
        stopped.cancel();
    });
    http::serve(listener, app, ConnectionLimits::default(), &stop).await;
    Ok(())
}

#[derive(Clone)]
struct Burner {
    /// One permit: one request works at a time.
    turn: Arc<Semaphore>,
    requests: IntCounter,
    shutdown: Shutdown,
    registry: Registry,
}

fn router(shutdown: &Shutdown) -> Result<Router, RegisterError> {
    let registry = Registry::new();
    let name = "http_requests_total";
    let requests = IntCounter::new(name, "Requests for work that were answered.");
    let burner = Burner {
        turn: Arc::new(Semaphore::new(1)),
        requests: metrics::register(&registry, name, requests)?,
        shutdown: shutdown.clone(),
        registry,
    };
    let app = Router::new()
        .route("/work", get(work))
        .route(routes::HEALTHZ, get(async || "alive\n"))
        .route(routes::READYZ, get(ready))
        .route(routes::METRICS, get(scrape))
        .method_not_allowed_fallback(probes::method_not_allowed)
        .fallback(probes::not_found)
        .with_state(burner);
    Ok(http::limited(app, RequestLimits::default()))
}

#[derive(Debug, Deserialize)]
struct Work {
    /// CPU time in milliseconds.
    ms: Option<u64>,
}

async fn work(State(burner): State<Burner>, Query(work): Query<Work>) -> Response {
    let wanted = work.ms.map_or(DEFAULT_WORK, Duration::from_millis);
    if wanted > MAX_WORK {
        let detail = format!("ms is {}; the limit is {}", wanted.as_millis(), MAX_WORK.as_millis());
        return probes::problem(&Problem::new(400, "Bad Request", detail));
    }
    // The semaphore is never closed, so this is a permit.
    let turn = burner.turn.acquire().await;
    let burned = tokio::task::spawn_blocking(move || burn::cpu_time(wanted)).await;
    drop(turn);
    burner.requests.inc();
    match burned {
        Ok(()) => format!("burned {} ms of CPU time\n", wanted.as_millis()).into_response(),
        Err(error) => {
            let detail = format!("burning {} ms of CPU time failed: {error}", wanted.as_millis());
            probes::problem(&Problem::new(500, "Internal Server Error", detail))
        }
    }
}

async fn ready(State(burner): State<Burner>) -> Response {
    if burner.shutdown.has_begun() {
        return probes::problem(&Problem::new(503, "Service Unavailable", "the program is shutting down"));
    }
    (StatusCode::OK, "ready\n").into_response()
}

async fn scrape(State(burner): State<Burner>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&burner.registry)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(app: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_request_uses_cpu_and_is_counted() {
        let shutdown = Shutdown::new();
        let app = router(&shutdown).unwrap();
        assert_eq!(get(&app, "/work?ms=5").await, (StatusCode::OK, "burned 5 ms of CPU time\n".to_owned()));
        assert_eq!(get(&app, "/work?ms=10001").await.0, StatusCode::BAD_REQUEST);
        assert_eq!(get(&app, "/work?ms=x").await.0, StatusCode::BAD_REQUEST);
        assert!(get(&app, "/metrics").await.1.contains("http_requests_total 1"));
        assert_eq!(get(&app, "/readyz").await.0, StatusCode::OK);
        shutdown.begin();
        assert_eq!(get(&app, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
