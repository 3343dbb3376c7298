//! The channel that everything is published on, and the one place where the broker's answers are taken.
//!
//! Two of lapin's habits shape this file. A channel numbers a message and queues its frames in two steps, so two threads
//! could queue in the other order and each get the other's confirm: the first poll of a publish is done under a lock. And
//! a returned message is attached to whichever confirm comes next: confirms are polled in the order in which they were
//! resolved, all that are there before any is judged, as [`Ledger`] wants it.
//!
//! Each message has a slot with a waker of its own that writes the slot's number on a list. So the confirms that are
//! there are found without asking all the others, and one task is woken for many.

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
    flight::Flight,
    ledger::{Answer, Ledger},
};

/// A channel in confirm mode, and the messages on their way over it.
#[derive(Debug)]
pub(crate) struct Line {
    channel: Channel,
    queue: ShortString,
    desk: Mutex<Desk>,
    ready: Arc<Ready>,
    /// Cancelled when the session is lost.
    pub(crate) lost: CancellationToken,
    /// Told when a message came back: there is no queue.
    pub(crate) unroutable: Notify,
}

#[derive(Debug, Default)]
struct Desk {
    slots: Vec<Slot>,
    free: Vec<usize>,
    sent: u64,
    ledger: Ledger<Arc<Flight>>,
}

#[derive(Debug)]
struct Slot {
    waker: Waker,
    message: Option<Message>,
}

struct Message {
    number: u64,
    id: Uuid,
    confirm: Confirm,
    flight: Arc<Flight>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

type Confirm = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// Slots whose confirm may be there, in the order in which lapin resolved them.
#[derive(Debug, Default)]
struct Ready {
    slots: Mutex<Vec<usize>>,
    task: AtomicWaker,
}

impl Ready {
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
    ready: Arc<Ready>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.push(self.slot);
    }
}

impl Line {
    pub(crate) fn new(channel: Channel, queue: ShortString) -> Self {
        Self {
            channel,
            queue,
            desk: Mutex::default(),
            ready: Arc::default(),
            lost: CancellationToken::new(),
            unroutable: Notify::new(),
        }
    }

    /// Publishes one message of `flight`: its frames are queued when this returns.
    pub(crate) fn send(&self, flight: &Arc<Flight>, id: Uuid, body: Vec<u8>, properties: BasicProperties) {
        let (channel, queue) = (self.channel.clone(), self.queue.clone());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let mut confirm: Confirm = Box::pin(async move {
            channel.basic_publish("".into(), queue, options, &body, properties).await?.await
        });
        flight.sent(Instant::now());
        let mut desk = self.lock();
        let number = desk.sent;
        desk.sent += 1;
        let at = desk.free.pop().unwrap_or_else(|| {
            let slot = desk.slots.len();
            let waker = Waker::from(Arc::new(SlotWaker { slot, ready: self.ready.clone() }));
            desk.slots.push(Slot { waker, message: None });
            slot
        });
        let slot = &mut desk.slots[at];
        if let Poll::Ready(answer) = confirm.as_mut().poll(&mut Context::from_waker(&slot.waker)) {
            confirm = Box::pin(std::future::ready(answer));
            self.ready.push(at);
        }
        slot.message = Some(Message { number, id, confirm, flight: flight.clone() });
    }

    /// Takes answers until it is dropped.
    pub(crate) async fn collect(&self) {
        poll_fn(|cx| {
            self.ready.task.register(cx.waker());
            self.gather();
            Poll::<()>::Pending
        })
        .await;
    }

    /// Takes the answers that are there.
    pub(crate) fn gather(&self) {
        let mut answers = Vec::new();
        let mut desk = self.lock();
        loop {
            let ready = self.ready.take();
            if ready.is_empty() {
                break;
            }
            answers.extend(ready.into_iter().filter_map(|slot| desk.take(slot)));
        }
        if answers.is_empty() {
            return;
        }
        let Desk { slots, free, ledger, .. } = &mut *desk;
        let open = slots.len() - free.len();
        let on_the_way = slots.iter().filter_map(|slot| slot.message.as_ref());
        let number = |id| on_the_way.clone().find(|message| message.id == id).map(|message| message.number);
        ledger.settle(answers, open, number, |flight, id, verdict| {
            if verdict == Err(Cause::Returned) {
                self.unroutable.notify_one();
            }
            flight.answered(id, verdict);
        });
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// The answer to the slot's message, if it is there.
    fn take(&mut self, at: usize) -> Option<Answer<Arc<Flight>>> {
        let slot = &mut self.slots[at];
        let confirm = slot.message.as_mut()?.confirm.as_mut();
        let Poll::Ready(answer) = confirm.poll(&mut Context::from_waker(&slot.waker)) else { return None };
        let Message { number, id, flight, .. } = slot.message.take()?;
        self.free.push(at);
        let (word, returned) = match answer {
            Ok(Confirmation::Ack(returned)) => (Ok(()), returned),
            Ok(Confirmation::Nack(returned)) => (Err(Cause::Nacked), returned),
            Ok(Confirmation::NotRequested) | Err(_) => (Err(Cause::ConnectionLost), None),
        };
        Some(Answer { number, id, word, carried: returned.as_ref().and_then(message_id), whose: flight })
    }
}

fn message_id(message: &lapin::message::BasicReturnMessage) -> Option<Uuid> {
    message.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok())
}
