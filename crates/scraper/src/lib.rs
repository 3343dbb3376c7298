//! A small Prometheus: targets from ServiceMonitors, scrapes, instant queries.
//!
//! It does for a demonstration on one machine what Prometheus and its operator do in a cluster: it watches
//! `ServiceMonitor`s, Services and Pods through a [`kube::Client`], scrapes the pods they select, keeps the samples of
//! the last minutes in memory and answers the part of Prometheus' HTTP API that autoscaling asks for. The crate's
//! README lists what it offers and what it does not.
//!
//! It never dials a pod. Every scrape is a GET on the API server's proxy
//! (`/api/v1/namespaces/NAMESPACE/pods/NAME:PORT/proxy/PATH`), which reaches pods from any place that the client
//! reaches the API server from: beside the cluster, inside it, and where a pod's address means nothing at all.

mod api;
mod config;
mod discovery;
mod duration;
mod exposition;
mod ingest;
mod labels;
mod monitor;
mod promql;
mod relabel;
mod sample;
mod scrape;
mod store;
mod targets;
mod watch;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use config::Config;

/// How often series past retention are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// The longest that the end waits for open answers.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves until `shutdown` is cancelled: watches and scrapes with `client`, answers on `listener`.
///
/// The client should have `default_retry` off (`kube::Config::default_retry`): a scrape that the proxy answers with 503
/// is a target that is down, to be known at once and not after a row of retries. Watches reconnect by themselves
/// with a capped back-off, so an API server that is away, or knows no ServiceMonitors, ends nothing.
///
/// # Errors
/// When the listener fails.
pub async fn run(
    config: Config,
    client: kube::Client,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    // A failing listener ends the rest as `shutdown` does, without touching the caller's token.
    let stop = shutdown.child_token();
    let store =
        Arc::new(RwLock::new(store::Store::new(config.max_series, config.max_samples, config.retention)));
    let view = Arc::new(RwLock::new(targets::View::default()));
    let scraper =
        scrape::Scraper { client: client.clone(), store: Arc::clone(&store), body_limit: config.body_limit };
    let mut targets = targets::Targets::new(scraper, Arc::clone(&view), stop.clone());
    let server = api::Server {
        config: config.clone(),
        store: Arc::clone(&store),
        view,
        queries: Arc::new(Semaphore::new(config.query_concurrency.max(1))),
        started: Instant::now(),
    };
    let watching = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = watch::follow(&config, client, &mut targets) => {}
            () = sweep(&store) => {}
        }
        targets.ended().await;
    };
    let serving = async {
        let serving = api::serve(server, listener, stop.clone());
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = late(&stop) => Ok(()),
        };
        stop.cancel();
        result
    };
    let ((), result) = tokio::join!(watching, serving);
    result
}

/// Returns a while after `stop`: a client that keeps its answer open does not keep the server.
async fn late(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}

async fn sweep(store: &RwLock<store::Store>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        store.write().unwrap_or_else(PoisonError::into_inner).expire(sample::now());
    }
}
