//! Percent-encoding of path segments and query strings.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All characters but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes a path segment, or a name or value of a query.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Decodes a path segment. Bytes that are no UTF-8 become the replacement character.
#[must_use]
pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Builds a query string, without the question mark: `a=b&c=d`.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_unreserved_characters() {
        assert_eq!(encode("queue=Orders, a/b~ä"), "queue%3DOrders%2C%20a%2Fb~%C3%A4");
        assert_eq!(encode("queue_coarse-metrics.~"), "queue_coarse-metrics.~");
        assert_eq!(
            query([("match[]", "{a=\"b\"}"), ("start", "1")]),
            "match%5B%5D=%7Ba%3D%22b%22%7D&start=1"
        );
        assert_eq!(query([]), "");
    }
}
