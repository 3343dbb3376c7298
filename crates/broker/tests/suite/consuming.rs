//! Delivery to consumers.

use std::time::Duration;

use amq_protocol::protocol::{AMQPClass, basic};
use futures::StreamExt;
use lapin::Consumer;
use lapin::options::*;
use lapin::types::FieldTable;

use super::BrokerUnderTest;
use super::client::*;
use super::raw::Raw;

/// Asserts that no delivery is pending: it would precede the answer to a request on the same channel.
async fn nothing_more(channel: &lapin::Channel, queue: &str, consumer: &mut Consumer) {
    ready(channel, queue).await;
    let delivery = tokio::time::timeout(Duration::from_millis(50), consumer.next()).await;
    assert!(delivery.is_err(), "{delivery:?} should not have come");
}

pub(crate) async fn messages_are_delivered_in_order(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_order", FieldTable::default()).await;
    publish_numbers(&channel, "consuming_order", 0..100).await;
    let mut consumer = consume(&channel, "consuming_order").await;
    for expected in 0..100 {
        assert_eq!(next_number(&mut consumer).await, expected);
    }
    publish_numbers(&channel, "consuming_order", 100..110).await;
    for expected in 100..110 {
        assert_eq!(next_number(&mut consumer).await, expected);
    }
}

pub(crate) async fn prefetch_limits_each_consumer(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_prefetch", FieldTable::default()).await;
    publish_numbers(&channel, "consuming_prefetch", 0..6).await;
    channel.basic_qos(2, BasicQosOptions::default()).await.unwrap();
    let mut one = consume(&channel, "consuming_prefetch").await;
    let (first, _second) = (next(&mut one).await, next(&mut one).await);
    nothing_more(&channel, "consuming_prefetch", &mut one).await;
    let mut two = consume(&channel, "consuming_prefetch").await;
    assert_eq!((number(&next(&mut two).await), number(&next(&mut two).await)), (2, 3));
    nothing_more(&channel, "consuming_prefetch", &mut two).await;
    first.ack(BasicAckOptions::default()).await.unwrap();
    assert_eq!(number(&next(&mut one).await), 4);
    nothing_more(&channel, "consuming_prefetch", &mut one).await;
}

pub(crate) async fn global_prefetch_limits_the_channel(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_global", FieldTable::default()).await;
    publish_numbers(&channel, "consuming_global", 0..6).await;
    channel.basic_qos(2, BasicQosOptions { global: true }).await.unwrap();
    let mut one = consume(&channel, "consuming_global").await;
    let mut two = consume(&channel, "consuming_global").await;
    let held = next(&mut one).await;
    let mut count = 1;
    while tokio::time::timeout(Duration::from_millis(50), futures::future::select(one.next(), two.next()))
        .await
        .is_ok()
    {
        count += 1;
    }
    assert_eq!(count, 2);
    held.ack(BasicAckOptions::default()).await.unwrap();
    soon(futures::future::select(one.next(), two.next())).await;
}

pub(crate) async fn consumers_take_turns(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_turns", FieldTable::default()).await;
    let mut consumers = Vec::new();
    for _ in 0..3 {
        consumers.push(consume(&channel, "consuming_turns").await);
    }
    publish_numbers(&channel, "consuming_turns", 0..9).await;
    for consumer in &mut consumers {
        let first = next_number(consumer).await;
        assert_eq!(next_number(consumer).await, first + 3);
        assert_eq!(next_number(consumer).await, first + 6);
    }
}

pub(crate) async fn no_ack_needs_no_ack(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_no_ack", FieldTable::default()).await;
    publish_numbers(&channel, "consuming_no_ack", 0..10).await;
    channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut consumer = consume_with(&channel, "consuming_no_ack", "", options).await.unwrap();
    for expected in 0..10 {
        assert_eq!(number(&next(&mut consumer).await), expected);
    }
    channel.close(200, "".into()).await.unwrap();
    let channel = _connection.create_channel().await.unwrap();
    assert_eq!(ready(&channel, "consuming_no_ack").await, 0);
}

pub(crate) async fn exclusive_consumers_exclude_others(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "consuming_alone", FieldTable::default()).await;
    let exclusive = BasicConsumeOptions { exclusive: true, ..Default::default() };
    let consumer = consume_with(&channel, "consuming_alone", "", exclusive).await.unwrap();
    let words = "ACCESS_REFUSED - queue 'consuming_alone' in vhost '/' in exclusive use";
    let other = connection.create_channel().await.unwrap();
    let refused = consume_with(&other, "consuming_alone", "", BasicConsumeOptions::default()).await;
    assert_eq!(reply(refused), (403, words.to_owned()));
    channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await.unwrap();
    let _shared = consume(&channel, "consuming_alone").await;
    let other = connection.create_channel().await.unwrap();
    assert_eq!(reply(consume_with(&other, "consuming_alone", "", exclusive).await), (403, words.to_owned()));
}

pub(crate) async fn consumer_tags_are_generated_and_unique(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_tags", FieldTable::default()).await;
    let one = consume(&channel, "consuming_tags").await;
    let two = consume(&channel, "consuming_tags").await;
    assert!(one.tag().as_str().starts_with("amq.ctag-"), "{}", one.tag());
    assert_ne!(one.tag(), two.tag());
    let mut raw = Raw::open(broker.amqp).await;
    let mine =
        basic::Consume { queue: "consuming_tags".into(), consumer_tag: "mine".into(), ..Default::default() };
    raw.send(1, AMQPClass::Basic(basic::AMQPMethod::Consume(mine.clone()))).await;
    raw.method().await;
    raw.send(1, AMQPClass::Basic(basic::AMQPMethod::Consume(mine))).await;
    let words = "NOT_ALLOWED - attempt to reuse consumer tag 'mine'".to_owned();
    assert_eq!(raw.connection_closed().await, (530, words));
}

pub(crate) async fn cancel_stops_deliveries(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_cancel", FieldTable::default()).await;
    publish_numbers(&channel, "consuming_cancel", 0..1).await;
    let mut consumer = consume(&channel, "consuming_cancel").await;
    let held = next(&mut consumer).await;
    channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await.unwrap();
    publish_numbers(&channel, "consuming_cancel", 1..3).await;
    assert_eq!(ready(&channel, "consuming_cancel").await, 2);
    // Earlier deliveries can still be acknowledged.
    held.ack(BasicAckOptions::default()).await.unwrap();
    assert_eq!(ready(&channel, "consuming_cancel").await, 2);
}

pub(crate) async fn a_deleted_queue_cancels_its_consumers(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "consuming_deleted", FieldTable::default()).await;
    let mut consumer = consume(&channel, "consuming_deleted").await;
    let other = connection.create_channel().await.unwrap();
    other.queue_delete("consuming_deleted".into(), QueueDeleteOptions::default()).await.unwrap();
    assert!(soon(consumer.next()).await.is_none());
    // The channel stays open.
    channel
        .queue_declare("consuming_deleted".into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await
        .unwrap();
}

pub(crate) async fn get_fetches_one(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "consuming_get", FieldTable::default()).await;
    assert!(get(&channel, "consuming_get").await.is_none());
    publish_numbers(&channel, "consuming_get", 0..3).await;
    let got = channel.basic_get("consuming_get".into(), BasicGetOptions::default()).await.unwrap().unwrap();
    assert_eq!((number(&got.delivery), got.message_count), (0, 2));
    let got =
        channel.basic_get("consuming_get".into(), BasicGetOptions { no_ack: true }).await.unwrap().unwrap();
    assert_eq!((number(&got.delivery), got.message_count), (1, 1));
    channel.close(200, "".into()).await.unwrap();
    let channel = _connection.create_channel().await.unwrap();
    // The first message was not acknowledged and is requeued.
    until_ready(&channel, "consuming_get", 2).await;
    assert_eq!(number(&get(&channel, "consuming_get").await.unwrap()), 0);
}
