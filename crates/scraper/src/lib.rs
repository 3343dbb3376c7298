//! A small Prometheus: targets from ServiceMonitors and PodMonitors, scrapes, queries.
//!
//! It does for a demonstration on one machine what Prometheus and its operator do in a cluster. It watches monitors,
//! Services and pods through a [`kube::Client`], scrapes the selected pods, keeps the samples of the last minutes in
//! memory, and serves the part of Prometheus' HTTP API that autoscaling needs. The crate's README lists the supported
//! parts.
//!
//! It never connects to a pod. Every scrape is a GET on the API server's proxy
//! (`/api/v1/namespaces/NAMESPACE/pods/NAME:PORT/proxy/PATH`), which works wherever the client reaches the API server,
//! inside the cluster and outside of it.

mod api;
mod config;
mod discovery;
mod ingest;
mod labels;
mod monitor;
mod promql;
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

/// Time between two removals of series past the retention.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(30);

/// Time that open requests get to finish at shutdown.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

/// Serves until `shutdown` is cancelled: watches and scrapes with `client`, answers on `listener`.
///
/// The client should have `default_retry` off (`kube::Config::default_retry`): if the proxy answers a scrape with
/// 503, the target is down, and retries would only delay that. Watches reconnect by themselves with a capped backoff,
/// also if the API server is unreachable or does not know the monitors' kinds.
///
/// # Errors
/// An error of the listener.
pub async fn run(
    config: Config,
    client: kube::Client,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    // A failing listener ends the other tasks as `shutdown` does, without cancelling the caller's token.
    let stop = shutdown.child_token();
    let store =
        Arc::new(RwLock::new(store::Store::new(config.max_series, config.max_samples, config.retention)));
    let target_list = Arc::new(RwLock::new(targets::TargetList::default()));
    let scraper =
        scrape::Scraper { client: client.clone(), store: Arc::clone(&store), body_limit: config.body_limit };
    let mut targets = targets::Targets::new(scraper, Arc::clone(&target_list), stop.clone());
    let server = api::ServerState {
        config: config.clone(),
        store: Arc::clone(&store),
        target_list,
        queries: Arc::new(Semaphore::new(config.query_concurrency.max(1))),
        started: Instant::now(),
    };
    let watching = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = watch::follow(&config, client, &mut targets) => {}
            () = expire_series(&store) => {}
        }
        targets.ended().await;
    };
    let serving = async {
        let serving = api::serve(server, listener, stop.clone());
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            () = after_grace_period(&stop) => Ok(()),
        };
        stop.cancel();
        result
    };
    let ((), result) = tokio::join!(watching, serving);
    result
}

/// Waits for `stop` and the grace period: a client with an open request does not keep the server running.
async fn after_grace_period(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE_PERIOD).await;
}

/// Removes series past the retention, at an interval.
async fn expire_series(store: &RwLock<store::Store>) {
    let mut ticks = tokio::time::interval(EXPIRY_INTERVAL);
    loop {
        ticks.tick().await;
        store.write().unwrap_or_else(PoisonError::into_inner).expire(sample::now());
    }
}
