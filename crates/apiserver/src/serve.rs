//! HTTPS on the caller's listener, with a bearer token.

use std::time::Duration;

use http_server::Limits;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::{ApiServer, Tls, auth};

/// Time limit for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for the header of a request, including the idle time before it.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of a request's line and header.
const MAX_HEADER: usize = 256 * 1024;
/// Time limit for running requests after the shutdown has begun.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

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
pub async fn run(server: ApiServer, config: Serve, listener: TcpListener, shutdown: CancellationToken) {
    let acceptor = TlsAcceptor::from(config.tls.config());
    let router = auth::require_token(server.router(), &config.token)
        .layer(axum::Extension(Shutdown(shutdown.clone())));
    let limits = Limits {
        connections: server.limits().connections,
        header_timeout: HEADER_READ_TIMEOUT,
        // A client may read its watch as slowly as it likes; the event log limits the memory.
        write_timeout: Duration::ZERO,
        header_bytes: MAX_HEADER,
        shutdown_timeout: DRAIN_TIMEOUT,
    };
    let handshake = |stream| handshake(acceptor.clone(), stream);
    http_server::serve_over(listener, router, limits, &shutdown, handshake).await;
}

async fn handshake(acceptor: TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("TLS handshake timed out");
            None
        }
    }
}
