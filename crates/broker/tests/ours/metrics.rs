//! Metrics beyond what the suite says of both brokers.

use lapin::types::FieldTable;

use crate::start;
use crate::suite::client::*;

async fn text(under: &crate::Under, path: &str) -> String {
    reqwest::get(format!("http://{}{path}", under.metrics)).await.unwrap().text().await.unwrap()
}

/// The filter of RabbitMQ 4.3.
#[tokio::test]
async fn queues_are_filtered_by_a_pattern() {
    let (under, _control, _guard) = start().await;
    with_queue(&under, "Orders", FieldTable::default()).await;
    with_queue(&under, "Orders.dead", FieldTable::default()).await;
    let text = text(&under, "/metrics/detailed?family=queue_coarse_metrics&queue=^Orders$").await;
    assert!(text.contains("queue=\"Orders\""));
    assert!(!text.contains("Orders.dead"));
    let url = format!("http://{}/metrics/detailed?family=queue_coarse_metrics&queue=(", under.metrics);
    assert_eq!(reqwest::get(url).await.unwrap().status(), 400);
}

#[tokio::test]
async fn names_are_escaped() {
    let (under, _control, _guard) = start().await;
    with_queue(&under, "a\"b\\c\nd", FieldTable::default()).await;
    let text = text(&under, "/metrics/per-object").await;
    assert!(text.contains(r#"rabbitmq_queue_messages{vhost="/",queue="a\"b\\c\nd"} 0"#), "{text}");
}
