//! One session of consuming: job by job until the session is lost or the shutdown begins.

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
    Address, Ended, QueueArgs, Session, Shutdown,
    broker::{explain, rpc},
    trace_context::{self, TRACEPARENT},
};
use tracing::Instrument;

use crate::{metrics::Metrics, poison::DeadLetters, settings::Settings};

/// Time for an acknowledgement to reach the socket.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// The worker's work, over however many sessions it takes.
pub(crate) struct Work<T> {
    queue: QueueArgs,
    prefetch: u16,
    duration: Duration,
    shutdown: Shutdown,
    metrics: Metrics,
    dead: DeadLetters,
    tell: T,
}

/// A session's channel and consumer.
struct Intake {
    channel: Channel,
    consumer: Consumer,
}

impl<T: FnMut(&[JobEvent])> Work<T> {
    pub(crate) fn new(
        settings: &Settings,
        address: &Address,
        shutdown: &Shutdown,
        metrics: Metrics,
        tell: T,
    ) -> Self {
        Self {
            queue: settings.queue.clone(),
            prefetch: settings.prefetch,
            duration: settings.work_duration,
            shutdown: shutdown.clone(),
            metrics,
            dead: DeadLetters::new(address, &settings.queue.queue),
            tell,
        }
    }

    /// Consumes until the session is lost or the shutdown begins; the job in hand is done first.
    pub(crate) async fn consume(&mut self, session: &mut Session) -> Ended {
        let ended = match self.begin(session).await {
            Ok(intake) => self.take_jobs(session, intake).await,
            Err(cause) => Ended::Lost(cause),
        };
        self.dead.close().await;
        ended
    }

    async fn begin(&self, session: &Session) -> Result<Intake, String> {
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
        Ok(Intake { channel, consumer })
    }

    async fn take_jobs(&mut self, session: &mut Session, mut intake: Intake) -> Ended {
        loop {
            let delivery = tokio::select! {
                biased;
                () = self.shutdown.begun() => {
                    cancel(&intake).await;
                    return Ended::Finished;
                }
                delivery = intake.consumer.next() => delivery,
                cause = session.lost() => return Ended::Lost(cause),
            };
            let ended = match delivery {
                Some(Ok(delivery)) => self.take(session, &intake, delivery).await,
                Some(Err(error)) if session.stands() => {
                    Err(format!("the broker closed the channel: {}", explain(&error)))
                }
                Some(Err(error)) => Err(format!("lost the broker: {}", explain(&error))),
                None => Err(format!(
                    "the broker cancelled the consumer: the queue {} was deleted or is not available",
                    self.queue.queue
                )),
            };
            if let Err(cause) = ended {
                return Ended::Lost(cause);
            }
            // With jobs that take no time and a full buffer nothing above ever waits, and probes want an answer.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Takes one message. An error is a sentence that ends the session.
    async fn take(
        &mut self,
        session: &mut Session,
        intake: &Intake,
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
                self.work(session, intake, &delivery, &job).instrument(span).await
            }
            Err(error) => self.fail(&delivery, &error.to_string()).await,
        }
    }

    async fn work(
        &mut self,
        session: &mut Session,
        intake: &Intake,
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
        // A job without work has no time between its beginning and its end, so both are told at once.
        let mut untold = Vec::with_capacity(2);
        let begun = Instant::now();
        let worked = if self.duration.is_zero() {
            untold.push(event.clone());
            Ok(())
        } else {
            (self.tell)(std::slice::from_ref(&event));
            self.labour(session, intake).await
        };
        let spent = begun.elapsed();
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
                tracing::warn!("the job goes back to the queue: {cause}");
            }
        }
        untold.push(event);
        (self.tell)(&untold);
        acked
    }

    /// The work itself: time passes. It is given up when the session is lost, since another worker gets the job then.
    /// When the shutdown begins, the broker is told at once to send no more, and the work goes on.
    async fn labour(&self, session: &mut Session, intake: &Intake) -> Result<(), String> {
        let work = tokio::time::sleep(self.duration);
        let stopping = async {
            self.shutdown.begun().await;
            cancel(intake).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = work => Ok(()),
            cause = session.lost() => Err(cause),
            () = stopping => Ok(()),
        }
    }

    async fn fail(&mut self, delivery: &Delivery, reason: &str) -> Result<(), String> {
        self.dead.bury(delivery, reason).await?;
        acknowledge(delivery).await?;
        self.metrics.failed.inc();
        let id = delivery.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
        tracing::warn!(
            id = id.map(tracing::field::debug::<uuid::Uuid>),
            reason,
            "a poison message went to the dead-letter queue"
        );
        (self.tell)(&[JobEvent {
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

/// Tells the broker to send no more. If it cannot be told, the closing of the connection will.
async fn cancel(intake: &Intake) {
    let tag = intake.consumer.tag();
    if let Err(cause) =
        rpc("cancel the consumer", intake.channel.basic_cancel(tag, BasicCancelOptions::default())).await
    {
        tracing::debug!("{cause}");
    }
}

/// Hands the acknowledgement to the connection. lapin says false, not an error, when the channel is gone already.
async fn acknowledge(delivery: &Delivery) -> Result<(), String> {
    match tokio::time::timeout(ACK_TIMEOUT, delivery.acker.ack(BasicAckOptions::default())).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("the acknowledgement could not be sent: the channel is closed".to_owned()),
        Ok(Err(error)) => Err(format!("the acknowledgement could not be sent: {}", explain(&error))),
        Err(_) => Err(format!("the acknowledgement could not be sent within {ACK_TIMEOUT:?}")),
    }
}

/// The trace that the message says it belongs to.
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

/// How often a quorum queue has tried to deliver the message before; classic queues do not count.
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
