//! Removal of secrets from lines that programs wrote for themselves. It hides more than [`crate::secret`], also words that only
//! look like secrets.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Regex, Replacer};

use crate::secret::HIDDEN;

/// Forms of secrets. The first group, where there is one, stays.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let forms = [
        // Everything up to the last `@`, since a raw password may contain `/`, `:` and `@`.
        r#"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s"'<>]*@"#,
        r#"(?i)(["']?[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization)\w*["']?\s*[:=]\s*(?:(?:bearer|basic)\s+)?)(?:"[^"]*"|'[^']*'|[^\s,;&})\]]+)"#,
        r"(?i)(\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}",
        r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*",
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bgh[pousr]_\w{20,}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*",
    ];
    forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
});

/// Keeps the first group of a match.
struct Mask(bool);

impl Replacer for Mask {
    fn replace_append(&mut self, found: &regex::Captures<'_>, text: &mut String) {
        text.push_str(found.get(1).map_or("", |kept| kept.as_str()));
        text.push_str(HIDDEN);
        if self.0 {
            text.push('@');
        }
    }
}

/// The text without passwords, tokens and keys, as far as their form shows them.
///
/// ```
/// assert_eq!(text::mask::mask("sent Bearer 0123456789"), "sent Bearer (hidden)");
/// ```
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for (index, form) in FORMS.iter().enumerate() {
        if let Cow::Owned(replaced) = form.replace_all(&masked, Mask(index == 0)) {
            masked = Cow::Owned(replaced);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_compile() {
        assert_eq!(FORMS.len(), 7);
    }

    #[test]
    fn the_rest_stays() {
        for (text, expected) in [
            ("amqp://guest:12/34@broker:5672 refused", "amqp://(hidden)@broker:5672 refused"),
            (r#"{"password": "x y", "user": "a"}"#, r#"{"password": (hidden), "user": "a"}"#),
        ] {
            assert_eq!(mask(text), expected);
        }
    }

    #[test]
    fn secrets_are_masked() {
        for text in [
            "amqp://us@er/x:hunter2:a/s#zz@127.0.0.1:5672/",
            "login with password=hunter2 failed",
            "DB_PASSWORD='hunter2 2'",
            r#"{"accessToken":"hunter2"}"#,
            "Authorization: Bearer hunter2hunter2",
            "authorization=Basic hunter2",
            "sent Bearer hunter2.hunter2-x",
            "https://host/path?api_key=hunter2&x=1",
            "token eyJhunter2.eyJhunter2.hunter2",
            "aws_secret_access_key: hunter2",
        ] {
            let masked = mask(text);
            assert!(!masked.contains("hunter2") && masked.contains(HIDDEN), "{text}: {masked}");
        }
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "403 ACCESS_REFUSED (check AMQP_USER and AMQP_PASSWORD, and the user's permissions)",
            "Secret rabbitmq has no key password",
            "failed to lookup address information: Name or service not known",
            "GET http://10.0.0.1:9090/readyz: connection refused",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
