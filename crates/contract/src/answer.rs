//! The producer's answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Content type of an error (RFC 9457).
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// Body of a 202: the broker has confirmed every job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// Jobs that the broker confirmed.
    pub confirmed: u32,
    /// Their ids, at most [`crate::routes::MAX_IDS`].
    pub ids: Vec<Uuid>,
    /// Milliseconds from the first publish to the last confirm.
    pub broker_ms: f64,
}

/// Body of an error, a problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the status says it all.
    #[serde(rename = "type", default = "about_blank")]
    pub type_: String,
    /// The status in words.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// What was wrong and what to do, for a person.
    pub detail: String,
    /// Jobs that the broker confirmed in spite of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<u32>,
    /// Ids of the confirmed jobs, at most [`crate::routes::MAX_IDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Uuid>,
    /// Jobs that were not confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u32>,
    /// Why they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl Problem {
    /// A problem without counts.
    #[must_use]
    pub fn new(status: u16, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            type_: about_blank(),
            title: title.into(),
            status,
            detail: detail.into(),
            confirmed: None,
            ids: Vec::new(),
            failed: None,
            cause: None,
        }
    }
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

/// Why a job was not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection to the broker.
    Disconnected,
    /// The channel or connection closed before the confirm came: the job may or may not be in the queue.
    ConnectionLost,
    /// The broker refused it (`basic.nack`), as a full queue does.
    Nacked,
    /// No queue takes the routing key (`basic.return`).
    Returned,
    /// The broker has blocked publishers (`connection.blocked`): a memory or disk alarm.
    Blocked,
    /// No confirm within [`crate::routes::CONFIRM_TIMEOUT`]: the job may or may not be in the queue.
    Slow,
    /// Too many unconfirmed messages already: nothing was published.
    Busy,
    /// The producer is shutting down.
    ShuttingDown,
}

impl Cause {
    /// The word in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::ConnectionLost => "connection_lost",
            Self::Nacked => "nacked",
            Self::Returned => "returned",
            Self::Blocked => "blocked",
            Self::Slow => "slow",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_without_counts_has_the_four_members_only() {
        let text =
            serde_json::to_string(&Problem::new(400, "Bad Request", "count must be 1 to 10000")).unwrap();
        assert_eq!(
            text,
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"count must be 1 to 10000"}"#
        );
    }
}
