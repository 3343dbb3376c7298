//! Operations of the management API: those of a client without a channel.

use super::connection::Delivery;
use super::dead_letter::DeadLetter;
use super::ids::{ConnectionId, QueueId};
use super::publish::time_to_live;
use super::queue::Entry;
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode};
use crate::message::{Message, Route};
use crate::wire::properties;

/// Owner of the management API's operations. The broker gives no connection this id.
pub(crate) const MANAGEMENT: ConnectionId = ConnectionId(0);

/// Treatment of the messages that the management API has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRead {
    Requeue,
    Acknowledge,
    /// The messages leave the queue; its dead-letter exchange gets them.
    Reject,
}

/// A message that the management API has read.
#[derive(Debug)]
pub(crate) struct ReadMessage {
    pub(crate) redelivered: bool,
    pub(crate) exchange: String,
    pub(crate) key: String,
    /// Ready messages behind it.
    pub(crate) left: usize,
    pub(crate) message: Message,
}

impl State {
    /// Reads up to `count` messages of a queue, oldest first.
    pub(crate) fn read_messages(
        &mut self,
        id: QueueId,
        count: usize,
        after: AfterRead,
        now: Now,
    ) -> Vec<ReadMessage> {
        self.touch(id, now);
        let mut read = Vec::new();
        let mut deliveries = Vec::new();
        while read.len() < count {
            let Some(entry) = self.next_ready(id, now) else { break };
            let Some(queue) = self.queues.get_mut(&id) else { break };
            queue.delivered(&entry, None);
            let (exchange, key) = entry.message.origin(&queue.name);
            read.push(ReadMessage {
                redelivered: entry.returns > 0,
                exchange: exchange.to_owned(),
                key: key.to_owned(),
                left: queue.ready(),
                message: entry.message.clone(),
            });
            deliveries.push(Delivery { queue: id, consumer: None, entry });
        }
        if after == AfterRead::Requeue {
            self.requeue(deliveries, now);
        } else {
            let entries: Vec<Entry> = deliveries.into_iter().map(|delivery| delivery.entry).collect();
            if let Some(queue) = self.queues.get_mut(&id) {
                entries.iter().for_each(|entry| queue.settled(entry, None));
            }
            if after == AfterRead::Reject {
                self.dead_letters.extend(entries.into_iter().map(|entry| DeadLetter::rejected(id, entry)));
            }
        }
        self.flush_dead_letters(now);
        self.check_alarm();
        read
    }

    /// Publishes a message of a user. `bytes` are the encoded properties and the body. Returns true if a queue has got it.
    ///
    /// # Errors
    /// 404 for an unknown exchange, 403 for an internal one, 406 for invalid properties or a body over the limit.
    pub(crate) fn publish_of_management(
        &mut self,
        user: &str,
        vhost: &str,
        route: &Route,
        (bytes, properties_len): (Vec<u8>, usize),
        now: Now,
    ) -> Result<bool, AmqpError> {
        self.check_publishable(vhost, &route.exchange)?;
        let most = self.config.limits.message_size;
        let size = bytes.len() - properties_len;
        if size as u64 > most {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("message size {size} is larger than configured max size {most}"),
            ));
        }
        let inspected = properties::inspect(&bytes[..properties_len]).unwrap_or_default();
        let time = time_to_live(&inspected, user)?;
        let other_exchange = (!route.exchange.is_empty()).then(|| route.clone());
        let message = Message::new(&self.meter, bytes, properties_len, other_exchange);
        let outcome = self.distribute(vhost, &route.exchange, &route.key, &message, time, now);
        drop(message);
        self.flush_dead_letters(now);
        self.check_alarm();
        Ok(outcome.is_some())
    }
}
