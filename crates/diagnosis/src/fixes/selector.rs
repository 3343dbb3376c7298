//! Changes to the selector of an HPA's metric, at the paths that it really has.

use serde_json::{Value, json};
use text::command::Command;

use super::{json_patch, json_patch_hpa, pointer_token};
use crate::facts::Facts;
use crate::finding::Fix;
use crate::metric::Metric;
use crate::{messages, scaled_object};

/// The path of the selector.
fn path(metric: &Metric) -> String {
    format!("/spec/metrics/{}/external/metric/selector", metric.index)
}

/// The paths of the requirements on a label in `matchExpressions`, last first, so that removals keep the other paths.
fn expressions(metric: &Metric, label: &str) -> Vec<usize> {
    let all = metric.selector.match_expressions.iter().flatten().enumerate();
    let mut found: Vec<usize> =
        all.filter(|(_, requirement)| requirement.key == label).map(|(index, _)| index).collect();
    found.reverse();
    found
}

fn has_label(metric: &Metric, label: &str) -> bool {
    metric.selector.match_labels.iter().flatten().any(|(key, _)| key == label)
}

/// The operations that remove a label.
fn removal(metric: &Metric, label: &str) -> Vec<Value> {
    let selector = path(metric);
    let mut operations: Vec<Value> = expressions(metric, label)
        .into_iter()
        .map(|index| json!({"op": "remove", "path": format!("{selector}/matchExpressions/{index}")}))
        .collect();
    if has_label(metric, label) {
        let path = format!("{selector}/matchLabels/{}", pointer_token(label));
        operations.push(json!({"op": "remove", "path": path}));
    }
    operations
}

/// Removing a label.
pub(crate) fn remove_label(facts: &Facts, metric: &Metric, label: &str, what: &str) -> Fix {
    Fix::command(what, json_patch_hpa(facts, &removal(metric, label).into()))
}

/// Reading another metric, without a label.
pub(crate) fn read_without_label(facts: &Facts, metric: &Metric, label: &str, name: &str) -> Command {
    let path = format!("/spec/metrics/{}/external/metric/name", metric.index);
    let mut operations = removal(metric, label);
    operations.push(json!({"op": "replace", "path": path, "value": name}));
    json_patch_hpa(facts, &operations.into())
}

/// Calling a label by another name.
pub(crate) fn rename_label(facts: &Facts, metric: &Metric, label: &str, to: &str) -> Fix {
    let selector = path(metric);
    let mut operations: Vec<Value> = expressions(metric, label)
        .into_iter()
        .map(|index| {
            json!({"op": "replace", "path": format!("{selector}/matchExpressions/{index}/key"), "value": to})
        })
        .collect();
    let labels = metric.selector.match_labels.iter().flatten();
    for (key, value) in labels.filter(|(key, _)| *key == label) {
        let at = |key: &str| format!("{selector}/matchLabels/{}", pointer_token(key));
        operations.push(json!({"op": "remove", "path": at(key)}));
        operations.push(json!({"op": "add", "path": at(to), "value": value}));
    }
    Fix::command(messages::fix_rename_label(label, to), json_patch_hpa(facts, &operations.into()))
}

/// Giving a label another value; adds the label if the selector lacks it.
pub(crate) fn set_value(facts: &Facts, metric: &Metric, label: &str, value: &str, what: &str) -> Fix {
    let selector = path(metric);
    let operations = if let [index, ..] = expressions(metric, label)[..] {
        json!([{"op": "replace", "path": format!("{selector}/matchExpressions/{index}"),
            "value": {"key": label, "operator": "In", "values": [value]}}])
    } else if metric.selector.match_labels.is_some() {
        let path = format!("{selector}/matchLabels/{}", pointer_token(label));
        json!([{"op": "add", "path": path, "value": value}])
    } else if metric.selector.match_expressions.is_some() {
        json!([{"op": "add", "path": format!("{selector}/matchLabels"), "value": {label: value}}])
    } else {
        json!([{"op": "add", "path": selector, "value": {"matchLabels": {label: value}}}])
    };
    Fix::command(what, json_patch_hpa(facts, &operations))
}

/// Setting the queue of the HPA's metric, or of KEDA's trigger.
pub(crate) fn set_queue(facts: &Facts, metric: &Metric, label: &str, queue: &str, others: &str) -> Fix {
    if let Some((object, trigger, _)) = scaled_object::trigger(facts, metric) {
        let path = format!("/spec/triggers/{trigger}/metadata/queueName");
        let change = json!([{"op": "replace", "path": path, "value": queue}]);
        let namespace = Some(facts.subject.namespace.as_str());
        let command = json_patch("scaledobject", scaled_object::name(object), namespace, &change);
        return Fix::command(messages::fix_trigger_queue(queue), command);
    }
    set_value(facts, metric, label, queue, &messages::fix_metric_queue(queue, others))
}

/// Removing the metric from the HPA.
pub(crate) fn remove_metric(facts: &Facts, metric: &Metric, what: &str) -> Fix {
    let path = format!("/spec/metrics/{}", metric.index);
    Fix::command(what, json_patch_hpa(facts, &json!([{"op": "remove", "path": path}])))
}

/// Giving the metric another name.
pub(crate) fn rename_metric(facts: &Facts, metric: &Metric, name: &str) -> Fix {
    let path = format!("/spec/metrics/{}/external/metric/name", metric.index);
    let change = json!([{"op": "replace", "path": path, "value": name}]);
    Fix::command(messages::fix_rename_metric(name), json_patch_hpa(facts, &change))
}
