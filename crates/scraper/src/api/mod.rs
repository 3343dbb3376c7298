//! The part of Prometheus' HTTP API that is offered, with Prometheus' own answers and errors.

mod answer;
mod params;
mod query;
mod series;
mod status;

use std::io;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::store::Store;
use crate::targets::View;

/// Largest body of a request, in bytes; a query may have 8 KiB.
const BODY: usize = 64 << 10;

/// What the answers are made from.
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) store: Arc<RwLock<Store>>,
    pub(crate) view: Arc<RwLock<View>>,
    /// One permit for each query that may be evaluated at once.
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) started: Instant,
}

/// Answers on `listener` until `shutdown`.
pub(crate) async fn serve(
    server: Server,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/labels", get(series::names).post(series::names))
        .route("/api/v1/label/{name}/values", get(series::values))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/scrape_pools", get(status::pools))
        .route("/api/v1/status/buildinfo", get(status::build))
        .route("/metrics", get(status::metrics))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(Arc::new(server));
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}
