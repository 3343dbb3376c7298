//! The channel for all publishes, and the collection of the broker's confirms.
//!
//! Two properties of lapin shape this file. First, a channel numbers a message and queues its frames in two steps, so two
//! threads could queue in a different order and each get the other's confirm. The first poll of a publish therefore runs
//! under a lock. Second, lapin attaches a returned message to the next confirm. Confirms are therefore polled in the order
//! in which lapin resolved them, and all resolved ones before any result, as [`ReturnMatcher`] requires.
//!
//! Each message has a slot with its own waker, which appends the slot's number to a list. So resolved confirms are found
//! without polling the others, and one wake-up serves many confirms.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use contract::Cause;
use futures::task::AtomicWaker;
use lapin::{BasicProperties, Channel, Confirmation, options::BasicPublishOptions, types::ShortString};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    publish_batch::PublishBatch,
    return_matcher::{self, ReturnMatcher},
};

/// A channel in confirm mode, and its unconfirmed messages.
#[derive(Debug)]
pub(crate) struct ConfirmChannel {
    channel: Channel,
    queue: ShortString,
    pending: Mutex<PendingConfirms>,
    ready: Arc<ReadySlots>,
    /// Cancelled when the session is lost.
    pub(crate) lost: CancellationToken,
    /// Notified when the broker returns a message: the queue does not exist.
    pub(crate) unroutable: Notify,
}

#[derive(Debug, Default)]
struct PendingConfirms {
    slots: Vec<Slot>,
    free: Vec<usize>,
    published: u64,
    matcher: ReturnMatcher<Arc<PublishBatch>>,
}

#[derive(Debug)]
struct Slot {
    waker: Waker,
    message: Option<Message>,
}

struct Message {
    number: u64,
    id: Uuid,
    confirm: ConfirmFuture,
    batch: Arc<PublishBatch>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

type ConfirmFuture = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// Slots whose confirm may be resolved, in lapin's order.
#[derive(Debug, Default)]
struct ReadySlots {
    slots: Mutex<Vec<usize>>,
    task: AtomicWaker,
}

impl ReadySlots {
    fn push(&self, slot: usize) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let first = slots.is_empty();
        slots.push(slot);
        drop(slots);
        if first {
            self.task.wake();
        }
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct SlotWaker {
    slot: usize,
    ready: Arc<ReadySlots>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.push(self.slot);
    }
}

impl ConfirmChannel {
    pub(crate) fn new(channel: Channel, queue: ShortString) -> Self {
        Self {
            channel,
            queue,
            pending: Mutex::default(),
            ready: Arc::default(),
            lost: CancellationToken::new(),
            unroutable: Notify::new(),
        }
    }

    /// Publishes one message of `batch`. Its frames are queued when this returns.
    pub(crate) fn publish(
        &self,
        batch: &Arc<PublishBatch>,
        id: Uuid,
        body: Vec<u8>,
        properties: BasicProperties,
    ) {
        let (channel, queue) = (self.channel.clone(), self.queue.clone());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let mut confirm: ConfirmFuture = Box::pin(async move {
            channel.basic_publish("".into(), queue, options, &body, properties).await?.await
        });
        batch.published(Instant::now());
        let mut pending = self.lock();
        let number = pending.published;
        pending.published += 1;
        let at = pending.free.pop().unwrap_or_else(|| {
            let slot = pending.slots.len();
            let waker = Waker::from(Arc::new(SlotWaker { slot, ready: self.ready.clone() }));
            pending.slots.push(Slot { waker, message: None });
            slot
        });
        let slot = &mut pending.slots[at];
        if let Poll::Ready(answer) = confirm.as_mut().poll(&mut Context::from_waker(&slot.waker)) {
            confirm = Box::pin(std::future::ready(answer));
            self.ready.push(at);
        }
        slot.message = Some(Message { number, id, confirm, batch: batch.clone() });
    }

    /// Collects confirms until the future is dropped.
    pub(crate) async fn collect(&self) {
        poll_fn(|cx| {
            self.ready.task.register(cx.waker());
            self.collect_ready();
            Poll::<()>::Pending
        })
        .await;
    }

    /// Collects all resolved confirms.
    pub(crate) fn collect_ready(&self) {
        let mut confirms = Vec::new();
        let mut pending = self.lock();
        loop {
            let ready = self.ready.take();
            if ready.is_empty() {
                break;
            }
            confirms.extend(ready.into_iter().filter_map(|slot| pending.take(slot)));
        }
        if confirms.is_empty() {
            return;
        }
        let PendingConfirms { slots, free, matcher, .. } = &mut *pending;
        let open = slots.len() - free.len();
        let unconfirmed = slots.iter().filter_map(|slot| slot.message.as_ref());
        let number = |id| unconfirmed.clone().find(|message| message.id == id).map(|message| message.number);
        matcher.settle(confirms, open, number, |batch, id, result| {
            if result == Err(Cause::Returned) {
                self.unroutable.notify_one();
            }
            batch.confirmed(id, result);
        });
    }

    fn lock(&self) -> MutexGuard<'_, PendingConfirms> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingConfirms {
    /// Returns the confirm of the slot's message and frees the slot, if lapin has resolved it.
    fn take(&mut self, at: usize) -> Option<return_matcher::Confirm<Arc<PublishBatch>>> {
        let slot = &mut self.slots[at];
        let confirm = slot.message.as_mut()?.confirm.as_mut();
        let Poll::Ready(answer) = confirm.poll(&mut Context::from_waker(&slot.waker)) else { return None };
        let Message { number, id, batch, .. } = slot.message.take()?;
        self.free.push(at);
        let (answer, returned) = match answer {
            Ok(Confirmation::Ack(returned)) => (Ok(()), returned),
            Ok(Confirmation::Nack(returned)) => (Err(Cause::Nacked), returned),
            Ok(Confirmation::NotRequested) | Err(_) => (Err(Cause::ConnectionLost), None),
        };
        let returned = returned.as_ref().and_then(message_id);
        Some(return_matcher::Confirm { number, id, answer, returned, owner: batch })
    }
}

fn message_id(message: &lapin::message::BasicReturnMessage) -> Option<Uuid> {
    message.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok())
}
