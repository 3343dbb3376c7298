//! Optional arguments of a queue: parsing, validation and comparison of two declarations.
//!
//! The error texts are those of RabbitMQ, because clients and users know them.

use amq_protocol::types::{AMQPValue, FieldTable};

use self::value::{integer, kind, same, shown, text};
use super::policy::{Overflow, PolicyDefinition};
use crate::error::{AmqpError, ReplyCode};

pub(crate) mod value;

/// Arguments that a second declaration must repeat. Other arguments are stored without effect, as in RabbitMQ.
const COMPARED: [&str; 10] = [
    QUEUE_TYPE,
    "x-max-length",
    "x-max-length-bytes",
    "x-overflow",
    "x-message-ttl",
    "x-expires",
    DEAD_LETTER_EXCHANGE,
    DEAD_LETTER_ROUTING_KEY,
    "x-delivery-limit",
    "x-queue-mode",
];
const QUEUE_TYPE: &str = "x-queue-type";
const DEAD_LETTER_EXCHANGE: &str = "x-dead-letter-exchange";
const DEAD_LETTER_ROUTING_KEY: &str = "x-dead-letter-routing-key";
/// RabbitMQ's largest timer, 2^32 - 1 milliseconds.
const MAX_TTL: i64 = 0xFFFF_FFFF;

/// The declared arguments of a queue and their meaning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    table: FieldTable,
    quorum: bool,
    definition: PolicyDefinition,
}

impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        self.difference(other).is_none()
    }
}

impl Arguments {
    /// Parses the arguments of a declaration of queue `name` in `vhost`.
    ///
    /// # Errors
    /// 406 for invalid arguments, 540 for arguments that only RabbitMQ supports.
    pub(crate) fn read(table: FieldTable, durable: bool, name: &str, vhost: &str) -> Result<Self, AmqpError> {
        let reader = Reader { table: &table, name, vhost };
        let quorum = reader.queue_type()?;
        if quorum && !durable {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("invalid property 'non-durable' for queue '{name}' in vhost '{vhost}'"),
            ));
        }
        for other_type in if quorum { &["x-queue-mode", "x-max-priority"][..] } else { &["x-delivery-limit"] }
        {
            if table.contains_key(other_type) {
                return Err(reader.wrong_type(other_type, quorum));
            }
        }
        reader.check_unsupported()?;
        reader.queue_mode()?;
        let dead_letter_exchange = reader.text(DEAD_LETTER_EXCHANGE, |value| {
            let kind = kind(value);
            AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!(
                    "invalid type '{kind}' for arg '{DEAD_LETTER_EXCHANGE}' in queue '{name}' in vhost '{vhost}'"
                ),
            )
        })?;
        let dead_letter_routing_key = reader.text(DEAD_LETTER_ROUTING_KEY, |value| {
            reader.unacceptable_type(DEAD_LETTER_ROUTING_KEY, value)
        })?;
        if dead_letter_routing_key.is_some() && dead_letter_exchange.is_none() {
            return Err(reader.invalid(DEAD_LETTER_ROUTING_KEY, "routing_key_but_no_dlx_defined"));
        }
        let definition = PolicyDefinition {
            max_length: reader.number("x-max-length", i64::MAX)?,
            max_length_bytes: reader.number("x-max-length-bytes", i64::MAX)?,
            overflow: reader.overflow()?,
            message_ttl: reader.number("x-message-ttl", MAX_TTL)?,
            dead_letter_exchange,
            dead_letter_routing_key,
            expires: reader.expires()?,
            delivery_limit: reader
                .number("x-delivery-limit", i64::MAX)?
                .map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        };
        Ok(Self { table, quorum, definition })
    }

    pub(crate) fn is_quorum(&self) -> bool {
        self.quorum
    }

    pub(crate) fn queue_type(&self) -> &'static str {
        if self.quorum { "quorum" } else { "classic" }
    }

    pub(crate) fn definition(&self) -> &PolicyDefinition {
        &self.definition
    }

    pub(crate) fn table(&self) -> &FieldTable {
        &self.table
    }

    /// Returns the first difference to the `received` arguments: the argument's name and RabbitMQ's error text.
    pub(crate) fn difference(&self, received: &Self) -> Option<(&'static str, String)> {
        COMPARED.into_iter().find_map(|key| {
            let (current, new) = (self.table.inner().get(key), received.table.inner().get(key));
            let text = match (current, new) {
                (None, None) => return None,
                // The default type is classic.
                (None, Some(value)) | (Some(value), None)
                    if key == QUEUE_TYPE && text(value) == Some("classic") =>
                {
                    return None;
                }
                (Some(current), Some(new)) if same(current, new) => return None,
                (Some(current), Some(new)) => {
                    format!("received '{}' but current is '{}'", shown(new), shown(current))
                }
                (None, Some(new)) => {
                    format!("received the value '{}' of type '{}' but current is none", shown(new), kind(new))
                }
                (Some(current), None) => format!(
                    "received none but current is the value '{}' of type '{}'",
                    shown(current),
                    kind(current)
                ),
            };
            Some((key, text))
        })
    }
}

struct Reader<'a> {
    table: &'a FieldTable,
    name: &'a str,
    vhost: &'a str,
}

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<&AMQPValue> {
        self.table.inner().get(key)
    }

    fn invalid(&self, key: &str, why: &str) -> AmqpError {
        let (name, vhost) = (self.name, self.vhost);
        AmqpError::new(
            ReplyCode::PreconditionFailed,
            format!("invalid arg '{key}' for queue '{name}' in vhost '{vhost}': {why}"),
        )
    }

    fn unacceptable_type(&self, key: &str, value: &AMQPValue) -> AmqpError {
        self.invalid(key, &format!("{{unacceptable_type,{}}}", kind(value)))
    }

    fn wrong_type(&self, key: &str, quorum: bool) -> AmqpError {
        let queue_type = if quorum { "quorum" } else { "classic" };
        AmqpError::new(
            ReplyCode::PreconditionFailed,
            format!(
                "invalid arg '{key}' for queue '{}' in vhost '{}' of queue type rabbit_{queue_type}_queue",
                self.name, self.vhost
            ),
        )
    }

    fn queue_type(&self) -> Result<bool, AmqpError> {
        let Some(value) = self.get(QUEUE_TYPE) else { return Ok(false) };
        match text(value) {
            Some("classic") => Ok(false),
            Some("quorum") => Ok(true),
            Some("stream") => Err(AmqpError::new(ReplyCode::NotImplemented, "queues of type stream")),
            Some(other) => Err(self.invalid(QUEUE_TYPE, &format!("\"unsupported queue type '{other}'\""))),
            None => Err(self.unacceptable_type(QUEUE_TYPE, value)),
        }
    }

    fn check_unsupported(&self) -> Result<(), AmqpError> {
        if self.get("x-max-priority").is_some() {
            return Err(AmqpError::new(ReplyCode::NotImplemented, "queue argument x-max-priority"));
        }
        match self.get("x-single-active-consumer") {
            None | Some(AMQPValue::Boolean(false)) => Ok(()),
            Some(AMQPValue::Boolean(true)) => {
                Err(AmqpError::new(ReplyCode::NotImplemented, "queue argument x-single-active-consumer"))
            }
            Some(value) => Err(self.unacceptable_type("x-single-active-consumer", value)),
        }
    }

    fn queue_mode(&self) -> Result<(), AmqpError> {
        match self.get("x-queue-mode").map(|value| (value, text(value))) {
            // Both modes store messages in memory here.
            None | Some((_, Some("default" | "lazy"))) => Ok(()),
            Some((_, Some(other))) => {
                Err(self.invalid("x-queue-mode", &format!("\"unsupported queue mode '{other}'\"")))
            }
            Some((value, None)) => Err(self.unacceptable_type("x-queue-mode", value)),
        }
    }

    fn text(
        &self,
        key: &str,
        invalid: impl Fn(&AMQPValue) -> AmqpError,
    ) -> Result<Option<String>, AmqpError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        text(value).map(|text| Some(text.to_owned())).ok_or_else(|| invalid(value))
    }

    fn number(&self, key: &str, most: i64) -> Result<Option<u64>, AmqpError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let Some(number) = integer(value) else {
            return Err(self.invalid(key, &format!("\"expected integer, got {}\"", kind(value))));
        };
        if number > most {
            return Err(self.invalid(key, &format!("{{value_too_large,{number}}}")));
        }
        u64::try_from(number)
            .map(Some)
            .map_err(|_| self.invalid(key, &format!("{{value_negative,{number}}}")))
    }

    fn expires(&self) -> Result<Option<u64>, AmqpError> {
        let time = self.number("x-expires", MAX_TTL)?;
        if time == Some(0) { Err(self.invalid("x-expires", "{value_zero,0}")) } else { Ok(time) }
    }

    fn overflow(&self) -> Result<Option<Overflow>, AmqpError> {
        let key = "x-overflow";
        let Some(value) = self.get(key) else { return Ok(None) };
        match text(value) {
            Some("drop-head") => Ok(Some(Overflow::DropHead)),
            Some("reject-publish") => Ok(Some(Overflow::RejectPublish)),
            Some("reject-publish-dlx") => Ok(Some(Overflow::RejectPublishDlx)),
            Some(_) => Err(self.invalid(key, "invalid_overflow")),
            None => Err(self.unacceptable_type(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pairs: &[(&str, AMQPValue)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (key, value) in pairs {
            table.insert((*key).into(), value.clone());
        }
        table
    }

    fn long(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    fn read(pairs: &[(&str, AMQPValue)]) -> Result<Arguments, String> {
        Arguments::read(table(pairs), true, "q", "/").map_err(|error| error.text)
    }

    #[test]
    fn invalid_arguments_have_rabbitmqs_errors() {
        let cases: &[(&str, AMQPValue, &str)] = &[
            ("x-max-length", long("10"), "\"expected integer, got longstr\""),
            ("x-max-length", AMQPValue::LongInt(-1), "{value_negative,-1}"),
            ("x-message-ttl", AMQPValue::LongLongInt(1 << 40), "{value_too_large,1099511627776}"),
            ("x-expires", AMQPValue::LongInt(0), "{value_zero,0}"),
            ("x-overflow", long("foo"), "invalid_overflow"),
            ("x-overflow", AMQPValue::LongInt(3), "{unacceptable_type,signedint}"),
            ("x-queue-type", long("foo"), "\"unsupported queue type 'foo'\""),
            ("x-queue-mode", long("foo"), "\"unsupported queue mode 'foo'\""),
            ("x-dead-letter-routing-key", long("a"), "routing_key_but_no_dlx_defined"),
        ];
        for (key, value, why) in cases {
            assert_eq!(
                read(&[(key, value.clone())]).unwrap_err(),
                format!("PRECONDITION_FAILED - invalid arg '{key}' for queue 'q' in vhost '/': {why}")
            );
        }
    }

    #[test]
    fn differences_have_rabbitmqs_texts() {
        let ten = || ("x-max-length", AMQPValue::LongInt(10));
        let cases: &[(&[_], &[_], Option<&str>)] = &[
            (&[], &[ten()], Some("received the value '10' of type 'signedint' but current is none")),
            (&[ten()], &[], Some("received none but current is the value '10' of type 'signedint'")),
            (&[ten()], &[("x-max-length", AMQPValue::LongLongInt(10))], None),
            (
                &[ten()],
                &[("x-max-length", AMQPValue::LongInt(11))],
                Some("received '11' but current is '10'"),
            ),
            (&[], &[("x-queue-type", long("classic"))], None),
            (&[("x-queue-type", long("classic"))], &[], None),
            (
                &[("x-queue-type", long("classic"))],
                &[("x-queue-type", long("quorum"))],
                Some("received 'quorum' but current is 'classic'"),
            ),
            (&[], &[("x-unknown", AMQPValue::LongInt(1))], None),
        ];
        for (current, received, expected) in cases {
            let difference = read(current).unwrap().difference(&read(received).unwrap());
            assert_eq!(difference.map(|(_, text)| text).as_deref(), *expected);
        }
    }
}
