//! Publishes the jobs of requests over the current session.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use contract::{Cause, routes::CONFIRM_TIMEOUT};
use podkit::{QueueArgs, Session, SessionEnd, Status};
use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    confirm_channels::ConfirmChannels,
    metrics::Metrics,
    publish_batch::{Outcome, PublishBatch, headers},
    query::Order,
    settings::Settings,
};

/// Maximum number of unconfirmed messages of one request: keeps the broker busy and bounds the memory.
const WINDOW: u32 = 1000;
/// Minimum time between two declarations of a queue that disappears repeatedly.
const REDECLARE_INTERVAL: Duration = Duration::from_secs(1);

/// Publishes over the current session, if there is one. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    channels: RwLock<Option<Arc<ConfirmChannels>>>,
    unconfirmed: Arc<Semaphore>,
    window: u32,
    status: Status,
    metrics: Metrics,
}

impl Publisher {
    pub(crate) fn new(settings: &Settings, status: &Status, metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            channels: RwLock::default(),
            unconfirmed: Arc::new(Semaphore::new(settings.max_unconfirmed as usize)),
            window: WINDOW.min(settings.max_unconfirmed),
            status: status.clone(),
            metrics: metrics.clone(),
        }))
    }

    /// Publishes over `session` until it is lost. Declares the queue again if it disappears.
    pub(crate) async fn serve(&self, session: &mut Session, queue: &QueueArgs) -> SessionEnd {
        let channels = match self.attach(session, queue).await {
            Ok(channels) => channels,
            Err(cause) => return SessionEnd::Lost(cause),
        };
        let mut declared_at = Instant::now();
        loop {
            let missing = async {
                channels.unroutable.notified().await;
                sleep_until(declared_at + REDECLARE_INTERVAL).await;
            };
            tokio::select! {
                cause = session.lost() => return SessionEnd::Lost(cause),
                () = missing => {}
            }
            tracing::warn!(queue = queue.queue, "the queue does not exist: declaring it again");
            if let Err(cause) = session.declare(queue).await {
                return SessionEnd::Lost(cause);
            }
            declared_at = Instant::now();
        }
    }

    async fn attach(&self, session: &Session, queue: &QueueArgs) -> Result<Arc<ConfirmChannels>, String> {
        session.declare(queue).await?;
        let channels = Arc::new(ConfirmChannels::open(session, &queue.queue).await?);
        *self.0.channels.write().unwrap_or_else(PoisonError::into_inner) = Some(channels.clone());
        session.ready();
        Ok(channels)
    }

    /// Stops publishing until the next [`Self::serve`]. Unconfirmed messages fail.
    pub(crate) fn detach(&self) {
        if let Some(channels) = self.0.channels.write().unwrap_or_else(PoisonError::into_inner).take() {
            channels.lost.cancel();
        }
    }

    /// Publishes the order's jobs and waits for the confirms, each at most [`CONFIRM_TIMEOUT`].
    ///
    /// The future may be dropped: published messages stay counted until the broker answers them.
    pub(crate) async fn publish(&self, order: &Order, traceparent: Option<&str>) -> Outcome {
        let Inner { channels, unconfirmed, window, status, metrics } = &*self.0;
        let count = order.count;
        let channels = channels.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(channels) = channels else { return Outcome::rejected(count, Cause::Disconnected) };
        if status.is_blocked() {
            return Outcome::rejected(count, Cause::Blocked);
        }
        let window = count.min(*window);
        let Ok(permits) = unconfirmed.clone().try_acquire_many_owned(window) else {
            return Outcome::rejected(count, Cause::Busy);
        };
        let Ok(Some(channel)) = timeout(CONFIRM_TIMEOUT, channels.acquire()).await else {
            return Outcome::rejected(count, Cause::Busy);
        };
        let batch = PublishBatch {
            channel,
            count,
            burst: order.burst.clone(),
            headers: traceparent.map(headers),
            window,
            _permits: permits,
            status: status.clone(),
            metrics: metrics.clone(),
        };
        let (request, outcome) = oneshot::channel();
        tokio::spawn(batch.run(request));
        // The batch always sends an outcome, unless the runtime shuts down.
        outcome.await.unwrap_or_else(|_| Outcome::rejected(count, Cause::ConnectionLost))
    }
}
