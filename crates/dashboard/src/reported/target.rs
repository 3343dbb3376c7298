//! The target, the progress of its start, and its problems.

use std::time::Duration;

use contract::StepState;
use serde::{Deserialize, Serialize};

use crate::clock::At;

/// The target: the same for a remote cluster and for one on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// For the title line, such as `sandbox` or `kind-demo / autoscaling-demo`.
    pub title: String,
    /// The reason for this target, such as "no kubeconfig found"; empty when the user asked for it.
    pub reason: String,
    /// Namespace of the demo.
    pub namespace: String,
    /// The API server's version, once known.
    pub version: Option<String>,
    /// The HPAs' sync period by the settings of the controller manager, once known and where they can be read.
    #[serde(with = "observed::seconds::optional", default)]
    pub sync_period: Option<Duration>,
    /// True if the first burst needs a confirmation, as on a shared cluster.
    pub confirm_first_burst: bool,
    /// The size of the first burst, if the target suggests one: large enough to meet the HPA's limits.
    pub first_burst: Option<u32>,
}

/// A change of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TargetEvent {
    /// The target is being looked up; the sentence names the place.
    Looking(String),
    /// The target is chosen; it may still be starting.
    Chosen(Target),
    /// One step of the start changed.
    Step(StartStep),
    /// The target is ready.
    Ready,
    /// The target cannot be reached or used now.
    Failed(Problem),
}

/// One step of the target's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartStep {
    /// The component, such as `API server`; steps of the same name replace each other.
    pub name: String,
    /// The state.
    pub state: StepState,
}

/// A problem for the user: the attempt, the answer, and advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The attempt and the answer, as a sentence.
    pub what: String,
    /// The advice, as a sentence or a command; may be empty.
    pub advice: String,
    /// The time of the next attempt, if there is one.
    pub retry: Option<At>,
}
