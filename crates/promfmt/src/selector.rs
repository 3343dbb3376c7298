//! Label selectors of Kubernetes: matched against labels, and printed as client-go prints them.
//!
//! The matching is `kube_core`'s [`Selector`]; this module adds Kubernetes' order of requirements.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Expression, Selector, SelectorExt as _};

/// Returns `true` if the selector matches the labels. An empty selector matches everything; a selector with an
/// operator that Kubernetes does not know matches nothing.
#[must_use]
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
}

/// Formats the selector for the `labelSelector` parameter, sorted by key: `a=b,!gone,tier in (x,y)`. A requirement
/// with an unknown operator is left out.
#[must_use]
pub fn text(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().flatten();
    let equal = equal.map(|(key, value)| Expression::Equal(key.clone(), value.clone()));
    let others = selector.match_expressions.iter().flatten();
    let others = others.filter_map(|requirement| Expression::try_from(requirement.clone()).ok());
    let sorted = sorted(equal.chain(others));
    sorted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Sorts requirements by key, as Kubernetes does when it parses a selector.
pub(crate) fn sorted(expressions: impl IntoIterator<Item = Expression>) -> Vec<Expression> {
    let mut expressions: Vec<Expression> = expressions.into_iter().collect();
    expressions.sort_by(|a, b| key(a).cmp(key(b)));
    expressions
}

/// The label that a requirement is about.
pub(crate) fn key(expression: &Expression) -> &str {
    match expression {
        Expression::In(key, _)
        | Expression::NotIn(key, _)
        | Expression::Equal(key, _)
        | Expression::NotEqual(key, _)
        | Expression::Exists(key)
        | Expression::DoesNotExist(key) => key,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selector(json: &Value) -> LabelSelector {
        serde_json::from_value(json.clone()).expect("a selector")
    }

    #[test]
    fn matches_like_kubernetes() {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let one = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (expected, json) in [
            (true, json!({})),
            (true, json!({"matchLabels": {"app": "web"}})),
            (false, json!({"matchLabels": {"app": "db"}})),
            (false, json!({"matchLabels": {"app": "web", "x": "y"}})),
            (true, one("app", "In", json!(["db", "web"]))),
            (false, one("app", "In", json!(["db"]))),
            (false, one("x", "In", json!(["web"]))),
            (false, one("app", "NotIn", json!(["web"]))),
            (true, one("x", "NotIn", json!(["web"]))),
            (true, one("app", "Exists", json!(null))),
            (false, one("x", "Exists", json!(null))),
            (true, one("x", "DoesNotExist", json!(null))),
            (false, one("app", "DoesNotExist", json!(null))),
            (false, one("app", "Like", json!(["web"]))),
        ] {
            assert_eq!(matches(&selector(&json), &labels), expected, "{json}");
        }
    }

    #[test]
    fn prints_requirements_sorted_by_key() {
        let selector = selector(&json!({
            "matchLabels": {"queue": "Orders", "a": "b"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["y", "x"]},
                {"key": "gone", "operator": "DoesNotExist"},
                {"key": "zone", "operator": "NotIn", "values": ["b"]},
                {"key": "kept", "operator": "Exists"},
            ],
        }));
        assert_eq!(text(&selector), "a=b,!gone,kept,queue=Orders,tier in (x,y),zone notin (b)");
        assert_eq!(text(&LabelSelector::default()), "");
    }
}
