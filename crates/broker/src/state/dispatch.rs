//! Delivery from a queue to its consumers, round-robin.

use std::num::NonZeroU64;

use super::connection::{ChannelPhase, Connection, Delivery, Phase};
use super::dead_letter::DeadLetter;
use super::ids::{ConnectionId, ConsumerId, Map, QueueId};
use super::queue::{Consumer, Entry, Queue};
use super::{Now, State};
use crate::config::Limits;
use crate::message::Message;
use crate::wire::outbox::Origin;

/// Check interval in milliseconds of a queue that has expiring messages after a head that does not expire.
const EXPIRY_CHECK_MS: u64 = 1000;

impl State {
    /// Delivers ready messages while a consumer can accept one, and removes expired messages.
    pub(super) fn dispatch(&mut self, id: QueueId, now: Now) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        while let Some(head) = queue.head() {
            if expired(head, now) {
                if let Some(entry) = queue.pop() {
                    self.dead_letters.push_back(DeadLetter::expired(id, entry));
                }
                continue;
            }
            let Some(next) = queue.pop_waiting() else { break };
            let Some(consumer) = queue.consumers.get(&next) else { continue };
            // A consumer that cannot accept more stops waiting until one of its deliveries is settled.
            if !can_accept(consumer, &mut self.connections, &self.config.limits) {
                continue;
            }
            if let Some(entry) = queue.pop() {
                deliver(queue, next, entry, &mut self.connections);
                queue.add_waiting(next);
            }
        }
    }

    /// Records that a message expires at `at`.
    pub(super) fn schedule_expiry(&mut self, at: u64) {
        if self.next_expiry.is_none_or(|next| at < next) {
            self.next_expiry = Some(at);
            self.timer.notify_one();
        }
    }

    /// Records a use of a queue: it expires later.
    pub(super) fn touch(&mut self, id: QueueId, now: Now) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        queue.used_at = now.ms;
        if let Some(at) = queue.unused_until() {
            self.schedule_expiry(at);
        }
    }

    /// Removes expired messages from the heads of all queues, and unused queues that expire. Returns the time of the next
    /// check.
    ///
    /// A message expires only at the head of its queue, as in RabbitMQ's classic queues.
    pub(crate) fn expire(&mut self, now: Now) -> Option<u64> {
        let due: Vec<QueueId> = self
            .queues
            .values()
            .filter(|queue| queue.head().is_some_and(|head| expired(head, now)))
            .map(|queue| queue.id)
            .collect();
        for id in due {
            self.dispatch(id, now);
        }
        self.flush_dead_letters(now);
        let unused: Vec<QueueId> = self
            .queues
            .values()
            .filter(|queue| queue.unused_until().is_some_and(|at| at <= now.ms))
            .map(|queue| queue.id)
            .collect();
        for id in unused {
            self.delete_queue(id);
        }
        // An expiring message after another head is checked periodically, because the head may leave at any time.
        let later = now.ms + EXPIRY_CHECK_MS;
        self.next_expiry = self
            .queues
            .values()
            .filter(|queue| queue.is_expiring())
            .map(|queue| queue.head().and_then(|head| head.expires_at).map_or(later, NonZeroU64::get))
            .chain(self.queues.values().filter_map(Queue::unused_until))
            .min();
        self.next_expiry
    }

    /// Resumes the consumers of a client that has read its pending bytes.
    pub(crate) fn resume_consumers(&mut self, id: ConnectionId, now: Now) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !std::mem::take(&mut connection.stalled) {
            return;
        }
        let consumers: Vec<(QueueId, ConsumerId)> =
            connection.channels.values().flat_map(|channel| channel.consumers.values().copied()).collect();
        self.add_waiting(consumers, now);
    }

    /// Marks consumers as waiting and delivers messages to them.
    pub(super) fn add_waiting(&mut self, consumers: Vec<(QueueId, ConsumerId)>, now: Now) {
        for &(queue, consumer) in &consumers {
            if let Some(queue) = self.queues.get_mut(&queue) {
                queue.add_waiting(consumer);
            }
        }
        for (queue, _) in consumers {
            self.dispatch(queue, now);
        }
        self.flush_dead_letters(now);
    }
}

pub(super) fn expired(entry: &Entry, now: Now) -> bool {
    entry.expires_at.is_some_and(|at| at.get() <= now.ms)
}

fn can_accept(consumer: &Consumer, connections: &mut Map<ConnectionId, Connection>, limits: &Limits) -> bool {
    let Some(connection) = connections.get_mut(&consumer.channel_ref.connection) else { return false };
    if connection.phase != Phase::Open {
        return false;
    }
    if connection.outbox.len() >= limits.outgoing {
        connection.stalled = true;
        return false;
    }
    let Some(channel) = connection.channels.get(&consumer.channel_ref.channel) else { return false };
    if channel.phase != ChannelPhase::Open {
        return false;
    }
    if consumer.no_ack {
        return true;
    }
    let unacked = channel.unacked.len();
    (consumer.prefetch == 0 || consumer.unacked < usize::from(consumer.prefetch))
        && (channel.global_prefetch == 0 || unacked < usize::from(channel.global_prefetch))
        && unacked < limits.unacknowledged_per_channel
}

fn deliver(queue: &mut Queue, id: ConsumerId, entry: Entry, connections: &mut Map<ConnectionId, Connection>) {
    let Some(consumer) = queue.consumers.get(&id) else { return };
    let channel_ref = consumer.channel_ref;
    let Some(connection) = connections.get_mut(&channel_ref.connection) else { return };
    let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else { return };
    let tag = channel.next_tag();
    let (exchange, routing_key) = entry.message.origin(&queue.name);
    let origin = Origin { redelivered: entry.returns > 0, exchange, routing_key };
    let frame_max = connection.client.frame_max;
    if connection.outbox.is_empty() {
        connection.wake.notify_one();
    }
    let message = message_to_deliver(queue, &entry);
    connection.outbox.deliver(channel_ref.channel, &consumer.tag, tag, origin, &message, frame_max);
    if !consumer.no_ack {
        queue.delivered(&entry, Some(id));
        channel.unacked.push(tag, Delivery { queue: queue.id, consumer: Some(id), entry });
    }
}

/// Returns the message to deliver; a quorum queue adds a header with the number of earlier deliveries.
pub(super) fn message_to_deliver(queue: &Queue, entry: &Entry) -> Message {
    if queue.is_quorum() && entry.returns > 0 {
        super::dead_letter::with_delivery_count(&entry.message, entry.returns)
    } else {
        entry.message.clone()
    }
}
