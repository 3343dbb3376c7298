//! The sources of data and their states.

use jiff::Timestamp;

use crate::clock::At;

/// Where data comes from. Each reconnects by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// The broker's management API, through a tunnel.
    Broker,
    /// Prometheus, through a tunnel.
    Prometheus,
    /// The producer, through tunnels.
    Producer,
    /// Logs of the workers.
    Logs,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// Being opened for the first time.
    Connecting,
    /// Delivering.
    Live,
    /// Lost; it is tried again at the given time.
    Retrying {
        /// Why it was lost, as a sentence.
        cause: String,
        /// When the next try is.
        next: At,
    },
    /// Not to be had here, and why: no rights, no such API, nothing to ask.
    Unavailable(String),
}

/// One answer of the API server with its `Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTime {
    /// When the question went out.
    pub asked: At,
    /// When the answer was here.
    pub answered: At,
    /// The server's clock at some moment between, cut to whole seconds.
    pub date: Timestamp,
}

/// How the reading of a worker's log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogState {
    /// It has been read to its end: the worker will say nothing more.
    Ended,
    /// Lines are missing or may be, and why.
    Gap(String),
}

/// How often sources poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollRate {
    /// Nothing is going on: once a second.
    Idle,
    /// Jobs are in flight: as often as the contract allows.
    Busy,
}
