//! The supported part of Prometheus' HTTP API, with Prometheus' answers and errors.

mod labels;
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
use axum::response::{Html, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use state::ServerState;

/// The page for a browser.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>Prometheus of the sandbox</title>\
    <h1>Prometheus of the sandbox</h1>\
    <p>This server has Prometheus' HTTP API and no web interface. Try:\
    <ul><li><a href=/api/v1/targets>/api/v1/targets</a>\
    <li><a href='/api/v1/query?query=up'>/api/v1/query?query=up</a>\
    <li><a href=/api/v1/label/__name__/values>/api/v1/label/__name__/values</a></ul>\n";

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
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/metadata", get(labels::metadata))
        .route("/api/v1/rules", get(labels::rules))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/scrape_pools", get(status::pools))
        .route("/api/v1/status/buildinfo", get(status::build))
        .route("/", get(|| async { Redirect::temporary("/query") }))
        .route("/query", get(|| async { Html(PAGE) }))
        .route("/graph", get(|| async { Html(PAGE) }))
        .route("/metrics", get(status::metrics))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(Arc::new(state));
    tracing::info!("Server is ready to receive web requests.");
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}
