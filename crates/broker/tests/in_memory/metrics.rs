//! Metrics that only this broker has.

use lapin::types::FieldTable;

use super::start;
use crate::suite::client::*;

async fn text(broker: &crate::suite::BrokerUnderTest, path: &str) -> String {
    reqwest::get(format!("http://{}{path}", broker.metrics)).await.unwrap().text().await.unwrap()
}

/// The parameter `queue` of RabbitMQ 4.3.
#[tokio::test]
async fn queues_are_filtered_by_a_pattern() {
    let (broker, _control, _guard) = start().await;
    with_queue(&broker, "Orders", FieldTable::default()).await;
    with_queue(&broker, "Orders.dead", FieldTable::default()).await;
    let text = text(&broker, "/metrics/detailed?family=queue_coarse_metrics&queue=^Orders$").await;
    assert!(text.contains("queue=\"Orders\""));
    assert!(!text.contains("Orders.dead"));
    let url = format!("http://{}/metrics/detailed?family=queue_coarse_metrics&queue=(", broker.metrics);
    assert_eq!(reqwest::get(url).await.unwrap().status(), 400);
}

#[tokio::test]
async fn label_values_are_escaped() {
    let (broker, _control, _guard) = start().await;
    with_queue(&broker, "a\"b\\c\nd", FieldTable::default()).await;
    let text = text(&broker, "/metrics/per-object").await;
    assert!(text.contains(r#"rabbitmq_queue_messages{vhost="/",queue="a\"b\\c\nd"} 0"#), "{text}");
}

/// RabbitMQ's page needs no login either; its API does.
#[tokio::test]
async fn a_browser_gets_a_page() {
    let (broker, _control, _guard) = start().await;
    let get = async |path: &str| reqwest::get(format!("http://{}{path}", broker.management)).await.unwrap();
    let page = get("/").await;
    assert_eq!(
        (page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(get("/api/queues").await.status(), 401);
}
