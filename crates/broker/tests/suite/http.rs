//! The management API and the metrics.

use lapin::types::FieldTable;
use serde_json::{Value, json};

use super::BrokerUnderTest;
use super::client::*;

async fn get_json(broker: &BrokerUnderTest, path: &str) -> Value {
    let url = format!("http://{}{path}", broker.management);
    let answer = reqwest::Client::new().get(url).basic_auth("guest", Some("guest")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn metrics(broker: &BrokerUnderTest, path: &str) -> String {
    let answer = reqwest::get(format!("http://{}{path}", broker.metrics)).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
    answer.text().await.unwrap()
}

const TOTALS: &str = "/api/queues/%2F?disable_stats=true&enable_queue_totals=true";

pub(crate) async fn queue_totals_are_exact(broker: &BrokerUnderTest) {
    let table = arguments(&[("x-dead-letter-exchange", text("")), ("x-max-length", int(100))]);
    let (_connection, channel) = with_queue(broker, "http_totals", table).await;
    publish_numbers(&channel, "http_totals", 0..5).await;
    let _held = super::client::get(&channel, "http_totals").await.unwrap();
    let expected = json!({
        "arguments": {"x-dead-letter-exchange": "", "x-max-length": 100},
        "auto_delete": false,
        "durable": true,
        "exclusive": false,
        "messages": 5,
        "messages_ready": 4,
        "messages_unacknowledged": 1,
        "name": "http_totals",
        "node": "rabbit@localhost",
        "state": "running",
        "type": "classic",
        "vhost": "/",
    });
    testkit::wait::until("the totals", || async {
        let queues = get_json(broker, TOTALS).await;
        let queue = queues.as_array()?.iter().find(|queue| queue["name"] == "http_totals")?.clone();
        (queue == expected).then_some(())
    })
    .await;
}

pub(crate) async fn a_single_queue_is_returned(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "http_single", FieldTable::default()).await;
    publish_numbers(&channel, "http_single", 0..2).await;
    let _consumer = consume(&channel, "http_single").await;
    testkit::wait::until("the queue's counts", || async {
        let queue = get_json(broker, "/api/queues/%2F/http_single").await;
        let fields = ["messages", "messages_ready", "messages_unacknowledged", "consumers", "message_bytes"];
        let counts: Vec<Option<u64>> = fields.iter().map(|field| queue[field].as_u64()).collect();
        (counts == [Some(2), Some(0), Some(2), Some(1), Some(2)]).then_some(())
    })
    .await;
    let overview = get_json(broker, "/api/overview").await;
    assert!(overview["object_totals"]["queues"].as_u64() >= Some(1), "{overview}");
    assert!(overview["rabbitmq_version"].is_string());
}

pub(crate) async fn management_requires_a_password(broker: &BrokerUnderTest) {
    let url = format!("http://{}/api/overview", broker.management);
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"RabbitMQ Management\"");
    let answer = reqwest::Client::new().get(&url).basic_auth("guest", Some("no")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({"error": "not_authorized", "reason": "Login failed"}));
}

pub(crate) async fn unknown_objects_are_not_found(broker: &BrokerUnderTest) {
    for path in ["/api/queues/%2F/http_nope", "/api/queues/nope"] {
        let url = format!("http://{}{path}", broker.management);
        let answer = reqwest::Client::new().get(url).basic_auth("guest", Some("guest")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body, json!({"error": "Object Not Found", "reason": "Not Found"}));
    }
}

pub(crate) async fn detailed_metrics_have_the_requested_families(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "http_detailed", FieldTable::default()).await;
    publish_numbers(&channel, "http_detailed", 0..3).await;
    let _held = super::client::get(&channel, "http_detailed").await.unwrap();
    let path = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count&vhost=/";
    let text = testkit::wait::until("the counts", || async {
        let text = metrics(broker, path).await;
        text.contains("rabbitmq_detailed_queue_messages{vhost=\"/\",queue=\"http_detailed\"} 3")
            .then_some(text)
    })
    .await;
    for line in [
        "# TYPE rabbitmq_detailed_queue_messages_ready gauge",
        "# HELP rabbitmq_detailed_queue_messages_ready Messages ready to be delivered to consumers",
        "rabbitmq_detailed_queue_messages_ready{vhost=\"/\",queue=\"http_detailed\"} 2",
        "rabbitmq_detailed_queue_messages_unacked{vhost=\"/\",queue=\"http_detailed\"} 1",
        "rabbitmq_detailed_queue_consumers{vhost=\"/\",queue=\"http_detailed\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    for path in ["/metrics/detailed", "/metrics/detailed?family=queue_coarse_metrics&vhost=other"] {
        let text = metrics(broker, path).await;
        assert!(!text.contains("queue=\""), "{path}: {text}");
    }
}

pub(crate) async fn per_object_metrics_name_queues(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "http_object", FieldTable::default()).await;
    publish_numbers(&channel, "http_object", 0..3).await;
    testkit::wait::until("the counts", || async {
        let text = metrics(broker, "/metrics/per-object").await;
        [
            "rabbitmq_queue_messages_ready{vhost=\"/\",queue=\"http_object\"} 3",
            "rabbitmq_queue_messages_unacked{vhost=\"/\",queue=\"http_object\"} 0",
            "rabbitmq_queue_messages{vhost=\"/\",queue=\"http_object\"} 3",
            "rabbitmq_queue_consumers{vhost=\"/\",queue=\"http_object\"} 0",
        ]
        .iter()
        .all(|line| text.lines().any(|found| found == *line))
        .then_some(())
    })
    .await;
    let text = metrics(broker, "/metrics").await;
    assert!(!text.contains("queue=\"http_object\""));
    assert!(text.lines().any(|line| line.starts_with("rabbitmq_queue_messages_ready ")), "{text}");
}
