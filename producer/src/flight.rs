//! Messages on their way to the broker, from the first byte to the confirm.
//!
//! Three of lapin's habits shape this file. A channel numbers a message and queues its frames in two steps, so two
//! threads could queue in the other order and each get the other's confirm: the first poll is done under a lock. A
//! returned message is attached to whichever confirm comes next, so it is matched by its id. And a confirm that is
//! dropped unresolved is kept by lapin for ever, so one that came too late is awaited in the background.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use contract::Cause;
use lapin::{BasicProperties, Channel, Confirmation, options::BasicPublishOptions};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Returned messages that nobody has asked about are forgotten beyond this many.
const MAX_RETURNED: usize = 10_000;

/// A channel in confirm mode, and what must be known about it.
#[derive(Debug)]
pub(crate) struct Line {
    channel: Channel,
    /// Cancelled when the session is lost.
    pub(crate) lost: CancellationToken,
    order: Mutex<()>,
    returned: Mutex<HashSet<Uuid>>,
    returned_count: AtomicUsize,
}

impl Line {
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            channel,
            lost: CancellationToken::new(),
            order: Mutex::default(),
            returned: Mutex::default(),
            returned_count: AtomicUsize::new(0),
        }
    }

    /// Begins to publish one message: its frames are queued when this returns.
    pub(crate) fn send(
        &self,
        queue: &lapin::types::ShortString,
        id: Uuid,
        body: Vec<u8>,
        properties: BasicProperties,
        cx: &mut Context<'_>,
    ) -> Sent {
        let (channel, queue) = (self.channel.clone(), queue.clone());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let mut confirm: Confirm = Box::pin(async move {
            channel.basic_publish("".into(), queue, options, &body, properties).await?.await
        });
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match confirm.as_mut().poll(cx) {
            Poll::Pending => SentState::OnTheWay(confirm),
            Poll::Ready(result) => SentState::Answered(Some(result)),
        };
        drop(order);
        Sent { id, at: Instant::now(), state }
    }

    /// What the broker's answer means for the message `id`.
    pub(crate) fn judge(&self, id: Uuid, answer: lapin::Result<Confirmation>) -> Result<(), Cause> {
        let (verdict, returned) = match answer {
            Ok(Confirmation::Ack(returned)) => (Ok(()), returned),
            Ok(Confirmation::Nack(returned)) => (Err(Cause::Nacked), returned),
            Ok(Confirmation::NotRequested) | Err(_) => (Err(Cause::ConnectionLost), None),
        };
        if let Some(other) = returned.as_deref().and_then(message_id) {
            if other == id {
                return Err(Cause::Returned);
            }
            let mut all = self.lock_returned();
            if all.len() >= MAX_RETURNED {
                all.clear();
            }
            all.insert(other);
            self.returned_count.store(all.len(), Ordering::Release);
        }
        if self.returned_count.load(Ordering::Acquire) > 0 {
            let mut all = self.lock_returned();
            let mine = all.remove(&id);
            self.returned_count.store(all.len(), Ordering::Release);
            if mine {
                return Err(Cause::Returned);
            }
        }
        verdict
    }

    fn lock_returned(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message_id(message: &lapin::message::Delivery) -> Option<Uuid> {
    message.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok())
}

type Confirm = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// A message whose frames are queued.
pub(crate) struct Sent {
    pub(crate) id: Uuid,
    pub(crate) at: Instant,
    state: SentState,
}

enum SentState {
    OnTheWay(Confirm),
    /// The answer, until it is taken.
    Answered(Option<lapin::Result<Confirmation>>),
}

impl Sent {
    /// The broker's answer, once.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<lapin::Result<Confirmation>> {
        match &mut self.state {
            SentState::OnTheWay(confirm) => confirm.as_mut().poll(cx),
            SentState::Answered(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

/// The messages of one request that have no answer yet, and their share of the limit.
///
/// When it is dropped with messages on the way (the client hung up, or the confirm is late), a task awaits them: only
/// then is their memory free and their share given back.
pub(crate) struct Flight {
    pub(crate) waiting: VecDeque<Sent>,
    pub(crate) late: Vec<Sent>,
    lost: CancellationToken,
    share: Option<OwnedSemaphorePermit>,
}

impl Flight {
    pub(crate) fn new(line: &Line, share: OwnedSemaphorePermit) -> Self {
        Self { waiting: VecDeque::new(), late: Vec::new(), lost: line.lost.clone(), share: Some(share) }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut left = std::mem::take(&mut self.waiting);
        left.extend(self.late.drain(..));
        if left.is_empty() || self.lost.is_cancelled() {
            return;
        }
        let (lost, share) = (self.lost.clone(), self.share.take());
        // Without a runtime the process is ending, and the memory with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            for mut sent in left {
                tokio::select! {
                    _ = std::future::poll_fn(|cx| sent.poll_answer(cx)) => {}
                    () = lost.cancelled() => break,
                }
            }
            drop(share);
        });
    }
}
