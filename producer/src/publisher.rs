//! Publishes the jobs of requests over the current session.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
    task::Poll,
    time::{Duration, Instant},
};

use contract::{BurstId, Cause, Job, routes::CONFIRM_TIMEOUT};
use jiff::Timestamp;
use lapin::{
    BasicProperties,
    options::ConfirmSelectOptions,
    types::{AMQPValue, FieldTable},
};
use podkit::{QueueArgs, Session, SessionEnd, Status, broker::rpc, trace_context::TRACEPARENT};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    confirm_channel::ConfirmChannel, metrics::Metrics, publish_batch::PublishBatch, query::Order,
    settings::Settings,
};

/// Maximum number of unconfirmed messages of one request: keeps the broker busy and bounds the memory.
const WINDOW: u32 = 1000;
/// Minimum time between two declarations of a queue that disappears repeatedly.
const REDECLARE_INTERVAL: Duration = Duration::from_secs(1);
/// AMQP's delivery mode for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Result of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Number of jobs that the broker confirmed.
    pub(crate) confirmed: u32,
    /// Ids of confirmed jobs, at most [`contract::routes::MAX_IDS`].
    pub(crate) ids: Vec<Uuid>,
    /// Number of the other jobs.
    pub(crate) failed: u32,
    /// Cause of the first failure.
    pub(crate) cause: Option<Cause>,
    /// Time from the first publish to the last answer.
    pub(crate) took: Duration,
}

impl Outcome {
    /// Returns the outcome of a request that published nothing.
    pub(crate) fn rejected(count: u32, cause: Cause) -> Self {
        Self { confirmed: 0, ids: Vec::new(), failed: count, cause: Some(cause), took: Duration::ZERO }
    }
}

/// Publishes over the current session, if there is one. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    channel: RwLock<Option<Arc<ConfirmChannel>>>,
    unconfirmed: Arc<Semaphore>,
    window: u32,
    status: Status,
    metrics: Metrics,
}

impl Publisher {
    pub(crate) fn new(settings: &Settings, status: &Status, metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            channel: RwLock::default(),
            unconfirmed: Arc::new(Semaphore::new(settings.max_unconfirmed as usize)),
            window: WINDOW.min(settings.max_unconfirmed),
            status: status.clone(),
            metrics: metrics.clone(),
        }))
    }

    /// Publishes over `session` until it is lost. Declares the queue again if it disappears.
    pub(crate) async fn serve(&self, session: &mut Session, queue: &QueueArgs) -> SessionEnd {
        let channel = match self.attach(session, queue).await {
            Ok(channel) => channel,
            Err(cause) => return SessionEnd::Lost(cause),
        };
        let mut declared_at = tokio::time::Instant::now();
        loop {
            let missing = async {
                channel.unroutable.notified().await;
                tokio::time::sleep_until(declared_at + REDECLARE_INTERVAL).await;
            };
            tokio::select! {
                cause = session.lost() => return SessionEnd::Lost(cause),
                () = missing => {}
            }
            tracing::warn!(queue = queue.queue, "the queue does not exist: declaring it again");
            if let Err(cause) = session.declare(queue).await {
                return SessionEnd::Lost(cause);
            }
            declared_at = tokio::time::Instant::now();
        }
    }

    async fn attach(&self, session: &Session, queue: &QueueArgs) -> Result<Arc<ConfirmChannel>, String> {
        session.declare(queue).await?;
        let channel = session.channel().await?;
        rpc("enable publisher confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        let channel = Arc::new(ConfirmChannel::new(channel, queue.queue.as_str().into()));
        *self.0.channel.write().unwrap_or_else(PoisonError::into_inner) = Some(channel.clone());
        tokio::spawn({
            let channel = channel.clone();
            async move {
                tokio::select! {
                    () = channel.collect() => {}
                    () = channel.lost.cancelled() => {}
                }
            }
        });
        session.ready();
        Ok(channel)
    }

    /// Stops publishing until the next [`Self::serve`]. Unconfirmed messages fail.
    pub(crate) fn detach(&self) {
        if let Some(channel) = self.0.channel.write().unwrap_or_else(PoisonError::into_inner).take() {
            // Confirms that have already arrived count.
            channel.collect_ready();
            channel.lost.cancel();
        }
    }

    /// Publishes the order's jobs and waits for the confirms, each at most [`CONFIRM_TIMEOUT`].
    ///
    /// Stops publishing after the first failure. The future may be dropped: published messages stay counted until the
    /// broker answers them.
    pub(crate) async fn publish(&self, order: &Order, traceparent: Option<&str>) -> Outcome {
        let Inner { channel, unconfirmed, window, status, metrics } = &*self.0;
        let count = order.count;
        let channel = channel.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(channel) = channel else { return Outcome::rejected(count, Cause::Disconnected) };
        if status.is_blocked() {
            return Outcome::rejected(count, Cause::Blocked);
        }
        let window = count.min(*window);
        let Ok(permits) = unconfirmed.clone().try_acquire_many_owned(window) else {
            return Outcome::rejected(count, Cause::Busy);
        };

        // Let the server read all requests that arrived at the same moment. Their messages are then written together,
        // which is much cheaper for the broker than one write per request.
        tokio::task::yield_now().await;
        let batch = Arc::new(PublishBatch::new(permits, metrics.published.clone(), metrics.late.clone()));
        let headers = traceparent.map(headers);
        let started = Instant::now();
        let mut published = 0;
        let mut lost = pin!(channel.lost.cancelled());
        let mut timeout = pin!(tokio::time::sleep_until((started + CONFIRM_TIMEOUT).into()));
        poll_fn(|cx| {
            batch.task.register(cx.waker());
            loop {
                let mut progress = batch.progress();
                while published < count && !progress.failed && progress.unconfirmed < window as usize {
                    let (id, body, properties) = message(order.burst.as_ref(), headers.as_ref());
                    channel.publish(&batch, id, body, properties);
                    published += 1;
                    progress = batch.progress();
                }
                let Some(oldest) = progress.oldest else { return Poll::Ready(()) };
                if lost.as_mut().poll(cx).is_ready() {
                    batch.fail(Cause::ConnectionLost);
                    return Poll::Ready(());
                }
                let deadline = oldest + CONFIRM_TIMEOUT;
                if Instant::now() >= deadline {
                    // A confirm that arrived while this thread was busy is not late.
                    channel.collect_ready();
                    if batch.progress().oldest == Some(oldest) {
                        batch.fail(if status.is_blocked() { Cause::Blocked } else { Cause::Slow });
                        return Poll::Ready(());
                    }
                    continue;
                }
                if timeout.deadline() < deadline.into() {
                    timeout.as_mut().reset(deadline.into());
                }
                if timeout.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
        let (confirmed, ids, cause) = batch.close();
        Outcome { confirmed, ids, failed: count - confirmed, cause, took: started.elapsed() }
    }
}

fn headers(traceparent: &str) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.into()));
    table
}

/// Generates a UUID version 7. The thread's generator was seeded by the kernel; asking the kernel for each id would cost
/// as much as the rest of a message.
fn new_id(at: Timestamp) -> Uuid {
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.as_millisecond()).unwrap_or(0), &random)
        .into_uuid()
}

fn message(burst: Option<&BurstId>, headers: Option<&FieldTable>) -> (Uuid, Vec<u8>, BasicProperties) {
    let enqueued_at = Timestamp::now();
    let job = Job { id: new_id(enqueued_at), enqueued_at, burst: burst.cloned() };
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    let id: &str = job.id.hyphenated().encode_lower(&mut id);
    let seconds = u64::try_from(job.enqueued_at.as_second()).unwrap_or(0);
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
        .with_timestamp(seconds);
    if let Some(headers) = headers {
        properties = properties.with_headers(headers.clone());
    }
    (job.id, job.to_body(), properties)
}
