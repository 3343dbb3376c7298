//! The HTTP/1.1 server of both programs: axum's router behind a listener with limits.
//!
//! axum's own `serve` bounds neither the number of connections nor the time that a client may take over its request
//! line and headers, so the accept loop is written out here on hyper.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::HeaderMap,
    middleware::{self, Next},
    response::Response,
};
use contract::Problem;
use http_body_util::{BodyExt, Limited};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::probes::problem;

/// What a client may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections: usize,
    /// Time for the request line and headers, also between two requests of a connection.
    pub header_time: Duration,
    /// Bytes of all header names and values.
    pub header_bytes: usize,
    /// Bytes of the request's target.
    pub target_bytes: usize,
    /// Bytes of the request's body, which no route has a use for.
    pub body_bytes: usize,
    /// Time for the body.
    pub body_time: Duration,
    /// Time that connections get to end after the server was told to stop.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_time: Duration::from_secs(10),
            header_bytes: 8 * 1024,
            target_bytes: 4 * 1024,
            body_bytes: 16 * 1024,
            body_time: Duration::from_secs(5),
            stop_time: Duration::from_secs(2),
        }
    }
}

/// hyper's read buffer. Requests beyond it get hyper's bare 431; below it ours, which explains itself.
const BUFFER: usize = 32 * 1024;
/// Pause after an accept error, such as too many open files, which would otherwise spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Puts the limits on single requests in front of `router`; [`serve`] has those on connections.
pub fn limited(router: Router, limits: Limits) -> Router {
    router.layer(middleware::from_fn(move |request, next| guard(limits, request, next)))
}

/// Serves `router` until `stop` is cancelled, then lets open requests end within [`Limits::stop_time`].
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: &CancellationToken) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(BUFFER)
        .half_close(false);
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = async {
                // The semaphore is never closed.
                let place = places.clone().acquire_owned().await.ok();
                (listener.accept().await, place)
            } => accepted,
        };
        let (Ok((stream, _)), Some(place)) = accepted else {
            if let (Err(error), _) = accepted {
                tracing::warn!(%error, "cannot accept a connection");
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Answers are small and awaited: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let stop = stop.clone();
        connections.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.stop_time, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "leaving with connections open");
    }
}

/// Turns away what is too large or too slow before a route sees it. No route reads a body, so it is read here.
async fn guard(limits: Limits, request: Request, next: Next) -> Response {
    if let Some(refused) = refuse(limits, &request) {
        return refused;
    }
    let (parts, body) = request.into_parts();
    if !hyper::body::Body::is_end_stream(&body) {
        let read = Limited::new(body, limits.body_bytes).collect();
        match tokio::time::timeout(limits.body_time, read).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return too_large(limits),
            Ok(Err(error)) => {
                return problem(Problem::new(
                    400,
                    "Bad Request",
                    format!("the body cannot be read: {error}"),
                ));
            }
            Err(_) => {
                let detail = format!("the body did not arrive within {:?}", limits.body_time);
                return problem(Problem::new(408, "Request Timeout", detail));
            }
        }
    }
    next.run(Request::from_parts(parts, axum::body::Body::empty())).await
}

fn refuse(limits: Limits, request: &Request) -> Option<Response> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        let detail = format!("the target has {target} bytes, more than {}", limits.target_bytes);
        return Some(problem(Problem::new(414, "URI Too Long", detail)));
    }
    let bytes = header_bytes(request.headers());
    if bytes > limits.header_bytes {
        let detail = format!("the headers have {bytes} bytes, more than {}", limits.header_bytes);
        return Some(problem(Problem::new(431, "Request Header Fields Too Large", detail)));
    }
    let length = hyper::body::Body::size_hint(request.body()).lower();
    (length > limits.body_bytes as u64).then(|| too_large(limits))
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn too_large(limits: Limits) -> Response {
    let detail = format!("the body has more than {} bytes; no route reads one", limits.body_bytes);
    problem(Problem::new(413, "Content Too Large", detail))
}
