//! From Kubernetes' types to the dashboard's: pure, and the place where text from a cluster is cleaned.

pub mod event;
pub mod hpa;
pub mod pod;
pub mod workload;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};

/// A label selector as the query string that the API takes.
pub fn selector_query(selector: &LabelSelector) -> String {
    let equal = selector
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>();
    let expressions = selector.match_expressions.iter().flatten().map(|requirement| {
        let values = requirement.values.as_deref().unwrap_or_default().join(",");
        match requirement.operator.as_str() {
            "In" => format!("{} in ({values})", requirement.key),
            "NotIn" => format!("{} notin ({values})", requirement.key),
            "DoesNotExist" => format!("!{}", requirement.key),
            _ => requirement.key.clone(),
        }
    });
    equal.into_iter().chain(expressions).collect::<Vec<_>>().join(",")
}

/// The timestamp of an API field.
#[must_use]
pub fn timestamp(time: Option<&Time>) -> Option<jiff::Timestamp> {
    time.map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_as_the_api_reads_them() {
        for (json, expected) in [
            (r#"{}"#, ""),
            (r#"{"matchLabels": {"queue": "Orders", "b": "c"}}"#, "b=c,queue=Orders"),
            (
                r#"{"matchLabels": {"a": "b"}, "matchExpressions": [
                    {"key": "c", "operator": "In", "values": ["d", "e"]},
                    {"key": "f", "operator": "NotIn", "values": ["g"]},
                    {"key": "h", "operator": "Exists"},
                    {"key": "i", "operator": "DoesNotExist"}]}"#,
                "a=b,c in (d,e),f notin (g),h,!i",
            ),
        ] {
            let selector: LabelSelector = serde_json::from_str(json).unwrap();
            assert_eq!(selector_query(&selector), expected);
        }
    }
}
