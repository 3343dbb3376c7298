//! Settlement of deliveries: ack, nack, reject, recover.

use super::connection::Delivery;
use super::dead_letter::DeadLetter;
use super::ids::{ChannelRef, QueueId};
use super::queue::Entry;
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode};

impl State {
    pub(super) fn acknowledge(
        &mut self,
        channel_ref: ChannelRef,
        tag: u64,
        multiple: bool,
        now: Now,
    ) -> Result<(), AmqpError> {
        let deliveries = self.take_unacked(channel_ref, tag, multiple).map_err(|error| error.at((60, 80)))?;
        let queues = self.settled(channel_ref, &deliveries);
        drop(deliveries);
        for queue in queues {
            self.dispatch(queue, now);
        }
        self.flush_dead_letters(now);
        Ok(())
    }

    /// Handles `basic.nack` and `basic.reject`.
    pub(super) fn reject(
        &mut self,
        channel_ref: ChannelRef,
        tag: u64,
        multiple: bool,
        requeue: bool,
        now: Now,
    ) -> Result<(), AmqpError> {
        let deliveries = self.take_unacked(channel_ref, tag, multiple)?;
        if requeue {
            self.dispatch_unblocked(channel_ref, deliveries.len(), now);
            self.requeue(deliveries, now);
        } else {
            let queues = self.settled(channel_ref, &deliveries);
            self.dead_letters
                .extend(deliveries.into_iter().map(|it| DeadLetter::rejected(it.queue, it.entry)));
            for queue in queues {
                self.dispatch(queue, now);
            }
            self.flush_dead_letters(now);
        }
        Ok(())
    }

    /// Handles `basic.recover`: requeues all unacknowledged deliveries of a channel.
    pub(super) fn recover(&mut self, channel_ref: ChannelRef, now: Now) {
        if let Some(channel) = self.channel(channel_ref) {
            let deliveries = channel.unacked.take_all();
            self.dispatch_unblocked(channel_ref, deliveries.len(), now);
            self.requeue(deliveries, now);
        }
    }

    /// Requeues deliveries and dispatches them again.
    pub(super) fn requeue(&mut self, deliveries: Vec<Delivery>, now: Now) {
        if deliveries.is_empty() {
            return;
        }
        let mut returned: Vec<(QueueId, Vec<Entry>)> = Vec::new();
        for Delivery { queue: id, consumer, mut entry } in deliveries {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            queue.settled(&entry, consumer);
            entry.returns = entry.returns.saturating_add(1);
            if queue.settings.delivery_limit.is_some_and(|most| entry.returns > most) {
                self.dead_letters.push_back(DeadLetter::delivery_limit_reached(id, entry));
                continue;
            }
            match returned.iter_mut().find(|(known, _)| *known == id) {
                Some((_, entries)) => entries.push(entry),
                None => returned.push((id, vec![entry])),
            }
        }
        let queues: Vec<QueueId> = returned.iter().map(|(id, _)| *id).collect();
        for (id, entries) in returned {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.requeue(entries);
            }
        }
        for id in queues {
            self.dispatch(id, now);
            self.drop_head(id);
        }
        self.flush_dead_letters(now);
    }

    fn take_unacked(
        &mut self,
        channel_ref: ChannelRef,
        tag: u64,
        multiple: bool,
    ) -> Result<Vec<Delivery>, AmqpError> {
        let Some(channel) = self.channel(channel_ref) else { return Ok(Vec::new()) };
        let taken = match (tag, multiple) {
            (0, true) => Some(channel.unacked.take_all()),
            (_, true) => channel.unacked.take_up_to(tag),
            (_, false) => channel.unacked.take(tag).map(|delivery| vec![delivery]),
        };
        taken.ok_or_else(|| {
            AmqpError::new(ReplyCode::PreconditionFailed, format!("unknown delivery tag {tag}"))
        })
    }

    /// Counts deliveries as settled and returns the queues whose consumers can accept more.
    fn settled(&mut self, channel_ref: ChannelRef, deliveries: &[Delivery]) -> Vec<QueueId> {
        let mut queues = Vec::new();
        for delivery in deliveries {
            if let Some(queue) = self.queues.get_mut(&delivery.queue) {
                queue.settled(&delivery.entry, delivery.consumer);
                if queues.last() != Some(&delivery.queue) && queue.ready() > 0 {
                    queues.push(delivery.queue);
                }
            }
        }
        self.add_unblocked_queues(channel_ref, deliveries.len(), &mut queues);
        queues
    }

    /// Adds the queues of consumers that a limit of the channel had blocked.
    fn add_unblocked_queues(&mut self, channel_ref: ChannelRef, freed: usize, queues: &mut Vec<QueueId>) {
        let bound = self.config.limits.unacknowledged_per_channel;
        let Some(channel) = self.channel(channel_ref) else { return };
        if channel.global_prefetch == 0 && channel.unacked.len() + freed < bound {
            return;
        }
        let consumers: Vec<_> = channel.consumers.values().copied().collect();
        for (id, consumer) in consumers {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.add_waiting(consumer);
                queues.push(id);
            }
        }
    }

    fn dispatch_unblocked(&mut self, channel_ref: ChannelRef, freed: usize, now: Now) {
        let mut queues = Vec::new();
        self.add_unblocked_queues(channel_ref, freed, &mut queues);
        for queue in queues {
            self.dispatch(queue, now);
        }
    }
}
