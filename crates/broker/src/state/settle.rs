//! What consumers do with deliveries: acknowledge, reject, give back.

use super::connection::Delivery;
use super::dead_letter::Dead;
use super::ids::{Place, QueueId};
use super::queue::Entry;
use super::{Now, State};
use crate::fault::{Code, Fault};

impl State {
    pub(super) fn acknowledge(
        &mut self,
        place: Place,
        tag: u64,
        multiple: bool,
        now: Now,
    ) -> Result<(), Fault> {
        let deliveries = self.take_unacked(place, tag, multiple).map_err(|fault| fault.at((60, 80)))?;
        let queues = self.settled(place, &deliveries);
        drop(deliveries);
        for queue in queues {
            self.dispatch(queue, now);
        }
        self.bury(now);
        Ok(())
    }

    /// `basic.nack` and `basic.reject`.
    pub(super) fn reject(
        &mut self,
        place: Place,
        tag: u64,
        multiple: bool,
        requeue: bool,
        now: Now,
    ) -> Result<(), Fault> {
        let deliveries = self.take_unacked(place, tag, multiple)?;
        if requeue {
            self.settle_global(place, deliveries.len(), now);
            self.give_back(deliveries, now);
        } else {
            let queues = self.settled(place, &deliveries);
            self.dead.extend(deliveries.into_iter().map(|it| Dead::rejected(it.queue, it.entry)));
            for queue in queues {
                self.dispatch(queue, now);
            }
            self.bury(now);
        }
        Ok(())
    }

    /// `basic.recover`: everything that a channel has not acknowledged goes back.
    pub(super) fn recover(&mut self, place: Place, now: Now) {
        if let Some(channel) = self.channel(place) {
            let deliveries = channel.unacked.take_all();
            self.settle_global(place, deliveries.len(), now);
            self.give_back(deliveries, now);
        }
    }

    /// Puts deliveries back into their queues and delivers them anew.
    pub(super) fn give_back(&mut self, deliveries: Vec<Delivery>, now: Now) {
        if deliveries.is_empty() {
            return;
        }
        let mut returned: Vec<(QueueId, Vec<Entry>)> = Vec::new();
        for Delivery { queue: id, consumer, mut entry } in deliveries {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            queue.settled(&entry, consumer);
            entry.returns = entry.returns.saturating_add(1);
            if queue.rules.delivery_limit.is_some_and(|most| entry.returns > most) {
                self.dead.push_back(Dead::worn_out(id, entry));
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
                queue.put_back(entries);
            }
        }
        for id in queues {
            self.dispatch(id, now);
            self.displace(id);
        }
        self.bury(now);
    }

    fn take_unacked(&mut self, place: Place, tag: u64, multiple: bool) -> Result<Vec<Delivery>, Fault> {
        let Some(channel) = self.channel(place) else { return Ok(Vec::new()) };
        let taken = match (tag, multiple) {
            (0, true) => Some(channel.unacked.take_all()),
            (_, true) => channel.unacked.take_up_to(tag),
            (_, false) => channel.unacked.take(tag).map(|delivery| vec![delivery]),
        };
        taken.ok_or_else(|| Fault::new(Code::PreconditionFailed, format!("unknown delivery tag {tag}")))
    }

    /// Counts deliveries as settled and gives the queues whose consumers may take more.
    fn settled(&mut self, place: Place, deliveries: &[Delivery]) -> Vec<QueueId> {
        let mut queues = Vec::new();
        for delivery in deliveries {
            if let Some(queue) = self.queues.get_mut(&delivery.queue) {
                queue.settled(&delivery.entry, delivery.consumer);
                if queues.last() != Some(&delivery.queue) && queue.ready() > 0 {
                    queues.push(delivery.queue);
                }
            }
        }
        self.widen(place, deliveries.len(), &mut queues);
        queues
    }

    /// A bound on the whole channel may have held back consumers of other queues.
    fn widen(&mut self, place: Place, freed: usize, queues: &mut Vec<QueueId>) {
        let bound = self.config.limits.unacknowledged_per_channel;
        let Some(channel) = self.channel(place) else { return };
        if channel.global_prefetch == 0 && channel.unacked.len() + freed < bound {
            return;
        }
        let consumers: Vec<_> = channel.consumers.values().copied().collect();
        for (id, consumer) in consumers {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.line_up(consumer);
                queues.push(id);
            }
        }
    }

    fn settle_global(&mut self, place: Place, freed: usize, now: Now) {
        let mut queues = Vec::new();
        self.widen(place, freed, &mut queues);
        for queue in queues {
            self.dispatch(queue, now);
        }
    }
}
