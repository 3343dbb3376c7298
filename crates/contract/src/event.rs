//! The job events that a worker writes to its log.
//!
//! A worker's counters disappear with its pod. The outcome of a job is therefore also a line in the pod's log: one JSON
//! object on standard output, independent of the format of the other log lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::job::{BurstId, milliseconds};

/// One log line: `{"job_event":"acked","id":"…","burst":"…","at":"…","wait_ms":12,"work_ms":5001}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobEvent {
    /// Kind of the event.
    #[serde(rename = "job_event")]
    pub kind: JobEventKind,
    /// Id of the job; absent if the message had no readable id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Burst of the job, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<BurstId>,
    /// Time of the event, by the worker's clock.
    #[serde(serialize_with = "milliseconds")]
    pub at: Timestamp,
    /// True if the broker had delivered the message before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redelivered: bool,
    /// Milliseconds from `enqueued_at` to the start of the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Duration of the finished work, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_ms: Option<u64>,
    /// Reason why the job failed or was requeued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `traceparent` of the request to the producer (W3C Trace Context), if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl JobEvent {
    /// Parses a log line; returns `None` if the line is not a job event.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if !line.contains("\"job_event\"") {
            return None;
        }
        serde_json::from_str(line.trim()).ok()
    }

    /// Formats the log line, without a newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Kind of a job event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEventKind {
    /// Work has begun.
    Started,
    /// Work is done and the acknowledgement was passed to the connection.
    Acked,
    /// The connection was lost before the acknowledgement was sent: the broker will redeliver the job.
    Requeued,
    /// The message is not a valid job and went to the dead-letter queue.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_survives_a_round_trip() {
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
