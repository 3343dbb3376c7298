//! What is watched, and how far its start is. Neutral: a cluster far away and one on this machine look the same here.

use crate::clock::At;
use crate::reported::{Problem, StartStep, StepState, Target, TargetEvent};

/// Steps kept; a target that names more is not listened to.
const MAX_STEPS: usize = 32;

/// Where the target stands.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetState {
    /// It is being looked for, and where.
    Looking(String),
    /// It is chosen and starts.
    Starting,
    /// Everything needed is there.
    Ready,
    /// It cannot be used now.
    Failed {
        /// What is wrong.
        problem: Problem,
        /// Since when.
        since: At,
        /// Whether it had been ready before, so that there is something to show.
        was_ready: bool,
    },
}

/// The target and its start.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedTarget {
    /// What was chosen.
    pub target: Option<Target>,
    /// Where it stands.
    pub state: TargetState,
    /// The steps of its start, in the order in which they were first heard of.
    pub steps: Vec<StartStep>,
}

impl Default for WatchedTarget {
    fn default() -> Self {
        Self {
            target: None,
            state: TargetState::Looking("Looking for a target".to_owned()),
            steps: Vec::new(),
        }
    }
}

impl WatchedTarget {
    /// Takes news in.
    pub fn apply(&mut self, at: At, news: TargetEvent) {
        match news {
            TargetEvent::Looking(place) => self.state = TargetState::Looking(place),
            TargetEvent::Chosen(target) => {
                // A second word about the same target, such as its version, is no new start.
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

    /// Whether there is data to show.
    #[must_use]
    pub fn has_data(&self) -> bool {
        matches!(self.state, TargetState::Ready | TargetState::Failed { was_ready: true, .. })
    }

    /// Whether the target is ready now.
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

    /// How many steps are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.state == StepState::Ready).count()
    }
}
