//! The cases of `suite` with RabbitMQ, on one node, and promtool's check of this broker's metrics.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod suite;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::{Command, Stdio};

use broker::{Broker, Config, Listeners};
use futures::FutureExt;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;
use suite::{BrokerUnderTest, Case, Operator, for_all_cases};
use testkit::rabbitmq::RabbitMq;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
            |broker| Box::pin(suite::$group::$case(broker)),
        ),)*)*];
    };
}

for_all_cases!(list);

/// The cases in which RabbitMQ 4 differs from RabbitMQ 3, which the broker in memory follows.
const DIFFERENT_IN_4: [&str; 5] = [
    // It answers an unknown protocol with the header of AMQP 1.0 with SASL.
    "handshake::another_protocol_gets_the_supported_header",
    // Every queue has the argument x-queue-type: "received 'quorum' but current is 'classic'".
    "queues::redeclaration_must_be_equivalent",
    // It ignores the header x-death of a published message, so the count starts again.
    "dead_letters::rejected_messages_are_dead_lettered",
    // The list has further fields.
    "http::queue_totals_are_exact",
    // The reason is "Not_Authorized".
    "http::management_requires_a_password",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs RabbitMQ: /usr/lib/rabbitmq/bin/rabbitmq-server"]
async fn all_cases_pass_with_rabbitmq() {
    let node = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap().unwrap();
    let version = node.ctl(&["version"]).unwrap();
    let different: &[&str] = if version.trim().starts_with("3.") { &[] } else { &DIFFERENT_IN_4 };
    let broker = BrokerUnderTest {
        amqp: node.amqp(),
        management: node.management(),
        metrics: node.metrics(),
        operator: Box::new(Node(node)),
    };
    // `CASE` selects cases by name.
    let only = std::env::var("CASE").ok();
    let mut wrong = Vec::new();
    for (name, case) in CASES {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let has_passed = AssertUnwindSafe(case(&broker)).catch_unwind().await.is_ok();
        if has_passed == different.contains(name) {
            wrong.push(*name);
        }
    }
    assert!(wrong.is_empty(), "cases with another result than expected for RabbitMQ {version}: {wrong:#?}");
}

#[tokio::test]
#[ignore = "needs Debian's prometheus, for promtool"]
async fn promtool_reports_nothing() {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (amqp, metrics) = (bind().await.unwrap(), bind().await.unwrap());
    let (amqp_address, metrics_address) = (amqp.local_addr().unwrap(), metrics.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let listeners = Listeners { amqp, management: None, metrics: Some(metrics) };
    let running = tokio::spawn(Broker::new(Config::default()).run(listeners, shutdown.clone()));

    let url = format!("amqp://guest:guest@{amqp_address}/%2F");
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .queue_declare("Orders".into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await
        .unwrap();
    for path in [
        "/metrics",
        "/metrics/per-object",
        "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count&family=queue_metrics",
    ] {
        let text =
            reqwest::get(format!("http://{metrics_address}{path}")).await.unwrap().text().await.unwrap();
        assert!(path == "/metrics" || text.contains("queue=\"Orders\""), "{path}: {text}");
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    }

    shutdown.cancel();
    running.await.unwrap();
}
