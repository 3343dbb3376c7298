//! The `autoscaling/v2` HorizontalPodAutoscaler, as far as the decision needs it.
//!
//! Names, defaults and JSON forms are those of the API, so `spec` of an object from a cluster deserialises directly. The
//! types differ from k8s-openapi's in two points: a quantity is parsed ([`Quantity`]), and the crate does without
//! k8s-openapi, whose types follow one release per build. Metric types and policies stay texts, because validation and
//! controller report unknown ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// `spec` of a HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The workload to scale.
    pub scale_target_ref: TargetRef,
    /// Minimum; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// Maximum.
    pub max_replicas: i32,
    /// Metrics; the largest proposal wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Stabilisation, policies and tolerances. Without it the legacy limits apply, which differ from the defaults here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
}

impl Spec {
    /// `minReplicas` with its default.
    #[must_use]
    pub fn min(&self) -> i32 {
        self.min_replicas.unwrap_or(1)
    }

    /// Returns whether a metric exists that needs no running pod.
    #[must_use]
    pub fn has_object_or_external(&self) -> bool {
        self.metrics.iter().any(|m| m.type_ == "Object" || m.type_ == "External")
    }
}

/// `spec.scaleTargetRef`, and `describedObject` of an Object metric.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetRef {
    /// Group and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// One entry of `spec.metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metric {
    /// The source in use.
    #[serde(rename = "type")]
    pub type_: String,
    /// A number about something outside the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetric>,
    /// A number about one object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectMetric>,
    /// A number per pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsMetric>,
    /// A resource of whole pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMetric>,
    /// A resource of one container of each pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceMetric>,
}

impl Metric {
    /// The target of the source that is set.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        let Self { external, object, pods, resource, container_resource, .. } = self;
        (external.as_ref().map(|s| &s.target))
            .or(object.as_ref().map(|s| &s.target))
            .or(pods.as_ref().map(|s| &s.target))
            .or(resource.as_ref().map(|s| &s.target))
            .or(container_resource.as_ref().map(|s| &s.target))
    }
}

/// Source `external`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalMetric {
    /// The metric.
    pub metric: MetricIdentifier,
    /// The target.
    pub target: Target,
}

/// Source `object`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMetric {
    /// The object that the number describes.
    pub described_object: TargetRef,
    /// The metric.
    pub metric: MetricIdentifier,
    /// The target.
    pub target: Target,
}

/// Source `pods`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodsMetric {
    /// The metric.
    pub metric: MetricIdentifier,
    /// The target for the average.
    pub target: Target,
}

/// Source `resource`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceMetric {
    /// Resource name, such as `cpu`.
    pub name: String,
    /// The target for the average.
    pub target: Target,
}

/// Source `containerResource`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerResourceMetric {
    /// Resource name, such as `cpu`.
    pub name: String,
    /// Container name.
    pub container: String,
    /// The target for the average.
    pub target: Target,
}

/// Name and labels of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricIdentifier {
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// A label selector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Required labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelSelectorRequirement {
    /// Label name.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values for `In` and `NotIn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// The target of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Target {
    /// `Utilization`, `Value` or `AverageValue`. For all but Object metrics, the field that is set decides instead.
    #[serde(rename = "type")]
    pub type_: String,
    /// A total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// An average per pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// Percent of the pods' requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}

/// `spec.behavior`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Behavior {
    /// Rules for scale-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<ScalingRules>,
    /// Rules for scale-down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScalingRules>,
}

/// Rules of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingRules {
    /// Stabilisation window in seconds: the most cautious recommendation in it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stabilization_window_seconds: Option<i32>,
    /// `Max`, `Min` or `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<String>,
    /// Limits on the rate of change. `None` means the defaults; an empty list is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<Policy>>,
    /// Allowed distance of the ratio from 1 in this direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Quantity>,
}

/// A limit on the rate of change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// `Pods` or `Percent`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Pods or percent per period.
    pub value: i32,
    /// Length of the period in seconds.
    pub period_seconds: i32,
}

/// The direction of a change of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More replicas.
    Up,
    /// Fewer replicas.
    Down,
}
