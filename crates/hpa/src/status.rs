//! The HPA's status as the controller keeps it.
//!
//! The JSON form is that of the API but for the times, which are the caller's milliseconds; the feature `k8s` converts
//! them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::number::Time;
use crate::quantity::Quantity;
use crate::spec::{MetricIdentifier, TargetRef};

/// A text that is usually one of the controller's own.
pub type Text = Cow<'static, str>;

/// `status` of a HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The generation that was decided on (only with the gate).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the autoscaler last changed the size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scale_time: Option<Time>,
    /// The **spec** size before the last decision, not the number of pods.
    pub current_replicas: i32,
    /// What the last decision came to.
    pub desired_replicas: i32,
    /// What was read, in the order of `spec.metrics`; an entry of a failed metric is empty.
    pub current_metrics: Vec<MetricStatus>,
    /// The conditions, in the order in which they were first set.
    pub conditions: Vec<Condition>,
}

impl Status {
    /// The condition of that type.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.type_ == type_)
    }

    /// Whether the condition of that type is `True`.
    #[must_use]
    pub fn is_true(&self, type_: &str) -> bool {
        self.condition(type_).is_some_and(|c| c.status == ConditionStatus::True)
    }
}

/// `True`, `False` or `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// The API's word.
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
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited` or `ScaledToZero`; others are kept untouched.
    #[serde(rename = "type")]
    pub type_: Text,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word why.
    pub reason: Text,
    /// A sentence why.
    pub message: Text,
    /// When `status` last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// One entry of `status.currentMetrics`, shaped like the entry of `spec.metrics`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricStatus {
    /// Which of the sources below is set; empty for a metric that failed.
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
    /// The reading, whatever the source.
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
    /// Which metric.
    pub metric: MetricIdentifier,
    /// What was read.
    pub current: Current,
}

/// Reading of an Object metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectStatus {
    /// The object.
    pub described_object: TargetRef,
    /// Which metric.
    pub metric: MetricIdentifier,
    /// What was read.
    pub current: Current,
}

/// Reading of a Pods metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodsStatus {
    /// Which metric.
    pub metric: MetricIdentifier,
    /// What was read.
    pub current: Current,
}

/// Reading of a Resource metric.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceStatus {
    /// Resource name.
    pub name: String,
    /// What was read.
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
    /// What was read.
    pub current: Current,
}

/// What was read, in the form of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Current {
    /// One total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// Per pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// Percent of the pods' requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}
