//! The numbers that are asked for, and how the places are that they come from.

use std::time::Duration;

use jiff::Timestamp;

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
