//! The events that a sync emits.

use serde::{Deserialize, Serialize};

use crate::status::Text;

/// One event about the HPA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The reason in one word, such as `SuccessfulRescale`.
    pub reason: Text,
    /// The message.
    pub message: String,
}

/// The two types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// Normal operation.
    Normal,
    /// A failure.
    Warning,
}

impl EventKind {
    /// The name in the API.
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
