//! PromQL matchers for a label selector.
//!
//! Source: prometheus-adapter, pkg/naming/metrics_query.go (`processQueryParts`).

use std::collections::BTreeMap;

use kube_core::{Expression, Selector};

use crate::matcher::{Matcher, Operator};
use crate::selector::sorted;

use super::error::QueryError;

/// Matchers in the order of their labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matchers(pub(super) Vec<Matcher>);

impl Matchers {
    pub(super) fn new(selector: &Selector) -> Result<Self, QueryError> {
        let mut matchers = Self::default();
        for expression in sorted(selector.clone()) {
            match expression {
                Expression::Equal(label, value) => matchers.add(&label, Operator::Equal, value),
                Expression::NotEqual(label, value) => matchers.add(&label, Operator::NotEqual, value),
                Expression::Exists(label) => matchers.add(&label, Operator::NotEqual, String::new()),
                Expression::DoesNotExist(label) => matchers.add(&label, Operator::Equal, String::new()),
                Expression::In(label, values) | Expression::NotIn(label, values) if values.is_empty() => {
                    return Err(QueryError::NoValues { label });
                }
                // A regular expression even for a single value.
                Expression::In(label, values) => matchers.add(&label, Operator::Matches, joined(values)),
                Expression::NotIn(label, values) => {
                    matchers.add(&label, Operator::MatchesNot, joined(values));
                }
            }
        }
        Ok(matchers)
    }

    pub(super) fn add(&mut self, label: &str, operator: Operator, value: String) {
        self.0.push(Matcher::new(label, operator, value));
    }

    /// The matchers without braces.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// Values by label; several values are joined by `|`. The last matcher of a label counts.
    pub(super) fn values(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|matcher| (matcher.label.clone(), matcher.value.clone())).collect()
    }
}

fn joined(values: impl IntoIterator<Item = String>) -> String {
    values.into_iter().collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn set<const N: usize>(values: [&str; N]) -> BTreeSet<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn translates_every_operator() {
        let q = || "queue".to_owned();
        for (expressions, expected) in [
            (vec![], ""),
            (vec![Expression::Equal(q(), "Orders".into())], r#"queue="Orders""#),
            (vec![Expression::NotEqual(q(), "Orders".into())], r#"queue!="Orders""#),
            (vec![Expression::In(q(), set(["Orders"]))], r#"queue=~"Orders""#),
            (vec![Expression::In(q(), set(["b", "a"]))], r#"queue=~"a|b""#),
            (vec![Expression::NotIn(q(), set(["a"]))], r#"queue!~"a""#),
            (
                vec![Expression::Exists("vhost".into()), Expression::NotIn(q(), set(["a", "b"]))],
                r#"queue!~"a|b",vhost!="""#,
            ),
            (vec![Expression::DoesNotExist("vhost".into())], r#"vhost="""#),
        ] {
            let matchers = Matchers::new(&expressions.into_iter().collect()).expect(expected);
            assert_eq!(matchers.text(), expected);
        }
        let empty = Selector::from(Expression::In(q(), BTreeSet::new()));
        assert_eq!(Matchers::new(&empty), Err(QueryError::NoValues { label: q() }));
    }

    #[test]
    fn keeps_the_values_by_label() {
        let selector = Selector::from(Expression::In("queue".into(), set(["b", "a"])));
        let mut matchers = Matchers::new(&selector).expect("matchers");
        matchers.add("namespace", Operator::Equal, "demo".to_owned());
        assert_eq!(matchers.values()["queue"], "a|b");
        assert_eq!(matchers.text(), r#"queue=~"a|b",namespace="demo""#);
    }
}
