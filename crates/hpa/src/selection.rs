//! The External metric that an HPA follows, with the series that its selector picks.

use serde::{Deserialize, Serialize};

use crate::spec::{LabelSelector, Metric};

/// An External metric of an HPA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalSelection {
    /// Index in `spec.metrics`.
    pub index: usize,
    /// Name in the external metrics API.
    pub name: String,
    /// Selector of its series; empty if the metric has none.
    pub selector: LabelSelector,
    /// The target.
    pub target: ExternalTarget,
}

/// The target of an External metric, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExternalTarget {
    /// `averageValue`: per pod.
    AverageValue(i64),
    /// `value`: for the total.
    Value(i64),
}

/// Returns the first External metric with a usable target.
#[must_use]
pub fn first_external(metrics: &[Metric]) -> Option<ExternalSelection> {
    externals(metrics).next()
}

/// Returns the External metrics with a usable target, in their order.
///
/// As in the controller, the field `external` and `averageValue` before `value` decide, not the texts in `type`.
pub fn externals(metrics: &[Metric]) -> impl Iterator<Item = ExternalSelection> {
    metrics.iter().enumerate().filter_map(|(index, metric)| {
        let source = metric.external.as_ref()?;
        let target = match (source.target.average_value, source.target.value) {
            (Some(average), _) => ExternalTarget::AverageValue(average.milli().ok()?),
            (None, Some(value)) => ExternalTarget::Value(value.milli().ok()?),
            (None, None) => return None,
        };
        let selector = source.metric.selector.clone().unwrap_or_default();
        Some(ExternalSelection { index, name: source.metric.name.clone(), selector, target })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn external(selector: &Value, target: &Value) -> Value {
        json!({"type": "External", "external": {"metric": {"name": "depth", "selector": selector}, "target": target}})
    }

    fn first(metrics: &Value) -> Option<ExternalSelection> {
        first_external(&serde_json::from_value::<Vec<Metric>>(metrics.clone()).unwrap())
    }

    #[test]
    fn the_selector_gives_one_queue_or_none() {
        let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "queue", "operator": operator, "values": values}]});
        for (selector, queue) in [
            (json!(null), None),
            (json!({}), None),
            (json!({"matchLabels": {"vhost": "main"}}), None),
            (json!({"matchLabels": {"queue": "Orders"}}), Some("Orders")),
            (expression("In", &["Orders"]), Some("Orders")),
            (expression("In", &["Orders", "Orders"]), Some("Orders")),
            (expression("In", &["Orders", "Returns"]), None),
            (expression("In", &[]), None),
            (expression("NotIn", &["Orders"]), None),
            (expression("Exists", &[]), None),
            (
                json!({"matchLabels": {"queue": "Orders"},
                    "matchExpressions": [{"key": "queue", "operator": "In", "values": ["Orders", "Returns"]}]}),
                Some("Orders"),
            ),
            (
                json!({"matchLabels": {"queue": "Orders"},
                    "matchExpressions": [{"key": "queue", "operator": "In", "values": ["Returns"]}]}),
                None,
            ),
            (
                json!({"matchExpressions": [
                    {"key": "queue", "operator": "In", "values": ["Orders", "Returns"]},
                    {"key": "queue", "operator": "In", "values": ["Returns", "Mail"]}]}),
                Some("Returns"),
            ),
        ] {
            let found = first(&json!([external(&selector, &json!({"averageValue": "20"}))])).unwrap();
            assert_eq!(found.selector.only_value("queue"), queue, "{selector}");
        }
    }

    #[test]
    fn the_first_metric_with_a_target_is_selected() {
        let cpu =
            json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}});
        let none = json!(null);
        for (metrics, selected) in [
            (json!([]), None),
            (json!([cpu]), None),
            (
                json!([cpu, external(&none, &json!({"averageValue": "20"}))]),
                Some((1, ExternalTarget::AverageValue(20_000))),
            ),
            (json!([external(&none, &json!({"value": "1500m"}))]), Some((0, ExternalTarget::Value(1500)))),
            (
                json!([external(&none, &json!({"value": "5", "averageValue": "2"}))]),
                Some((0, ExternalTarget::AverageValue(2000))),
            ),
            (
                json!([external(&none, &json!({})), external(&none, &json!({"value": "5"}))]),
                Some((1, ExternalTarget::Value(5000))),
            ),
            (json!([external(&none, &json!({"value": "1E"}))]), None),
        ] {
            let found = first(&metrics).map(|found| (found.index, found.target));
            assert_eq!(found, selected, "{metrics}");
        }
    }
}
