//! Tests of this crate's broker that do not apply to RabbitMQ.

mod control;
mod differences;
mod limits;
mod malformed;
mod metrics;

use broker::{Broker, Config, Control, Limits, Listeners, Overflow, PolicyDefinition};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::suite::{BrokerUnderTest, Operator};

impl Operator for Control {
    fn set_policy(&self, name: &str, pattern: &str, definition: &Value) {
        let definition = PolicyDefinition {
            max_length: definition["max-length"].as_u64(),
            overflow: (definition["overflow"] == "reject-publish").then_some(Overflow::RejectPublish),
            ..PolicyDefinition::default()
        };
        Self::set_policy(self, name, pattern, 0, definition).unwrap();
    }

    fn clear_policy(&self, name: &str) {
        Self::clear_policy(self, name);
    }

    fn alarm(&self, raised: bool) {
        if raised { self.block("low on memory") } else { self.unblock() }
    }

    fn disconnect_all(&self, reason: &str) {
        Self::disconnect_all(self, reason);
    }
}

/// Starts a broker on free ports; dropping the guard stops it.
async fn start_with(config: Config) -> (BrokerUnderTest, Control, DropGuard) {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (amqp, management, metrics) = (bind().await.unwrap(), bind().await.unwrap(), bind().await.unwrap());
    let broker = Broker::new(config);
    let control = broker.control();
    let under_test = BrokerUnderTest {
        amqp: amqp.local_addr().unwrap(),
        management: management.local_addr().unwrap(),
        metrics: metrics.local_addr().unwrap(),
        operator: Box::new(control.clone()),
    };
    let shutdown = CancellationToken::new();
    let listeners = Listeners { amqp, management: Some(management), metrics: Some(metrics) };
    tokio::spawn(broker.run(listeners, shutdown.clone()));
    (under_test, control, shutdown.drop_guard())
}

pub(crate) async fn start() -> (BrokerUnderTest, Control, DropGuard) {
    start_with(Config::default()).await
}

async fn start_limited(change: impl FnOnce(&mut Limits)) -> (BrokerUnderTest, Control, DropGuard) {
    let mut config = Config::default();
    change(&mut config.limits);
    start_with(config).await
}
