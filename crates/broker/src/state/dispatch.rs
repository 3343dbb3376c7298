//! From a queue to its consumers, in turn.

use std::num::NonZeroU64;

use super::connection::{ChannelPhase, Connection, Delivery, Phase};
use super::dead_letter::Dead;
use super::ids::{ConnectionId, ConsumerId, Map, QueueId};
use super::message::Message;
use super::queue::{Consumer, Entry, Queue};
use super::{Now, State};
use crate::config::Limits;
use crate::wire::outbox::Origin;

/// How often a queue is looked at whose head does not expire, while others behind it do; in milliseconds.
const LOOK_MS: u64 = 1000;

impl State {
    /// Delivers ready messages as long as a consumer can take one, and takes out what has expired.
    pub(super) fn dispatch(&mut self, id: QueueId, now: Now) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        while let Some(head) = queue.head() {
            if expired(head, now) {
                if let Some(entry) = queue.pop() {
                    self.dead.push_back(Dead::expired(id, entry));
                }
                continue;
            }
            let Some(next) = queue.next_in_line() else { break };
            let Some(consumer) = queue.consumers.get(&next) else { continue };
            // One that cannot take more leaves the line, and comes back when something of it was settled.
            if !can_take(consumer, &mut self.connections, &self.config.limits) {
                continue;
            }
            if let Some(entry) = queue.pop() {
                deliver(queue, next, entry, &mut self.connections);
                queue.line_up(next);
            }
        }
    }

    /// Notes that a message expires at `at`.
    pub(super) fn expires(&mut self, at: u64) {
        if self.soonest.is_none_or(|soonest| at < soonest) {
            self.soonest = Some(at);
            self.timer.notify_one();
        }
    }

    /// Takes expired messages from the heads of all queues and tells when to look again.
    ///
    /// A message behind one that lives longer waits for it, as in RabbitMQ's classic queues.
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
        self.bury(now);
        // One that expires behind a head that does not is looked for now and then: its turn may come at any time.
        let later = now.ms + LOOK_MS;
        self.soonest = self
            .queues
            .values()
            .filter(|queue| queue.is_expiring())
            .map(|queue| queue.head().and_then(|head| head.expires_at).map_or(later, NonZeroU64::get))
            .min();
        self.soonest
    }

    /// A client has read what waited for it: its consumers stand in line again.
    pub(crate) fn drained(&mut self, id: ConnectionId, now: Now) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !std::mem::take(&mut connection.stalled) {
            return;
        }
        let consumers: Vec<(QueueId, ConsumerId)> =
            connection.channels.values().flat_map(|channel| channel.consumers.values().copied()).collect();
        self.line_up(consumers, now);
    }

    /// Puts consumers back into their queues' lines.
    pub(super) fn line_up(&mut self, consumers: Vec<(QueueId, ConsumerId)>, now: Now) {
        for &(queue, consumer) in &consumers {
            if let Some(queue) = self.queues.get_mut(&queue) {
                queue.line_up(consumer);
            }
        }
        for (queue, _) in consumers {
            self.dispatch(queue, now);
        }
        self.bury(now);
    }
}

pub(super) fn expired(entry: &Entry, now: Now) -> bool {
    entry.expires_at.is_some_and(|at| at.get() <= now.ms)
}

fn can_take(consumer: &Consumer, connections: &mut Map<ConnectionId, Connection>, limits: &Limits) -> bool {
    let Some(connection) = connections.get_mut(&consumer.place.connection) else { return false };
    if connection.phase != Phase::Open {
        return false;
    }
    if connection.outbox.len() >= limits.outgoing {
        connection.stalled = true;
        return false;
    }
    let Some(channel) = connection.channels.get(&consumer.place.channel) else { return false };
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
    let place = consumer.place;
    let Some(connection) = connections.get_mut(&place.connection) else { return };
    let Some(channel) = connection.channels.get_mut(&place.channel) else { return };
    let tag = channel.next_tag();
    let origin = Origin { redelivered: entry.returns > 0, exchange: "", routing_key: &queue.name };
    let frame_max = connection.client.frame_max;
    if connection.outbox.is_empty() {
        connection.wake.notify_one();
    }
    let message = as_delivered(queue, &entry);
    connection.outbox.deliver(place.channel, &consumer.tag, tag, origin, &message, frame_max);
    if !consumer.no_ack {
        queue.delivered(&entry, Some(id));
        channel.unacked.push(tag, Delivery { queue: queue.id, consumer: Some(id), entry });
    }
}

/// A quorum queue tells in a header how often a message was delivered before.
pub(super) fn as_delivered(queue: &Queue, entry: &Entry) -> Message {
    if queue.is_quorum() && entry.returns > 0 {
        super::dead_letter::with_delivery_count(&entry.message, entry.returns)
    } else {
        entry.message.clone()
    }
}
