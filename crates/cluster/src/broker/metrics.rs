//! The broker's Prometheus endpoint, for users without access to the management API.

use std::time::Duration;

use contract::names;
use http::StatusCode;
use kube::Client;

use super::{DepthAnswer, REQUEST_TIMEOUT};
use crate::endpoint::Endpoint;
use crate::errors::Failure;
use crate::http::get;
use crate::persistent_connection::PersistentConnection;
use observed::DepthSample;
use promfmt::exposition::{self, Sample};

/// Only the named families have series of queues.
const DETAILED: &str = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count";

/// The default of RabbitMQ's `collect_statistics_interval`. The endpoint does not report the actual one.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(5);

/// The metrics endpoint, through a persistent connection.
pub struct Metrics {
    connection: PersistentConnection,
}

impl Metrics {
    /// A closed connection; the first request opens it.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let endpoint = Endpoint {
            namespace: namespace.to_owned(),
            service: names::RABBITMQ.to_owned(),
            port: names::RABBITMQ_METRICS.into(),
        };
        Self { connection: PersistentConnection::new(client, endpoint) }
    }

    /// Queries the depth of one queue of a virtual host.
    ///
    /// # Errors
    /// If the endpoint does not answer, or answers an error.
    pub async fn ask(&mut self, vhost: &str, queue: &str) -> DepthAnswer {
        let request =
            get(names::RABBITMQ, DETAILED).map_err(|error| Failure::Unavailable(error.to_string()))?;
        let answer = self.connection.ask(&request, REQUEST_TIMEOUT).await?;
        match answer.status {
            StatusCode::OK => Ok(depth(&String::from_utf8_lossy(&answer.body), vhost, queue)),
            status => Err(Failure::Lost(format!("the broker's metrics endpoint answered {status}"))),
        }
    }
}

/// The totals of one queue, from the text exposition.
fn depth(text: &str, vhost: &str, queue: &str) -> Option<DepthSample> {
    let of_queue = |sample: &Sample<'_>| {
        let labels = exposition::labels(sample.series).unwrap_or_default();
        let has = |name: &str, value: &str| labels.iter().any(|(n, v)| *n == name && v == value);
        has("queue", queue) && has("vhost", vhost)
    };
    let samples: Vec<Sample<'_>> =
        exposition::samples(text).filter_map(Result::ok).filter(of_queue).collect();
    let value = |name: &str| {
        let sample = samples.iter().find(|sample| sample.name() == name && sample.value >= 0.0)?;
        Some(sample.value as u64)
    };
    Some(DepthSample {
        ready: value("rabbitmq_detailed_queue_messages_ready")?,
        unacked: value("rabbitmq_detailed_queue_messages_unacked")?,
        consumers: value("rabbitmq_detailed_queue_consumers"),
        staleness: STATISTICS_INTERVAL,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_one_queue_are_read() {
        let text = r#"# TYPE rabbitmq_detailed_queue_messages_ready gauge
rabbitmq_detailed_queue_messages_ready{vhost="/",queue="Orders.dead"} 9
rabbitmq_detailed_queue_messages_ready{vhost="other",queue="Orders"} 8
rabbitmq_detailed_queue_messages_ready{vhost="/",queue="Orders"} 5
rabbitmq_detailed_queue_messages_unacked{vhost="/",queue="Orders"} 2 1700000000000
rabbitmq_detailed_queue_consumers{vhost="/",queue="Orders"} 3.0
rabbitmq_detailed_queue_messages_ready{vhost="/",queue="a,\"b\""} 4
rabbitmq_detailed_queue_messages_unacked{vhost="/",queue="a,\"b\""} 0
"#;
        let expected =
            DepthSample { ready: 5, unacked: 2, consumers: Some(3), staleness: STATISTICS_INTERVAL };
        assert_eq!(depth(text, "/", "Orders"), Some(expected));
        assert_eq!(depth(text, "/", "a,\"b\"").map(|depth| depth.ready), Some(4));
        assert_eq!(depth(text, "/", "nowhere"), None);
        assert_eq!(depth(text, "other", "Orders"), None, "one of its series is missing");
        assert_eq!(depth("", "/", "Orders"), None);
    }
}
