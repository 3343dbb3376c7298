//! Samples of the queue's depth, as the broker, Prometheus and the external metrics API answer them.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seconds;

/// The depth of a queue, as the broker answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DepthSample {
    /// Messages that wait for a consumer.
    pub ready: u64,
    /// Messages that a consumer has and did not acknowledge.
    pub unacked: u64,
    /// Number of consumers; `None` if the source does not report it.
    pub consumers: Option<u64>,
    /// Maximum age: zero for the totals query, the statistics interval for `/metrics`.
    #[serde(with = "seconds")]
    pub staleness: Duration,
}

impl DepthSample {
    /// All messages of the queue.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ready.saturating_add(self.unacked)
    }
}

/// The external metric as the API serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricSample {
    /// Sum of the items in milli-units; `None` when the API answers no item.
    pub value_milli: Option<i64>,
    /// Timestamp in the answer: the time of the query, not of the sample.
    pub stamped: Option<Timestamp>,
}

/// The sample in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrapedSample {
    /// Value; `None` when the query finds nothing.
    pub value: Option<f64>,
    /// Time of the scrape, by Prometheus' clock.
    pub scraped: Option<Timestamp>,
    /// Age of the sample when Prometheus answered.
    #[serde(with = "seconds::optional", default)]
    pub age: Option<Duration>,
}

/// The answer of a metrics API for one metric of an HPA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricAnswer {
    /// The reading, or the reason why there is none. Its times are the cluster's.
    pub reading: hpa::Reading,
    /// Group and version that answered, or were asked.
    pub api: Cow<'static, str>,
}

impl MetricAnswer {
    /// The time of the oldest measurement, and its window. `None` for External metrics, whose time is that of the query.
    #[must_use]
    pub fn measured(&self) -> Option<(hpa::Time, Duration)> {
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        match &self.reading {
            hpa::Reading::Resource(pods) => {
                pods.iter().map(|pod| (pod.at, seconds(pod.window_seconds))).min()
            }
            hpa::Reading::Pods(pods) => pods.iter().map(|pod| (pod.at, seconds(pod.window_seconds))).min(),
            _ => None,
        }
    }

    /// The reason of a missing reading.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.reading {
            hpa::Reading::Failed(why) => Some(why),
            _ => None,
        }
    }
}
