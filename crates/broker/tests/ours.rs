//! The suite against this crate's broker, one broker a case, and what only this broker has: bounds that can be set,
//! the control handle, and the places where it is stricter than RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod suite;

#[path = "ours/bounds.rs"]
mod bounds;
#[path = "ours/control.rs"]
mod control;
#[path = "ours/differences.rs"]
mod differences;
#[path = "ours/hostile.rs"]
mod hostile;
#[path = "ours/metrics.rs"]
mod metrics;

use broker::{Broker, Config, Control, Definition, Limits, Listeners, Overflow};
use serde_json::Value;
use suite::{Operator, Under, for_all_cases};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

impl Operator for Control {
    fn set_policy(&self, name: &str, pattern: &str, definition: &Value) {
        let definition = Definition {
            max_length: definition["max-length"].as_u64(),
            overflow: (definition["overflow"] == "reject-publish").then_some(Overflow::RejectPublish),
            ..Definition::default()
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

/// Starts a broker on free ports; it ends with the guard.
async fn start_with(config: Config) -> (Under, Control, DropGuard) {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (amqp, management, metrics) = (bind().await.unwrap(), bind().await.unwrap(), bind().await.unwrap());
    let broker = Broker::new(config);
    let control = broker.control();
    let under = Under {
        amqp: amqp.local_addr().unwrap(),
        management: management.local_addr().unwrap(),
        metrics: metrics.local_addr().unwrap(),
        operator: Box::new(control.clone()),
    };
    let shutdown = CancellationToken::new();
    let listeners = Listeners { amqp, management: Some(management), metrics: Some(metrics) };
    tokio::spawn(broker.run(listeners, shutdown.clone()));
    (under, control, shutdown.drop_guard())
}

async fn start() -> (Under, Control, DropGuard) {
    start_with(Config::default()).await
}

async fn start_limited(change: impl FnOnce(&mut Limits)) -> (Under, Control, DropGuard) {
    let mut config = Config::default();
    change(&mut config.limits);
    start_with(config).await
}

macro_rules! tests {
    ($($group:ident: [$($case:ident,)*],)*) => {
        $(mod $group {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (under, _control, _guard) = super::start().await;
                super::suite::$group::$case(&under).await;
            })*
        })*
    };
}

for_all_cases!(tests);
