//! The doctor's newest report, its time, and a run in progress.

use std::time::Duration;

use crate::clock::At;
use diagnosis::{Asked, Progress, Report};

/// A report and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The report.
    pub report: Report,
    /// The arrival time.
    pub at: At,
}

/// The state of the doctor.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Doctor {
    /// The user has not asked for it yet.
    #[default]
    Idle,
    /// It runs.
    Looking {
        /// The start of the run.
        since: At,
        /// The report before.
        before: Option<Box<Found>>,
        /// The findings so far.
        so_far: Option<Box<Progress>>,
    },
    /// It has reported.
    Known(Box<Found>),
}

impl Doctor {
    /// Begins a run, unless one is in progress. Returns true if it began.
    pub fn begin(&mut self, at: At) -> bool {
        let before = match std::mem::take(self) {
            Self::Idle => None,
            Self::Known(found) => Some(found),
            looking @ Self::Looking { .. } => {
                *self = looking;
                return false;
            }
        };
        *self = Self::Looking { since: at, before, so_far: None };
        true
    }

    /// Records the findings so far of the run in progress.
    pub fn progress(&mut self, progress: Progress) {
        if let Self::Looking { so_far, .. } = self {
            *so_far = Some(Box::new(progress));
        }
    }

    /// Records a report.
    pub fn end(&mut self, at: At, report: Report) {
        *self = Self::Known(Box::new(Found { report, at }));
    }

    /// The findings to show: those of the run in progress once it has any, or else the newest report.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Looking { so_far: Some(progress), .. } if !progress.report.findings.is_empty() => {
                Some(&progress.report)
            }
            _ => self.found().map(|found| &found.report),
        }
    }

    /// The questions of the run in progress without an answer.
    #[must_use]
    pub fn asked(&self) -> &[Asked] {
        match self {
            Self::Looking { so_far: Some(progress), .. } => &progress.asked,
            _ => &[],
        }
    }

    /// The newest complete report.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        match self {
            Self::Idle => None,
            Self::Looking { before, .. } => before.as_deref(),
            Self::Known(found) => Some(found),
        }
    }

    /// The duration of the run in progress, if there is one.
    #[must_use]
    pub fn looking(&self, now: At) -> Option<Duration> {
        match self {
            Self::Looking { since, .. } => Some(now.since(*since)),
            _ => None,
        }
    }
}
