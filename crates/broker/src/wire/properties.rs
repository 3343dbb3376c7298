//! A message's properties: kept as the bytes that came, looked into only as far as the broker must.

use amq_protocol::protocol::basic::{AMQPProperties, gen_properties, parse_properties};

use super::bytes::Cursor;
use super::table;

/// What the broker itself needs to know of a message's properties.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Looked<'a> {
    /// Time to live in milliseconds, from the property `expiration`.
    pub(crate) expiration: Expiration<'a>,
    /// Who the publisher says that it is.
    pub(crate) user_id: Option<&'a str>,
}

/// The property `expiration`, which is a number written as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Expiration<'a> {
    #[default]
    None,
    Milliseconds(u64),
    /// Not a number.
    Invalid(&'a str),
}

/// Checks the bytes of a property list from its flags on: they are sent on to consumers as they are, so what is wrong
/// with them must be found here.
pub(crate) fn look(bytes: &[u8]) -> Result<Looked<'_>, table::Bad> {
    let mut cursor = Cursor::new(bytes);
    let mut looked = Looked::default();
    let flags = cursor.u16()?;
    // Bit 0 announces a further word of flags, which no property of 0-9-1 needs; bit 1 stands for none.
    if flags & 0b11 != 0 {
        return Err(table::Bad::Malformed);
    }
    for bit in (2..=15).rev() {
        if flags & (1 << bit) == 0 {
            continue;
        }
        match 15 - bit {
            2 => table::check(&mut cursor)?,
            // Delivery mode and priority.
            3 | 4 => cursor.u8().map(drop)?,
            7 => looked.expiration = expiration(text(cursor.short_string()?)?),
            9 => cursor.u64().map(drop)?,
            property => {
                let text = text(cursor.short_string()?)?;
                if property == 11 {
                    looked.user_id = Some(text);
                }
            }
        }
    }
    if cursor.is_empty() { Ok(looked) } else { Err(table::Bad::Malformed) }
}

fn text(bytes: &[u8]) -> Result<&str, table::Bad> {
    std::str::from_utf8(bytes).map_err(|_| table::Bad::Malformed)
}

fn expiration(text: &str) -> Expiration<'_> {
    text.parse().map_or(Expiration::Invalid(text), Expiration::Milliseconds)
}

/// Decodes bytes that [`look`] has accepted.
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
    fn every_property_is_walked_over() {
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
        assert_eq!(look(&bytes).unwrap().expiration, Expiration::Milliseconds(1500));
        assert_eq!(decode(&bytes), all);
        for end in 0..bytes.len() {
            assert!(look(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(look(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn an_expiration_that_is_no_number_is_seen() {
        let properties = AMQPProperties::default().with_expiration("soon".into());
        assert_eq!(look(&encode(&properties)).unwrap().expiration, Expiration::Invalid("soon"));
    }
}
