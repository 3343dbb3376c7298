//! The words of Go's decoders for what they cannot read: kube-apiserver passes them on, and people look them up.

use serde_json::Value;
use serde_json::error::Category;

/// Characters of a body that an error shows.
const SHOWN: usize = 30;

/// The layout by which a time is read, in the pieces that are named when they do not fit.
const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
const PIECES: [&str; 12] = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", "Z07:00"];

/// The cause of a JSON text that cannot be read. What is neither its end nor its beginning is told in serde's words.
pub(crate) fn json_error(body: &[u8], error: &serde_json::Error) -> String {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let begins = |byte: &u8| matches!(byte, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n');
    let literal = || literal_error(body.trim_ascii_start());
    match first {
        Some(byte) if !begins(byte) => {
            format!("invalid character {} looking for beginning of value", quoted(*byte))
        }
        _ => literal().unwrap_or_else(|| match error.classify() {
            Category::Eof => "unexpected end of JSON input".to_owned(),
            _ => error.to_string(),
        }),
    }
}

/// The first byte that is not that of the word which the text begins with.
fn literal_error(text: &[u8]) -> Option<String> {
    let first = text.first()?;
    let literal =
        ["true", "false", "null"].into_iter().find(|literal| literal.as_bytes().first() == Some(first))?;
    let (expected, found) = literal.bytes().zip(text.iter()).find(|(expected, found)| expected != *found)?;
    Some(format!(
        "invalid character {} in literal {literal} (expecting {})",
        quoted(*found),
        quoted(expected)
    ))
}

/// A byte as Go writes a character.
fn quoted(byte: u8) -> String {
    match char::from(byte) {
        '\'' => r"'\''".to_owned(),
        '\\' => r"'\\'".to_owned(),
        c if c.is_ascii_graphic() || c == ' ' => format!("'{c}'"),
        c if byte < 0x80 => format!(r"'\x{:02x}'", u32::from(c)),
        c if c.is_alphanumeric() => format!("'{c}'"),
        c => format!(r"'\u{:04x}'", u32::from(c)),
    }
}

/// The beginning of a body, as errors show it: text if it looks like JSON, else its bytes.
pub(crate) fn summary(body: &[u8]) -> String {
    let shown = &body[..body.len().min(SHOWN)];
    let more = if body.len() > SHOWN { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(shown)),
        Some(_) => {
            let hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}{more}")
        }
    }
}

/// What a value is called that does not fit a type of Go's.
pub(crate) fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The cause of a time that cannot be read; `why` is for one in which each piece has its form.
pub(crate) fn time_error(text: &str, why: &dyn std::fmt::Display) -> String {
    let mut rest = text;
    for piece in PIECES {
        let fits = match piece {
            "Z07:00" => Some(""),
            "2006" => digits(rest, 4),
            piece if piece.starts_with(|c: char| c.is_ascii_digit()) => digits(rest, 2),
            mark => rest.strip_prefix(mark),
        };
        let Some(after) = fits else {
            return format!(
                "parsing time \"{text}\" as \"{LAYOUT}\": cannot parse \"{rest}\" as \"{piece}\""
            );
        };
        rest = after;
    }
    format!("parsing time \"{text}\": {why}")
}

/// What follows `count` digits.
fn digits(text: &str, count: usize) -> Option<&str> {
    let (begin, rest) = text.split_at_checked(count)?;
    begin.bytes().all(|byte| byte.is_ascii_digit()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_cannot_be_read_is_told_as_go_tells_it() {
        for (body, expected) in [
            (&b"{\"a\":"[..], "unexpected end of JSON input"),
            (b"", "unexpected end of JSON input"),
            (b"  x", "invalid character 'x' looking for beginning of value"),
            (b"'", r"invalid character '\'' looking for beginning of value"),
            (b" nothing", "invalid character 'o' in literal null (expecting 'u')"),
            (b"tru", "unexpected end of JSON input"),
            (b"\x01", r"invalid character '\x01' looking for beginning of value"),
        ] {
            let error = serde_json::from_slice::<Value>(body).unwrap_err();
            assert_eq!(json_error(body, &error), expected);
        }
    }

    #[test]
    fn a_body_is_shown_in_part() {
        assert_eq!(summary(b""), "<empty>");
        assert_eq!(summary(b"{\"a\":"), "{\"a\":");
        assert_eq!(summary(b"ab"), "6162");
        assert_eq!(summary(&[b'{'; 31]), format!("{} ...", "{".repeat(30)));
    }

    #[test]
    fn times_are_refused_at_the_piece_that_does_not_fit() {
        for (text, rest, piece) in [
            ("yesterday", "yesterday", "2006"),
            ("2026/11/25", "/11/25", "-"),
            ("2026-11-25 10:00:00Z", " 10:00:00Z", "T"),
            ("2026-11-25T10:0", "0", "04"),
        ] {
            let expected = format!(
                "parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{rest}\" as \"{piece}\""
            );
            assert_eq!(time_error(text, &"x"), expected);
        }
        assert_eq!(
            time_error("2026-13-25T10:00:00Z", &"month out of range"),
            "parsing time \"2026-13-25T10:00:00Z\": month out of range"
        );
    }
}
