//! Where messages go that a queue gives up: to the queue that its dead-letter settings name, with their history.
//!
//! The header `x-death` is RabbitMQ's: an array of tables, the latest first, one per queue and reason with a count.

use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::types::{AMQPValue, FieldArray, FieldTable, LongString};

use super::ids::QueueId;
use super::message::Message;
use super::publish::Outcome;
use super::queue::Entry;
use super::{Now, State};
use crate::wire::properties;

/// Why a message left its queue.
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

/// A message that has left its queue and is to be dead-lettered.
#[derive(Debug)]
pub(super) struct Dead {
    from: QueueId,
    message: Message,
    returns: u32,
    reason: Reason,
}

impl Dead {
    fn new(from: QueueId, entry: Entry, reason: Reason) -> Self {
        Self { from, message: entry.message, returns: entry.returns, reason }
    }

    pub(super) fn rejected(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::Rejected)
    }

    pub(super) fn expired(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::Expired)
    }

    pub(super) fn displaced(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::MaxLength)
    }

    /// Returned more often than the queue allows.
    pub(super) fn worn_out(from: QueueId, entry: Entry) -> Self {
        Self::new(from, entry, Reason::DeliveryLimit)
    }

    /// Never entered the queue, because it was full.
    pub(super) fn refused(from: QueueId, message: Message) -> Self {
        Self { from, message, returns: 0, reason: Reason::MaxLength }
    }
}

impl State {
    /// Dead-letters everything that has left a queue since the last call. A message that arrives may displace others,
    /// which follow in the same call.
    pub(super) fn bury(&mut self, now: Now) {
        while let Some(dead) = self.dead.pop_front() {
            self.dead_letter(dead, now);
        }
    }

    fn dead_letter(&mut self, dead: Dead, now: Now) {
        let Dead { from, message, returns, reason } = dead;
        let Some(queue) = self.queues.get(&from) else { return };
        // Only the default exchange exists; to any other the message is lost, as in RabbitMQ.
        if queue.rules.dead_letter_exchange.as_deref() != Some("") {
            return;
        }
        let key = queue.rules.dead_letter_routing_key.clone().unwrap_or_else(|| queue.name.to_string());
        let Some(target) = self.find(&queue.vhost, &key) else { return };
        let mut properties = properties::decode(message.properties());
        if reason != Reason::Rejected && goes_round(&properties, &key, &queue.name) {
            return;
        }
        if queue.is_quorum() && returns > 0 {
            properties = count_deliveries(properties, returns);
        }
        let name = queue.name.to_string();
        let properties = bury_in(properties, &name, reason, now);
        let message = message.with_properties(&properties::encode(&properties));
        if self.enqueue(target, message, None, now) == Outcome::Refused {
            tracing::debug!(queue = key, "a dead-lettered message found no room and is lost");
        }
    }
}

/// The message with the header that a quorum queue adds to redelivered ones.
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

/// Whether a message that nobody rejected would come back to a queue that it has been in since its last rejection:
/// without this it would go round for ever.
fn goes_round(properties: &AMQPProperties, target: &str, from: &str) -> bool {
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

/// Writes a death into the message's headers.
fn bury_in(mut properties: AMQPProperties, queue: &str, reason: Reason, now: Now) -> AMQPProperties {
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
    death.insert("exchange".into(), long(""));
    death.insert("queue".into(), long(queue));
    death.insert("reason".into(), long(reason.name()));
    death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![long(queue)].into()));
    death.insert("time".into(), AMQPValue::Timestamp(first));
    // The time to live was the dead queue's business; the next one must not drop the message for it.
    if let Some(expiration) = properties.expiration().clone() {
        death.insert("original-expiration".into(), long(expiration.as_str()));
        properties = without_expiration(&properties);
    }
    if !headers.contains_key("x-first-death-reason") {
        headers.insert("x-first-death-exchange".into(), long(""));
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

/// amq-protocol's properties can be set but not cleared.
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
