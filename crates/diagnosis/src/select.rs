//! Label selectors as the controllers apply them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::facts::{Custom, MonitorSpec};

type Labels = BTreeMap<String, String>;

/// Whether the selector picks an object with these labels; an empty one picks everything.
#[must_use]
pub fn selects(selector: &LabelSelector, labels: Option<&Labels>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key));
    let equal = selector.match_labels.iter().flatten().all(|(key, wanted)| value(key) == Some(wanted));
    let expressions = selector.match_expressions.iter().flatten().all(|requirement| {
        let values = requirement.values.as_deref().unwrap_or_default();
        let found = value(&requirement.key);
        match requirement.operator.as_str() {
            "In" => found.is_some_and(|found| values.contains(found)),
            "NotIn" => found.is_none_or(|found| !values.contains(found)),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            _ => false,
        }
    });
    equal && expressions
}

/// Whether the monitor looks into that namespace.
pub(super) fn looks_into(monitor: &Custom<MonitorSpec>, namespace: &str) -> bool {
    let wanted = &monitor.spec.namespace_selector;
    wanted.any
        || wanted.match_names.iter().any(|name| name == namespace)
        || (wanted.match_names.is_empty() && monitor.namespace() == namespace)
}

/// Whether the monitor takes the Service: its namespace, and its own labels, not those of the pods.
#[must_use]
pub fn monitor_covers(monitor: &Custom<MonitorSpec>, service: &Service) -> bool {
    looks_into(monitor, service.metadata.namespace.as_deref().unwrap_or_default())
        && selects(&monitor.spec.selector, service.metadata.labels.as_ref())
}

/// The selector as the API takes it in a query.
pub(super) fn query(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().flatten().map(|requirement| {
        let values = requirement.values.as_deref().unwrap_or_default().join(",");
        match requirement.operator.as_str() {
            "In" => format!("{} in ({values})", requirement.key),
            "NotIn" => format!("{} notin ({values})", requirement.key),
            "DoesNotExist" => format!("!{}", requirement.key),
            _ => requirement.key.clone(),
        }
    });
    equal.chain(expressions).collect::<Vec<_>>().join(",")
}

/// The first label whose value no label may have, such as `/`: the HPA's controller refuses such a selector.
pub(super) fn invalid_value(selector: &LabelSelector) -> Option<(&str, &str)> {
    let equal = selector.match_labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let expressions = selector.match_expressions.iter().flatten().flat_map(|requirement| {
        requirement.values.iter().flatten().map(|value| (requirement.key.as_str(), value.as_str()))
    });
    equal.chain(expressions).find(|(_, value)| !is_label_value(value))
}

/// At most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; or nothing.
fn is_label_value(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63 && value.chars().all(inner) && end(value.chars().next()) && end(value.chars().last())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selector(json: serde_json::Value) -> LabelSelector {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn labels_are_selected_as_the_api_does() {
        let labels = Labels::from([("a".to_owned(), "1".to_owned())]);
        for (json, picked) in [
            (json!({}), true),
            (json!({"matchLabels": {"a": "1"}}), true),
            (json!({"matchLabels": {"a": "2"}}), false),
            (json!({"matchLabels": {"b": "1"}}), false),
            (json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}), true),
            (json!({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}), true),
            (json!({"matchExpressions": [{"key": "b", "operator": "Exists"}]}), false),
            (json!({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}), true),
        ] {
            assert_eq!(selects(&selector(json.clone()), Some(&labels)), picked, "{json}");
        }
    }

    #[test]
    fn a_virtual_host_is_no_label_value() {
        for (value, valid) in
            [("Orders", true), ("a.b_c-d", true), ("", true), ("/", false), ("-a", false), ("a b", false)]
        {
            let selector = selector(json!({"matchLabels": {"x": value}}));
            assert_eq!(invalid_value(&selector).is_none(), valid, "{value}");
        }
    }
}
