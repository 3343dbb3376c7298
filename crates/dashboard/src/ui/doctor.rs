//! What the doctor found along the metric chain, when, and whether it is looking now.

use std::time::Duration;

use crate::clock::At;
use diagnosis::Report;

/// What was found, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The report.
    pub report: Report,
    /// When it came.
    pub at: At,
}

/// How far the doctor is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Doctor {
    /// Nobody has asked yet.
    #[default]
    Idle,
    /// It looks.
    Looking {
        /// Since when.
        since: At,
        /// What it found the last time.
        before: Option<Box<Found>>,
    },
    /// It has looked.
    Known(Box<Found>),
}

impl Doctor {
    /// Begins to look, unless it does already. Returns whether it is to be asked.
    pub fn begin(&mut self, at: At) -> bool {
        let before = match std::mem::take(self) {
            Self::Idle => None,
            Self::Known(found) => Some(found),
            looking @ Self::Looking { .. } => {
                *self = looking;
                return false;
            }
        };
        *self = Self::Looking { since: at, before };
        true
    }

    /// A report came.
    pub fn end(&mut self, at: At, report: Report) {
        *self = Self::Known(Box::new(Found { report, at }));
    }

    /// The newest report.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        match self {
            Self::Idle => None,
            Self::Looking { before, .. } => before.as_deref(),
            Self::Known(found) => Some(found),
        }
    }

    /// For how long it has been looking, if it is.
    #[must_use]
    pub fn looking(&self, now: At) -> Option<Duration> {
        match self {
            Self::Looking { since, .. } => Some(now.since(*since)),
            _ => None,
        }
    }
}
