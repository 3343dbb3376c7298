//! `basic.publish`: from the method over header and body to the queue, the return and the confirm.

use std::num::NonZeroU64;

use amq_protocol::protocol::basic;

use super::connection::{Content, Incoming};
use super::dead_letter::Dead;
use super::exchange::{is_predeclared, missing};
use super::ids::{Place, QueueId};
use super::message::Message;
use super::policy::Overflow;
use super::{Now, State};
use crate::fault::{Code, Fault};
use crate::wire::frame::{PUBLISH, Publish};
use crate::wire::properties::{self, Expiration, Looked};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// The queue is full and refuses.
    Refused,
}

impl State {
    /// The method itself; the content follows in frames of its own.
    pub(super) fn publish(&mut self, place: Place, publish: Publish) -> Result<(), Fault> {
        if publish.immediate {
            return Err(Fault::new(Code::NotImplemented, "immediate=true").at(PUBLISH));
        }
        let exchange = publish.exchange.as_str();
        if !exchange.is_empty() && !is_predeclared(exchange) {
            return Err(missing(exchange, &self.vhost_of(place)).at(PUBLISH));
        }
        if let Some(channel) = self.channel(place) {
            channel.incoming = Some(Incoming { publish, content: Content::Expected });
        }
        Ok(())
    }

    /// The content is complete.
    pub(super) fn arrived(&mut self, place: Place, now: Now) -> Result<(), Fault> {
        let Some(connection) = self.connections.get_mut(&place.connection) else { return Ok(()) };
        let frame_max = connection.client.frame_max;
        let Some(channel) = connection.channels.get_mut(&place.channel) else { return Ok(()) };
        let Some(Incoming { publish, content: Content::Arriving { bytes, border, .. } }) =
            channel.incoming.take()
        else {
            return Ok(());
        };
        let Looked { expiration, user_id } = properties::look(&bytes[..border]).unwrap_or_default();
        let time = match expiration {
            Expiration::None => None,
            Expiration::Milliseconds(time) => Some(time),
            Expiration::Invalid(text) => {
                return Err(Fault::new(
                    Code::PreconditionFailed,
                    format!("invalid expiration '{text}': no_integer"),
                )
                .at(PUBLISH));
            }
        };
        let user = connection.client.user.as_str();
        if let Some(user_id) = user_id.filter(|user_id| *user_id != user) {
            return Err(Fault::new(
                Code::PreconditionFailed,
                format!("user_id property set to '{user_id}' but authenticated user was '{user}'"),
            )
            .at(PUBLISH));
        }
        let queue = if publish.exchange.as_str().is_empty() {
            self.vhosts
                .get(&connection.client.vhost)
                .and_then(|names| names.get(publish.routing_key.as_str()))
                .copied()
        } else {
            // The other exchanges that are known have no bindings.
            None
        };
        let message = Message::new(&self.meter, bytes, border);
        let outcome = match queue {
            Some(queue) => self.enqueue(queue, message, time, now),
            None => {
                if publish.mandatory {
                    let returned = basic::Return {
                        reply_code: 312,
                        reply_text: "NO_ROUTE".into(),
                        exchange: publish.exchange.as_str().into(),
                        routing_key: publish.routing_key.as_str().into(),
                    };
                    connection.outbox.give_back(place.channel, returned, &message, frame_max);
                }
                Outcome::Taken
            }
        };
        self.bury(now);
        if let Some(connection) = self.connections.get_mut(&place.connection) {
            connection.confirm(place.channel, outcome == Outcome::Taken);
        }
        self.published(place.connection);
        Ok(())
    }

    /// Puts a message, which may have a time to live in milliseconds of its own, into a queue and on to a consumer
    /// that waits. Displaced messages are left to [`State::bury`].
    pub(super) fn enqueue(&mut self, id: QueueId, message: Message, time: Option<u64>, now: Now) -> Outcome {
        let hard_limit = self.config.limits.queue_length;
        let Some(queue) = self.queues.get_mut(&id) else { return Outcome::Taken };
        let rejects = queue.rules.overflow != Overflow::DropHead;
        if queue.ready() + queue.unacked >= hard_limit || rejects && queue.is_full(message.body().len()) {
            if queue.rules.overflow == Overflow::RejectPublishDlx {
                self.dead.push_back(Dead::refused(id, message));
            }
            return Outcome::Refused;
        }
        let time = match (queue.rules.message_ttl, time) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let expires_at = time.and_then(|time| NonZeroU64::new(now.ms.saturating_add(time).max(1)));
        queue.push(message, expires_at);
        if queue.has_line() {
            self.dispatch(id, now);
        }
        if let Some(at) = expires_at {
            self.expires(at.get());
        }
        self.displace(id);
        Outcome::Taken
    }

    /// Takes the oldest messages out of a queue that holds more than it may.
    pub(super) fn displace(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if queue.rules.overflow != Overflow::DropHead {
            return;
        }
        while queue.is_over() {
            let Some(entry) = queue.pop() else { break };
            self.dead.push_back(Dead::displaced(id, entry));
        }
    }
}
