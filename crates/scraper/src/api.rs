//! The supported part of Prometheus' HTTP API, with Prometheus' answers and errors.

mod params;
mod query;
mod response;
mod series;
mod state;
mod status;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use state::ServerState;

/// Largest body of a request, in bytes.
const MAX_REQUEST_BYTES: usize = 64 << 10;

/// Serves on `listener` until `shutdown`.
pub(crate) async fn serve(
    state: ServerState,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/scrape_pools", get(status::pools))
        .route("/api/v1/status/buildinfo", get(status::build))
        .route("/metrics", get(status::metrics))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(Arc::new(state));
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}
