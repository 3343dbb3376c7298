//! What a person may change in a cluster, tuning and drills: what is asked for, and what came of it.

use crate::edits::{Difference, Edit};

/// What can be asked about a change of the HPA. Every request has a number, which its answer bears.
#[derive(Debug, Clone, PartialEq)]
pub enum TuneRequest {
    /// Whether the HPA may be changed at all.
    Rights,
    /// What the API server would make of the edits: a dry run, nothing is stored.
    Try(Change),
    /// Make the edits.
    Apply(Change),
    /// Take a change back, if what it set still stands.
    Undo {
        /// The request's number.
        number: u32,
        /// The merge patch that was applied to the specification.
        forward: serde_json::Value,
        /// The merge patch that takes it back.
        back: serde_json::Value,
    },
}

/// Edits, and the specification that they were made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The request's number.
    pub number: u32,
    /// The specification that the user saw, with defaults: if it is another one by now, nothing is changed.
    pub seen: Box<hpa::Spec>,
    /// What is to be different.
    pub edits: Vec<Edit>,
}

/// What came of a [`TuneRequest`].
#[derive(Debug, Clone, PartialEq)]
pub enum TuneEvent {
    /// Whether the HPA may be changed; `Err` says why not.
    Rights(Result<(), String>),
    /// What the dry run came to.
    Tried {
        /// The request's number.
        number: u32,
        /// What would be different.
        result: Result<Vec<Difference>, Refusal>,
    },
    /// What the change came to.
    Applied {
        /// The request's number.
        number: u32,
        /// What is different.
        result: Result<Applied, Refusal>,
    },
    /// What taking a change back came to.
    Undone {
        /// The request's number.
        number: u32,
        /// What is different.
        result: Result<Vec<Difference>, Refusal>,
    },
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What is different.
    pub differences: Vec<Difference>,
    /// The merge patch of the specification.
    pub forward: serde_json::Value,
    /// The merge patch that takes it back.
    pub back: serde_json::Value,
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Somebody else changed the specification meanwhile.
    Conflict {
        /// What they changed.
        theirs: Vec<Difference>,
        /// The specification as it is now, with defaults.
        now: Box<hpa::Spec>,
    },
    /// The API server does not accept it, in its own words.
    Invalid(String),
    /// It could not be done, as a sentence.
    Failed(String),
}

/// A part of the metric chain that can be stopped to see what the rest makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drill {
    /// The program that reads the broker for Prometheus.
    Exporter,
    /// Prometheus.
    Prometheus,
    /// The broker.
    Broker,
}

impl Drill {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 3] = [Self::Exporter, Self::Prometheus, Self::Broker];
}

/// What is scaled for a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaledWorkload {
    /// Its kind.
    pub kind: ScaledKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Replicas that it has, or had before it was stopped.
    pub replicas: i32,
}

/// What can be scaled for a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaledKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// The operator's object.
    Prometheus,
}

impl ScaledKind {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::Prometheus => "Prometheus",
        }
    }
}

/// What can be asked about drills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillRequest {
    /// What there is to stop here, and whether that is allowed.
    Look,
    /// Scale it to nothing.
    Stop(Drill, ScaledWorkload),
    /// Scale it to the replicas that it had.
    PutBack(Drill, ScaledWorkload),
}

/// What came of a [`DrillRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillEvent {
    /// What there is to stop; `Err` says why something is not.
    Seen(Vec<(Drill, Result<ScaledWorkload, String>)>),
    /// It is scaled to nothing.
    Stopped(Drill, ScaledWorkload),
    /// It is scaled to the replicas that it had.
    PutBack(Drill, ScaledWorkload),
    /// That did not work, as a sentence.
    Failed(Drill, String),
}
