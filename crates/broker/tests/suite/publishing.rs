//! Publishing and confirms.

use lapin::BasicProperties;
use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable};

use super::BrokerUnderTest;
use super::client::*;

pub(crate) async fn every_message_is_confirmed(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "publishing_confirms", FieldTable::default()).await;
    let mut confirms = Vec::new();
    for number in 0..1000_u32 {
        let confirm = channel
            .basic_publish(
                "".into(),
                "publishing_confirms".into(),
                BasicPublishOptions::default(),
                &number.to_be_bytes(),
                BasicProperties::default(),
            )
            .await
            .unwrap();
        confirms.push(confirm);
    }
    for confirm in confirms {
        assert!(soon(confirm).await.unwrap().is_ack());
    }
    assert_eq!(ready(&channel, "publishing_confirms").await, 1000);
}

pub(crate) async fn a_return_precedes_its_ack(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "publishing_mandatory", FieldTable::default()).await;
    assert!(returned(&channel, "publishing_mandatory").await.is_none());
    let back = returned(&channel, "publishing_nowhere").await.expect("the broker returns the message");
    assert_eq!((back.reply_code, back.reply_text.as_str()), (312, "NO_ROUTE"));
    assert_eq!(back.delivery.routing_key.as_str(), "publishing_nowhere");
    assert_eq!(back.delivery.data, b"lost");
    // Without the flag mandatory the message is lost, but confirmed.
    assert!(publish(&channel, "publishing_nowhere", b"lost").await.is_ack());
}

pub(crate) async fn properties_and_body_arrive_unchanged(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "publishing_properties", FieldTable::default()).await;
    let headers = arguments(&[
        ("text", text("ü")),
        ("number", AMQPValue::LongLongInt(-5)),
        ("flag", AMQPValue::Boolean(true)),
        ("inner", AMQPValue::FieldTable(arguments(&[("array", AMQPValue::FieldArray(vec![int(1)].into()))]))),
    ]);
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("identity".into())
        .with_headers(headers)
        .with_delivery_mode(2)
        .with_priority(3)
        .with_correlation_id("c".into())
        .with_reply_to("r".into())
        .with_message_id("m".into())
        .with_timestamp(1_700_000_000)
        .with_type("t".into())
        .with_user_id("guest".into())
        .with_app_id("a".into());
    publish_with(&channel, "publishing_properties", b"{}\0\xff", properties.clone()).await;
    let delivery = get(&channel, "publishing_properties").await.unwrap();
    assert_eq!(delivery.properties, properties);
    assert_eq!(delivery.data, b"{}\0\xff");
    assert_eq!((delivery.exchange.as_str(), delivery.routing_key.as_str()), ("", "publishing_properties"));
    assert!(!delivery.redelivered);
}

pub(crate) async fn empty_and_large_bodies_arrive(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "publishing_sizes", FieldTable::default()).await;
    // Around the frame size, and much larger.
    for size in [0, 1, 131_064, 131_065, 1_000_000, 5_000_000] {
        let body: Vec<u8> = (0..size).map(|index| index.to_string().as_bytes()[0]).collect();
        assert!(publish(&channel, "publishing_sizes", &body).await.is_ack());
        let delivery = get(&channel, "publishing_sizes").await.unwrap();
        assert!(delivery.data == body, "{size}");
    }
}

pub(crate) async fn many_tasks_share_a_channel(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "publishing_tasks", FieldTable::default()).await;
    let tasks = (0..64).map(|_| {
        let channel = channel.clone();
        tokio::spawn(async move { publish_numbers(&channel, "publishing_tasks", 0..400).await })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(ready(&channel, "publishing_tasks").await, 64 * 400);
}

pub(crate) async fn several_connections_publish_at_once(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "publishing_several", FieldTable::default()).await;
    let publishers = (0..8).map(|_| async {
        let (_connection, channel) = with_queue(broker, "publishing_several", FieldTable::default()).await;
        publish_numbers(&channel, "publishing_several", 0..50).await;
    });
    futures::future::join_all(publishers).await;
    assert_eq!(ready(&channel, "publishing_several").await, 400);
}
