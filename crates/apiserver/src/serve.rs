//! HTTPS on a listener that the caller bound, with a bearer token, until told to stop.

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

use crate::auth::{self, Tokens};
use crate::{ApiServer, Tls};

/// How long a client may take for the TLS handshake, and between a connection's start and the end of its header.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_millis(500);
/// Pause after `accept` failed, which mostly means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How to serve.
#[derive(Debug, Clone)]
pub struct Serve {
    /// Certificate and authority.
    pub tls: Tls,
    /// The administrator's bearer token; every other answer is 401.
    pub token: String,
}

/// Marks a request with the server's end, so that watches, logs and tunnels end with it.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(pub(crate) CancellationToken);

/// Serves `server` over HTTPS on `listener` until `shutdown` is cancelled; watches and tunnels end with it, within
/// a second.
///
/// # Errors
/// None at present after the start; accept errors are logged and waited out.
pub async fn run(
    server: ApiServer,
    config: Serve,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(config.tls.config());
    let connections = Arc::new(Semaphore::new(server.limits().connections));
    let tasks = TaskTracker::new();
    let router = auth::require(server.router(), Tokens::admin(&config.token))
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
                    tracing::warn!(%error, "accepting a connection to the API server failed");
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
    // Each connection bounds its own end; this is the belt to those braces.
    if tokio::time::timeout(2 * DRAIN, tasks.wait()).await.is_err() {
        tracing::debug!("connections to the API server did not end in time");
    }
    Ok(())
}

async fn connection(stream: TcpStream, acceptor: &TlsAcceptor, router: Router, shutdown: CancellationToken) {
    // A watch event is one small write; it must not wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
    let stream = tokio::select! {
        () = shutdown.cancelled() => return,
        accepted = handshake => match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => return tracing::debug!("TLS handshake took too long"),
        },
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(60 * 10))
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
    let _late = tokio::time::timeout(DRAIN, connection).await;
}
