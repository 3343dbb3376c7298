//! The suite against the real RabbitMQ: one node for all cases, one test, every failure named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod suite;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use serde_json::Value;
use suite::{Case, Operator, Under, for_all_cases};
use testkit::rabbitmq::RabbitMq;

struct Node(RabbitMq);

impl Operator for Node {
    fn set_policy(&self, name: &str, pattern: &str, definition: &Value) {
        self.0.set_policy(name, pattern, definition).unwrap();
    }

    fn clear_policy(&self, name: &str) {
        self.0.clear_policy(name).unwrap();
    }

    fn alarm(&self, raised: bool) {
        self.0.memory_alarm(raised).unwrap();
    }

    fn disconnect_all(&self, reason: &str) {
        self.0.close_all_connections(reason).unwrap();
    }
}

macro_rules! list {
    ($($group:ident: [$($case:ident,)*],)*) => {
        const CASES: &[Case] = &[$($((
            concat!(stringify!($group), "::", stringify!($case)),
            |under| Box::pin(suite::$group::$case(under)),
        ),)*)*];
    };
}

for_all_cases!(list);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: /usr/lib/rabbitmq/bin/rabbitmq-server"]
async fn rabbitmq_does_what_the_suite_says() {
    let node = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap().unwrap();
    let under = Under {
        amqp: node.amqp(),
        management: node.management(),
        metrics: node.metrics(),
        operator: Box::new(Node(node)),
    };
    // One case by name, when one is looked into.
    let only = std::env::var("CASE").ok();
    let mut failed = Vec::new();
    for (name, case) in CASES {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        if AssertUnwindSafe(case(&under)).catch_unwind().await.is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "RabbitMQ does not do: {failed:#?}");
}
