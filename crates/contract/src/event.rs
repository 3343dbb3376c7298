//! The lines that a worker logs about its jobs.
//!
//! A worker's counters die with its pod, so whoever wants to know what became of a job reads these lines from the
//! pod's log: one JSON object a line on standard output, whatever the log format of everything else is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::job::{BurstId, milliseconds};

/// One line: `{"job_event":"acked","id":"…","burst":"…","at":"…","wait_ms":12,"work_ms":5001}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobEvent {
    /// What happened.
    #[serde(rename = "job_event")]
    pub kind: JobEventKind,
    /// The job; absent when the message was too broken to have an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its burst, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<BurstId>,
    /// When, by the worker's clock.
    #[serde(serialize_with = "milliseconds")]
    pub at: Timestamp,
    /// Whether the broker had delivered the message before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redelivered: bool,
    /// Milliseconds from `enqueued_at` to the start of the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Milliseconds of work, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_ms: Option<u64>,
    /// Why a job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The trace that the request to the producer belonged to (W3C Trace Context), if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl JobEvent {
    /// Reads a log line; `None` if the line is about something else.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if !line.contains("\"job_event\"") {
            return None;
        }
        serde_json::from_str(line.trim()).ok()
    }

    /// The line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEventKind {
    /// Work has begun.
    Started,
    /// Work is done and the acknowledgement was handed to the connection.
    Acked,
    /// The connection went away with the job in hand: the broker will deliver it again.
    Requeued,
    /// The job is poison and went to the dead-letter queue.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        let line = r#"{"job_event":"acked","id":"01890a5d-ac96-774b-bcce-b302099a8057","burst":"b1","at":"2026-01-02T03:04:05.678Z","redelivered":true,"wait_ms":12,"work_ms":5001}"#;
        assert_eq!(JobEvent::parse(line).unwrap().to_line(), line);
    }

    #[test]
    fn other_lines_are_not_job_events() {
        for line in
            ["", "started", "{}", r#"{"job_event":"danced","at":"2026-01-02T03:04:05Z"}"#, "\u{1b}[31m"]
        {
            assert_eq!(JobEvent::parse(line), None, "{line:?}");
        }
    }
}
