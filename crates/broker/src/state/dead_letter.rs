//! Dead-lettering: messages that a queue drops go to the queue of its dead-letter settings, with their history.
//!
//! The header `x-death` has RabbitMQ's format: an array of tables, newest first, one per queue and reason, with a count.

use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::types::{AMQPValue, FieldArray, FieldTable, LongString};

use super::ids::QueueId;
use super::queue::{Enqueued, Entry};
use super::{Now, State};
use crate::message::{Message, Route};
use crate::wire::properties;

/// Reason why a message was dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Rejected,
    Expired,
    MaxLength,
    DeliveryLimit,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::MaxLength => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

/// A message that has left its queue and waits for dead-lettering.
#[derive(Debug)]
pub(super) struct DeadLetter {
    from: QueueId,
    message: Message,
    returns: u32,
    reason: Reason,
}

impl DeadLetter {
    fn new(from: QueueId, entry: Entry, reason: Reason) -> Self {
        Self { from, message: entry.message, returns: entry.returns, reason }
    }

    pub(super) fn rejected(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::Rejected)
    }

    pub(super) fn expired(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::Expired)
    }

    pub(super) fn over_length(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::MaxLength)
    }

    /// The message was returned more often than the delivery limit allows.
    pub(super) fn delivery_limit_reached(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::DeliveryLimit)
    }

    /// The message was rejected by a full queue.
    pub(super) fn not_enqueued(from: QueueId, message: Message) -> Self {
        Self { from, message, returns: 0, reason: Reason::MaxLength }
    }
}

impl State {
    /// Dead-letters all messages that have left a queue since the last call, including messages that are dropped by this
    /// call.
    pub(super) fn flush_dead_letters(&mut self, now: Now) {
        while let Some(dead) = self.dead_letters.pop_front() {
            self.dead_letter(dead, now);
        }
    }

    fn dead_letter(&mut self, dead: DeadLetter, now: Now) {
        let DeadLetter { from, message, returns, reason } = dead;
        let Some(queue) = self.queues.get(&from) else { return };
        let Some(exchange) = queue.settings.dead_letter_exchange.clone() else { return };
        let origin = message.origin(&queue.name);
        let key = queue.settings.dead_letter_routing_key.clone().unwrap_or_else(|| origin.1.to_owned());
        // Messages to an unknown exchange are lost, as in RabbitMQ.
        let mut targets = self.targets(&queue.vhost, &exchange, &key, &message);
        let mut properties = properties::decode(message.properties());
        if reason != Reason::Rejected {
            let names = |id: &QueueId| self.queues.get(id).map_or("", |queue| &queue.name);
            targets.retain(|target| !is_cycle(&properties, names(target), &queue.name));
        }
        if queue.is_quorum() && returns > 0 {
            properties = count_deliveries(properties, returns);
        }
        let properties = add_death(properties, &queue.name, origin, reason, now);
        let route = (!exchange.is_empty())
            .then(|| Route { exchange: exchange.as_str().into(), key: key.as_str().into() });
        let message = message.with(&properties::encode(&properties), route);
        for target in targets {
            if self.enqueue(target, message.clone(), None, now) == Enqueued::Rejected {
                tracing::debug!(exchange, key, "lost a dead-lettered message: the target queue is full");
            }
        }
    }
}

/// Returns the message with the header that a quorum queue adds to a redelivery.
pub(super) fn with_delivery_count(message: &Message, returns: u32) -> Message {
    let properties = count_deliveries(properties::decode(message.properties()), returns);
    message.with_properties(&properties::encode(&properties))
}

fn count_deliveries(properties: AMQPProperties, returns: u32) -> AMQPProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(i64::from(returns)));
    properties.with_headers(headers)
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text))
}

fn is(table: &FieldTable, key: &str, text: &str) -> bool {
    matches!(table.inner().get(key), Some(AMQPValue::LongString(found)) if found.as_bytes() == text.as_bytes())
}

fn deaths(headers: &FieldTable) -> &[AMQPValue] {
    match headers.inner().get("x-death") {
        Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice(),
        _ => &[],
    }
}

/// Returns true if a message would return to a queue that it was in since its last rejection. RabbitMQ drops such a
/// message, because it would circulate forever.
fn is_cycle(properties: &AMQPProperties, target: &str, from: &str) -> bool {
    if target == from {
        return true;
    }
    let Some(headers) = properties.headers() else { return false };
    for death in deaths(headers) {
        let AMQPValue::FieldTable(death) = death else { continue };
        if is(death, "reason", Reason::Rejected.name()) {
            return false;
        }
        if is(death, "queue", target) {
            return true;
        }
    }
    false
}

/// Adds a death to the message's headers. `origin` is the exchange and the routing key of the dead message.
fn add_death(
    mut properties: AMQPProperties,
    queue: &str,
    (exchange, key): (&str, &str),
    reason: Reason,
    now: Now,
) -> AMQPProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    let (mut count, mut first) = (1, now.unix);
    let mut others = Vec::new();
    for death in deaths(&headers) {
        match death {
            AMQPValue::FieldTable(death)
                if is(death, "queue", queue) && is(death, "reason", reason.name()) =>
            {
                if let Some(AMQPValue::LongLongInt(before)) = death.inner().get("count") {
                    count = before.saturating_add(1);
                }
                if let Some(AMQPValue::Timestamp(time)) = death.inner().get("time") {
                    first = *time;
                }
            }
            other => others.push(other.clone()),
        }
    }
    let mut death = FieldTable::default();
    death.insert("count".into(), AMQPValue::LongLongInt(count));
    death.insert("exchange".into(), long(exchange));
    death.insert("queue".into(), long(queue));
    death.insert("reason".into(), long(reason.name()));
    death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![long(key)].into()));
    death.insert("time".into(), AMQPValue::Timestamp(first));
    // The time to live applied to the original queue only.
    if let Some(expiration) = properties.expiration().clone() {
        death.insert("original-expiration".into(), long(expiration.as_str()));
        properties = without_expiration(&properties);
    }
    if !headers.contains_key("x-first-death-reason") {
        headers.insert("x-first-death-exchange".into(), long(exchange));
        headers.insert("x-first-death-queue".into(), long(queue));
        headers.insert("x-first-death-reason".into(), long(reason.name()));
    }
    let mut all = FieldArray::from(vec![AMQPValue::FieldTable(death)]);
    for other in others {
        all.push(other);
    }
    headers.insert("x-death".into(), AMQPValue::FieldArray(all));
    properties.with_headers(headers)
}

/// Returns the properties without `expiration`; amq-protocol has no method to clear a property.
fn without_expiration(properties: &AMQPProperties) -> AMQPProperties {
    let mut copy = AMQPProperties::default();
    macro_rules! carry {
        ($($get:ident => $set:ident),* $(,)?) => {
            $(if let Some(value) = properties.$get().clone() { copy = copy.$set(value); })*
        };
    }
    carry!(
        content_type => with_content_type, content_encoding => with_content_encoding, headers => with_headers,
        delivery_mode => with_delivery_mode, priority => with_priority, correlation_id => with_correlation_id,
        reply_to => with_reply_to, message_id => with_message_id, timestamp => with_timestamp, kind => with_type,
        user_id => with_user_id, app_id => with_app_id, cluster_id => with_cluster_id,
    );
    copy
}
