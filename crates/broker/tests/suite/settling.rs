//! Ack, nack, reject, recover.

use amq_protocol::protocol::{AMQPClass, basic};
use lapin::options::*;
use lapin::types::FieldTable;

use super::BrokerUnderTest;
use super::client::*;
use super::raw::Raw;

const REQUEUE: BasicNackOptions = BasicNackOptions { multiple: false, requeue: true };

pub(crate) async fn multiple_acks_all_before(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "settling_multiple", FieldTable::default()).await;
    publish_numbers(&channel, "settling_multiple", 0..5).await;
    let mut consumer = consume(&channel, "settling_multiple").await;
    let mut deliveries = Vec::new();
    for _ in 0..5 {
        deliveries.push(next(&mut consumer).await);
    }
    deliveries[2].ack(BasicAckOptions { multiple: true }).await.unwrap();
    channel.close(200, "".into()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    until_ready(&channel, "settling_multiple", 2).await;
    assert_eq!(number(&get(&channel, "settling_multiple").await.unwrap()), 3);
    assert_eq!(number(&get(&channel, "settling_multiple").await.unwrap()), 4);
    // Tag 0 means all.
    channel.basic_ack(0, BasicAckOptions { multiple: true }).await.unwrap();
    channel.close(200, "".into()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    assert_eq!(ready(&channel, "settling_multiple").await, 0);
}

pub(crate) async fn unknown_tags_are_rejected(broker: &BrokerUnderTest) {
    let ack = |delivery_tag, multiple| {
        AMQPClass::Basic(basic::AMQPMethod::Ack(basic::Ack { delivery_tag, multiple }))
    };
    let words = |tag| (406, format!("PRECONDITION_FAILED - unknown delivery tag {tag}"));
    let mut raw = Raw::open(broker.amqp).await;
    for multiple in [false, true] {
        raw.send(1, ack(7, multiple)).await;
        assert_eq!(raw.channel_closed(1).await, words(7));
        raw.open_channel(1).await;
    }
    // A second acknowledgement is the same error.
    let (_connection, channel) = with_queue(broker, "settling_twice", FieldTable::default()).await;
    publish_numbers(&channel, "settling_twice", 0..1).await;
    let get = basic::Get { queue: "settling_twice".into(), no_ack: false };
    raw.send(1, AMQPClass::Basic(basic::AMQPMethod::Get(get))).await;
    for _content in ["method", "header", "body"] {
        raw.next().await;
    }
    raw.send(1, ack(1, false)).await;
    raw.send(1, ack(1, false)).await;
    assert_eq!(raw.channel_closed(1).await, words(1));
    assert_eq!(ready(&channel, "settling_twice").await, 0);
}

pub(crate) async fn reject_drops_or_requeues(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "settling_reject", FieldTable::default()).await;
    publish_numbers(&channel, "settling_reject", 0..2).await;
    let first = get(&channel, "settling_reject").await.unwrap();
    first.reject(BasicRejectOptions { requeue: true }).await.unwrap();
    let again = get_eventually(&channel, "settling_reject").await;
    assert_eq!((number(&again), again.redelivered), (0, true));
    again.reject(BasicRejectOptions { requeue: false }).await.unwrap();
    let second = get(&channel, "settling_reject").await.unwrap();
    assert_eq!((number(&second), second.redelivered), (1, false));
}

pub(crate) async fn nack_requeues_in_order(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "settling_nack", FieldTable::default()).await;
    publish_numbers(&channel, "settling_nack", 0..5).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(get(&channel, "settling_nack").await.unwrap());
    }
    // Out of order, single and multiple.
    held[2].nack(REQUEUE).await.unwrap();
    held[1].nack(BasicNackOptions { multiple: true, requeue: true }).await.unwrap();
    until_ready(&channel, "settling_nack", 4).await;
    let mut numbers = Vec::new();
    for _ in 0..4 {
        numbers.push(number(&get(&channel, "settling_nack").await.unwrap()));
    }
    assert_eq!(numbers, [0, 1, 2, 4]);
}

pub(crate) async fn a_lost_channel_requeues_in_order(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "settling_channel", FieldTable::default()).await;
    publish_numbers(&channel, "settling_channel", 0..20).await;
    channel.basic_qos(10, BasicQosOptions::default()).await.unwrap();
    let mut consumer = consume(&channel, "settling_channel").await;
    for _ in 0..10 {
        next(&mut consumer).await;
    }
    channel.close(200, "".into()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    until_ready(&channel, "settling_channel", 20).await;
    let mut consumer = consume(&channel, "settling_channel").await;
    for expected in 0..20 {
        let delivery = next(&mut consumer).await;
        assert_eq!((number(&delivery), delivery.redelivered), (expected, expected < 10));
    }
}

pub(crate) async fn a_lost_connection_requeues_in_order(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "settling_connection", FieldTable::default()).await;
    publish_numbers(&channel, "settling_connection", 0..20).await;
    let (theirs, on_theirs) = super::client::channel(broker).await;
    on_theirs.basic_qos(10, BasicQosOptions::default()).await.unwrap();
    let mut consumer = consume(&on_theirs, "settling_connection").await;
    for _ in 0..10 {
        next(&mut consumer).await;
    }
    let mut mine = consume(&channel, "settling_connection").await;
    let mut numbers = Vec::new();
    for _ in 0..10 {
        numbers.push(next_number(&mut mine).await);
    }
    assert_eq!(numbers, (10..20).collect::<Vec<_>>());
    theirs.close(200, "".into()).await.unwrap();
    for expected in 0..10 {
        let delivery = next(&mut mine).await;
        assert_eq!((number(&delivery), delivery.redelivered), (expected, true));
    }
}

pub(crate) async fn recover_redelivers(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "settling_recover", FieldTable::default()).await;
    publish_numbers(&channel, "settling_recover", 0..3).await;
    let mut consumer = consume(&channel, "settling_recover").await;
    for _ in 0..3 {
        assert!(!next(&mut consumer).await.redelivered);
    }
    channel.basic_recover(BasicRecoverOptions { requeue: true }).await.unwrap();
    for expected in 0..3 {
        let delivery = next(&mut consumer).await;
        assert_eq!((number(&delivery), delivery.redelivered), (expected, true));
    }
}
