//! The target and the progress of its start: the same for a remote cluster and for one on this machine.

use crate::clock::At;
use crate::reported::{Problem, StartStep, StepState, Target, TargetEvent};
use crate::strings::sentences;

/// Limit of the steps; further ones are ignored.
const MAX_STEPS: usize = 32;

/// The state of the target.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetState {
    /// It is being looked up; the sentence names the place.
    Looking(String),
    /// It is chosen and starts.
    Starting,
    /// It is ready.
    Ready,
    /// It cannot be used now.
    Failed {
        /// The problem.
        problem: Problem,
        /// The time of the failure.
        since: At,
        /// True if it had been ready before, so that there is data to show.
        was_ready: bool,
    },
}

/// The target and its start.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedTarget {
    /// The chosen target.
    pub target: Option<Target>,
    /// Its state.
    pub state: TargetState,
    /// The steps of its start, in the order of their first reports.
    pub steps: Vec<StartStep>,
}

impl Default for WatchedTarget {
    fn default() -> Self {
        Self {
            target: None,
            state: TargetState::Looking(sentences::LOOKING_FOR_TARGET.to_owned()),
            steps: Vec::new(),
        }
    }
}

impl WatchedTarget {
    /// Applies a change.
    pub fn apply(&mut self, at: At, change: TargetEvent) {
        match change {
            TargetEvent::Looking(place) => self.state = TargetState::Looking(place),
            TargetEvent::Chosen(target) => {
                // A second report about the same target, such as its version, does not restart it.
                let known = self.target.as_ref().is_some_and(|old| old.title == target.title);
                if !(known && matches!(self.state, TargetState::Ready)) {
                    self.state = TargetState::Starting;
                }
                self.target = Some(target);
            }
            TargetEvent::Step(step) => {
                let is_full = self.steps.len() >= MAX_STEPS;
                match self.steps.iter_mut().find(|old| old.name == step.name) {
                    Some(old) => *old = step,
                    None if is_full => {}
                    None => self.steps.push(step),
                }
            }
            TargetEvent::Ready => self.state = TargetState::Ready,
            TargetEvent::Failed(problem) => {
                let (since, was_ready) = match &self.state {
                    TargetState::Failed { since, was_ready, .. } => (*since, *was_ready),
                    state => (at, matches!(state, TargetState::Ready)),
                };
                self.state = TargetState::Failed { problem, since, was_ready };
            }
        }
    }

    /// Returns true if there is data to show.
    #[must_use]
    pub fn has_data(&self) -> bool {
        matches!(self.state, TargetState::Ready | TargetState::Failed { was_ready: true, .. })
    }

    /// Returns true if the target is ready now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, TargetState::Ready)
    }

    /// The problem, if there is one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match &self.state {
            TargetState::Failed { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Number of finished steps.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.state == StepState::Ready).count()
    }
}
