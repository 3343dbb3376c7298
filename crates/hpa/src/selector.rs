//! Label selectors: whether the text form can be read, and Go's way to print the structured form.
//!
//! The controller parses `status.selector` of the scale before it looks at any metric; the text in the conditions is
//! Go's `String()` of a `metav1.LabelSelector`.

use std::fmt::Write;

use crate::spec::LabelSelector;

/// Go's text of a selector: `nil`, or
/// `&LabelSelector{MatchLabels:map[string]string{queue: jobs,},MatchExpressions:[]LabelSelectorRequirement{},}`.
#[must_use]
pub fn go_text(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "nil".to_owned() };
    let mut text = String::with_capacity(128);
    text.push_str("&LabelSelector{MatchLabels:map[string]string{");
    for (key, value) in &selector.match_labels {
        let _ = write!(text, "{key}: {value},");
    }
    text.push_str("},MatchExpressions:[]LabelSelectorRequirement{");
    for requirement in &selector.match_expressions {
        let _ = write!(
            text,
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
            requirement.key,
            requirement.operator,
            requirement.values.join(" ")
        );
    }
    text.push_str("},}");
    text
}

/// Why the text form of a selector cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse requirement: {0}")]
pub struct SelectorError(String);

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// Whether the text form, such as `app=worker,tier in (a, b),!canary`, can be read.
///
/// # Errors
/// The first requirement that cannot be read, and what was expected there.
pub fn check(text: &str) -> Result<(), SelectorError> {
    let mut tokens = Tokens { rest: text };
    loop {
        requirement(&mut tokens)?;
        match tokens.next() {
            "" => return Ok(()),
            "," => {}
            other => return Err(SelectorError(format!("found '{other}', expected: ',' or 'end of string'"))),
        }
    }
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<(), SelectorError> {
    let mut key = tokens.next();
    let negated = key == "!";
    if negated {
        key = tokens.next();
    }
    if !is_qualified(key) {
        return Err(SelectorError(format!("found '{key}', expected: !, identifier, or ','")));
    }
    if negated || matches!(tokens.peek(), "" | ",") {
        return Ok(());
    }
    match tokens.next() {
        "in" | "notin" => {
            let open = tokens.next();
            if open != "(" {
                return Err(SelectorError(format!("found '{open}' expected: '('")));
            }
            loop {
                match tokens.next() {
                    ")" => return Ok(()),
                    "," => {}
                    value => check_value(value)?,
                }
            }
        }
        "=" | "==" | "!=" => {
            if !matches!(tokens.peek(), "" | ",") {
                check_value(tokens.next())?;
            }
            Ok(())
        }
        ">" | "<" => {
            let value = tokens.next();
            value.parse::<i64>().map(|_| ()).map_err(|_| {
                SelectorError(format!("values[0][{key}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"))
            })
        }
        other => Err(SelectorError(format!("found '{other}', expected: {OPERATORS}"))),
    }
}

fn check_value(value: &str) -> Result<(), SelectorError> {
    if value.is_empty() || is_name(value) {
        return if value.is_empty() {
            Err(SelectorError("found '', expected: ',', ')' or identifier".to_owned()))
        } else {
            Ok(())
        };
    }
    Err(SelectorError(format!("found '{value}', expected: identifier")))
}

/// A label key: an optional DNS prefix and a name.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_name(name),
        None => is_name(key),
    }
}

/// Up to 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    text.len() <= 63 && is_name_of_any_length(text)
}

pub(crate) fn is_name_of_any_length(text: &str) -> bool {
    let end = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    end(bytes.first())
        && end(bytes.last())
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// Up to 253 characters of DNS labels with dots between.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label_of_any_length)
}

/// Small letters, digits and `-`, a letter or digit at both ends.
pub(crate) fn is_dns_label_of_any_length(text: &str) -> bool {
    let small = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(small)
        && bytes.last().is_some_and(small)
        && bytes.iter().all(|c| small(c) || *c == b'-')
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> &'a str {
        let (token, rest) = Self::split(self.rest);
        self.rest = rest;
        token
    }

    fn peek(&self) -> &'a str {
        Self::split(self.rest).0
    }

    fn split(text: &'a str) -> (&'a str, &'a str) {
        const SPECIAL: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];
        let text = text.trim_start();
        let end = if text.starts_with("==") || text.starts_with("!=") {
            2
        } else if text.starts_with(SPECIAL) {
            1
        } else {
            text.find(|c: char| c.is_whitespace() || SPECIAL.contains(&c)).unwrap_or(text.len())
        };
        text.split_at(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::LabelSelectorRequirement;

    #[test]
    fn selectors_that_can_be_read() {
        for text in [
            "app=worker",
            "app==worker,tier!=web",
            "a in (x, y),b notin (z),!c,d",
            "app.kubernetes.io/name=worker",
            "a=",
            "a=,b",
            "n>1,m<2",
            " a = b ",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn selectors_that_cannot() {
        assert_eq!(
            check("cheddar cheese").unwrap_err().to_string(),
            "unable to parse requirement: found 'cheese', expected: in, notin, =, ==, !=, gt, lt"
        );
        for text in
            ["", "=a", "a in x", "a in (x", "a=b c", "-a=b", "a=b,", "n>x", "a=-b", "a/b/c=d", "!", "a=="]
        {
            if text == "a==" {
                assert_eq!(check(text), Ok(()));
            } else {
                assert!(check(text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn go_prints_selectors_its_own_way() {
        assert_eq!(go_text(None), "nil");
        let mut selector = LabelSelector::default();
        selector.match_labels.insert("queue".into(), "jobs".into());
        assert_eq!(
            go_text(Some(&selector)),
            "&LabelSelector{MatchLabels:map[string]string{queue: jobs,},MatchExpressions:[]LabelSelectorRequirement{},}"
        );
        selector.match_expressions.push(LabelSelectorRequirement {
            key: "k".into(),
            operator: "In".into(),
            values: vec!["a".into(), "b".into()],
        });
        assert!(
            go_text(Some(&selector)).contains("LabelSelectorRequirement{Key:k,Operator:In,Values:[a b],},")
        );
    }
}
