//! Consumes one job after another until the session is lost or the shutdown begins.

use std::time::{Duration, Instant};

use contract::{Job, JobEvent, JobEventKind};
use futures::StreamExt;
use jiff::Timestamp;
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use podkit::{
    Address, QueueArgs, Session, SessionEnd, Shutdown,
    broker::{error_text, rpc},
    trace_context::{self, TRACEPARENT},
};
use tracing::Instrument;

use crate::{dead_letters::DeadLetterPublisher, metrics::Metrics, settings::Settings};

/// Time limit for an acknowledgement to reach the socket.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// The consumer of jobs. It outlives sessions.
pub(crate) struct JobConsumer<T> {
    queue: QueueArgs,
    prefetch: u16,
    duration: Duration,
    shutdown: Shutdown,
    metrics: Metrics,
    dead_letters: DeadLetterPublisher,
    emit: T,
}

/// The channel and the AMQP consumer of a session.
struct Subscription {
    channel: Channel,
    consumer: Consumer,
}

impl<T: FnMut(&[JobEvent])> JobConsumer<T> {
    pub(crate) fn new(
        settings: &Settings,
        address: &Address,
        shutdown: &Shutdown,
        metrics: Metrics,
        emit: T,
    ) -> Self {
        Self {
            queue: settings.queue.clone(),
            prefetch: settings.prefetch,
            duration: settings.work_duration,
            shutdown: shutdown.clone(),
            metrics,
            dead_letters: DeadLetterPublisher::new(address, &settings.queue.queue),
            emit,
        }
    }

    /// Consumes until the session is lost or the shutdown begins. After a shutdown it finishes the current job first.
    pub(crate) async fn consume(&mut self, session: &mut Session) -> SessionEnd {
        let end = match self.subscribe(session).await {
            Ok(subscription) => self.consume_jobs(session, subscription).await,
            Err(cause) => SessionEnd::Lost(cause),
        };
        self.dead_letters.close().await;
        end
    }

    async fn subscribe(&self, session: &Session) -> Result<Subscription, String> {
        session.declare(&self.queue).await?;
        let channel = session.channel().await?;
        rpc("set the prefetch", channel.basic_qos(self.prefetch, BasicQosOptions::default())).await?;
        let consume = channel.basic_consume(
            self.queue.queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = rpc(&format!("consume from {}", self.queue.queue), consume).await?;
        session.ready();
        Ok(Subscription { channel, consumer })
    }

    async fn consume_jobs(&mut self, session: &mut Session, mut subscription: Subscription) -> SessionEnd {
        loop {
            let delivery = tokio::select! {
                biased;
                () = self.shutdown.begun() => {
                    cancel(&subscription).await;
                    return SessionEnd::Finished;
                }
                delivery = subscription.consumer.next() => delivery,
                cause = session.lost() => return SessionEnd::Lost(cause),
            };
            let result = match delivery {
                Some(Ok(delivery)) => self.handle(session, &subscription, delivery).await,
                Some(Err(error)) if session.is_connected() => {
                    Err(format!("the broker closed the channel: {}", error_text(&error)))
                }
                Some(Err(error)) => Err(format!("lost the connection to the broker: {}", error_text(&error))),
                None => Err(format!(
                    "the broker cancelled the consumer: the queue {} was deleted or is not available",
                    self.queue.queue
                )),
            };
            if let Err(cause) = result {
                return SessionEnd::Lost(cause);
            }
            // With a full buffer and jobs of zero duration nothing above waits: yield so that the probes are answered.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Handles one message. An error is a sentence that ends the session.
    async fn handle(
        &mut self,
        session: &mut Session,
        subscription: &Subscription,
        delivery: Delivery,
    ) -> Result<(), String> {
        let _busy = self.metrics.busy();
        if delivery.redelivered {
            self.metrics.redelivered.inc();
        }
        match Job::parse(&delivery.data) {
            Ok(job) => {
                let span = tracing::info_span!(
                    "job",
                    id = %job.id,
                    burst = job.burst.as_ref().map(tracing::field::display),
                    traceparent = traceparent(&delivery),
                    deliveries = delivery_count(&delivery),
                );
                self.process(session, subscription, &delivery, &job).instrument(span).await
            }
            Err(error) => self.dead_letter(&delivery, &error.to_string()).await,
        }
    }

    async fn process(
        &mut self,
        session: &mut Session,
        subscription: &Subscription,
        delivery: &Delivery,
        job: &Job,
    ) -> Result<(), String> {
        let wait = Timestamp::now().duration_since(job.enqueued_at);
        let wait = Duration::try_from(wait).unwrap_or(Duration::ZERO);
        self.metrics.wait.observe(wait.as_secs_f64());
        let mut event = JobEvent {
            kind: JobEventKind::Started,
            id: Some(job.id),
            burst: job.burst.clone(),
            at: Timestamp::now(),
            redelivered: delivery.redelivered,
            wait_ms: Some(milliseconds(wait)),
            work_ms: None,
            reason: None,
            traceparent: traceparent(delivery).map(str::to_owned),
        };
        // A job of zero duration starts and ends at the same moment, so both events are emitted together.
        let mut pending_events = Vec::with_capacity(2);
        let started = Instant::now();
        let worked = if self.duration.is_zero() {
            pending_events.push(event.clone());
            Ok(())
        } else {
            (self.emit)(std::slice::from_ref(&event));
            self.simulate_work(session, subscription).await
        };
        let spent = started.elapsed();
        let acked = match worked {
            Ok(()) => acknowledge(delivery).await,
            Err(cause) => Err(cause),
        };
        event.at = Timestamp::now();
        match &acked {
            Ok(()) => {
                event.kind = JobEventKind::Acked;
                event.work_ms = Some(milliseconds(spent));
                self.metrics.duration.observe(spent.as_secs_f64());
                self.metrics.processed.inc();
            }
            Err(cause) => {
                event.kind = JobEventKind::Requeued;
                event.reason = Some(cause.clone());
                self.metrics.requeued.inc();
                tracing::warn!("the broker will requeue the job: {cause}");
            }
        }
        pending_events.push(event);
        (self.emit)(&pending_events);
        acked
    }

    /// Simulates the work by sleeping. Stops if the session is lost, because the broker then redelivers the job. Cancels
    /// the consumer when the shutdown begins and continues the work.
    async fn simulate_work(&self, session: &mut Session, subscription: &Subscription) -> Result<(), String> {
        let work = tokio::time::sleep(self.duration);
        let stopping = async {
            self.shutdown.begun().await;
            cancel(subscription).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = work => Ok(()),
            cause = session.lost() => Err(cause),
            () = stopping => Ok(()),
        }
    }

    async fn dead_letter(&mut self, delivery: &Delivery, reason: &str) -> Result<(), String> {
        self.dead_letters.publish(delivery, reason).await?;
        acknowledge(delivery).await?;
        self.metrics.failed.inc();
        let id = delivery.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
        tracing::warn!(
            id = id.map(tracing::field::debug::<uuid::Uuid>),
            reason,
            "moved an invalid message to the dead-letter queue"
        );
        (self.emit)(&[JobEvent {
            kind: JobEventKind::Failed,
            id,
            burst: None,
            at: Timestamp::now(),
            redelivered: delivery.redelivered,
            wait_ms: None,
            work_ms: None,
            reason: Some(reason.to_owned()),
            traceparent: traceparent(delivery).map(str::to_owned),
        }]);
        Ok(())
    }
}

/// Cancels the consumer. An error does not matter: closing the connection has the same effect.
async fn cancel(subscription: &Subscription) {
    let tag = subscription.consumer.tag();
    if let Err(cause) =
        rpc("cancel the consumer", subscription.channel.basic_cancel(tag, BasicCancelOptions::default()))
            .await
    {
        tracing::debug!("{cause}");
    }
}

/// Passes the acknowledgement to the connection. For a closed channel lapin returns false, not an error.
async fn acknowledge(delivery: &Delivery) -> Result<(), String> {
    match tokio::time::timeout(ACK_TIMEOUT, delivery.acker.ack(BasicAckOptions::default())).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("cannot send the acknowledgement: the channel is closed".to_owned()),
        Ok(Err(error)) => Err(format!("cannot send the acknowledgement: {}", error_text(&error))),
        Err(_) => Err(format!("cannot send the acknowledgement within {ACK_TIMEOUT:?}")),
    }
}

/// Returns the message's `traceparent`, if it is valid.
fn traceparent(delivery: &Delivery) -> Option<&str> {
    header(delivery, TRACEPARENT).and_then(trace_context::valid)
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// Returns the number of earlier delivery attempts of a quorum queue; classic queues do not count them.
fn delivery_count(delivery: &Delivery) -> Option<i64> {
    match delivery.properties.headers().as_ref()?.inner().get("x-delivery-count")? {
        AMQPValue::LongLongInt(count) => Some(*count),
        AMQPValue::LongInt(count) => Some((*count).into()),
        AMQPValue::LongUInt(count) => Some((*count).into()),
        _ => None,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
