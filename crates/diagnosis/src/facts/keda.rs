//! KEDA: its operator, its objects, and the Secrets with its credentials.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::{CustomObject, Fact};

/// KEDA, where it is installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Keda {
    /// Namespace of its operator.
    pub namespace: String,
    /// The Deployment of its operator.
    pub operator: Fact<Deployment>,
    /// ScaledObjects of the HPA's namespace; absent where KEDA is not installed.
    pub scaled_objects: Fact<Vec<ScaledObject>>,
    /// TriggerAuthentications of the HPA's namespace.
    pub authentications: Fact<Vec<CustomObject<AuthenticationSpec>>>,
    /// ClusterTriggerAuthentications.
    pub cluster_authentications: Fact<Vec<CustomObject<AuthenticationSpec>>>,
    /// The Secrets that the ScaledObjects' authentications read.
    pub secrets: Vec<SecretKeys>,
}

impl Keda {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            namespace: String::new(),
            operator: Fact::not_asked(reason),
            scaled_objects: Fact::not_asked(reason),
            authentications: Fact::not_asked(reason),
            cluster_authentications: Fact::not_asked(reason),
            secrets: Vec::new(),
        }
    }
}

/// The keys of a Secret, without their values.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretKeys {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Its keys.
    pub keys: Fact<BTreeSet<String>>,
}

/// `spec` of a `TriggerAuthentication` and of a `ClusterTriggerAuthentication`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthenticationSpec {
    /// Parameters that come from Secrets.
    pub secret_target_ref: Vec<SecretReference>,
}

/// One of `spec.secretTargetRef` of an authentication.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SecretReference {
    /// Parameter of the trigger, such as `password`.
    pub parameter: String,
    /// Name of the Secret.
    pub name: String,
    /// Key in the Secret.
    pub key: String,
}

/// `spec` and `status` of a `ScaledObject` of KEDA.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaledObject {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Specification.
    pub spec: ScaledObjectSpec,
    /// Status.
    pub status: ScaledObjectStatus,
}

/// `spec` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    /// The workload that it scales.
    pub scale_target_ref: ScaleTarget,
    /// Seconds between two polls at 0 replicas.
    pub polling_interval: Option<u64>,
    /// Seconds without activity after which KEDA scales to the idle size; 300 when it is missing.
    pub cooldown_period: Option<u64>,
    /// Replicas while no trigger is active, below the minimum.
    pub idle_replica_count: Option<i32>,
    /// Fewest replicas; 0 when it is missing.
    pub min_replica_count: Option<i32>,
    /// The replicas that KEDA asks for while a trigger fails.
    pub fallback: Option<Fallback>,
    /// Settings of the HPA that KEDA creates.
    pub advanced: Advanced,
    /// Its triggers.
    pub triggers: Vec<Trigger>,
}

/// `spec.scaleTargetRef` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaleTarget {
    /// Name.
    pub name: String,
    /// Kind; Deployment when it is missing.
    pub kind: Option<String>,
}

/// `spec.advanced` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Advanced {
    /// The HPA.
    pub horizontal_pod_autoscaler_config: AutoscalerConfig,
    /// The formula that makes one metric of all triggers.
    pub scaling_modifiers: ScalingModifiers,
}

/// `spec.advanced.scalingModifiers` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ScalingModifiers {
    /// The formula over the triggers' names; empty without one.
    pub formula: String,
    /// Target of its result.
    pub target: String,
}

/// `spec.fallback` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Fallback {
    /// Failures in a row before it applies.
    pub failure_threshold: i64,
    /// Replicas.
    pub replicas: i32,
    /// `static` when it is missing.
    pub behavior: Option<String>,
}

/// `spec.advanced.horizontalPodAutoscalerConfig` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AutoscalerConfig {
    /// Name of the HPA; `keda-hpa-NAME` when it is missing.
    pub name: Option<String>,
}

/// One of `spec.triggers` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Trigger {
    /// Such as `rabbitmq`.
    pub r#type: String,
    /// Its name in a formula.
    pub name: Option<String>,
    /// Settings.
    pub metadata: BTreeMap<String, String>,
    /// The authentication that it uses.
    pub authentication_ref: Option<AuthenticationReference>,
}

/// `authenticationRef` of a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AuthenticationReference {
    /// Name.
    pub name: String,
    /// `TriggerAuthentication` when it is missing, or `ClusterTriggerAuthentication`.
    pub kind: Option<String>,
}

/// `status` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScaledObjectStatus {
    /// Conditions.
    pub conditions: Vec<ScaledObjectCondition>,
    /// Name of the HPA that KEDA created.
    pub hpa_name: Option<String>,
    /// The failures of each metric, by its name. KEDA counts them for objects with a fallback only.
    pub health: BTreeMap<String, Health>,
    /// The activity of each trigger, by its metric's name.
    pub triggers_activity: BTreeMap<String, Activity>,
}

/// One of `status.health` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Health {
    /// Failures in a row.
    pub number_of_failures: Option<i64>,
    /// `Happy` or `Failing`.
    pub status: String,
}

/// One of `status.triggersActivity` of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Activity {
    /// The trigger is above its activation value.
    pub is_active: bool,
}

/// A condition of a `ScaledObject`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ScaledObjectCondition {
    /// `Ready`, `Active`, `Fallback`, `Paused`.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason in CamelCase.
    pub reason: String,
    /// Message.
    pub message: String,
}
