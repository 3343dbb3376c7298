//! The effective settings of a queue: its arguments combined with the matching policy.

use super::arguments::Arguments;
use super::policy::{Overflow, Policy, PolicyDefinition};

/// Effective settings of a queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueueSettings {
    pub(crate) policy: Option<String>,
    pub(crate) max_length: Option<u64>,
    pub(crate) max_length_bytes: Option<u64>,
    pub(crate) overflow: Overflow,
    pub(crate) message_ttl: Option<u64>,
    pub(crate) dead_letter_exchange: Option<String>,
    pub(crate) dead_letter_routing_key: Option<String>,
    pub(crate) expires: Option<u64>,
    pub(crate) delivery_limit: Option<u32>,
}

impl QueueSettings {
    /// Combines arguments and policy as RabbitMQ does: the smaller of two numbers, else the argument.
    pub(crate) fn new(
        arguments: &Arguments,
        name: &str,
        policies: &[Policy],
        default_limit: Option<u32>,
    ) -> Self {
        let policy = policies
            .iter()
            .filter(|policy| policy.pattern.is_match(name))
            .max_by_key(|policy| policy.priority);
        let none = PolicyDefinition::default();
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
            expires: smaller(ours.expires, theirs.expires),
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
