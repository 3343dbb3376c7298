//! Label matchers of PromQL.

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;

use crate::promql::quote;

/// A condition on one label. A label that a series lacks has the empty value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// Name of the label.
    pub label: String,
    /// The comparison.
    pub operator: Operator,
    /// The value, or a regular expression that must match the whole value.
    pub value: String,
}

/// The comparison of a matcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

impl Operator {
    /// The operator as PromQL writes it.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::MatchesNot => "!~",
        }
    }
}

impl Matcher {
    /// A matcher.
    #[must_use]
    pub fn new(label: impl Into<String>, operator: Operator, value: impl Into<String>) -> Self {
        Self { label: label.into(), operator, value: value.into() }
    }

    /// Returns `true` if the matcher accepts the value. An invalid regular expression accepts nothing.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        let is_match = || Regex::new(&format!("^(?s:{})$", self.value)).map(|regex| regex.is_match(value));
        match self.operator {
            Operator::Equal => self.value == value,
            Operator::NotEqual => self.value != value,
            Operator::Matches => is_match().unwrap_or(false),
            Operator::MatchesNot => is_match().is_ok_and(|found| !found),
        }
    }

    /// Returns `true` if the matcher accepts the label of these labels.
    #[must_use]
    pub fn accepts_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        self.accepts(labels.get(&self.label).map_or("", String::as_str))
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.label, self.operator.symbol(), quote(&self.value))
    }
}

/// Returns `true` if all matchers accept the labels.
#[must_use]
pub fn accept<'a>(
    matchers: impl IntoIterator<Item = &'a Matcher>,
    labels: &BTreeMap<String, String>,
) -> bool {
    matchers.into_iter().all(|matcher| matcher.accepts_labels(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_compare_as_prometheus() {
        for (operator, value, text, accepted) in [
            (Operator::Equal, "a", "a", true),
            (Operator::Equal, "", "", true),
            (Operator::NotEqual, "", "a", true),
            (Operator::NotEqual, "a", "a", false),
            (Operator::Matches, "a|b", "b", true),
            (Operator::Matches, "a", "ab", false),
            (Operator::Matches, ".+", "", false),
            (Operator::Matches, "(", "(", false),
            (Operator::MatchesNot, "a|b", "c", true),
            (Operator::MatchesNot, "(", "c", false),
        ] {
            let matcher = Matcher::new("queue", operator, value);
            assert_eq!(matcher.accepts(text), accepted, "{matcher} {text}");
        }
        let labels = BTreeMap::from([("queue".to_owned(), "a".to_owned())]);
        assert!(accept(&[Matcher::new("vhost", Operator::Equal, "")], &labels));
    }
}
