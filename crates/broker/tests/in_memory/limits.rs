//! Everything that a client controls has a limit; a client over a limit gets AMQP's error.

use std::time::Duration;

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::protocol::{AMQPClass, basic};
use lapin::options::*;
use lapin::types::FieldTable;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::start_limited;
use crate::suite::client::*;
use crate::suite::raw::{Raw, capable};

async fn wait_for_end(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn handshakes_time_out() {
    let (broker, _control, _guard) =
        start_limited(|limits| limits.handshake_time = Duration::from_millis(50)).await;
    // One client sends nothing, the other one only the protocol header.
    let mut silent = TcpStream::connect(broker.amqp).await.unwrap();
    wait_for_end(&mut silent).await;
    let mut raw = Raw::connect(broker.amqp).await;
    wait_for_end(&mut raw.stream).await;
}

#[tokio::test]
async fn concurrent_handshakes_are_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.handshakes = 1).await;
    let mut first = Raw::connect(broker.amqp).await;
    let mut second = TcpStream::connect(broker.amqp).await.unwrap();
    wait_for_end(&mut second).await;
    // A completed handshake frees a permit.
    first.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
    let tune = first.tune().await;
    first.tune_ok(tune.channel_max, tune.frame_max, 0).await;
    first.open_vhost("/").await;
    first.method().await;
    testkit::wait::until("a second connection", || async {
        let stream = TcpStream::connect(broker.amqp).await.ok()?;
        drop(stream);
        let uri = format!("amqp://guest:guest@{}/%2f", broker.amqp);
        lapin::Connection::connect(&uri, lapin::ConnectionProperties::default()).await.ok()
    })
    .await;
}

#[tokio::test]
async fn connections_are_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.connections = 1).await;
    let _first = connect(&broker).await;
    let mut second = Raw::connect(broker.amqp).await;
    second.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
    let tune = second.tune().await;
    second.tune_ok(tune.channel_max, tune.frame_max, 0).await;
    second.open_vhost("/").await;
    let words = "NOT_ALLOWED - connection refused: node connection limit (1) is reached".to_owned();
    assert_eq!(second.connection_closed().await, (530, words));
}

#[tokio::test]
async fn queues_are_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.queues = 1).await;
    let (_connection, channel) = with_queue(&broker, "one", FieldTable::default()).await;
    let declared =
        channel.queue_declare("two".into(), QueueDeclareOptions::durable(), FieldTable::default()).await;
    let words = "PRECONDITION_FAILED - cannot declare queue 'two': queue limit in vhost '/' (1) is reached";
    assert_eq!(reply(declared), (406, words.to_owned()));
}

#[tokio::test]
async fn consumers_are_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.consumers_per_channel = 1).await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    let _first = consume(&channel, "q").await;
    let second = consume_with(&channel, "q", "", BasicConsumeOptions::default()).await;
    let words = "NOT_ALLOWED - reached maximum (1) of consumers per channel".to_owned();
    assert_eq!(reply(second), (530, words));
}

#[tokio::test]
async fn queue_length_is_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.queue_length = 2).await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    publish_numbers(&channel, "q", 0..2).await;
    // Unacknowledged messages count too.
    let _held = get(&channel, "q").await.unwrap();
    assert!(!publish(&channel, "q", b"2").await.is_ack());
}

#[tokio::test]
async fn message_size_is_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.message_size = 10).await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    assert!(publish(&channel, "q", &[0; 10]).await.is_ack());
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish("".into(), "q".into(), options, &[0; 11], Default::default()).await;
    let words = "PRECONDITION_FAILED - message size 11 is larger than configured max size 10".to_owned();
    assert_eq!(reply(soon(confirm.unwrap()).await), (406, words));
}

#[tokio::test]
async fn incomplete_messages_are_limited() {
    let (broker, _control, _guard) = start_limited(|limits| limits.message_size = 1000).await;
    let mut raw = Raw::open(broker.amqp).await;
    for channel in 2..5 {
        raw.open_channel(channel).await;
    }
    for channel in 1..5 {
        raw.send(channel, Raw::publish("q")).await;
        raw.frame(&Raw::header(channel, 1000, AMQPProperties::default())).await;
        raw.frame(&AMQPFrame::Body(channel, vec![0; 900])).await;
    }
    assert_eq!(raw.connection_closed().await.0, 506);
}

#[tokio::test]
async fn unacknowledged_deliveries_are_limited() {
    let (broker, control, _guard) = start_limited(|limits| limits.unacknowledged_per_channel = 3).await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    publish_numbers(&channel, "q", 0..10).await;
    let mut consumer = consume(&channel, "q").await;
    let first = next(&mut consumer).await;
    assert_eq!(control.depth("/", "q"), Some((7, 3)));
    first.ack(BasicAckOptions::default()).await.unwrap();
    for expected in 1..4 {
        assert_eq!(number(&next(&mut consumer).await), expected);
    }
    let got = soon(channel.basic_get("q".into(), BasicGetOptions::default())).await;
    assert_eq!(reply(got).0, 406);
}

#[tokio::test]
async fn the_memory_alarm_blocks_publishers() {
    let (broker, control, _guard) = start_limited(|limits| limits.memory = 100_000).await;
    let (connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    let (_theirs, theirs) = channel_of(&broker).await;
    // In a separate task, because a blocked client waits inside the publish.
    let publisher = tokio::spawn(async move {
        for _ in 0..50 {
            assert!(publish(&channel, "q", &[0; 10_000]).await.is_ack());
        }
        connection.close(200, "".into()).await.unwrap();
    });
    testkit::wait::until("a memory alarm", || async { (control.memory() > 100_000).then_some(()) }).await;
    // A batch that was read before the alarm may exceed the limit, but not all messages.
    assert!(control.memory() < 300_000, "{}", control.memory());
    let mut consumer = consume(&theirs, "q").await;
    for _ in 0..50 {
        next(&mut consumer).await.ack(BasicAckOptions::default()).await.unwrap();
    }
    soon(publisher).await.unwrap();
    testkit::wait::until("free memory", || async { (control.memory() == 0).then_some(()) }).await;
}

async fn channel_of(broker: &crate::suite::BrokerUnderTest) -> (lapin::Connection, lapin::Channel) {
    crate::suite::client::channel(broker).await
}

const LARGE: usize = 64 * 1024;
const MANY: usize = 500;

/// A consumer without a prefetch that does not read.
async fn slow_reader(broker: &crate::suite::BrokerUnderTest) -> Raw {
    let (_connection, channel) = with_queue(broker, "slow", FieldTable::default()).await;
    for _ in 0..MANY {
        publish(&channel, "slow", &vec![7; LARGE]).await;
    }
    let mut raw = Raw::open(broker.amqp).await;
    let consume = basic::Consume { queue: "slow".into(), no_ack: true, nowait: true, ..Default::default() };
    raw.send(1, AMQPClass::Basic(basic::AMQPMethod::Consume(consume))).await;
    raw
}

#[tokio::test]
async fn a_slow_reader_keeps_messages_in_the_queue() {
    let (broker, control, _guard) = super::start().await;
    let mut raw = slow_reader(&broker).await;
    testkit::wait::until("the first delivery", || async {
        control.depth("/", "slow").filter(|(ready, _)| *ready < MANY)
    })
    .await;
    // Other clients are served.
    let (_connection, channel) = with_queue(&broker, "other", FieldTable::default()).await;
    publish_numbers(&channel, "other", 0..100).await;
    let (ready, _) = control.depth("/", "slow").unwrap();
    assert!(ready > MANY / 4, "only {ready} messages are left in the queue");
    for _ in 0..MANY {
        let AMQPClass::Basic(basic::AMQPMethod::Deliver(_)) = raw.method().await.1 else {
            panic!("a delivery")
        };
        let Some(AMQPFrame::Header(1, _)) = raw.next().await else { panic!("a header") };
        let Some(AMQPFrame::Body(1, body)) = raw.next().await else { panic!("a body") };
        assert_eq!(body.len(), LARGE);
    }
    testkit::wait::until("free memory", || async { (control.memory() < 100_000).then_some(()) }).await;
}

#[tokio::test]
async fn a_stalled_reader_is_disconnected() {
    let (broker, control, _guard) =
        start_limited(|limits| limits.stalled_time = Duration::from_millis(100)).await;
    let _raw = slow_reader(&broker).await;
    testkit::wait::until("the reader to be disconnected", || async {
        (control.connections() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_can_be_disconnected() {
    let (broker, control, _guard) = super::start().await;
    let _raw = slow_reader(&broker).await;
    testkit::wait::until("the first delivery", || async {
        control.depth("/", "slow").filter(|(ready, _)| *ready < MANY)
    })
    .await;
    control.cut_all();
    testkit::wait::until("the reader to be disconnected", || async {
        (control.connections() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_wait_for_unread_answers() {
    let (broker, control, _guard) = super::start().await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    for _ in 0..100 {
        publish(&channel, "q", &vec![7; 1024 * 1024]).await;
    }
    let mut raw = Raw::open(broker.amqp).await;
    let get = basic::Get { queue: "q".into(), no_ack: true };
    for _ in 0..100 {
        raw.send(1, AMQPClass::Basic(basic::AMQPMethod::Get(get.clone()))).await;
    }
    testkit::wait::until("the first delivery", || async {
        control.depth("/", "q").filter(|(ready, _)| *ready < 100)
    })
    .await;
    let (ready, _) = control.depth("/", "q").unwrap();
    assert!(ready > 50, "{ready} messages are left");
}
