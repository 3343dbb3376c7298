//! Message properties: stored as received, and decoded only as far as the broker needs them.

use amq_protocol::protocol::basic::{AMQPProperties, gen_properties, parse_properties};

use super::bytes::Cursor;
use super::table::{self, TableError};

/// The properties that the broker needs for routing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RoutedProperties<'a> {
    /// Time to live, from the property `expiration`.
    pub(crate) expiration: Expiration<'a>,
    /// Publisher's user name, from the property `user-id`.
    pub(crate) user_id: Option<&'a str>,
}

/// The property `expiration`: a number as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Expiration<'a> {
    #[default]
    None,
    Milliseconds(u64),
    /// Not a number.
    Invalid(&'a str),
}

/// Validates an encoded property list, beginning with its flags. Consumers get the same bytes, so errors must be found
/// here.
pub(crate) fn inspect(bytes: &[u8]) -> Result<RoutedProperties<'_>, TableError> {
    let mut cursor = Cursor::new(bytes);
    let mut inspected = RoutedProperties::default();
    let flags = cursor.u16()?;
    // Bit 0 announces further flags, which AMQP 0-9-1 does not use; bit 1 has no property.
    if flags & 0b11 != 0 {
        return Err(TableError::Malformed);
    }
    for bit in (2..=15).rev() {
        if flags & (1 << bit) == 0 {
            continue;
        }
        match 15 - bit {
            2 => table::check(&mut cursor)?,
            // Delivery mode and priority.
            3 | 4 => cursor.u8().map(drop)?,
            7 => inspected.expiration = expiration(text(cursor.short_string()?)?),
            9 => cursor.u64().map(drop)?,
            property => {
                let text = text(cursor.short_string()?)?;
                if property == 11 {
                    inspected.user_id = Some(text);
                }
            }
        }
    }
    if cursor.is_empty() { Ok(inspected) } else { Err(TableError::Malformed) }
}

fn text(bytes: &[u8]) -> Result<&str, TableError> {
    std::str::from_utf8(bytes).map_err(|_| TableError::Malformed)
}

fn expiration(text: &str) -> Expiration<'_> {
    text.parse().map_or(Expiration::Invalid(text), Expiration::Milliseconds)
}

/// Decodes bytes that [`inspect`] has validated.
pub(crate) fn decode(bytes: &[u8]) -> AMQPProperties {
    parse_properties(bytes).map(|(_, properties)| properties).unwrap_or_default()
}

pub(crate) fn encode(properties: &AMQPProperties) -> Vec<u8> {
    gen_properties(properties)(Vec::new().into()).map(|context| context.into_inner().0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use amq_protocol::types::{AMQPValue, FieldTable};

    use super::*;

    #[test]
    fn all_properties_are_parsed() {
        let mut headers = FieldTable::default();
        headers.insert("a".into(), AMQPValue::LongString("b".into()));
        let all = AMQPProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_headers(headers)
            .with_delivery_mode(2)
            .with_priority(1)
            .with_correlation_id("c".into())
            .with_reply_to("r".into())
            .with_expiration("1500".into())
            .with_message_id("m".into())
            .with_timestamp(5)
            .with_type("t".into())
            .with_user_id("u".into())
            .with_app_id("a".into())
            .with_cluster_id("c".into());
        let bytes = encode(&all);
        assert_eq!(inspect(&bytes).unwrap().expiration, Expiration::Milliseconds(1500));
        assert_eq!(decode(&bytes), all);
        for end in 0..bytes.len() {
            assert!(inspect(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(inspect(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn an_invalid_expiration_is_detected() {
        let properties = AMQPProperties::default().with_expiration("soon".into());
        assert_eq!(inspect(&encode(&properties)).unwrap().expiration, Expiration::Invalid("soon"));
    }
}
