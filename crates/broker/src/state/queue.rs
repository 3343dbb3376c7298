//! One queue: its messages in order, its consumers, its bounds. No I/O and no clock.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::arguments::Arguments;
use super::ids::{ConnectionId, ConsumerId, Map, Place, QueueId};
use super::message::Message;
use super::policy::Rules;

/// A message in its place in a queue.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Order of arrival in this queue; a message that comes back goes to its old place.
    pub(crate) sequence: u64,
    pub(crate) message: Message,
    /// When it expires, on the broker's clock in milliseconds.
    pub(crate) expires_at: Option<NonZeroU64>,
    /// How often it came back unacknowledged.
    pub(crate) returns: u32,
}

/// What a declaration says beside the name; declaring again must say the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    pub(crate) durable: bool,
    pub(crate) exclusive: bool,
    pub(crate) auto_delete: bool,
    pub(crate) arguments: Arguments,
}

#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) place: Place,
    pub(crate) tag: Arc<str>,
    pub(crate) no_ack: bool,
    pub(crate) exclusive: bool,
    /// Deliveries that may wait for their acknowledgement; 0 is no bound.
    pub(crate) prefetch: u16,
    pub(crate) unacked: usize,
    /// Whether it stands in [`Queue::line`].
    waiting: bool,
}

impl Consumer {
    pub(crate) fn new(place: Place, tag: Arc<str>, no_ack: bool, exclusive: bool, prefetch: u16) -> Self {
        Self { place, tag, no_ack, exclusive, prefetch, unacked: 0, waiting: false }
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) name: Arc<str>,
    pub(crate) vhost: Arc<str>,
    pub(crate) declared: Declared,
    /// The connection that alone may use an exclusive queue.
    pub(crate) owner: Option<ConnectionId>,
    /// Arguments and policy together.
    pub(crate) rules: Rules,
    ready: VecDeque<Entry>,
    ready_bytes: usize,
    /// Ready messages that expire some time.
    expiring: usize,
    pub(crate) unacked: usize,
    pub(crate) unacked_bytes: usize,
    next_sequence: u64,
    pub(crate) consumers: Map<ConsumerId, Consumer>,
    /// Consumers that may take a message, the next one first.
    line: VecDeque<ConsumerId>,
    /// An auto-delete queue goes when its last consumer goes, not before the first came.
    pub(crate) had_consumer: bool,
}

impl Queue {
    pub(crate) fn new(id: QueueId, name: Arc<str>, vhost: Arc<str>, declared: Declared) -> Self {
        Self {
            id,
            name,
            vhost,
            declared,
            owner: None,
            rules: Rules::default(),
            ready: VecDeque::new(),
            ready_bytes: 0,
            expiring: 0,
            unacked: 0,
            unacked_bytes: 0,
            next_sequence: 0,
            consumers: Map::default(),
            line: VecDeque::new(),
            had_consumer: false,
        }
    }

    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    pub(crate) fn head(&self) -> Option<&Entry> {
        self.ready.front()
    }

    /// Whether messages expire some time, at the head or behind it.
    pub(crate) fn is_expiring(&self) -> bool {
        self.expiring > 0
    }

    fn count(&mut self, entry: &Entry) {
        self.ready_bytes += entry.message.body().len();
        self.expiring += usize::from(entry.expires_at.is_some());
    }

    /// Appends a message.
    pub(crate) fn push(&mut self, message: Message, expires_at: Option<NonZeroU64>) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let entry = Entry { sequence, message, expires_at, returns: 0 };
        self.count(&entry);
        self.ready.push_back(entry);
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let entry = self.ready.pop_front()?;
        self.ready_bytes -= entry.message.body().len();
        self.expiring -= usize::from(entry.expires_at.is_some());
        // A queue that was long once gives its memory back.
        if self.ready.capacity() > 4096 && self.ready.len() < self.ready.capacity() / 8 {
            self.ready.shrink_to(self.ready.len() * 2);
        }
        Some(entry)
    }

    /// Puts messages back where they stood. `entries` may come in any order.
    pub(crate) fn put_back(&mut self, mut entries: Vec<Entry>) {
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.sequence));
        for entry in entries {
            self.count(&entry);
            // What comes back is mostly older than all that waits.
            if self.ready.front().is_none_or(|front| front.sequence > entry.sequence) {
                self.ready.push_front(entry);
            } else {
                let place = self.ready.partition_point(|other| other.sequence < entry.sequence);
                self.ready.insert(place, entry);
            }
        }
    }

    /// Removes all ready messages and gives their number.
    pub(crate) fn purge(&mut self) -> usize {
        (self.ready_bytes, self.expiring) = (0, 0);
        std::mem::take(&mut self.ready).len()
    }

    /// Whether one more message of `bytes` would break a bound on ready messages.
    pub(crate) fn is_full(&self, bytes: usize) -> bool {
        self.rules.max_length.is_some_and(|most| self.ready.len() as u64 + 1 > most)
            || self.rules.max_length_bytes.is_some_and(|most| (self.ready_bytes + bytes) as u64 > most)
    }

    /// Whether the ready messages break a bound.
    pub(crate) fn is_over(&self) -> bool {
        self.rules.max_length.is_some_and(|most| self.ready.len() as u64 > most)
            || self.rules.max_length_bytes.is_some_and(|most| self.ready_bytes as u64 > most)
    }

    pub(crate) fn add_consumer(&mut self, id: ConsumerId, consumer: Consumer) {
        self.consumers.insert(id, consumer);
        self.had_consumer = true;
        self.line_up(id);
    }

    pub(crate) fn remove_consumer(&mut self, id: ConsumerId) -> Option<Consumer> {
        let consumer = self.consumers.remove(&id)?;
        if consumer.waiting {
            self.line.retain(|other| *other != id);
        }
        Some(consumer)
    }

    /// Puts a consumer at the end of the line, unless it stands there already.
    pub(crate) fn line_up(&mut self, id: ConsumerId) {
        if let Some(consumer) = self.consumers.get_mut(&id)
            && !consumer.waiting
        {
            consumer.waiting = true;
            self.line.push_back(id);
        }
    }

    /// Takes the first consumer out of the line.
    pub(crate) fn next_in_line(&mut self) -> Option<ConsumerId> {
        let id = self.line.pop_front()?;
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.waiting = false;
        }
        Some(id)
    }

    pub(crate) fn has_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// Notes that a message was delivered and waits for its acknowledgement.
    pub(crate) fn delivered(&mut self, entry: &Entry, consumer: Option<ConsumerId>) {
        self.unacked += 1;
        self.unacked_bytes += entry.message.body().len();
        if let Some(consumer) = consumer.and_then(|id| self.consumers.get_mut(&id)) {
            consumer.unacked += 1;
        }
    }

    /// Notes that a delivered message was settled, whichever way; its consumer may take another.
    pub(crate) fn settled(&mut self, entry: &Entry, consumer: Option<ConsumerId>) {
        self.unacked -= 1;
        self.unacked_bytes -= entry.message.body().len();
        if let Some(id) = consumer
            && let Some(consumer) = self.consumers.get_mut(&id)
        {
            consumer.unacked = consumer.unacked.saturating_sub(1);
            self.line_up(id);
        }
    }

    pub(crate) fn is_quorum(&self) -> bool {
        self.declared.arguments.is_quorum()
    }
}
