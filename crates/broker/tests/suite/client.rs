//! Short forms for lapin's methods.

use std::time::Duration;

use futures::StreamExt;
use lapin::message::{BasicReturnMessage, Delivery};
use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, ErrorKind};

use super::BrokerUnderTest;

/// Time limit for an expected event.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) async fn connect(broker: &BrokerUnderTest) -> Connection {
    let uri = format!("amqp://guest:guest@{}/%2f?heartbeat=30", broker.amqp);
    soon(Connection::connect(&uri, ConnectionProperties::default())).await.unwrap()
}

pub(crate) async fn channel(broker: &BrokerUnderTest) -> (Connection, Channel) {
    let connection = connect(broker).await;
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// Returns a connection and a channel in confirm mode, and declares an empty durable queue.
pub(crate) async fn with_queue(
    broker: &BrokerUnderTest,
    name: &str,
    arguments: FieldTable,
) -> (Connection, Channel) {
    let (connection, channel) = channel(broker).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.unwrap();
    (connection, channel)
}

/// Waits for an expected event.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("no event within 30 s")
}

pub(crate) async fn publish(channel: &Channel, queue: &str, body: &[u8]) -> Confirmation {
    publish_with(channel, queue, body, BasicProperties::default()).await
}

pub(crate) async fn publish_with(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Confirmation {
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish("".into(), queue.into(), options, body, properties).await.unwrap();
    soon(confirm).await.unwrap()
}

/// Publishes bodies `0`, `1`, … and waits for their confirms.
pub(crate) async fn publish_numbers(channel: &Channel, queue: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert!(publish(channel, queue, number.to_string().as_bytes()).await.is_ack());
    }
}

pub(crate) async fn returned(channel: &Channel, queue: &str) -> Option<BasicReturnMessage> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let confirm =
        channel.basic_publish("".into(), queue.into(), options, b"lost", BasicProperties::default()).await;
    soon(confirm.unwrap()).await.unwrap().take_message()
}

pub(crate) async fn consume(channel: &Channel, queue: &str) -> Consumer {
    consume_with(channel, queue, "", BasicConsumeOptions::default()).await.unwrap()
}

pub(crate) async fn consume_with(
    channel: &Channel,
    queue: &str,
    tag: &str,
    options: BasicConsumeOptions,
) -> lapin::Result<Consumer> {
    soon(channel.basic_consume(queue.into(), tag.into(), options, FieldTable::default())).await
}

pub(crate) async fn next(consumer: &mut Consumer) -> Delivery {
    soon(consumer.next()).await.expect("the consumer ended").unwrap()
}

/// Acknowledges the next delivery and returns its body.
pub(crate) async fn next_number(consumer: &mut Consumer) -> usize {
    let delivery = next(consumer).await;
    delivery.ack(BasicAckOptions::default()).await.unwrap();
    number(&delivery)
}

pub(crate) fn number(delivery: &Delivery) -> usize {
    std::str::from_utf8(&delivery.data).unwrap().parse().unwrap()
}

/// Gets one message by `basic.get` without an acknowledgement.
pub(crate) async fn get(channel: &Channel, queue: &str) -> Option<Delivery> {
    soon(channel.basic_get(queue.into(), BasicGetOptions::default()))
        .await
        .unwrap()
        .map(|message| message.delivery)
}

/// Waits until `basic.get` returns a message, for messages that arrive without a confirm.
pub(crate) async fn get_eventually(channel: &Channel, queue: &str) -> Delivery {
    testkit::wait::until("a message", || get(channel, queue)).await
}

/// Returns the number of ready messages.
pub(crate) async fn ready(channel: &Channel, queue: &str) -> u32 {
    let options = QueueDeclareOptions::durable().passive();
    channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap().message_count()
}

/// Waits until `count` messages are ready.
pub(crate) async fn until_ready(channel: &Channel, queue: &str, count: u32) {
    testkit::wait::until("ready messages", || async { (ready(channel, queue).await == count).then_some(()) })
        .await;
}

pub(crate) fn arguments(pairs: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in pairs {
        table.insert((*key).into(), value.clone());
    }
    table
}

pub(crate) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

pub(crate) fn int(number: i32) -> AMQPValue {
    AMQPValue::LongInt(number)
}

/// Returns the reply code and text of an error from the broker.
pub(crate) fn reply<T>(result: lapin::Result<T>) -> (u16, String) {
    match result.map(drop) {
        Ok(()) => panic!("the broker accepted the request"),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(error) => (error.get_id(), error.get_message().to_string()),
            other => panic!("not an error of the broker: {other:?}"),
        },
    }
}
