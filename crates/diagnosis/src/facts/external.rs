//! One External metric of the HPA, as the hops behind the broker report it.

use super::{Fact, History, MetricResponse, Sample};

/// The observations of one External metric.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalMetric {
    /// Its index in the HPA's metrics.
    pub index: usize,
    /// The current series of its rule, of all queues; without a rule, the series of RabbitMQ's queues.
    pub series: Fact<Vec<Sample>>,
    /// The samples of the series that it asks for, over the last minutes.
    pub history: Fact<Vec<History>>,
    /// Age of the newest of them in seconds, by Prometheus' clock.
    pub newest_sample_age: Fact<Option<f64>>,
    /// Result of its rule's query: one value per series.
    pub rule_result: Fact<Vec<Sample>>,
    /// Response of the external metrics API.
    pub response: Fact<MetricResponse>,
}

impl ExternalMetric {
    /// A metric of which nothing was requested.
    #[must_use]
    pub fn not_asked(index: usize, reason: &str) -> Self {
        Self {
            index,
            series: Fact::not_asked(reason),
            history: Fact::not_asked(reason),
            newest_sample_age: Fact::not_asked(reason),
            rule_result: Fact::not_asked(reason),
            response: Fact::not_asked(reason),
        }
    }
}
