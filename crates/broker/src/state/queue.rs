//! A queue: its messages in order, its consumers and its limits. No I/O and no clock.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::arguments::Arguments;
use super::ids::{ChannelRef, ConnectionId, ConsumerId, Map, QueueId};
use super::settings::QueueSettings;
use crate::message::Message;

/// Result of adding a message to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enqueued {
    Accepted,
    /// The queue is full and rejects the message.
    Rejected,
}

/// A message in a queue.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Order of arrival in this queue; a requeued message returns to this position.
    pub(crate) sequence: u64,
    pub(crate) message: Message,
    /// Expiry in milliseconds on the broker's clock.
    pub(crate) expires_at: Option<NonZeroU64>,
    /// Number of returns without an acknowledgement.
    pub(crate) returns: u32,
}

/// Properties of a declaration; a second declaration must have the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeclaredProperties {
    pub(crate) durable: bool,
    pub(crate) exclusive: bool,
    pub(crate) auto_delete: bool,
    pub(crate) arguments: Arguments,
}

#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) channel_ref: ChannelRef,
    pub(crate) tag: Arc<str>,
    pub(crate) no_ack: bool,
    pub(crate) exclusive: bool,
    /// Maximum number of unacknowledged deliveries; 0 is unlimited.
    pub(crate) prefetch: u16,
    pub(crate) unacked: usize,
    /// True if the consumer is in [`Queue::waiting`].
    waiting: bool,
}

impl Consumer {
    pub(crate) fn new(
        channel_ref: ChannelRef,
        tag: Arc<str>,
        no_ack: bool,
        exclusive: bool,
        prefetch: u16,
    ) -> Self {
        Self { channel_ref, tag, no_ack, exclusive, prefetch, unacked: 0, waiting: false }
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) name: Arc<str>,
    pub(crate) vhost: Arc<str>,
    pub(crate) declared: DeclaredProperties,
    /// Owner of an exclusive queue.
    pub(crate) owner: Option<ConnectionId>,
    /// Arguments combined with the matching policy.
    pub(crate) settings: QueueSettings,
    ready: VecDeque<Entry>,
    ready_bytes: usize,
    /// Number of ready messages with an expiry.
    expiring: usize,
    pub(crate) unacked: usize,
    pub(crate) unacked_bytes: usize,
    next_sequence: u64,
    pub(crate) consumers: Map<ConsumerId, Consumer>,
    /// Consumers that can accept a message, next one first.
    waiting: VecDeque<ConsumerId>,
    /// Time of the last use on the broker's clock in milliseconds, for [`QueueSettings::expires`].
    pub(crate) used_at: u64,
    /// True after the first consumer. An auto-delete queue is not deleted before it had one.
    pub(crate) had_consumer: bool,
}

impl Queue {
    pub(crate) fn new(id: QueueId, name: Arc<str>, vhost: Arc<str>, declared: DeclaredProperties) -> Self {
        Self {
            id,
            name,
            vhost,
            declared,
            owner: None,
            settings: QueueSettings::default(),
            ready: VecDeque::new(),
            ready_bytes: 0,
            expiring: 0,
            unacked: 0,
            unacked_bytes: 0,
            next_sequence: 0,
            consumers: Map::default(),
            waiting: VecDeque::new(),
            used_at: 0,
            had_consumer: false,
        }
    }

    /// Returns the time at which the queue expires if it stays unused; consumers are a use.
    pub(crate) fn unused_until(&self) -> Option<u64> {
        let time = self.settings.expires.filter(|_| self.consumers.is_empty())?;
        Some(self.used_at.saturating_add(time))
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

    /// Returns true if any ready message has an expiry.
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
        // Release the memory of a formerly long queue.
        if self.ready.capacity() > 4096 && self.ready.len() < self.ready.capacity() / 8 {
            self.ready.shrink_to(self.ready.len() * 2);
        }
        Some(entry)
    }

    /// Requeues messages at their old positions. `entries` may have any order.
    pub(crate) fn requeue(&mut self, mut entries: Vec<Entry>) {
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.sequence));
        for entry in entries {
            self.count(&entry);
            // Requeued messages are usually older than all ready ones.
            if self.ready.front().is_none_or(|front| front.sequence > entry.sequence) {
                self.ready.push_front(entry);
            } else {
                let index = self.ready.partition_point(|other| other.sequence < entry.sequence);
                self.ready.insert(index, entry);
            }
        }
    }

    /// Removes all ready messages and returns their number.
    pub(crate) fn purge(&mut self) -> usize {
        (self.ready_bytes, self.expiring) = (0, 0);
        std::mem::take(&mut self.ready).len()
    }

    /// Returns true if another message of `bytes` would exceed a limit.
    pub(crate) fn is_full(&self, bytes: usize) -> bool {
        self.settings.max_length.is_some_and(|most| self.ready.len() as u64 + 1 > most)
            || self.settings.max_length_bytes.is_some_and(|most| (self.ready_bytes + bytes) as u64 > most)
    }

    /// Returns true if the ready messages exceed a limit.
    pub(crate) fn is_over(&self) -> bool {
        self.settings.max_length.is_some_and(|most| self.ready.len() as u64 > most)
            || self.settings.max_length_bytes.is_some_and(|most| self.ready_bytes as u64 > most)
    }

    pub(crate) fn add_consumer(&mut self, id: ConsumerId, consumer: Consumer) {
        self.consumers.insert(id, consumer);
        self.had_consumer = true;
        self.add_waiting(id);
    }

    pub(crate) fn remove_consumer(&mut self, id: ConsumerId) -> Option<Consumer> {
        let consumer = self.consumers.remove(&id)?;
        if consumer.waiting {
            self.waiting.retain(|other| *other != id);
        }
        Some(consumer)
    }

    /// Adds a consumer to the end of the waiting list, if it is not in the list.
    pub(crate) fn add_waiting(&mut self, id: ConsumerId) {
        if let Some(consumer) = self.consumers.get_mut(&id)
            && !consumer.waiting
        {
            consumer.waiting = true;
            self.waiting.push_back(id);
        }
    }

    /// Removes the first consumer from the waiting list.
    pub(crate) fn pop_waiting(&mut self) -> Option<ConsumerId> {
        let id = self.waiting.pop_front()?;
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.waiting = false;
        }
        Some(id)
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Counts an unacknowledged delivery.
    pub(crate) fn delivered(&mut self, entry: &Entry, consumer: Option<ConsumerId>) {
        self.unacked += 1;
        self.unacked_bytes += entry.message.body().len();
        if let Some(consumer) = consumer.and_then(|id| self.consumers.get_mut(&id)) {
            consumer.unacked += 1;
        }
    }

    /// Counts a settled delivery; its consumer can accept another message.
    pub(crate) fn settled(&mut self, entry: &Entry, consumer: Option<ConsumerId>) {
        self.unacked -= 1;
        self.unacked_bytes -= entry.message.body().len();
        if let Some(id) = consumer
            && let Some(consumer) = self.consumers.get_mut(&id)
        {
            consumer.unacked = consumer.unacked.saturating_sub(1);
            self.add_waiting(id);
        }
    }

    pub(crate) fn is_quorum(&self) -> bool {
        self.declared.arguments.is_quorum()
    }
}
