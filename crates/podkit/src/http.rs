//! The HTTP/1.1 server of both programs: axum's router behind a listener with limits.
//!
//! axum's own `serve` bounds neither the number of connections nor the time that a client may take over its request
//! line and headers, so the accept loop is written out here on hyper.

mod wire;

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
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::wire::{Phase, Progress, Wire};
use crate::probes::problem;

/// What a client may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections: usize,
    /// Time from the first byte of a request to the end of its headers, and for the client to take the answer.
    pub header_time: Duration,
    /// Time that a connection may stand without a request; longer than clients and proxies keep theirs, so that they
    /// are the ones who hang up.
    pub idle_time: Duration,
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
            idle_time: Duration::from_secs(75),
            header_bytes: 8 * 1024,
            target_bytes: 4 * 1024,
            body_bytes: 16 * 1024,
            body_time: Duration::from_secs(5),
            stop_time: Duration::from_secs(2),
        }
    }
}

/// hyper's read buffer; requests whose head does not fit are refused by hyper, smaller ones by us with the figures.
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
    builder.max_buf_size(BUFFER).half_close(false);
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
        let (builder, router, stop) = (builder.clone(), router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, &builder, router, limits, &stop).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.stop_time, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "leaving with connections open");
    }
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    builder: &hyper::server::conn::http1::Builder,
    router: Router,
    limits: Limits,
    stop: &CancellationToken,
) {
    let progress = Progress::new();
    let service = {
        let (progress, service) = (progress.clone(), TowerToHyperService::new(router));
        service_fn(move |request: hyper::Request<Incoming>| {
            progress.set(Phase::Answering);
            service.call(request)
        })
    };
    let mut connection = builder.serve_connection(TokioIo::new(Wire::new(stream, &progress)), service);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        slow = overdue(&progress, limits) => {
            if slow {
                let within = limits.header_time;
                let detail = format!("the request's line and headers did not arrive within {within:?}");
                let mut wire = connection.into_parts().io.into_inner();
                wire.refuse(&Problem::new(408, "Request Timeout", detail)).await;
                wire.linger().await;
            }
            return;
        }
        () = stop.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            let ended = (&mut connection).await;
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
            return;
        }
    };
    let mut wire = connection.into_parts().io.into_inner();
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
        if error.is_parse() {
            // As for the preface of HTTP/2, at which hyper only hangs up.
            wire.refuse(&Problem::new(400, "Bad Request", wire::NOT_HTTP)).await;
        }
    }
    wire.linger().await;
}

/// Returns when the client has taken too long: true if over a request's head, false if over anything else.
async fn overdue(progress: &Progress, limits: Limits) -> bool {
    loop {
        let (phase, since) = progress.get();
        let allowed = match phase {
            Phase::Idle => limits.idle_time,
            Phase::Head | Phase::Written => limits.header_time,
            // The service has its own deadlines; whether it is done is looked at again.
            Phase::Answering => limits.header_time + since.elapsed(),
        };
        let left = allowed.saturating_sub(since.elapsed());
        if left.is_zero() {
            return phase == Phase::Head;
        }
        // The phase may begin anew meanwhile, so no sleep is longer than the shortest that a phase allows.
        tokio::time::sleep(left.min(limits.header_time)).await;
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
                return problem(&Problem::new(
                    400,
                    "Bad Request",
                    format!("the body cannot be read: {error}"),
                ));
            }
            Err(_) => {
                let detail = format!("the body did not arrive within {:?}", limits.body_time);
                return problem(&Problem::new(408, "Request Timeout", detail));
            }
        }
    }
    next.run(Request::from_parts(parts, axum::body::Body::empty())).await
}

fn refuse(limits: Limits, request: &Request) -> Option<Response> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        let detail = format!("the target has {target} bytes, more than {}", limits.target_bytes);
        return Some(problem(&Problem::new(414, "URI Too Long", detail)));
    }
    let bytes = header_bytes(request.headers());
    if bytes > limits.header_bytes {
        let detail = format!("the headers have {bytes} bytes, more than {}", limits.header_bytes);
        return Some(problem(&Problem::new(431, "Request Header Fields Too Large", detail)));
    }
    let length = hyper::body::Body::size_hint(request.body()).lower();
    (length > limits.body_bytes as u64).then(|| too_large(limits))
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn too_large(limits: Limits) -> Response {
    let detail = format!("the body has more than {} bytes; no route reads one", limits.body_bytes);
    problem(&Problem::new(413, "Content Too Large", detail))
}
