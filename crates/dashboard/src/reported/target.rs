//! What is watched, how its start goes, and what stands in its way.

use crate::clock::At;

/// What is watched: neutral about whether it is a cluster far away or one on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// For the title line, such as `sandbox` or `kind-demo / autoscaling-demo`.
    pub title: String,
    /// Why this one, such as "no kubeconfig found"; empty when the user asked for it.
    pub reason: String,
    /// Namespace of the demo.
    pub namespace: String,
    /// Version that the API server reports, once known.
    pub version: Option<String>,
    /// Whether the first burst must be confirmed (it is somebody's cluster).
    pub confirm_first_burst: bool,
}

/// News about the target.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetEvent {
    /// The target is being looked for; the sentence says where.
    Looking(String),
    /// The target is chosen; it may still be starting.
    Chosen(Target),
    /// One step of the start changed.
    Step(StartStep),
    /// Everything needed is there.
    Ready,
    /// It cannot be reached or used now.
    Failed(Problem),
}

/// One step of the target's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartStep {
    /// What starts, such as `API server`; steps of the same name replace each other.
    pub name: String,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Something else must come first.
    Waiting,
    /// Under way, with what it waits for.
    Starting(String),
    /// Done.
    Ready,
    /// Not going to be done, with the reason.
    Failed(String),
}

/// Something that a person must know: what was tried, what came back, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was tried, on what, and what came back, as a sentence.
    pub what: String,
    /// What to do about it, as a sentence or a command; may be empty.
    pub advice: String,
    /// When it is tried again, if it is.
    pub retry: Option<At>,
}
