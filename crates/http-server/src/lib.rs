//! An HTTP/1.1 server for an axum router, with limits on connections and slow clients.
//!
//! `axum::serve` limits neither the number of connections nor the time that a client takes for the header of a request.
//! This crate has the accept loop once, for every program that serves HTTP or HTTPS.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after a failed `accept`, for example because the process has no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits on connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of open connections. Further connections wait in the kernel's backlog.
    pub connections: usize,
    /// Time limit for the header of a request. It includes the idle time before the request, so it should be longer than
    /// the keep-alive time of clients and proxies.
    pub header_timeout: Duration,
    /// Time limit for a client to acknowledge sent bytes (`TCP_USER_TIMEOUT`); a client that does not read is disconnected.
    /// Zero is the system's default.
    pub write_timeout: Duration,
    /// Maximum size of a request's line and header in bytes, and of the read buffer.
    pub header_bytes: usize,
    /// Time limit for open requests after the shutdown.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            shutdown_timeout: Duration::from_secs(2),
        }
    }
}

/// Serves `router` on `listener` until `shutdown` is cancelled.
///
/// After the shutdown, idle connections close at once and open requests have [`Limits::shutdown_timeout`] to finish.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: &CancellationToken) {
    serve_over(listener, router, limits, shutdown, |stream| std::future::ready(Some(stream))).await;
}

/// As [`serve`], on the streams that `open` makes of connections, for example with TLS. `open` should have a time limit;
/// a connection for which it returns `None` is closed. A request may continue with another protocol, after which its
/// connection does not count any longer.
pub async fn serve_over<S, F>(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: &CancellationToken,
    open: impl Fn(TcpStream) -> F,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Option<S>> + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        // hyper accepts no smaller buffer.
        .max_buf_size(limits.header_bytes.max(8192));
    let permits = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    loop {
        let accept = async {
            // The semaphore is never closed, so this returns a permit.
            let permit = permits.clone().acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (stream, permit) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept => match accepted {
                (Ok((stream, _)), permit) => (stream, permit),
                (Err(error), _) => {
                    tracing::warn!(%error, "cannot accept an HTTP connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        set_options(&stream, limits);
        let (builder, service) = (builder.clone(), TowerToHyperService::new(router.clone()));
        let (shutdown, abort) = (shutdown.clone(), abort.clone());
        let opening = open(stream);
        connections.spawn(async move {
            // Counts the connection until this task ends.
            let _permit = permit;
            let opened = tokio::select! {
                () = shutdown.cancelled() => None,
                opened = opening => opened,
            };
            let Some(stream) = opened else { return };
            let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
            let mut connection = std::pin::pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        result = connection.as_mut() => result,
                        () = abort.cancelled() => Ok(()),
                    }
                }
            };
            if let Err(error) = result {
                tracing::debug!(%error, "an HTTP connection failed");
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.shutdown_timeout, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "closing HTTP connections with open requests");
        abort.cancel();
        connections.wait().await;
    }
}

fn set_options(stream: &TcpStream, limits: Limits) {
    // Responses are small and the client waits for them: Nagle's algorithm would delay them.
    let no_delay = stream.set_nodelay(true);
    let milliseconds = u32::try_from(limits.write_timeout.as_millis()).unwrap_or(u32::MAX);
    let write_timeout = sockopt::set_tcp_user_timeout(stream, milliseconds);
    if no_delay.is_err() || write_timeout.is_err() {
        tracing::debug!("cannot set the options of an HTTP connection");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    const DEADLINE: Duration = Duration::from_secs(30);

    async fn start(limits: Limits) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let router = Router::new().route("/", get(async || "x".repeat(4096)));
        let server = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { serve(listener, router, limits, &shutdown).await }
        });
        (address, shutdown, server)
    }

    /// Sends `request` and returns all bytes until the server closes the connection.
    async fn exchange(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut response)).await;
        read.expect("the server closes the connection").unwrap();
        String::from_utf8(response).unwrap()
    }

    async fn open_connection(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        stream
    }

    #[tokio::test]
    async fn slow_and_idle_clients_are_disconnected() {
        let limits = Limits { header_timeout: Duration::from_millis(100), ..Limits::default() };
        let (address, ..) = start(limits).await;
        assert_eq!(exchange(address, b"").await, "");
        assert_eq!(exchange(address, b"GET / HT").await, "");
        assert_eq!(exchange(address, b"GET / HTTP/1.1\r\nhost: x\r\n").await, "");
        assert!(exchange(address, REQUEST).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_disconnected() {
        let limits =
            Limits { connections: 1, write_timeout: Duration::from_millis(100), ..Limits::default() };
        let (address, ..) = start(limits).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let write = async { while stream.write_all(REQUEST).await.is_ok() {} };
        tokio::time::timeout(DEADLINE, write).await.expect("the server closes the connection");
        assert!(exchange(address, LAST_REQUEST).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn connections_over_the_limit_wait() {
        let (address, ..) = start(Limits { connections: 1, ..Limits::default() }).await;
        let first = open_connection(address).await;
        let mut second = std::pin::pin!(exchange(address, LAST_REQUEST));
        tokio::select! {
            response = &mut second => panic!("served over the limit: {response}"),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
        drop(first);
        assert!(second.await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn shutdown_closes_idle_connections() {
        let (address, shutdown, server) = start(Limits::default()).await;
        let mut idle = open_connection(address).await;
        shutdown.cancel();
        let mut rest = Vec::new();
        tokio::time::timeout(DEADLINE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
        tokio::time::timeout(DEADLINE, server).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
