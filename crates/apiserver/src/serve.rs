//! HTTPS on the caller's listener, with a bearer token.
//!
//! `axum::serve` has no TLS handshake with a timeout and no `header_read_timeout`, so the accept loop is here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{ApiServer, Tls, auth};

/// Time limit for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for the header of a request, including the idle time before it.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(600);
/// Time limit for running requests after the shutdown has begun.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause after a failed `accept`, which mostly means that the process has no free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Settings of [`run`].
#[derive(Debug, Clone)]
pub struct Serve {
    /// The server's certificate and its authority.
    pub tls: Tls,
    /// The administrator's bearer token; requests without it get 401.
    pub token: String,
}

/// The server's shutdown signal in each request, so that watches, logs and tunnels end with the server.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(pub(crate) CancellationToken);

/// Serves `server` over HTTPS on `listener` until `shutdown` is cancelled. Watches and tunnels end within a second after
/// that.
///
/// # Errors
/// None at present. The server logs a failed `accept` and tries again.
pub async fn run(
    server: ApiServer,
    config: Serve,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(config.tls.config());
    let connections = Arc::new(Semaphore::new(server.limits().connections));
    let tasks = TaskTracker::new();
    let router = auth::require_token(server.router(), &config.token)
        .layer(axum::Extension(Shutdown(shutdown.clone())));
    loop {
        let permit = tokio::select! {
            () = shutdown.cancelled() => break,
            permit = Arc::clone(&connections).acquire_owned() => permit.map_err(io::Error::other)?,
        };
        let stream = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the API server cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (acceptor, router, shutdown) = (acceptor.clone(), router.clone(), shutdown.clone());
        tasks.spawn(async move {
            connection(stream, &acceptor, router, shutdown).await;
            drop(permit);
        });
    }
    tasks.close();
    // Each connection limits its own end; this limits all of them together.
    if tokio::time::timeout(2 * DRAIN_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::debug!("connections to the API server are still open after the drain timeout");
    }
    Ok(())
}

async fn connection(stream: TcpStream, acceptor: &TlsAcceptor, router: Router, shutdown: CancellationToken) {
    // A watch event is one small write. It must not wait for the acknowledgement of the previous one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "setting TCP_NODELAY failed");
    }
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
    let stream = tokio::select! {
        () = shutdown.cancelled() => return,
        accepted = handshake => match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => return tracing::debug!("TLS handshake timed out"),
        },
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection to the API server ended");
            }
            return;
        }
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _late = tokio::time::timeout(DRAIN_TIMEOUT, connection).await;
}
