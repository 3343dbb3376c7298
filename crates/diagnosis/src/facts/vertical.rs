//! VerticalPodAutoscalers.

use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use serde::Deserialize;

/// `spec` of a VerticalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VerticalSpec {
    /// The workload.
    pub target_ref: CrossVersionObjectReference,
    /// The mode in which it applies its recommendations.
    pub update_policy: UpdatePolicy,
    /// The containers and resources that it controls.
    pub resource_policy: ResourcePolicy,
}

/// `spec.updatePolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdatePolicy {
    /// `Auto` when it is missing; `Off` only recommends.
    pub update_mode: Option<String>,
}

/// `spec.resourcePolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourcePolicy {
    /// A policy for each container.
    pub container_policies: Vec<ContainerPolicy>,
}

/// One of `spec.resourcePolicy.containerPolicies`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPolicy {
    /// Name of the container, or `*`.
    pub container_name: String,
    /// `Off` leaves the container alone.
    pub mode: Option<String>,
    /// `cpu` and `memory` when it is missing.
    pub controlled_resources: Option<Vec<String>>,
}
