//! `promtool check metrics` on the broker's three pages.

use std::io::Write;
use std::process::{Command, Stdio};

use broker::{Broker, Config, Listeners};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::test]
#[ignore = "needs Debian's prometheus, for promtool"]
async fn promtool_has_nothing_to_say() {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (amqp, metrics) = (bind().await.unwrap(), bind().await.unwrap());
    let (broker_at, metrics_at) = (amqp.local_addr().unwrap(), metrics.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let listeners = Listeners { amqp, management: None, metrics: Some(metrics) };
    let running = tokio::spawn(Broker::new(Config::default()).run(listeners, shutdown.clone()));

    let url = format!("amqp://guest:guest@{broker_at}/%2F");
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
        let text = reqwest::get(format!("http://{metrics_at}{path}")).await.unwrap().text().await.unwrap();
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
