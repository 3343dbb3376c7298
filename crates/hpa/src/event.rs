//! The events that a sync emits.

use serde::{Deserialize, Serialize};

use crate::status::Text;

/// One event about the HPA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whether it is a warning.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// One word why, such as `SuccessfulRescale`.
    pub reason: Text,
    /// A sentence.
    pub message: String,
}

/// The two types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// As it should be.
    Normal,
    /// Something went wrong.
    Warning,
}

impl EventKind {
    /// The API's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl Event {
    pub(crate) fn normal(reason: impl Into<Text>, message: impl Into<String>) -> Self {
        Self { kind: EventKind::Normal, reason: reason.into(), message: message.into() }
    }

    pub(crate) fn warning(reason: impl Into<Text>, message: impl Into<String>) -> Self {
        Self { kind: EventKind::Warning, reason: reason.into(), message: message.into() }
    }
}
