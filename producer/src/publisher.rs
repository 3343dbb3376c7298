//! Publishes the jobs of one request and says what became of each.

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
use podkit::{Ended, QueueArgs, Session, Status, broker::rpc, trace_context::TRACEPARENT};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{flight::Flight, line::Line, metrics::Metrics, query::Order, settings::Settings};

/// Messages of one request on the way at the same time: enough to keep the broker busy, few enough to be small.
const WINDOW: u32 = 1000;
/// Least time between two declarations of a queue that keeps disappearing.
const REDECLARE: Duration = Duration::from_secs(1);
/// AMQP's number for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// What became of a request's jobs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Jobs that the broker confirmed.
    pub(crate) confirmed: u32,
    /// Their ids, at most [`contract::routes::MAX_IDS`].
    pub(crate) ids: Vec<Uuid>,
    /// The rest.
    pub(crate) failed: u32,
    /// Why the first of the rest failed.
    pub(crate) cause: Option<Cause>,
    /// From the first publish to the last answer.
    pub(crate) took: Duration,
}

impl Outcome {
    pub(crate) fn nothing(count: u32, cause: Cause) -> Self {
        Self { confirmed: 0, ids: Vec::new(), failed: count, cause: Some(cause), took: Duration::ZERO }
    }
}

/// Publishes over whichever session stands. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    line: RwLock<Option<Arc<Line>>>,
    share: Arc<Semaphore>,
    window: u32,
    status: Status,
    metrics: Metrics,
}

impl Publisher {
    pub(crate) fn new(settings: &Settings, status: &Status, metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            line: RwLock::default(),
            share: Arc::new(Semaphore::new(settings.max_unconfirmed as usize)),
            window: WINDOW.min(settings.max_unconfirmed),
            status: status.clone(),
            metrics: metrics.clone(),
        }))
    }

    /// Publishes over `session` from now on, until it is lost. A queue that disappears is declared again.
    pub(crate) async fn serve(&self, session: &mut Session, queue: &QueueArgs) -> Ended {
        let line = match self.attach(session, queue).await {
            Ok(line) => line,
            Err(cause) => return Ended::Lost(cause),
        };
        let mut declared = tokio::time::Instant::now();
        loop {
            let missing = async {
                line.unroutable.notified().await;
                tokio::time::sleep_until(declared + REDECLARE).await;
            };
            tokio::select! {
                cause = session.lost() => return Ended::Lost(cause),
                () = missing => {}
            }
            tracing::warn!(queue = queue.queue, "the queue is gone: declaring it again");
            if let Err(cause) = session.declare(queue).await {
                return Ended::Lost(cause);
            }
            declared = tokio::time::Instant::now();
        }
    }

    async fn attach(&self, session: &Session, queue: &QueueArgs) -> Result<Arc<Line>, String> {
        session.declare(queue).await?;
        let channel = session.channel().await?;
        rpc("ask for publisher confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        let line = Arc::new(Line::new(channel, queue.queue.as_str().into()));
        *self.0.line.write().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
        tokio::spawn({
            let line = line.clone();
            async move {
                tokio::select! {
                    () = line.collect() => {}
                    () = line.lost.cancelled() => {}
                }
            }
        });
        session.ready();
        Ok(line)
    }

    /// Publishes nowhere until the next [`Self::serve`]; what is on the way is lost.
    pub(crate) fn detach(&self) {
        if let Some(line) = self.0.line.write().unwrap_or_else(PoisonError::into_inner).take() {
            // What was answered in time counts.
            line.gather();
            line.lost.cancel();
        }
    }

    /// Publishes the order's jobs and awaits their confirms, each at most [`CONFIRM_TIMEOUT`].
    ///
    /// After the first failure nothing more is published. Dropping the future is safe: what is on the way stays there,
    /// and stays counted, until the broker answers.
    pub(crate) async fn publish(&self, order: &Order, traceparent: Option<&str>) -> Outcome {
        let Inner { line, share, window, status, metrics } = &*self.0;
        let count = order.count;
        let line = line.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(line) = line else { return Outcome::nothing(count, Cause::Disconnected) };
        if status.is_blocked() {
            return Outcome::nothing(count, Cause::Blocked);
        }
        let window = count.min(*window);
        let Ok(share) = share.clone().try_acquire_many_owned(window) else {
            return Outcome::nothing(count, Cause::Busy);
        };

        // Requests that came in the same moment are all read before the first of them publishes. Their messages then
        // leave together, which is far cheaper for the broker than one write each between two requests.
        tokio::task::yield_now().await;
        let flight = Arc::new(Flight::new(share, metrics.published.clone(), metrics.late.clone()));
        let headers = traceparent.map(headers);
        let begun = Instant::now();
        let mut sent = 0;
        let mut lost = pin!(line.lost.cancelled());
        let mut alarm = pin!(tokio::time::sleep_until((begun + CONFIRM_TIMEOUT).into()));
        poll_fn(|cx| {
            flight.task.register(cx.waker());
            loop {
                let mut progress = flight.progress();
                while sent < count && !progress.failed && progress.on_the_way < window as usize {
                    let (id, body, properties) = message(order.burst.as_ref(), headers.as_ref());
                    line.send(&flight, id, body, properties);
                    sent += 1;
                    progress = flight.progress();
                }
                let Some(oldest) = progress.oldest else { return Poll::Ready(()) };
                if lost.as_mut().poll(cx).is_ready() {
                    flight.fail(Cause::ConnectionLost);
                    return Poll::Ready(());
                }
                let deadline = oldest + CONFIRM_TIMEOUT;
                if Instant::now() >= deadline {
                    // What came at the last moment, while this thread was busy, is not late.
                    line.gather();
                    if flight.progress().oldest == Some(oldest) {
                        flight.fail(if status.is_blocked() { Cause::Blocked } else { Cause::Slow });
                        return Poll::Ready(());
                    }
                    continue;
                }
                if alarm.deadline() < deadline.into() {
                    alarm.as_mut().reset(deadline.into());
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
        let (confirmed, ids, cause) = flight.close();
        Outcome { confirmed, ids, failed: count - confirmed, cause, took: begun.elapsed() }
    }
}

fn headers(traceparent: &str) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.into()));
    table
}

/// A UUID version 7. The random part does not ask the kernel, which would cost as much as all the rest of a message; the
/// thread's generator was seeded by it.
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
