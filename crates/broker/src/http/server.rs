//! Serves a router with bounds on connections and on the time that a client may take.
//!
//! axum's own `serve` has neither, so the accept loop is written out here on hyper.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time for the request line and headers, also between two requests of a connection.
const HEADER_TIME: Duration = Duration::from_secs(60);
/// Bytes of request line and headers.
const HEADER_BYTES: usize = 16 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time that open requests get to end when the server stops.
const STOP_TIME: Duration = Duration::from_secs(2);

/// Serves `router` until `shutdown` is cancelled.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections: usize,
    shutdown: &CancellationToken,
) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(HEADER_BYTES);
    let places = Arc::new(Semaphore::new(connections));
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        let accept = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept => accepted,
        };
        let (stream, place) = match accepted {
            (Ok((stream, _)), place) => (stream, place),
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let (shutdown, cut) = (shutdown.clone(), cut.clone());
        tasks.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection.as_mut() => ended,
                        () = cut.cancelled() => Ok(()),
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP connection ended");
            }
            drop(place);
        });
    }
    tasks.close();
    if tokio::time::timeout(STOP_TIME, tasks.wait()).await.is_err() {
        cut.cancel();
        tasks.wait().await;
    }
}
