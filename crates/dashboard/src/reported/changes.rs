//! Changes of the cluster by the user, tuning and drills: the requests and their results.

use serde::{Deserialize, Serialize};

use crate::edits::{Difference, Edit};

/// A request about the HPA. Every request has a number, and its answer repeats it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TuneRequest {
    /// Check the permission to change the HPA.
    Rights,
    /// Dry-run the edits at the API server; nothing is stored.
    Try(Change),
    /// Apply the edits.
    Apply(Change),
    /// Undo a change, if its values are still in place.
    Undo {
        /// The request's number.
        number: u32,
        /// The merge patch that was applied to the specification.
        forward: serde_json::Value,
        /// The merge patch that takes it back.
        back: serde_json::Value,
    },
}

/// Edits, and the specification that they are for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The request's number.
    pub number: u32,
    /// The specification that the user saw, with defaults: if it has changed, the edits are refused.
    pub seen: Box<hpa::Spec>,
    /// The edits.
    pub edits: Vec<Edit>,
}

/// The answer to a [`TuneRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TuneEvent {
    /// The permission to change the HPA; `Err` with the reason.
    Rights(Result<(), String>),
    /// The result of a dry run.
    Tried {
        /// The request's number.
        number: u32,
        /// The differences.
        result: Result<Vec<Difference>, Refusal>,
    },
    /// The result of a change.
    Applied {
        /// The request's number.
        number: u32,
        /// The applied change.
        result: Result<Applied, Refusal>,
    },
    /// The result of an undo.
    Undone {
        /// The request's number.
        number: u32,
        /// The differences.
        result: Result<Vec<Difference>, Refusal>,
    },
}

/// An applied change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The differences.
    pub differences: Vec<Difference>,
    /// The merge patch of the specification.
    pub forward: serde_json::Value,
    /// The merge patch that undoes it.
    pub back: serde_json::Value,
}

/// The reason why a change was not made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// Another client changed the specification meanwhile.
    Conflict {
        /// The other client's changes.
        theirs: Vec<Difference>,
        /// The current specification, with defaults.
        now: Box<hpa::Spec>,
    },
    /// The API server's validation error.
    Invalid(String),
    /// Another failure, as a sentence.
    Failed(String),
}

/// A part of the metric chain that can be stopped to show the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Drill {
    /// The exporter that reads the broker for Prometheus.
    Exporter,
    /// Prometheus.
    Prometheus,
    /// The broker.
    Broker,
}

impl Drill {
    /// All drills, in the order of the chain.
    pub const ALL: [Self; 3] = [Self::Exporter, Self::Prometheus, Self::Broker];
}

/// The workload that a drill scales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledWorkload {
    /// Its kind.
    pub kind: ScaledKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its current replicas, or those before the stop.
    pub replicas: i32,
}

/// The kinds of workloads that a drill can scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ScaledKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// The operator's Prometheus object.
    Prometheus,
}

impl ScaledKind {
    /// The kind as Kubernetes writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::Prometheus => "Prometheus",
        }
    }
}

/// A request about drills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DrillRequest {
    /// Find the workloads and check the permission.
    Find,
    /// Scale it to zero.
    Stop(Drill, ScaledWorkload),
    /// Scale it to its earlier replicas.
    PutBack(Drill, ScaledWorkload),
}

/// The answer to a [`DrillRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DrillEvent {
    /// The workloads; `Err` with the reason if one cannot be stopped.
    Found(Vec<(Drill, Result<ScaledWorkload, String>)>),
    /// It is scaled to zero.
    Stopped(Drill, ScaledWorkload),
    /// It is scaled to its earlier replicas.
    PutBack(Drill, ScaledWorkload),
    /// The request failed, as a sentence.
    Failed(Drill, String),
}
