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

/// Pause after an accept error, such as too many open files, which would otherwise spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long clients may take to say goodbye when the broker stops.
const STOP_TIME: Duration = Duration::from_secs(2);

/// The sockets that a broker serves.
#[derive(Debug)]
pub struct Listeners {
    /// AMQP 0-9-1; RabbitMQ's port is 5672.
    pub amqp: TcpListener,
    /// The management API; RabbitMQ's port is 15672.
    pub management: Option<TcpListener>,
    /// Metrics for Prometheus; RabbitMQ's port is 15692.
    pub metrics: Option<TcpListener>,
}

/// A broker that does not serve yet.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<Shared>,
}

impl Broker {
    /// A broker with no queues.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { shared: Arc::new(Shared::new(config)) }
    }

    /// A handle for tests.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(self.shared.clone())
    }

    /// Serves until `shutdown` is cancelled, then closes all connections in good order.
    pub async fn run(self, listeners: Listeners, shutdown: CancellationToken) {
        let Listeners { amqp, management, metrics } = listeners;
        let shared = &self.shared;
        let connections = shared.lock().config.limits.http_connections;
        tokio::join!(
            serve_amqp(shared, amqp, &shutdown),
            expire(shared, &shutdown),
            async {
                if let Some(listener) = management {
                    http::serve(listener, http::management(shared), connections, &shutdown).await;
                }
            },
            async {
                if let Some(listener) = metrics {
                    http::serve(listener, http::metrics(shared), connections, &shutdown).await;
                }
            },
        );
    }
}

async fn serve_amqp(shared: &Arc<Shared>, listener: TcpListener, shutdown: &CancellationToken) {
    let handshakes = Arc::new(Semaphore::new(shared.lock().config.limits.handshakes));
    let clients = TaskTracker::new();
    // Cancelled when the clients have had their time.
    let cut = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let Ok(place) = handshakes.clone().try_acquire_owned() else { continue };
                if shared.mode() == Mode::Stopped {
                    continue;
                }
                let (shared, cut) = (shared.clone(), cut.clone());
                clients.spawn(async move {
                    tokio::select! {
                        () = connection::serve(shared, stream, place) => {}
                        () = cut.cancelled() => {}
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
    if tokio::time::timeout(STOP_TIME, clients.wait()).await.is_err() {
        cut.cancel();
        clients.wait().await;
    }
}

/// Takes expired messages out of queues that nobody reads.
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
