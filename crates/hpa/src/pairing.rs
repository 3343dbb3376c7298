//! The entry of `status.currentMetrics` that belongs to an entry of `spec.metrics`.
//!
//! The controller writes one entry a metric, in the order of the specification that it read, and an empty one for a metric
//! that failed. A specification that changed since, and other writers, break that order. So the identity decides: type,
//! name, selector, described object and container.

use crate::spec::{LabelSelector, Metric, MetricIdentifier};
use crate::status::{Current, MetricStatus};

/// The identity of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity<'a> {
    type_: &'static str,
    name: &'a str,
    selector: String,
    object: (&'a str, &'a str),
    container: &'a str,
}

impl<'a> Identity<'a> {
    fn plain(type_: &'static str, name: &'a str) -> Self {
        Self { type_, name, selector: String::new(), object: ("", ""), container: "" }
    }

    fn identified(type_: &'static str, metric: &'a MetricIdentifier) -> Self {
        let selector = metric.selector.as_ref().map(canonical).unwrap_or_default();
        Self { selector, ..Self::plain(type_, &metric.name) }
    }

    fn of_metric(metric: &'a Metric) -> Option<Self> {
        let Metric { external, object, pods, resource, container_resource, .. } = metric;
        (external.as_ref().map(|s| Self::identified("External", &s.metric)))
            .or(object.as_ref().map(|s| Self {
                object: (&s.described_object.kind, &s.described_object.name),
                ..Self::identified("Object", &s.metric)
            }))
            .or(pods.as_ref().map(|s| Self::identified("Pods", &s.metric)))
            .or(resource.as_ref().map(|s| Self::plain("Resource", &s.name)))
            .or(container_resource
                .as_ref()
                .map(|s| Self { container: &s.container, ..Self::plain("ContainerResource", &s.name) }))
    }

    fn of_status(status: &'a MetricStatus) -> Option<Self> {
        let MetricStatus { external, object, pods, resource, container_resource, .. } = status;
        (external.as_ref().map(|s| Self::identified("External", &s.metric)))
            .or(object.as_ref().map(|s| Self {
                object: (&s.described_object.kind, &s.described_object.name),
                ..Self::identified("Object", &s.metric)
            }))
            .or(pods.as_ref().map(|s| Self::identified("Pods", &s.metric)))
            .or(resource.as_ref().map(|s| Self::plain("Resource", &s.name)))
            .or(container_resource
                .as_ref()
                .map(|s| Self { container: &s.container, ..Self::plain("ContainerResource", &s.name) }))
    }

    fn is_namesake(&self, other: &Self) -> bool {
        (self.type_, self.name) == (other.type_, other.name)
    }
}

/// The same text for selectors that select the same: sorted, and `key in (value)` as `key=value`.
fn canonical(selector: &LabelSelector) -> String {
    let mut plain = LabelSelector { match_labels: selector.match_labels.clone(), ..LabelSelector::default() };
    for requirement in &selector.match_expressions {
        match (requirement.operator.as_str(), requirement.values.as_slice()) {
            ("In", [value]) if !plain.match_labels.contains_key(&requirement.key) => {
                plain.match_labels.insert(requirement.key.clone(), value.clone());
            }
            _ => plain.match_expressions.push(requirement.clone()),
        }
    }
    plain.match_expressions.sort_by_cached_key(|r| (r.key.clone(), r.operator.clone(), r.values.clone()));
    plain.query()
}

/// The place of the entry of metric `index` in the status, paired by identity.
///
/// An entry without a selector belongs to the only metric of its type and name. `None` for a metric without an entry.
#[must_use]
pub fn entry(metrics: &[Metric], index: usize, statuses: &[MetricStatus]) -> Option<usize> {
    let wanted = Identity::of_metric(metrics.get(index)?)?;
    let identities: Vec<_> = statuses.iter().map(Identity::of_status).collect();
    identities.iter().position(|status| status.as_ref() == Some(&wanted)).or_else(|| {
        let is_namesake =
            |other: &Option<Identity<'_>>| other.as_ref().is_some_and(|o| o.is_namesake(&wanted));
        let mut namesakes = identities.iter().enumerate().filter(|(_, other)| is_namesake(other));
        let (place, only) = namesakes.next().filter(|_| namesakes.next().is_none())?;
        let is_bare = only.as_ref().is_some_and(|other| other.selector.is_empty());
        let claims = metrics.iter().map(Identity::of_metric).filter(is_namesake);
        (is_bare && claims.count() == 1).then_some(place)
    })
}

/// The reading of metric `index` in the status. `None` without an [`entry`], and for the number that the controller writes for
/// an average over no pods.
#[must_use]
pub fn current(metrics: &[Metric], index: usize, statuses: &[MetricStatus]) -> Option<Current> {
    statuses[entry(metrics, index, statuses)?].current().copied().filter(is_reading)
}

/// Returns whether a status holds a number: releases before 1.38 write the smallest one for an average over no pods.
fn is_reading(current: &Current) -> bool {
    let Current { value, average_value, average_utilization } = current;
    let known = |quantity: &crate::Quantity| quantity.milli().is_ok_and(|milli| milli != i64::MIN);
    let value = average_value.or(*value);
    value.as_ref().map_or(average_utilization.is_some(), known)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metrics(list: &Value) -> Vec<Metric> {
        serde_json::from_value(list.clone()).unwrap()
    }

    fn paired(spec: &Value, status: &Value) -> Vec<Option<i64>> {
        let spec = metrics(spec);
        let status: Vec<MetricStatus> = serde_json::from_value(status.clone()).unwrap();
        (0..spec.len())
            .map(|index| {
                let Current { value, average_value, average_utilization } = current(&spec, index, &status)?;
                let quantity = average_value.or(value).map(|quantity| quantity.milli().unwrap());
                average_utilization.map(i64::from).or(quantity)
            })
            .collect()
    }

    fn queue(queue: &str) -> Value {
        json!({"type": "External", "external": {
            "metric": {"name": "depth", "selector": {"matchLabels": {"queue": queue}}},
            "target": {"type": "AverageValue", "averageValue": "20"}}})
    }

    fn depth(queue: &str, average: &str) -> Value {
        json!({"type": "External", "external": {
            "metric": {"name": "depth", "selector": {"matchExpressions": [
                {"key": "queue", "operator": "In", "values": [queue]}]}},
            "current": {"averageValue": average}}})
    }

    #[test]
    fn the_identity_decides_and_not_the_place() {
        let cpu =
            json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}});
        let app = json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "app",
            "target": {"averageUtilization": 80}}});
        let side = json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "side",
            "target": {"averageUtilization": 80}}});
        let used = |percent: i32| {
            json!({"type": "Resource", "resource": {"name": "cpu",
            "current": {"averageUtilization": percent, "averageValue": "10m"}}})
        };
        let of = |container: &str, percent: i32| {
            json!({"type": "ContainerResource", "containerResource": {
            "name": "cpu", "container": container, "current": {"averageUtilization": percent}}})
        };
        let ingress = |name: &str| {
            json!({"type": "Object", "object": {
            "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": name},
            "metric": {"name": "requests"}, "target": {"type": "Value", "value": "10"}}})
        };
        let requests = |name: &str, value: &str| {
            json!({"type": "Object", "object": {
            "describedObject": {"kind": "Ingress", "name": name},
            "metric": {"name": "requests"}, "current": {"value": value}}})
        };
        let (a, b) = (queue("a"), queue("b"));
        for (spec, status, expected) in [
            (json!([a, b]), json!([depth("b", "2"), depth("a", "1")]), vec![Some(1_000), Some(2_000)]),
            (json!([a, b]), json!([{"type": ""}, depth("b", "2")]), vec![None, Some(2_000)]),
            (json!([a, b]), json!([]), vec![None, None]),
            (json!([a, cpu]), json!([used(40), depth("a", "1")]), vec![Some(1_000), Some(40)]),
            (
                json!([cpu, app, side]),
                json!([of("side", 3), of("app", 2), used(1)]),
                vec![Some(1), Some(2), Some(3)],
            ),
            (
                json!([ingress("x"), ingress("y")]),
                json!([requests("y", "7"), requests("x", "5")]),
                vec![Some(5_000), Some(7_000)],
            ),
            // Only one metric can be meant.
            (
                json!([a]),
                json!([{"type": "External", "external": {"metric": {"name": "depth"},
                "current": {"averageValue": "4"}}}]),
                vec![Some(4_000)],
            ),
            (
                json!([a, b]),
                json!([{"type": "External", "external": {"metric": {"name": "depth"},
                "current": {"averageValue": "4"}}}]),
                vec![None, None],
            ),
            // Another queue's reading is not this one's.
            (json!([a]), json!([depth("b", "2")]), vec![None]),
            (json!([a]), json!([depth("a", "-9223372036854775808m")]), vec![None]),
        ] {
            assert_eq!(paired(&spec, &status), expected, "{spec} {status}");
        }
    }
}
