//! The messages of one request: publishes them on one channel and collects the broker's answers.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use contract::{
    BurstId, Cause, Job,
    routes::{CONFIRM_TIMEOUT, MAX_IDS},
};
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use lapin::{
    BasicProperties, Confirmation,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};
use podkit::{Status, trace_context::TRACEPARENT};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use crate::{confirm_channels::ChannelGuard, metrics::Metrics};

/// AMQP's delivery mode for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Result of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Number of jobs that the broker confirmed.
    pub(crate) confirmed: u32,
    /// Ids of confirmed jobs, at most [`MAX_IDS`].
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

/// The messages of one request. [`Self::run`] outlives the request: the channel and the permits become free only when the
/// broker has answered every message.
pub(crate) struct PublishBatch {
    pub(crate) channel: ChannelGuard,
    pub(crate) count: u32,
    pub(crate) burst: Option<BurstId>,
    pub(crate) headers: Option<FieldTable>,
    /// Maximum number of unconfirmed messages of this batch.
    pub(crate) window: u32,
    /// Share of the limit on unconfirmed messages.
    pub(crate) _permits: OwnedSemaphorePermit,
    pub(crate) status: Status,
    pub(crate) metrics: Metrics,
}

impl PublishBatch {
    /// Publishes all messages and sends the outcome to `request` when the broker has answered them, or when the oldest
    /// unconfirmed message is older than [`CONFIRM_TIMEOUT`]. Stops publishing after the first failure, and when the
    /// client has closed its connection.
    pub(crate) async fn run(self, request: oneshot::Sender<Outcome>) {
        let started = Instant::now();
        let mut request = Some(request);
        let mut answers = Answers::default();
        let (mut published, mut counted) = (0, 0);
        let mut unconfirmed = FuturesUnordered::new();
        // Answers arrive in order with rare exceptions, so each answer removes the oldest time.
        let mut published_at = VecDeque::new();
        let mut timeout = pin!(tokio::time::sleep_until((started + CONFIRM_TIMEOUT).into()));
        let mut lost = pin!(self.channel.pool.lost.cancelled());
        loop {
            let waiting = request.as_ref().is_some_and(|request| !request.is_closed());
            while waiting
                && published < self.count
                && answers.cause.is_none()
                && unconfirmed.len() < self.window as usize
            {
                unconfirmed.push(self.publish());
                published_at.push_back(Instant::now());
                published += 1;
            }
            let Some(oldest) = published_at.front() else { break };
            tokio::select! {
                biased;
                Some((id, confirmation)) = unconfirmed.next() => {
                    published_at.pop_front();
                    answers.record(id, confirmation);
                    let new = answers.confirmed().saturating_sub(counted);
                    counted += new;
                    self.metrics.confirmed(new, request.is_none());
                }
                () = &mut lost => {
                    answers.fail(Cause::ConnectionLost);
                    break;
                }
                () = &mut timeout, if waiting => {
                    let deadline = *oldest + CONFIRM_TIMEOUT;
                    if Instant::now() < deadline {
                        timeout.as_mut().reset(deadline.into());
                        continue;
                    }
                    answers.fail(if self.status.is_blocked() { Cause::Blocked } else { Cause::Slow });
                    if let Some(request) = request.take_if(|request| !request.is_closed()) {
                        let ids = answers.certain_ids();
                        let _ = request.send(self.outcome(counted, ids, answers.cause, started));
                    }
                }
            }
        }
        if answers.has_returned() {
            self.channel.pool.unroutable.notify_one();
        }
        if let Some(request) = request {
            let ids = if unconfirmed.is_empty() { answers.ids() } else { answers.certain_ids() };
            let _ = request.send(self.outcome(counted, ids, answers.cause, started));
        }
    }

    fn outcome(&self, confirmed: u32, ids: Vec<Uuid>, cause: Option<Cause>, started: Instant) -> Outcome {
        Outcome { confirmed, ids, failed: self.count - confirmed, cause, took: started.elapsed() }
    }

    /// Returns the publish of one message, up to the broker's answer.
    fn publish(&self) -> impl Future<Output = (Uuid, lapin::Result<Confirmation>)> + use<> {
        let (id, body, properties) = message(self.burst.as_ref(), self.headers.as_ref());
        let (channel, queue) = (self.channel.clone(), self.channel.pool.queue.clone());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        async move {
            let publish =
                async { channel.basic_publish("".into(), queue, options, &body, properties).await?.await };
            (id, publish.await)
        }
    }
}

/// The broker's answers to the messages of one channel.
///
/// The broker sends an unroutable message back (`basic.return`) and acknowledges it afterwards. lapin queues returned
/// messages and attaches the oldest one to the next confirm that it resolves, whichever message that confirm is for. So a
/// single acknowledgement does not prove that its message is in the queue. The numbers do: a return precedes the
/// acknowledgement of its message, so the number of attached returns is never smaller than the number of resolved
/// messages that were returned. `acked - returned` is therefore a lower bound of the confirmed messages, and exact when
/// every message has an answer.
#[derive(Debug, Default)]
struct Answers {
    acked: Vec<Uuid>,
    returned: Vec<Uuid>,
    /// Cause of the first failure.
    cause: Option<Cause>,
}

impl Answers {
    fn record(&mut self, id: Uuid, confirmation: lapin::Result<Confirmation>) {
        let returned = match confirmation {
            Ok(Confirmation::Ack(returned)) => {
                self.acked.push(id);
                returned
            }
            Ok(Confirmation::Nack(returned)) => {
                self.fail(Cause::Nacked);
                returned
            }
            Ok(Confirmation::NotRequested) | Err(_) => {
                self.fail(Cause::ConnectionLost);
                None
            }
        };
        if let Some(message) = returned {
            let id = message.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
            self.record_return(id.unwrap_or_default());
        }
    }

    fn record_return(&mut self, id: Uuid) {
        self.returned.push(id);
        self.fail(Cause::Returned);
    }

    /// Records the cause of a failure; the first cause stays.
    fn fail(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    fn has_returned(&self) -> bool {
        !self.returned.is_empty()
    }

    /// Returns the number of confirmed messages: exact when every message has an answer, else a lower bound.
    fn confirmed(&self) -> u32 {
        u32::try_from(self.acked.len().saturating_sub(self.returned.len())).unwrap_or(u32::MAX)
    }

    /// Returns ids of confirmed messages when every message has an answer.
    fn ids(&self) -> Vec<Uuid> {
        self.acked.iter().filter(|id| !self.returned.contains(id)).take(MAX_IDS).copied().collect()
    }

    /// Returns ids of messages that are certainly confirmed. With returns and open messages, no id is certain.
    fn certain_ids(&self) -> Vec<Uuid> {
        if self.has_returned() { Vec::new() } else { self.ids() }
    }
}

/// Returns the message headers for a `traceparent`.
pub(crate) fn headers(traceparent: &str) -> FieldTable {
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Model of lapin: `waiting` are the returned messages that no confirm carries yet, oldest first.
    #[derive(Default)]
    struct Lapin {
        waiting: VecDeque<u64>,
        resolved: Vec<(u64, Option<u64>)>,
    }

    impl Lapin {
        fn resolve(&mut self, number: u64) {
            let carried = self.waiting.pop_front();
            self.resolved.push((number, carried));
        }
    }

    fn id(number: u64) -> Uuid {
        Uuid::from_u128(number.into())
    }

    fn shuffled(mut numbers: Vec<u64>, mut seed: u64) -> Vec<u64> {
        for left in (1..numbers.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            numbers.swap(left, (seed >> 33) as usize % (left + 1));
        }
        numbers
    }

    proptest! {
        /// `steps`: number of messages that one acknowledgement covers, and a seed for the order of their resolution.
        #[test]
        fn returned_messages_are_never_confirmed(
            routable in proptest::collection::vec(any::<bool>(), 1..60),
            steps in proptest::collection::vec((1_usize..9, any::<u64>()), 1..60),
            ahead in 0_usize..20,
        ) {
            let count = routable.len() as u64;
            let mut lapin = Lapin::default();
            let (mut answered, mut returned) = (0, 0);
            let mut steps = steps.into_iter().cycle();
            while answered < count {
                let (many, seed) = steps.next().unwrap();
                let next = (answered + many as u64).min(count);
                // Each return precedes its own acknowledgement, and may precede earlier acknowledgements.
                let up_to = (next + (seed % (ahead as u64 + 1))).min(count);
                while returned < up_to {
                    if !routable[returned as usize] {
                        lapin.waiting.push_back(returned);
                    }
                    returned += 1;
                }
                for number in shuffled((answered..next).collect(), seed) {
                    lapin.resolve(number);
                }
                answered = next;
            }

            let mut answers = Answers::default();
            let mut confirmed = 0;
            for (number, carried) in lapin.resolved {
                answers.acked.push(id(number));
                confirmed += usize::from(routable[number as usize]);
                if let Some(carried) = carried {
                    answers.record_return(id(carried));
                }
                prop_assert!(answers.confirmed() as usize <= confirmed);
                prop_assert!(answers.certain_ids().iter().all(|id| routable[id.as_u128() as usize]));
            }
            prop_assert_eq!(answers.confirmed() as usize, confirmed);
            prop_assert_eq!(answers.ids().len(), confirmed);
            prop_assert!(answers.ids().iter().all(|id| routable[id.as_u128() as usize]));
        }
    }
}
