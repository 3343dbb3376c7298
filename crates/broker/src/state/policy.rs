//! What holds for a queue: its arguments and the policy that matches its name.

use super::arguments::Arguments;

/// What a queue does with a message that it has no room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest message goes.
    #[default]
    DropHead,
    /// The new message is refused: the publisher gets `basic.nack`.
    RejectPublish,
    /// As [`Overflow::RejectPublish`], and the refused message is dead-lettered.
    RejectPublishDlx,
}

/// What a policy sets; the names are those of RabbitMQ's policy keys with `_` for `-`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// Most ready messages.
    pub max_length: Option<u64>,
    /// Most bytes of ready messages' bodies.
    pub max_length_bytes: Option<u64>,
    /// What happens past one of them.
    pub overflow: Option<Overflow>,
    /// Milliseconds until a message expires.
    pub message_ttl: Option<u64>,
    /// Where expired, rejected and displaced messages go; only `""`, the default exchange, exists here.
    pub dead_letter_exchange: Option<String>,
    /// The routing key that they go with instead of their own.
    pub dead_letter_routing_key: Option<String>,
    /// Returns of a message before it is dead-lettered (quorum queues).
    pub delivery_limit: Option<u32>,
}

/// A policy: of those whose pattern matches a queue's name the one with the highest priority holds.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) pattern: regex::Regex,
    pub(crate) priority: i32,
    pub(crate) definition: Definition,
}

/// Arguments and policy together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) policy: Option<String>,
    pub(crate) max_length: Option<u64>,
    pub(crate) max_length_bytes: Option<u64>,
    pub(crate) overflow: Overflow,
    pub(crate) message_ttl: Option<u64>,
    pub(crate) dead_letter_exchange: Option<String>,
    pub(crate) dead_letter_routing_key: Option<String>,
    pub(crate) delivery_limit: Option<u32>,
}

impl Rules {
    /// Of two numbers the smaller holds; of other settings the argument's, as in RabbitMQ.
    pub(crate) fn of(
        arguments: &Arguments,
        name: &str,
        policies: &[Policy],
        default_limit: Option<u32>,
    ) -> Self {
        let policy = policies
            .iter()
            .filter(|policy| policy.pattern.is_match(name))
            .max_by_key(|policy| policy.priority);
        let none = Definition::default();
        let theirs = policy.map_or(&none, |policy| &policy.definition);
        let ours = arguments.definition();
        Self {
            policy: policy.map(|policy| policy.name.clone()),
            max_length: smaller(ours.max_length, theirs.max_length),
            max_length_bytes: smaller(ours.max_length_bytes, theirs.max_length_bytes),
            overflow: ours.overflow.or(theirs.overflow).unwrap_or_default(),
            message_ttl: smaller(ours.message_ttl, theirs.message_ttl),
            dead_letter_exchange: ours
                .dead_letter_exchange
                .clone()
                .or_else(|| theirs.dead_letter_exchange.clone()),
            dead_letter_routing_key: ours
                .dead_letter_routing_key
                .clone()
                .or_else(|| theirs.dead_letter_routing_key.clone()),
            delivery_limit: smaller(ours.delivery_limit, theirs.delivery_limit)
                .or(default_limit)
                .filter(|_| arguments.is_quorum()),
        }
    }
}

fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
