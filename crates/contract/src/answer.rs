//! The bodies of the producer's HTTP answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Content type of a problem document (RFC 9457).
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// Body of a 202 answer: the broker has confirmed every job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// Number of jobs that the broker confirmed.
    pub confirmed: u32,
    /// Ids of the confirmed jobs, at most [`crate::routes::MAX_IDS`].
    pub ids: Vec<Uuid>,
    /// Milliseconds from the first publish to the last confirm.
    pub broker_ms: f64,
}

/// Body of an error answer: a problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the status code identifies the problem.
    #[serde(rename = "type", default = "about_blank")]
    pub type_: String,
    /// The reason phrase of the status code.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// Explanation for a person, with a remedy if there is one.
    pub detail: String,
    /// Number of jobs that the broker confirmed in spite of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<u32>,
    /// Ids of the confirmed jobs, at most [`crate::routes::MAX_IDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Uuid>,
    /// Number of jobs that the broker did not confirm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u32>,
    /// Reason why the first unconfirmed job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl Problem {
    /// Creates a problem without counts.
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

/// Reason why a job was not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection to the broker.
    Disconnected,
    /// The channel or connection closed before the confirm arrived: the job may or may not be in the queue.
    ConnectionLost,
    /// The broker refused the job (`basic.nack`), for example because the queue is full.
    Nacked,
    /// The broker has no queue for the routing key (`basic.return`).
    Returned,
    /// The broker has blocked publishers (`connection.blocked`): a memory or disk alarm.
    Blocked,
    /// No confirm within [`crate::routes::CONFIRM_TIMEOUT`]: the job may or may not be in the queue.
    Slow,
    /// Too many messages are unconfirmed: nothing was published.
    Busy,
    /// The producer is shutting down.
    ShuttingDown,
}

impl Cause {
    /// All causes, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Disconnected,
        Self::ConnectionLost,
        Self::Nacked,
        Self::Returned,
        Self::Blocked,
        Self::Slow,
        Self::Busy,
        Self::ShuttingDown,
    ];

    /// Returns the value used in JSON and in metric labels.
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
    fn a_problem_without_counts_has_four_members() {
        let text =
            serde_json::to_string(&Problem::new(400, "Bad Request", "count must be 1 to 10000")).unwrap();
        assert_eq!(
            text,
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"count must be 1 to 10000"}"#
        );
    }
}
