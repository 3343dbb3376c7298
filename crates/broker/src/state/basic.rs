//! `basic.*` but for publish and ack: qos, consume, cancel, get, reject, nack, recover.

use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, basic};

use super::connection::Delivery;
use super::dead_letter::Dead;
use super::dispatch::{as_delivered, expired};
use super::ids::Place;
use super::queue::Consumer;
use super::queues::clamp;
use super::{Now, State};
use crate::fault::{Code, Fault};
use crate::wire::outbox::Origin;

impl State {
    pub(super) fn method_of_basic(
        &mut self,
        place: Place,
        method: basic::AMQPMethod,
        now: Now,
    ) -> Result<(), Fault> {
        use basic::AMQPMethod;
        match method {
            AMQPMethod::Qos(qos) => {
                self.qos(place, &qos, now);
                Ok(())
            }
            AMQPMethod::Consume(consume) => self.consume(place, &consume, now),
            AMQPMethod::Cancel(cancel) => {
                self.cancel(place, cancel, now);
                Ok(())
            }
            AMQPMethod::Get(get) => self.get(place, &get, now),
            AMQPMethod::Reject(it) => self.reject(place, it.delivery_tag, false, it.requeue, now),
            AMQPMethod::Nack(it) => self.reject(place, it.delivery_tag, it.multiple, it.requeue, now),
            AMQPMethod::Recover(basic::Recover { requeue: true }) => {
                // The answer goes first: what is delivered behind it has been recovered.
                self.reply(place, AMQPClass::Basic(AMQPMethod::RecoverOk(basic::RecoverOk {})));
                self.recover(place, now);
                Ok(())
            }
            AMQPMethod::RecoverAsync(basic::RecoverAsync { requeue: true }) => {
                self.recover(place, now);
                Ok(())
            }
            AMQPMethod::Recover(_) | AMQPMethod::RecoverAsync(_) => {
                Err(Fault::new(Code::NotImplemented, "requeue=false"))
            }
            // The answer to our `basic.cancel`, which asks for none.
            AMQPMethod::CancelOk(_) => Ok(()),
            // Decoded apart, or refused by the decoder.
            _ => Err(Fault::new(Code::CommandInvalid, "not a client's method")),
        }
    }

    fn qos(&mut self, place: Place, qos: &basic::Qos, now: Now) {
        let Some(channel) = self.channel(place) else { return };
        let mut waiting = Vec::new();
        if qos.global {
            channel.global_prefetch = qos.prefetch_count;
            waiting = channel.consumers.values().copied().collect();
        } else {
            channel.prefetch = qos.prefetch_count;
        }
        self.reply(place, AMQPClass::Basic(basic::AMQPMethod::QosOk(basic::QosOk {})));
        self.line_up(waiting, now);
    }

    fn consume(&mut self, place: Place, consume: &basic::Consume, now: Now) -> Result<(), Fault> {
        let id = self.queue_for(place, consume.queue.as_str())?;
        let most = self.config.limits.consumers_per_channel;
        let number = self.next_consumer();
        let Some(channel) = self.channel(place) else { return Ok(()) };
        let tag: Arc<str> = if consume.consumer_tag.as_str().is_empty() {
            format!("amq.ctag-{:016x}", number.0).into()
        } else {
            consume.consumer_tag.as_str().into()
        };
        if channel.consumers.contains_key(&tag) {
            return Err(Fault::new(Code::NotAllowed, format!("attempt to reuse consumer tag '{tag}'")));
        }
        if channel.consumers.len() >= most {
            return Err(Fault::new(
                Code::NotAllowed,
                format!("reached maximum ({most}) of consumers per channel"),
            ));
        }
        let prefetch = channel.prefetch;
        let Some(queue) = self.queues.get_mut(&id) else { return Ok(()) };
        let taken = queue.consumers.values().any(|other| other.exclusive);
        if taken || consume.exclusive && !queue.consumers.is_empty() {
            return Err(Fault::new(
                Code::AccessRefused,
                format!("queue '{}' in vhost '{}' in exclusive use", queue.name, queue.vhost),
            ));
        }
        let consumer = Consumer::new(place, tag.clone(), consume.no_ack, consume.exclusive, prefetch);
        queue.add_consumer(number, consumer);
        if let Some(channel) = self.channel(place) {
            channel.consumers.insert(tag.clone(), (id, number));
        }
        if !consume.nowait {
            let answer = basic::ConsumeOk { consumer_tag: tag.as_ref().into() };
            self.reply(place, AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(answer)));
        }
        self.dispatch(id, now);
        self.bury(now);
        Ok(())
    }

    fn cancel(&mut self, place: Place, cancel: basic::Cancel, now: Now) {
        let Some(channel) = self.channel(place) else { return };
        // Cancelling what does not exist succeeds.
        if let Some((queue, consumer)) = channel.consumers.remove(cancel.consumer_tag.as_str()) {
            self.remove_consumer(queue, consumer, now);
        }
        if !cancel.nowait {
            let answer = basic::CancelOk { consumer_tag: cancel.consumer_tag };
            self.reply(place, AMQPClass::Basic(basic::AMQPMethod::CancelOk(answer)));
        }
        self.bury(now);
    }

    fn get(&mut self, place: Place, get: &basic::Get, now: Now) -> Result<(), Fault> {
        let id = self.queue_for(place, get.queue.as_str())?;
        let most = self.config.limits.unacknowledged_per_channel;
        let Some(queue) = self.queues.get_mut(&id) else { return Ok(()) };
        let mut entry = queue.pop();
        while let Some(old) = entry.take_if(|entry| expired(entry, now)) {
            self.dead.push_back(Dead::expired(id, old));
            entry = queue.pop();
        }
        let Some(entry) = entry else {
            self.reply(place, AMQPClass::Basic(basic::AMQPMethod::GetEmpty(basic::GetEmpty {})));
            self.bury(now);
            return Ok(());
        };
        let Some(connection) = self.connections.get_mut(&place.connection) else { return Ok(()) };
        connection.flush_confirms(place.channel);
        let frame_max = connection.client.frame_max;
        let Some(channel) = connection.channels.get_mut(&place.channel) else { return Ok(()) };
        if !get.no_ack && channel.unacked.len() >= most {
            queue.put_back(vec![entry]);
            return Err(Fault::new(
                Code::PreconditionFailed,
                format!("{most} deliveries of this channel wait for their acknowledgement"),
            ));
        }
        let tag = channel.next_tag();
        let origin = Origin { redelivered: entry.returns > 0, exchange: "", routing_key: &queue.name };
        let message = as_delivered(queue, &entry);
        connection.outbox.get_ok(place.channel, tag, origin, clamp(queue.ready()), &message, frame_max);
        if !get.no_ack {
            queue.delivered(&entry, None);
            channel.unacked.push(tag, Delivery { queue: id, consumer: None, entry });
        }
        self.bury(now);
        Ok(())
    }
}
