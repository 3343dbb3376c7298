//! Exchanges and their bindings: which queues a message goes to. Pure.
//!
//! The rules are those of AMQP 0-9-1, section 3.1.3, and of RabbitMQ's "Exchanges" guide.

use amq_protocol::types::{AMQPValue, FieldTable};

use super::arguments::value::{same, text};
use super::ids::QueueId;

/// Type of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeType {
    /// The routing key equals the binding's key.
    Direct,
    /// Every message goes to every bound queue.
    Fanout,
    /// The words of the routing key match the binding's pattern.
    Topic,
    /// The headers of the message match the binding's arguments.
    Headers,
}

impl ExchangeType {
    const ALL: [Self; 4] = [Self::Direct, Self::Fanout, Self::Topic, Self::Headers];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
        }
    }
}

/// Properties of a declaration; a second declaration must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExchangeProperties {
    pub(crate) kind: ExchangeType,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
    /// Clients cannot publish to it.
    pub(crate) internal: bool,
}

impl ExchangeProperties {
    /// Returns the first difference to the `received` properties: the name and both values.
    pub(crate) fn difference(&self, received: &Self) -> Option<(&'static str, String, String)> {
        let flags = [
            ("durable", received.durable, self.durable),
            ("auto_delete", received.auto_delete, self.auto_delete),
            ("internal", received.internal, self.internal),
        ];
        if received.kind != self.kind {
            return Some(("type", received.kind.name().to_owned(), self.kind.name().to_owned()));
        }
        flags
            .into_iter()
            .find(|(_, received, current)| received != current)
            .map(|(name, received, current)| (name, received.to_string(), current.to_string()))
    }
}

/// A binding of a queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binding {
    pub(crate) queue: QueueId,
    pub(crate) key: Box<str>,
    pub(crate) arguments: FieldTable,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) declared: ExchangeProperties,
    pub(crate) bindings: Vec<Binding>,
}

impl Exchange {
    pub(crate) fn new(declared: ExchangeProperties) -> Self {
        Self { declared, bindings: Vec::new() }
    }

    /// Returns the queues of a message, each once. `headers` are needed for a headers exchange only.
    pub(crate) fn route(&self, key: &str, headers: Option<&FieldTable>) -> Vec<QueueId> {
        let matching = self.bindings.iter().filter(|binding| match self.declared.kind {
            ExchangeType::Direct => &*binding.key == key,
            ExchangeType::Fanout => true,
            ExchangeType::Topic => topic_matches(&binding.key, key),
            ExchangeType::Headers => headers_match(&binding.arguments, headers),
        });
        let mut queues: Vec<QueueId> = matching.map(|binding| binding.queue).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }
}

/// Matches a routing key with a pattern: `*` is one word, `#` is any number of words.
fn topic_matches(pattern: &str, key: &str) -> bool {
    let words = |text: &'_ str| -> Vec<String> {
        if text.is_empty() { Vec::new() } else { text.split('.').map(str::to_owned).collect() }
    };
    let (pattern, key) = (words(pattern), words(key));
    let (mut at, mut word) = (0, 0);
    // The pattern's position after its last `#`, and the first word that this `#` leaves over.
    let mut retry: Option<(usize, usize)> = None;
    while word < key.len() {
        match pattern.get(at).map(String::as_str) {
            Some("#") => {
                at += 1;
                retry = Some((at, word));
            }
            Some(one) if one == "*" || one == key[word] => {
                at += 1;
                word += 1;
            }
            _ => {
                let Some((after, left_over)) = retry else { return false };
                at = after;
                word = left_over + 1;
                retry = Some((after, word));
            }
        }
    }
    pattern[at..].iter().all(|rest| rest == "#")
}

/// Matches headers with a binding's arguments: all of them, or any with `x-match: any`. An argument without a value asks for
/// the header's presence only; arguments that begin with `x-` count only with `x-match: all-with-x` or `any-with-x`.
fn headers_match(arguments: &FieldTable, headers: Option<&FieldTable>) -> bool {
    let mode = arguments.inner().get("x-match").and_then(text).unwrap_or("all");
    let with_x = mode.ends_with("-with-x");
    let mut relevant = arguments
        .inner()
        .iter()
        .filter(|(name, _)| name.as_str() != "x-match" && (with_x || !name.as_str().starts_with("x-")));
    let found = |(name, wanted): (&_, &AMQPValue)| {
        let value = headers.and_then(|headers| headers.inner().get(name));
        value.is_some_and(|value| *wanted == AMQPValue::Void || same(value, wanted))
    };
    if mode.starts_with("any") { relevant.any(found) } else { relevant.all(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_match_by_words() {
        for (pattern, key, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.#", "a", true),
            ("a.#", "a.b.c", true),
            ("#", "", true),
            ("#.c", "a.b.c", true),
            ("#.c", "a.c.b", false),
            ("#.b.#.d", "a.b.c.b.d", true),
            ("*.#.*", "a", false),
            ("*.#.*", "a.b", true),
            ("", "", true),
            ("", "a", false),
            ("a..b", "a..b", true),
        ] {
            assert_eq!(topic_matches(pattern, key), expected, "{pattern} and {key}");
        }
    }

    #[test]
    fn headers_match_by_all_or_any() {
        let table = |pairs: &[(&str, AMQPValue)]| {
            let mut table = FieldTable::default();
            for (name, value) in pairs {
                table.insert((*name).into(), value.clone());
            }
            table
        };
        let long = |text: &str| AMQPValue::LongString(text.into());
        let headers = table(&[("colour", long("red")), ("size", AMQPValue::LongInt(3)), ("x-a", long("b"))]);
        for (arguments, expected) in [
            (table(&[]), true),
            (table(&[("x-match", long("any"))]), false),
            (table(&[("colour", long("red")), ("size", AMQPValue::LongLongInt(3))]), true),
            (table(&[("colour", long("red")), ("size", AMQPValue::LongInt(4))]), false),
            (table(&[("x-match", long("any")), ("colour", long("red")), ("none", long("x"))]), true),
            (table(&[("colour", AMQPValue::Void)]), true),
            (table(&[("none", AMQPValue::Void)]), false),
            (table(&[("x-a", long("c"))]), true),
            (table(&[("x-match", long("all-with-x")), ("x-a", long("c"))]), false),
        ] {
            assert_eq!(headers_match(&arguments, Some(&headers)), expected, "{arguments:?}");
        }
    }
}
