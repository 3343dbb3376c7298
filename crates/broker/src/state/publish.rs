//! `basic.publish`: method, header, body, then the queue, the return and the confirm.

use std::num::NonZeroU64;

use amq_protocol::protocol::basic;

use super::connection::{Incoming, IncomingContent};
use super::dead_letter::DeadLetter;
use super::ids::{ChannelRef, QueueId};
use super::policy::Overflow;
use super::queue::Enqueued;
use super::queues::REPLY_TO;
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode};
use crate::message::{Message, Route};
use crate::wire::frame::{PUBLISH, Publish};
use crate::wire::properties::{self, Expiration, RoutedProperties};

impl State {
    /// Handles the method. The content follows in further frames.
    pub(super) fn publish(&mut self, channel_ref: ChannelRef, publish: Publish) -> Result<(), AmqpError> {
        if publish.immediate {
            return Err(AmqpError::new(ReplyCode::NotImplemented, "immediate=true").at(PUBLISH));
        }
        let exchange = publish.exchange.as_str();
        if exchange.is_empty() && publish.routing_key.as_str().starts_with(REPLY_TO) {
            return Err(AmqpError::new(ReplyCode::NotImplemented, "direct reply-to").at(PUBLISH));
        }
        self.check_publishable(&self.vhost_of(channel_ref), exchange).map_err(|error| error.at(PUBLISH))?;
        if let Some(channel) = self.channel(channel_ref) {
            channel.incoming = Some(Incoming { publish, content: IncomingContent::Expected });
        }
        Ok(())
    }

    /// Routes a message whose content is complete.
    pub(super) fn route(&mut self, channel_ref: ChannelRef, now: Now) -> Result<(), AmqpError> {
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return Ok(()) };
        let frame_max = connection.client.frame_max;
        let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else { return Ok(()) };
        let Some(Incoming { publish, content: IncomingContent::Arriving { bytes, properties_len, .. } }) =
            channel.incoming.take()
        else {
            return Ok(());
        };
        let inspected = properties::inspect(&bytes[..properties_len]).unwrap_or_default();
        let time = time_to_live(&inspected, &connection.client.user).map_err(|error| error.at(PUBLISH))?;
        let vhost = connection.client.vhost.clone();
        let (exchange, key) = (publish.exchange.as_str(), publish.routing_key.as_str());
        let route = (!exchange.is_empty()).then(|| Route { exchange: exchange.into(), key: key.into() });
        let message = Message::new(&self.meter, bytes, properties_len, route);
        let outcome = self.distribute(&vhost, exchange, key, &message, time, now);
        if outcome.is_none()
            && publish.mandatory
            && let Some(connection) = self.connections.get_mut(&channel_ref.connection)
        {
            let returned = basic::Return {
                reply_code: 312,
                reply_text: "NO_ROUTE".into(),
                exchange: exchange.into(),
                routing_key: key.into(),
            };
            connection.outbox.return_message(channel_ref.channel, returned, &message, frame_max);
        }
        drop(message);
        self.flush_dead_letters(now);
        if let Some(connection) = self.connections.get_mut(&channel_ref.connection) {
            connection.confirm(channel_ref.channel, outcome != Some(Enqueued::Rejected));
        }
        self.block_publisher(channel_ref.connection);
        Ok(())
    }

    /// Adds a message to the queues to which its exchange routes it. Returns `None` if there is no such queue.
    pub(super) fn distribute(
        &mut self,
        vhost: &str,
        exchange: &str,
        key: &str,
        message: &Message,
        time: Option<u64>,
        now: Now,
    ) -> Option<Enqueued> {
        if exchange.is_empty() {
            return self.find(vhost, key).map(|queue| self.enqueue(queue, message.clone(), time, now));
        }
        let targets = self.targets(vhost, exchange, key, message);
        // One full queue makes the broker reject the whole message.
        targets
            .into_iter()
            .map(|queue| self.enqueue(queue, message.clone(), time, now))
            .reduce(|one, other| if one == Enqueued::Rejected { one } else { other })
    }

    /// Adds a message to a queue and delivers it to a waiting consumer. `time` is the message's time to live in
    /// milliseconds. The caller calls [`State::flush_dead_letters`] for dropped messages.
    pub(super) fn enqueue(&mut self, id: QueueId, message: Message, time: Option<u64>, now: Now) -> Enqueued {
        let hard_limit = self.config.limits.queue_length;
        let Some(queue) = self.queues.get_mut(&id) else { return Enqueued::Accepted };
        let rejects = queue.settings.overflow != Overflow::DropHead;
        if queue.ready() + queue.unacked >= hard_limit || rejects && queue.is_full(message.body().len()) {
            if queue.settings.overflow == Overflow::RejectPublishDlx {
                self.dead_letters.push_back(DeadLetter::not_enqueued(id, message));
            }
            return Enqueued::Rejected;
        }
        let time = match (queue.settings.message_ttl, time) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let expires_at = time.and_then(|time| NonZeroU64::new(now.ms.saturating_add(time).max(1)));
        queue.push(message, expires_at);
        if queue.has_waiting() {
            self.dispatch(id, now);
        }
        if let Some(at) = expires_at {
            self.schedule_expiry(at.get());
        }
        self.drop_head(id);
        Enqueued::Accepted
    }

    /// Drops the oldest messages of a queue that exceeds its maximum length.
    pub(super) fn drop_head(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if queue.settings.overflow != Overflow::DropHead {
            return;
        }
        while queue.is_over() {
            let Some(entry) = queue.pop() else { break };
            self.dead_letters.push_back(DeadLetter::over_length(id, entry));
        }
    }
}

/// Returns the time to live of a message in milliseconds from its property `expiration`.
///
/// # Errors
/// 406 if it is not a number, or if the property `user-id` is not the publisher's name.
pub(super) fn time_to_live(properties: &RoutedProperties<'_>, user: &str) -> Result<Option<u64>, AmqpError> {
    let time = match properties.expiration {
        Expiration::None => None,
        Expiration::Milliseconds(time) => Some(time),
        Expiration::Invalid(text) => {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("invalid expiration '{text}': no_integer"),
            ));
        }
    };
    match properties.user_id.filter(|user_id| *user_id != user) {
        None => Ok(time),
        Some(user_id) => Err(AmqpError::new(
            ReplyCode::PreconditionFailed,
            format!("user_id property set to '{user_id}' but authenticated user was '{user}'"),
        )),
    }
}
