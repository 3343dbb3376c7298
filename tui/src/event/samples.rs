//! The numbers that are asked for, and how the places are that they come from.

use std::time::Duration;

use jiff::Timestamp;

use super::At;

/// The queue as the broker's management API says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthSample {
    /// Messages waiting.
    pub ready: u64,
    /// Messages delivered and not acknowledged.
    pub unacked: u64,
    /// Consumers, where the source tells.
    pub consumers: Option<u64>,
    /// How old the figure may be: zero for the totals query, the statistics interval for `/metrics`.
    pub staleness: Duration,
}

impl DepthSample {
    /// Messages in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ready.saturating_add(self.unacked)
    }
}

/// The external metric as the API serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSample {
    /// Sum of the items in milli-units; `None` when the API answers no item.
    pub value_milli: Option<i64>,
    /// The answer's own timestamp: query time, not the sample's.
    pub stamped: Option<Timestamp>,
}

/// The sample in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScrapedSample {
    /// Value; `None` when the query finds nothing.
    pub value: Option<f64>,
    /// When the value was scraped, by Prometheus's clock.
    pub scraped: Option<Timestamp>,
    /// Age of the sample when Prometheus answered.
    pub age: Option<Duration>,
}

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
pub struct Dated {
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
