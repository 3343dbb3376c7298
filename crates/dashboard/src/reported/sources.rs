//! The sources of data and their states.

use contract::JobEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::At;
use observed::MetricAnswer;

/// The sources of data. Each reconnects by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Source {
    /// Watch on the HPA.
    Hpa,
    /// Watch on the scale target.
    Workload,
    /// Watch on the namespace's pods.
    Pods,
    /// Watch on Events.
    Events,
    /// The external metrics API.
    ExternalMetric,
    /// The APIs of the HPA's other metrics.
    Metrics,
    /// The broker's management API, through a tunnel.
    Broker,
    /// Prometheus, through a tunnel.
    Prometheus,
    /// The producer, through tunnels.
    Producer,
    /// Logs of the workers.
    Logs,
    /// Watch on all HPAs.
    Fleet,
}

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SourceState {
    /// The first connection is being opened.
    Connecting,
    /// It delivers.
    Live,
    /// Lost; the next attempt is scheduled.
    Retrying {
        /// The cause, as a sentence.
        cause: String,
        /// The time of the next attempt.
        next: At,
    },
    /// Not available, with the reason: no permission, no such API, nothing to read.
    Unavailable(String),
}

/// The answers of the metrics APIs for one specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricAnswers {
    /// `spec.metrics` as it was when they were asked.
    pub metrics: Vec<hpa::spec::Metric>,
    /// One answer a metric; `None` for a metric that another source reads.
    pub answers: Vec<Option<MetricAnswer>>,
}

/// One answer of the API server with its `Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// The time at which the request was sent.
    pub asked: At,
    /// The arrival time of the answer.
    pub answered: At,
    /// The server's clock at a moment in between, in whole seconds.
    pub date: Timestamp,
}

/// A line of a log from before the dashboard started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EarlierLine {
    /// A job event.
    Job(JobEvent),
    /// Any other line, cleaned.
    Text(String),
}

/// The state of reading a worker's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum LogState {
    /// It was read to its end: the worker writes no more lines.
    Ended,
    /// Lines are missing or may be missing, with the reason.
    Gap(String),
}

/// The poll rate of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollRate {
    /// Nothing is going on: once a second.
    Idle,
    /// Jobs are in flight: as often as the contract allows.
    Busy,
}
