//! The methods of class basic except publish and ack: qos, consume, cancel, get, reject, nack, recover.

use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, basic};

use super::connection::Delivery;
use super::dead_letter::DeadLetter;
use super::dispatch::{expired, message_to_deliver};
use super::ids::{ChannelRef, QueueId};
use super::queue::{Consumer, Entry};
use super::queues::clamp;
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode};
use crate::wire::outbox::Origin;

impl State {
    pub(super) fn method_of_basic(
        &mut self,
        channel_ref: ChannelRef,
        method: basic::AMQPMethod,
        now: Now,
    ) -> Result<(), AmqpError> {
        use basic::AMQPMethod;
        match method {
            AMQPMethod::Qos(qos) => {
                self.qos(channel_ref, &qos, now);
                Ok(())
            }
            AMQPMethod::Consume(consume) => self.consume(channel_ref, &consume, now),
            AMQPMethod::Cancel(cancel) => {
                self.cancel(channel_ref, cancel, now);
                Ok(())
            }
            AMQPMethod::Get(get) => self.get(channel_ref, &get, now),
            AMQPMethod::Reject(it) => self.reject(channel_ref, it.delivery_tag, false, it.requeue, now),
            AMQPMethod::Nack(it) => self.reject(channel_ref, it.delivery_tag, it.multiple, it.requeue, now),
            AMQPMethod::Recover(basic::Recover { requeue: true }) => {
                // The answer precedes the recovered deliveries.
                self.reply(channel_ref, AMQPClass::Basic(AMQPMethod::RecoverOk(basic::RecoverOk {})));
                self.recover(channel_ref, now);
                Ok(())
            }
            AMQPMethod::RecoverAsync(basic::RecoverAsync { requeue: true }) => {
                self.recover(channel_ref, now);
                Ok(())
            }
            AMQPMethod::Recover(_) | AMQPMethod::RecoverAsync(_) => {
                Err(AmqpError::new(ReplyCode::NotImplemented, "requeue=false"))
            }
            // An answer to the broker's `basic.cancel`, which has the bit no-wait.
            AMQPMethod::CancelOk(_) => Ok(()),
            // The decoder handles or rejects all other methods.
            _ => Err(AmqpError::new(ReplyCode::CommandInvalid, "not a client's method")),
        }
    }

    fn qos(&mut self, channel_ref: ChannelRef, qos: &basic::Qos, now: Now) {
        let Some(channel) = self.channel(channel_ref) else { return };
        let mut waiting = Vec::new();
        if qos.global {
            channel.global_prefetch = qos.prefetch_count;
            waiting = channel.consumers.values().copied().collect();
        } else {
            channel.prefetch = qos.prefetch_count;
        }
        self.reply(channel_ref, AMQPClass::Basic(basic::AMQPMethod::QosOk(basic::QosOk {})));
        self.add_waiting(waiting, now);
    }

    fn consume(
        &mut self,
        channel_ref: ChannelRef,
        consume: &basic::Consume,
        now: Now,
    ) -> Result<(), AmqpError> {
        let id = self.queue_for(channel_ref, consume.queue.as_str())?;
        let most = self.config.limits.consumers_per_channel;
        let number = self.next_consumer_id();
        let Some(channel) = self.channel(channel_ref) else { return Ok(()) };
        let tag: Arc<str> = if consume.consumer_tag.as_str().is_empty() {
            format!("amq.ctag-{:016x}", number.0).into()
        } else {
            consume.consumer_tag.as_str().into()
        };
        if channel.consumers.contains_key(&tag) {
            return Err(AmqpError::new(
                ReplyCode::NotAllowed,
                format!("attempt to reuse consumer tag '{tag}'"),
            ));
        }
        if channel.consumers.len() >= most {
            return Err(AmqpError::new(
                ReplyCode::NotAllowed,
                format!("reached maximum ({most}) of consumers per channel"),
            ));
        }
        let prefetch = channel.prefetch;
        let Some(queue) = self.queues.get_mut(&id) else { return Ok(()) };
        let taken = queue.consumers.values().any(|other| other.exclusive);
        if taken || consume.exclusive && !queue.consumers.is_empty() {
            return Err(AmqpError::new(
                ReplyCode::AccessRefused,
                format!("queue '{}' in vhost '{}' in exclusive use", queue.name, queue.vhost),
            ));
        }
        let consumer = Consumer::new(channel_ref, tag.clone(), consume.no_ack, consume.exclusive, prefetch);
        queue.add_consumer(number, consumer);
        if let Some(channel) = self.channel(channel_ref) {
            channel.consumers.insert(tag.clone(), (id, number));
        }
        if !consume.nowait {
            let answer = basic::ConsumeOk { consumer_tag: tag.as_ref().into() };
            self.reply(channel_ref, AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(answer)));
        }
        self.dispatch(id, now);
        self.flush_dead_letters(now);
        Ok(())
    }

    fn cancel(&mut self, channel_ref: ChannelRef, cancel: basic::Cancel, now: Now) {
        let Some(channel) = self.channel(channel_ref) else { return };
        // Cancelling an unknown consumer succeeds.
        if let Some((queue, consumer)) = channel.consumers.remove(cancel.consumer_tag.as_str()) {
            self.remove_consumer(queue, consumer, now);
        }
        if !cancel.nowait {
            let answer = basic::CancelOk { consumer_tag: cancel.consumer_tag };
            self.reply(channel_ref, AMQPClass::Basic(basic::AMQPMethod::CancelOk(answer)));
        }
        self.flush_dead_letters(now);
    }

    fn get(&mut self, channel_ref: ChannelRef, get: &basic::Get, now: Now) -> Result<(), AmqpError> {
        let id = self.queue_for(channel_ref, get.queue.as_str())?;
        let most = self.config.limits.unacknowledged_per_channel;
        self.touch(id, now);
        let Some(entry) = self.next_ready(id, now) else {
            self.reply(channel_ref, AMQPClass::Basic(basic::AMQPMethod::GetEmpty(basic::GetEmpty {})));
            self.flush_dead_letters(now);
            return Ok(());
        };
        let Some(queue) = self.queues.get_mut(&id) else { return Ok(()) };
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return Ok(()) };
        connection.flush_confirms(channel_ref.channel);
        let frame_max = connection.client.frame_max;
        let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else { return Ok(()) };
        if !get.no_ack && channel.unacked.len() >= most {
            queue.requeue(vec![entry]);
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("the channel has {most} unacknowledged deliveries"),
            ));
        }
        let tag = channel.next_tag();
        let (exchange, routing_key) = entry.message.origin(&queue.name);
        let origin = Origin { redelivered: entry.returns > 0, exchange, routing_key };
        let message = message_to_deliver(queue, &entry);
        connection.outbox.get_ok(channel_ref.channel, tag, origin, clamp(queue.ready()), &message, frame_max);
        if !get.no_ack {
            queue.delivered(&entry, None);
            channel.unacked.push(tag, Delivery { queue: id, consumer: None, entry });
        }
        self.flush_dead_letters(now);
        Ok(())
    }

    /// Removes the oldest ready message of a queue. Expired messages before it become dead letters.
    pub(super) fn next_ready(&mut self, id: QueueId, now: Now) -> Option<Entry> {
        let queue = self.queues.get_mut(&id)?;
        let mut entry = queue.pop();
        while let Some(old) = entry.take_if(|entry| expired(entry, now)) {
            self.dead_letters.push_back(DeadLetter::expired(id, old));
            entry = queue.pop();
        }
        entry
    }
}
