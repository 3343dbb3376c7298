//! The status of an HPA.
//!
//! The JSON form is that of the API, except that times are milliseconds ([`Time`]). The feature `k8s` converts them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;
use crate::spec::{MetricIdentifier, TargetRef};
use crate::time::Time;

/// A text that usually is a constant of the controller.
pub type Text = Cow<'static, str>;

/// `status` of a HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Generation of the HPA that the controller last synced (only with the gate).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Time of the last change of the size by the HPA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scale_time: Option<Time>,
    /// `spec.replicas` of the scale before the last decision, not the number of pods.
    pub current_replicas: i32,
    /// The size that the last sync decided.
    pub desired_replicas: i32,
    /// Readings in the order of `spec.metrics`; the entry of a failed metric is empty.
    pub current_metrics: Vec<MetricStatus>,
    /// Conditions in the order of their first appearance.
    pub conditions: Vec<Condition>,
}

impl Status {
    /// The condition of this type.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.type_ == type_)
    }

    /// Returns whether the condition of this type is `True`.
    #[must_use]
    pub fn is_true(&self, type_: &str) -> bool {
        self.condition(type_).is_some_and(|c| c.status == ConditionStatus::True)
    }
}

/// `True`, `False` or `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// The state is unknown.
    Unknown,
}

impl ConditionStatus {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited` or `ScaledToZero`; other conditions stay unchanged.
    #[serde(rename = "type")]
    pub type_: Text,
    /// Its status.
    pub status: ConditionStatus,
    /// The reason in one word.
    pub reason: Text,
    /// The message.
    pub message: Text,
    /// Time of the last change of `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// One entry of `status.currentMetrics`, shaped like the entry of `spec.metrics`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricStatus {
    /// The source that is set; empty for a failed metric.
    #[serde(rename = "type")]
    pub type_: Text,
    /// Reading of an External metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalStatus>,
    /// Reading of an Object metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectStatus>,
    /// Reading of a Pods metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsStatus>,
    /// Reading of a Resource metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceStatus>,
    /// Reading of a ContainerResource metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceStatus>,
}

impl MetricStatus {
    /// The reading of any source.
    #[must_use]
    pub fn current(&self) -> Option<&Current> {
        let Self { external, object, pods, resource, container_resource, .. } = self;
        (external.as_ref().map(|s| &s.current))
            .or(object.as_ref().map(|s| &s.current))
            .or(pods.as_ref().map(|s| &s.current))
            .or(resource.as_ref().map(|s| &s.current))
            .or(container_resource.as_ref().map(|s| &s.current))
    }
}

/// Reading of an External metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalStatus {
    /// The metric.
    pub metric: MetricIdentifier,
    /// The reading.
    pub current: Current,
}

/// Reading of an Object metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectStatus {
    /// The object.
    pub described_object: TargetRef,
    /// The metric.
    pub metric: MetricIdentifier,
    /// The reading.
    pub current: Current,
}

/// Reading of a Pods metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodsStatus {
    /// The metric.
    pub metric: MetricIdentifier,
    /// The reading.
    pub current: Current,
}

/// Reading of a Resource metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceStatus {
    /// Resource name.
    pub name: String,
    /// The reading.
    pub current: Current,
}

/// Reading of a ContainerResource metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerResourceStatus {
    /// Resource name.
    pub name: String,
    /// Container name.
    pub container: String,
    /// The reading.
    pub current: Current,
}

/// A reading, in the form of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Current {
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
