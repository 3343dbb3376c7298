//! Publishes the jobs of one request and says what became of each.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
    task::Poll,
    time::{Duration, Instant},
};

use contract::{
    BurstId, Cause, Job,
    routes::{CONFIRM_TIMEOUT, MAX_IDS},
};
use jiff::Timestamp;
use lapin::{
    BasicProperties,
    options::ConfirmSelectOptions,
    types::{AMQPValue, FieldTable, ShortString},
};
use podkit::{Ended, QueueArgs, Session, Status, broker::rpc, trace_context::TRACEPARENT};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    convoy::Convoy,
    flight::{Flight, Line},
    query::Order,
    settings::Settings,
};

/// Messages of one request on the way at the same time: enough to keep the broker busy, few enough to be small.
const WINDOW: u32 = 1000;
/// Requests for fewer jobs than this travel together; larger ones are a convoy of their own.
const CONVOY: u32 = 16;
/// AMQP's number for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// What became of a request's jobs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Jobs that the broker confirmed.
    pub(crate) confirmed: u32,
    /// Their ids, at most [`MAX_IDS`].
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
    queue: ShortString,
    status: Status,
    convoy: Convoy,
}

impl Publisher {
    pub(crate) fn new(settings: &Settings, status: &Status) -> Self {
        Self(Arc::new(Inner {
            line: RwLock::default(),
            share: Arc::new(Semaphore::new(settings.max_unconfirmed as usize)),
            window: WINDOW.min(settings.max_unconfirmed),
            queue: settings.queue.queue.as_str().into(),
            status: status.clone(),
            convoy: Convoy::default(),
        }))
    }

    /// Publishes over `session` from now on, until it is lost.
    pub(crate) async fn serve(&self, session: &mut Session, queue: &QueueArgs) -> Ended {
        match self.attach(session, queue).await {
            Ok(()) => Ended::Lost(session.lost().await),
            Err(cause) => Ended::Lost(cause),
        }
    }

    async fn attach(&self, session: &Session, queue: &QueueArgs) -> Result<(), String> {
        session.declare(queue).await?;
        let channel = session.channel().await?;
        rpc("ask for publisher confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        *self.0.line.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(Line::new(channel)));
        session.ready();
        Ok(())
    }

    /// Publishes nowhere until the next [`Self::serve`]; what is on the way is lost.
    pub(crate) fn detach(&self) {
        if let Some(line) = self.0.line.write().unwrap_or_else(PoisonError::into_inner).take() {
            line.lost.cancel();
        }
    }

    /// Publishes the order's jobs and awaits their confirms, each at most [`CONFIRM_TIMEOUT`].
    ///
    /// After the first failure nothing more is published. Dropping the future is safe: what is on the way stays there,
    /// and stays counted, until the broker answers.
    pub(crate) async fn publish(&self, order: &Order, traceparent: Option<&str>) -> Outcome {
        let Inner { line, share, window, queue, status, convoy } = &*self.0;
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

        let _place = if count < CONVOY { Some(convoy.join().await) } else { None };
        let mut flight = Flight::new(&line, share);
        let headers = traceparent.map(headers);
        let begun = Instant::now();
        let mut outcome =
            Outcome { confirmed: 0, ids: Vec::new(), failed: 0, cause: None, took: Duration::ZERO };
        let mut sent = 0;
        let mut lost = pin!(line.lost.cancelled());
        let mut alarm = pin!(tokio::time::sleep_until((begun + CONFIRM_TIMEOUT).into()));
        poll_fn(|cx| {
            loop {
                while sent < count && outcome.cause.is_none() && flight.waiting.len() < window as usize {
                    let (id, body, properties) = message(order.burst.as_ref(), headers.as_ref());
                    flight.waiting.push_back(line.send(queue, id, body, properties, cx));
                    sent += 1;
                }
                let Some(front) = flight.waiting.front_mut() else { return Poll::Ready(()) };
                if let Poll::Ready(answer) = front.poll_answer(cx) {
                    let id = front.id;
                    flight.waiting.pop_front();
                    match line.judge(id, answer) {
                        Ok(()) => {
                            outcome.confirmed += 1;
                            if outcome.ids.len() < MAX_IDS {
                                outcome.ids.push(id);
                            }
                        }
                        Err(cause) => drop(outcome.cause.get_or_insert(cause)),
                    }
                    continue;
                }
                if lost.as_mut().poll(cx).is_ready() {
                    outcome.cause.get_or_insert(Cause::ConnectionLost);
                    return Poll::Ready(());
                }
                // The front is the oldest: as long as it is in time, all are.
                let deadline = front.at + CONFIRM_TIMEOUT;
                if Instant::now() >= deadline {
                    let cause = if status.is_blocked() { Cause::Blocked } else { Cause::Slow };
                    outcome.cause.get_or_insert(cause);
                    flight.late.extend(flight.waiting.pop_front());
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
        outcome.failed = count - outcome.confirmed;
        outcome.took = begun.elapsed();
        outcome
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
