//! The metrics of an HPA's specification: their kinds, their entries in the status, and the messages that name them.

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricIdentifier, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::{fmt, messages};

/// The API that serves a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Api {
    /// `metrics.k8s.io`.
    Resource,
    /// `custom.metrics.k8s.io`.
    Custom,
    /// `external.metrics.k8s.io`.
    External,
}

/// One of `spec.metrics`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpecMetric<'a> {
    /// Its index.
    pub(crate) index: usize,
    /// The specification.
    pub(crate) spec: &'a MetricSpec,
}

/// The metrics of an HPA.
pub(crate) fn all(hpa: &HorizontalPodAutoscaler) -> Vec<SpecMetric<'_>> {
    let metrics = hpa.spec.iter().flat_map(|spec| spec.metrics.iter().flatten());
    metrics.enumerate().map(|(index, spec)| SpecMetric { index, spec }).collect()
}

/// The metric that a reason and a message of the controller are about: the only one of that kind, or the one that the message
/// names.
pub(crate) fn named<'a>(metrics: &[SpecMetric<'a>], reason: &str, message: &str) -> Option<SpecMetric<'a>> {
    let of_kind: Vec<_> = metrics.iter().filter(|metric| metric.failure() == Some(reason)).collect();
    match of_kind.as_slice() {
        [] => None,
        [only] => Some(**only),
        several => several.iter().find(|metric| metric.is_in(message)).map(|metric| **metric),
    }
}

impl<'a> SpecMetric<'a> {
    /// The API that serves it.
    pub(crate) fn api(self) -> Option<Api> {
        match self.spec.type_.as_str() {
            "Resource" | "ContainerResource" => Some(Api::Resource),
            "Pods" | "Object" => Some(Api::Custom),
            "External" => Some(Api::External),
            _ => None,
        }
    }

    /// The reason of the condition and of the event with which the controller reports that it cannot read the metric.
    fn failure(self) -> Option<&'static str> {
        Some(match self.spec.type_.as_str() {
            "Resource" => "FailedGetResourceMetric",
            "ContainerResource" => "FailedGetContainerResourceMetric",
            "Pods" => "FailedGetPodsMetric",
            "Object" => "FailedGetObjectMetric",
            "External" => "FailedGetExternalMetric",
            _ => return None,
        })
    }

    /// The resource, for Resource and ContainerResource.
    pub(crate) fn resource(self) -> Option<&'a str> {
        let spec = self.spec;
        spec.resource
            .as_ref()
            .map(|source| source.name.as_str())
            .or_else(|| spec.container_resource.as_ref().map(|source| source.name.as_str()))
    }

    /// The container of a ContainerResource.
    pub(crate) fn container(self) -> Option<&'a str> {
        self.spec.container_resource.as_ref().map(|source| source.container.as_str())
    }

    fn identifier(self) -> Option<&'a MetricIdentifier> {
        let spec = self.spec;
        spec.external
            .as_ref()
            .map(|source| &source.metric)
            .or_else(|| spec.pods.as_ref().map(|source| &source.metric))
            .or_else(|| spec.object.as_ref().map(|source| &source.metric))
    }

    /// The name in its API.
    pub(crate) fn name(self) -> &'a str {
        self.resource().or_else(|| self.identifier().map(|metric| metric.name.as_str())).unwrap_or_default()
    }

    /// The target.
    pub(crate) fn target(self) -> Option<&'a MetricTarget> {
        let spec = self.spec;
        spec.external
            .as_ref()
            .map(|source| &source.target)
            .or_else(|| spec.pods.as_ref().map(|source| &source.target))
            .or_else(|| spec.object.as_ref().map(|source| &source.target))
            .or_else(|| spec.resource.as_ref().map(|source| &source.target))
            .or_else(|| spec.container_resource.as_ref().map(|source| &source.target))
    }

    /// Its name for a sentence, such as `cpu`, `cpu of container app` or `depth with queue=Orders`.
    pub(crate) fn title(self) -> String {
        let name = self.name();
        if let Some(container) = self.container() {
            return messages::metric_of_container(name, container);
        }
        if let Some(source) = &self.spec.object {
            return messages::metric_of_object(
                name,
                &source.described_object.kind,
                &source.described_object.name,
            );
        }
        if self.spec.pods.is_some() {
            return messages::metric_of_pods(name);
        }
        let selector = self.identifier().and_then(|metric| metric.selector.as_ref());
        let selector = selector.map(promfmt::selector::text).filter(|text| !text.is_empty());
        selector.map_or_else(|| name.to_owned(), |selector| messages::metric_with_selector(name, selector))
    }

    /// Returns whether a message of the controller names the metric.
    fn is_in(self, message: &str) -> bool {
        let name = self.name();
        let words = |text: &str| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            message.match_indices(text).any(|(at, found)| {
                let before = message[..at].chars().next_back();
                let after = message[at + found.len()..].chars().next();
                !before.is_some_and(is_part) && !after.is_some_and(is_part)
            })
        };
        if let Some(source) = &self.spec.object {
            return words(name) && words(&source.described_object.name);
        }
        let labels = self.identifier().and_then(|metric| metric.selector.as_ref());
        let labels = labels.and_then(|selector| selector.match_labels.as_ref()).into_iter().flatten();
        // The controller prints a selector as Go does: `map[string]string{queue: Orders,}`.
        words(name) && labels.into_iter().all(|(key, value)| message.contains(&format!("{key}: {value},")))
    }

    /// The number of pods enters its proposal: the pods of the scale's selector, not those of the target.
    pub(crate) fn counts_pods(self) -> bool {
        match self.spec.type_.as_str() {
            "Resource" | "ContainerResource" | "Pods" => true,
            "Object" => self.target().is_some_and(|target| target.type_ == "Value"),
            "External" => self.target().is_some_and(|target| target.average_value.is_none()),
            _ => false,
        }
    }

    /// Its entry in `status.currentMetrics`, paired by identity.
    pub(crate) fn entry(self, hpa: &HorizontalPodAutoscaler) -> Option<&MetricStatus> {
        let metrics = hpa::spec::Spec::try_from(hpa.spec.as_ref()?).ok()?.metrics;
        let statuses = hpa.status.as_ref()?.current_metrics.as_deref().unwrap_or_default();
        statuses.get(hpa::pairing::entry(&metrics, self.index, &hpa::k8s::readable_metrics(statuses))?)
    }

    /// The reading in the status with the target, such as `72 % of 80 %`; `None` without a reading.
    pub(crate) fn reading(self, hpa: &HorizontalPodAutoscaler) -> Option<String> {
        let status = self.entry(hpa)?;
        let current: &MetricValueStatus = status
            .external
            .as_ref()
            .map(|source| &source.current)
            .or_else(|| status.pods.as_ref().map(|source| &source.current))
            .or_else(|| status.object.as_ref().map(|source| &source.current))
            .or_else(|| status.resource.as_ref().map(|source| &source.current))
            .or_else(|| status.container_resource.as_ref().map(|source| &source.current))?;
        let target = self.target()?;
        if let (Some(current), Some(target)) = (current.average_utilization, target.average_utilization) {
            return Some(messages::reading_percent(current, target));
        }
        if let Some(target) = &target.average_value {
            return Some(messages::reading_average(
                amount(current.average_value.as_ref()?)?,
                amount(target)?,
            ));
        }
        Some(messages::reading_total(amount(current.value.as_ref()?)?, amount(target.value.as_ref()?)?))
    }
}

/// An amount for a person. The controller writes the smallest number where it has no reading.
fn amount(quantity: &ApiQuantity) -> Option<String> {
    let milli = quantity.0.parse::<hpa::quantity::Quantity>().ok()?.milli().ok()?;
    (milli != i64::MIN).then(|| fmt::milli(milli))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hpa(metrics: &Value, current: &Value) -> HorizontalPodAutoscaler {
        let object = json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "w"}, "metrics": metrics},
            "status": {"desiredReplicas": 1, "currentMetrics": current}});
        serde_json::from_value(object).unwrap()
    }

    fn external(name: &str, queue: &str) -> Value {
        json!({"type": "External", "external": {"metric": {"name": name, "selector": {"matchLabels": {"queue": queue}}},
            "target": {"type": "AverageValue", "averageValue": "20"}}})
    }

    fn cpu() -> Value {
        json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}})
    }

    #[test]
    fn a_message_names_its_metric() {
        let container = json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "app",
            "target": {"type": "Utilization", "averageUtilization": 70}}});
        let object = |name: &str| {
            json!({"type": "Object", "object": {"metric": {"name": "hits"},
            "describedObject": {"kind": "Service", "name": name}, "target": {"type": "Value", "value": "1"}}})
        };
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}});
        let metrics = json!([
            external("depth", "Orders"),
            external("depth", "Invoices"),
            cpu(),
            memory,
            container,
            object("a"),
            object("b")
        ]);
        let hpa = hpa(&metrics, &json!([]));
        let metrics = all(&hpa);
        for (reason, message, index) in [
            (
                "FailedGetResourceMetric",
                "failed to get cpu utilization: unable to get metrics for resource cpu: x",
                Some(2),
            ),
            (
                "FailedGetResourceMetric",
                "failed to get memory usage: unable to get metrics for resource memory: x",
                Some(3),
            ),
            ("FailedGetContainerResourceMetric", "failed to get cpu utilization: x", Some(4)),
            (
                "FailedGetExternalMetric",
                "unable to get external metric ns/depth/&LabelSelector{MatchLabels:map[string]string{queue: Invoices,},}: x",
                Some(1),
            ),
            ("FailedGetExternalMetric", "unable to get external metric ns/other/nil: x", None),
            ("FailedGetObjectMetric", "unable to get metric hits on Service ns/b: x", Some(6)),
            ("FailedGetPodsMetric", "unable to get metric hits: x", None),
            ("ScalingDisabled", "cpu", None),
        ] {
            assert_eq!(
                named(&metrics, reason, message).map(|metric| metric.index),
                index,
                "{reason}: {message}"
            );
        }
    }

    #[test]
    fn readings_are_paired_by_identity() {
        let current = json!([{"type": ""},
            {"type": "External", "external": {"metric": {"name": "depth", "selector": {"matchLabels": {"queue": "Invoices"}}},
             "current": {"averageValue": "51250m"}}},
            {"type": "External", "external": {"metric": {"name": "depth", "selector": {"matchLabels": {"queue": "Orders"}}},
             "current": {"averageValue": "0"}}}]);
        let with_current =
            hpa(&json!([external("depth", "Orders"), external("depth", "Invoices"), cpu()]), &current);
        let readings: Vec<_> =
            all(&with_current).iter().map(|metric| metric.reading(&with_current)).collect();
        assert_eq!(
            readings,
            [Some("0 of 20 per pod".to_owned()), Some("51.25 of 20 per pod".to_owned()), None]
        );
        let none = json!([{"type": "External", "external": {"metric": {"name": "depth"}, "current": {"averageValue": "-9223372036854775808m"}}}]);
        let without = hpa(&json!([external("depth", "Orders")]), &none);
        assert_eq!(all(&without)[0].reading(&without), None);
    }

    #[test]
    fn pods_are_counted_by_type() {
        let value = json!({"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}});
        let hpa = hpa(&json!([cpu(), external("depth", "a"), value]), &json!([]));
        let counts: Vec<bool> = all(&hpa).iter().map(|metric| metric.counts_pods()).collect();
        assert_eq!(counts, [true, false, true]);
    }
}
