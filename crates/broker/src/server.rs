//! The listeners, and the tasks behind them.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::control::Control;
use crate::shared::{Mode, Shared};
use crate::{connection, http};

/// Pause after a failed `accept`, for example because the process has no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time limit for the close handshakes after the shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The listeners of a broker.
#[derive(Debug)]
pub struct Listeners {
    /// AMQP 0-9-1 (RabbitMQ's port 5672).
    pub amqp: TcpListener,
    /// Management API (RabbitMQ's port 15672).
    pub management: Option<TcpListener>,
    /// Metrics for Prometheus (RabbitMQ's port 15692).
    pub metrics: Option<TcpListener>,
}

/// A broker that has not started.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<Shared>,
}

impl Broker {
    /// Creates a broker without queues.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { shared: Arc::new(Shared::new(config)) }
    }

    /// Returns a handle for tests.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(self.shared.clone())
    }

    /// Serves until `shutdown` is cancelled, then closes all connections gracefully.
    pub async fn run(self, listeners: Listeners, shutdown: CancellationToken) {
        let Listeners { amqp, management, metrics } = listeners;
        let shared = &self.shared;
        let connections = shared.lock().config.limits.http_connections;
        let limits = http_server::Limits { connections, ..http_server::Limits::default() };
        if let Ok(address) = amqp.local_addr() {
            tracing::info!("started TCP listener on {address}");
        }
        tokio::join!(
            serve_amqp(shared, amqp, &shutdown),
            expire(shared, &shutdown),
            async {
                if let Some(listener) = management {
                    http_server::serve(listener, http::management(shared), limits, &shutdown).await;
                }
            },
            async {
                if let Some(listener) = metrics {
                    http_server::serve(listener, http::metrics(shared), limits, &shutdown).await;
                }
            },
        );
    }
}

async fn serve_amqp(shared: &Arc<Shared>, listener: TcpListener, shutdown: &CancellationToken) {
    let handshakes = Arc::new(Semaphore::new(shared.lock().config.limits.handshakes));
    let clients = TaskTracker::new();
    // Cancelled after the shutdown timeout.
    let abort = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let Ok(permit) = handshakes.clone().try_acquire_owned() else { continue };
                if shared.mode() == Mode::Stopped {
                    continue;
                }
                let (shared, abort) = (shared.clone(), abort.clone());
                clients.spawn(async move {
                    tokio::select! {
                        () = connection::serve(shared, stream, permit) => {}
                        () = abort.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    Control::new(shared.clone()).stop();
    clients.close();
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, clients.wait()).await.is_err() {
        abort.cancel();
        clients.wait().await;
    }
}

/// Removes expired messages from queues without consumers.
async fn expire(shared: &Shared, shutdown: &CancellationToken) {
    let timer = shared.lock().timer.clone();
    loop {
        let now = shared.now();
        let next = shared.lock().expire(now);
        let wait = async {
            match next {
                Some(at) => {
                    let wait = Duration::from_millis(at.saturating_sub(now.ms).max(1));
                    tokio::time::sleep_until(Instant::now() + wait).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = timer.notified() => {}
            () = wait => {}
        }
    }
}
