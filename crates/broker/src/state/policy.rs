//! Policies: settings for all queues whose name matches a pattern.

/// Behaviour of a full queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The queue drops its oldest message.
    #[default]
    DropHead,
    /// The queue rejects the new message: the publisher gets `basic.nack`.
    RejectPublish,
    /// As [`Overflow::RejectPublish`], and the rejected message is dead-lettered.
    RejectPublishDlx,
}

/// The definition of a policy. The fields have the names of RabbitMQ's policy keys, with `_` instead of `-`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyDefinition {
    /// Maximum number of ready messages.
    pub max_length: Option<u64>,
    /// Maximum size of the bodies of ready messages in bytes.
    pub max_length_bytes: Option<u64>,
    /// Behaviour of a full queue.
    pub overflow: Option<Overflow>,
    /// Time to live of a message in milliseconds.
    pub message_ttl: Option<u64>,
    /// Exchange for dead-lettered messages; `""` is the default exchange.
    pub dead_letter_exchange: Option<String>,
    /// Routing key of dead-lettered messages; default: their own.
    pub dead_letter_routing_key: Option<String>,
    /// Time in milliseconds after which an unused queue is deleted: one without consumers, declarations and `basic.get`.
    pub expires: Option<u64>,
    /// Maximum number of returns of a message before it is dead-lettered (quorum queues).
    pub delivery_limit: Option<u32>,
}

/// A policy. Of all policies whose pattern matches a queue's name, the one with the highest priority applies.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) pattern: regex::Regex,
    pub(crate) priority: i32,
    pub(crate) definition: PolicyDefinition,
}
