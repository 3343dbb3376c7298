//! Label selectors: a check of the text form, and the texts that Kubernetes prints for the structured form.
//!
//! The controller parses `status.selector` of the scale before it evaluates any metric. Conditions contain the result of
//! Go's `String()` of a `metav1.LabelSelector`.

use std::fmt::Write;

use crate::spec::{LabelSelector, LabelSelectorRequirement};

/// The result of Go's `String()` of a selector: `nil`, or
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

impl LabelSelector {
    /// The selector as a query parameter (`labelSelector`), in the order in which Kubernetes prints it.
    #[must_use]
    pub fn query(&self) -> String {
        let equal = self.match_labels.iter().map(|(key, value)| (key, format!("{key}={value}")));
        let expressions = self.match_expressions.iter().map(|requirement| {
            let key = &requirement.key;
            let mut values = requirement.values.clone();
            values.sort();
            let values = values.join(",");
            let text = match requirement.operator.as_str() {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "Exists" => key.clone(),
                _ => format!("!{key}"),
            };
            (key, text)
        });
        let mut parts: Vec<(&String, String)> = equal.chain(expressions).collect();
        parts.sort_by_key(|(key, _)| *key);
        parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
    }

    /// Parses the text form, such as `app=worker,tier in (a,b),!canary`; `None` for `!=`, `<` and `>`, which the structured
    /// form does not have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut selector = Self::default();
        let (mut rest, mut depth) = (text, 0_i32);
        while !rest.is_empty() {
            let end = rest.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                c == ',' && depth == 0
            });
            let (part, tail) = end.map_or((rest, ""), |end| (&rest[..end], &rest[end + 1..]));
            selector.require(part.trim())?;
            rest = tail;
        }
        Some(selector)
    }

    fn require(&mut self, part: &str) -> Option<()> {
        let mut expression = |key: &str, operator: &str, values: &str| {
            let values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
            self.match_expressions.push(LabelSelectorRequirement {
                key: key.trim().to_owned(),
                operator: operator.to_owned(),
                values: values.map(str::to_owned).collect(),
            });
        };
        if part.contains("!=") || part.contains(['<', '>']) {
            return None;
        }
        if let Some((key, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
            match key.trim().rsplit_once(' ')? {
                (key, "in") => expression(key, "In", values),
                (key, "notin") => expression(key, "NotIn", values),
                _ => return None,
            }
        } else if let Some((key, value)) = part.split_once('=') {
            let value = value.trim_start_matches('=').trim();
            self.match_labels.insert(key.trim().to_owned(), value.to_owned());
        } else if let Some(key) = part.strip_prefix('!') {
            expression(key, "DoesNotExist", "");
        } else {
            expression(part, "Exists", "");
        }
        Some(())
    }

    /// The only value of the label `key` that `matchLabels` and the `In` requirements allow.
    ///
    /// `None` if they allow several values, any value, or none.
    #[must_use]
    pub fn only_value(&self, key: &str) -> Option<&str> {
        let equal = self.match_labels.get(key).map(std::slice::from_ref);
        let expressions = self.match_expressions.iter().filter(|r| r.key == key && r.operator == "In");
        let mut sets = equal.into_iter().chain(expressions.map(|r| r.values.as_slice()));
        let first = sets.next()?;
        let mut common = first.iter().filter(|value| sets.clone().all(|set| set.contains(value)));
        let only = common.next()?;
        common.all(|value| value == only).then_some(only.as_str())
    }
}

/// The error for an invalid text form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse requirement: {0}")]
pub struct SelectorError(String);

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// Checks the text form, such as `app=worker,tier in (a, b),!canary`.
///
/// # Errors
/// Names the first invalid requirement and the expected token.
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
    match value {
        "" => Err(SelectorError("found '', expected: ',', ')' or identifier".to_owned())),
        value if is_name(value) => Ok(()),
        value => Err(SelectorError(format!("found '{value}', expected: identifier"))),
    }
}

/// Returns whether the text is a label key: an optional DNS prefix and a name.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_name(name),
        None => is_name(key),
    }
}

/// Returns whether the text is a label name: up to 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    text.len() <= 63 && is_name_without_limit(text)
}

pub(crate) fn is_name_without_limit(text: &str) -> bool {
    let end = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    end(bytes.first())
        && end(bytes.last())
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// Returns whether the text is a DNS subdomain: up to 253 characters, DNS labels separated by dots.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label_without_limit)
}

/// Returns whether the text is a DNS label without its length limit: lowercase letters, digits and `-`, a letter or
/// digit at both ends.
pub(crate) fn is_dns_label_without_limit(text: &str) -> bool {
    let lowercase = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(lowercase)
        && bytes.last().is_some_and(lowercase)
        && bytes.iter().all(|c| lowercase(c) || *c == b'-')
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
    fn a_parsed_selector_prints_the_same() {
        for text in ["", "app=web", "app=web,!canary,tier in (a,b),zone", "a notin (x,y)"] {
            assert_eq!(LabelSelector::parse(text).map(|selector| selector.query()).as_deref(), Some(text));
        }
        assert_eq!(LabelSelector::parse("app == web, b in (c)").unwrap().query(), "app=web,b in (c)");
        for text in ["a!=b", "a>1", "a of (b)"] {
            assert_eq!(LabelSelector::parse(text), None, "{text}");
        }
    }

    #[test]
    fn valid_selectors() {
        for text in [
            "app=worker",
            "app==worker,tier!=web",
            "a in (x, y),b notin (z),!c,d",
            "app.kubernetes.io/name=worker",
            "a=",
            "a==",
            "a=,b",
            "n>1,m<2",
            " a = b ",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn invalid_selectors() {
        assert_eq!(
            check("cheddar cheese").unwrap_err().to_string(),
            "unable to parse requirement: found 'cheese', expected: in, notin, =, ==, !=, gt, lt"
        );
        for text in ["", "=a", "a in x", "a in (x", "a=b c", "-a=b", "a=b,", "n>x", "a=-b", "a/b/c=d", "!"] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn go_text_is_that_of_go() {
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

    #[test]
    fn queries_are_those_of_kubernetes() {
        let selector: LabelSelector = serde_json::from_value(serde_json::json!({
            "matchLabels": {"queue": "Orders", "a": "b"},
            "matchExpressions": [
                {"key": "tier", "operator": "NotIn", "values": ["y", "x"]},
                {"key": "kind", "operator": "In", "values": ["one"]},
                {"key": "c", "operator": "Exists"},
                {"key": "d", "operator": "DoesNotExist"}]
        }))
        .unwrap();
        assert_eq!(selector.query(), "a=b,c,!d,kind in (one),queue=Orders,tier notin (x,y)");
        assert_eq!(LabelSelector::default().query(), "");
    }
}
