//! The suite against this crate's broker: one broker a case.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod suite;

use broker::{Broker, Config, Control, Definition, Listeners, Overflow};
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

async fn start() -> (Under, DropGuard) {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (amqp, management, metrics) = (bind().await.unwrap(), bind().await.unwrap(), bind().await.unwrap());
    let broker = Broker::new(Config::default());
    let under = Under {
        amqp: amqp.local_addr().unwrap(),
        management: management.local_addr().unwrap(),
        metrics: metrics.local_addr().unwrap(),
        operator: Box::new(broker.control()),
    };
    let shutdown = CancellationToken::new();
    let listeners = Listeners { amqp, management: Some(management), metrics: Some(metrics) };
    tokio::spawn(broker.run(listeners, shutdown.clone()));
    (under, shutdown.drop_guard())
}

macro_rules! tests {
    ($($group:ident: [$($case:ident,)*],)*) => {
        $(mod $group {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (under, _guard) = super::start().await;
                super::suite::$group::$case(&under).await;
            })*
        })*
    };
}

for_all_cases!(tests);
