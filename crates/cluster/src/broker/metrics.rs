//! The broker's Prometheus endpoint, for those who may not ask the management API.

use std::time::Duration;

use contract::names;
use http::StatusCode;
use kube::Client;
use promfmt::exposition;

use super::{DepthAnswer, WITHIN};
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::http::get;
use crate::persistent_connection::PersistentConnection;
use observed::DepthSample;

/// Without a family the answer has no series of queues.
const DETAILED: &str = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count";

/// RabbitMQ's `collect_statistics_interval` as it is without settings; the endpoint does not tell the one in use.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(5);

/// The metrics endpoint behind a kept tunnel.
pub struct Metrics {
    kept: PersistentConnection,
}

impl Metrics {
    /// Opens nothing yet: the first request does.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let endpoint = Endpoint {
            namespace: namespace.to_owned(),
            service: names::RABBITMQ.to_owned(),
            port: names::RABBITMQ_METRICS.into(),
        };
        Self { kept: PersistentConnection::new(client, endpoint) }
    }

    /// Asks for the depth of one queue.
    ///
    /// # Errors
    /// When the endpoint does not answer, or answers an error.
    pub async fn ask(&mut self, queue: &str) -> DepthAnswer {
        let request =
            get(names::RABBITMQ, DETAILED).map_err(|error| Failure::Unavailable(error.to_string()))?;
        let answer = self.kept.ask(&request, WITHIN).await?;
        match answer.status {
            StatusCode::OK => Ok(depth(&String::from_utf8_lossy(&answer.body), queue)),
            status => Err(Failure::Lost(format!("the broker's metrics endpoint answered {status}"))),
        }
    }
}

/// The depth of one queue in the text exposition. Malformed lines are skipped.
fn depth(text: &str, queue: &str) -> Option<DepthSample> {
    let value = |name: &str| {
        let samples = exposition::samples(text).filter_map(Result::ok).filter(|sample| sample.name() == name);
        let mut ours = samples.filter(|sample| {
            let labels = exposition::labels(sample.series).unwrap_or_default();
            let has = |name: &str, value: &str| labels.iter().any(|(n, v)| *n == name && v == value);
            has("queue", queue) && has("vhost", "/")
        });
        ours.find(|sample| sample.value >= 0.0).map(|sample| sample.value as u64)
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
"#;
        let expected =
            DepthSample { ready: 5, unacked: 2, consumers: Some(3), staleness: STATISTICS_INTERVAL };
        assert_eq!(depth(text, "Orders"), Some(expected));
        assert_eq!(depth(text, "nowhere"), None);
        assert_eq!(depth("", "Orders"), None);
    }

    #[test]
    fn queue_names_may_have_commas_and_quotes() {
        let text = r#"rabbitmq_detailed_queue_messages_ready{vhost="/",queue="a,\"b\""} 5
rabbitmq_detailed_queue_messages_unacked{queue="a,\"b\"",vhost="/"} 2
"#;
        let depth = depth(text, r#"a,"b""#).unwrap();
        assert_eq!((depth.ready, depth.unacked, depth.consumers), (5, 2, None));
    }
}
