//! The control handle.

use amq_protocol::protocol::{AMQPClass, connection};
use broker::{Broker, Config, Listeners, Messages, PolicyDefinition};
use futures::StreamExt;
use lapin::options::*;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Event};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::start;
use crate::suite::client::*;
use crate::suite::raw::{Raw, capable};

#[tokio::test]
async fn block_sends_its_reason() {
    let (broker, control, _guard) = start().await;
    let (connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    let mut events = Box::pin(connection.events_listener());
    control.block("requested by the test");
    let options = BasicPublishOptions::default();
    let confirm = channel
        .basic_publish("".into(), "q".into(), options, b"x", BasicProperties::default())
        .await
        .unwrap();
    let reason = soon(async {
        loop {
            if let Some(Event::ConnectionBlocked(reason)) = events.next().await {
                return reason;
            }
        }
    })
    .await;
    assert_eq!(reason, "requested by the test");
    control.unblock();
    assert!(soon(confirm).await.unwrap().is_ack());
}

#[tokio::test]
async fn stop_rejects_connections_until_start() {
    let (broker, control, _guard) = start().await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    publish_numbers(&channel, "q", 0..3).await;
    let mut raw = Raw::open(broker.amqp).await;
    control.stop();
    let words = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'".to_owned();
    assert_eq!(raw.connection_closed().await, (320, words));
    let mut late = Raw::connect(broker.amqp).await;
    assert_eq!(late.next().await, None);
    testkit::wait::until("all connections to close", || async { (control.connections() == 0).then_some(()) })
        .await;
    control.start();
    let (_connection, channel) = crate::suite::client::channel(&broker).await;
    assert_eq!(ready(&channel, "q").await, 3);
}

#[tokio::test]
async fn a_blocked_connection_can_be_closed() {
    let (broker, control, _guard) = start().await;
    control.block("a test");
    let mut raw = Raw::open(broker.amqp).await;
    raw.send(1, Raw::publish("none")).await;
    raw.frame(&Raw::header(1, 0, Default::default())).await;
    let (0, AMQPClass::Connection(connection::AMQPMethod::Blocked(_))) = raw.method().await else {
        panic!("expected connection.blocked");
    };
    control.stop();
    assert_eq!(raw.connection_closed().await.0, 320);
}

#[tokio::test]
async fn restart_keeps_or_drops_messages() {
    let (broker, control, _guard) = start().await;
    for (messages, kept) in [(Messages::Keep, Some((3, 0))), (Messages::Drop, None)] {
        let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
        channel.queue_purge("q".into(), QueuePurgeOptions::default()).await.unwrap();
        publish_numbers(&channel, "q", 0..3).await;
        let _held = get(&channel, "q").await.unwrap();
        let mut raw = Raw::open(broker.amqp).await;
        control.restart(messages);
        // The socket closes without connection.close.
        assert_eq!(raw.next().await, None);
        assert_eq!(control.depth("/", "q"), kept);
    }
    // The broker still serves.
    with_queue(&broker, "q", FieldTable::default()).await;
    assert_eq!(control.depth("/", "q"), Some((0, 0)));
}

#[tokio::test]
async fn a_frozen_broker_answers_after_thaw() {
    let (broker, control, _guard) = start().await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    control.freeze();
    let options = BasicPublishOptions::default();
    let confirm = channel
        .basic_publish("".into(), "q".into(), options, b"x", BasicProperties::default())
        .await
        .unwrap();
    let newcomer = tokio::spawn(async move {
        let connection = connect(&broker).await;
        connection.close(200, "".into()).await
    });
    let pause = std::time::Duration::from_millis(100);
    let confirm = std::pin::pin!(confirm);
    let confirm = match futures::future::select(confirm, Box::pin(tokio::time::sleep(pause))).await {
        futures::future::Either::Left(_) => panic!("a frozen broker should not answer"),
        futures::future::Either::Right(((), confirm)) => confirm,
    };
    assert_eq!(control.depth("/", "q"), Some((0, 0)));
    control.thaw();
    assert!(soon(confirm).await.unwrap().is_ack());
    soon(newcomer).await.unwrap().unwrap();
}

#[tokio::test]
async fn logins_can_be_rejected() {
    let (broker, control, _guard) = start().await;
    control.refuse_credentials(true);
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
    assert_eq!(raw.connection_closed().await.0, 403);
    let url = format!("http://{}/api/overview", broker.management);
    let answer = reqwest::Client::new().get(&url).basic_auth("guest", Some("guest")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    control.refuse_credentials(false);
    connect(&broker).await;
}

#[tokio::test]
async fn channels_can_be_closed_and_queues_deleted() {
    let (broker, control, _guard) = start().await;
    let (connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    let mut consumer = consume(&channel, "q").await;
    control.close_channels("a test");
    let failed = soon(consumer.next()).await;
    assert!(failed.is_none_or(|delivery| delivery.is_err()));
    let channel = connection.create_channel().await.unwrap();
    let mut consumer = consume(&channel, "q").await;
    assert!(control.delete_queue("/", "q"));
    assert!(!control.delete_queue("/", "q"));
    assert!(soon(consumer.next()).await.is_none());
}

#[tokio::test]
async fn the_highest_priority_policy_applies() {
    let (broker, control, _guard) = start().await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    let at_most = |length| PolicyDefinition { max_length: Some(length), ..PolicyDefinition::default() };
    control.set_policy("low", ".*", 1, at_most(1)).unwrap();
    control.set_policy("high", "^q$", 2, at_most(5)).unwrap();
    publish_numbers(&channel, "q", 0..10).await;
    assert_eq!(control.depth("/", "q"), Some((5, 0)));
    control.clear_policy("high");
    assert_eq!(control.depth("/", "q"), Some((1, 0)));
    let error = control.set_policy("bad", "(", 0, PolicyDefinition::default()).unwrap_err().to_string();
    assert!(error.starts_with("cannot set policy bad: its pattern is not a regular expression"), "{error}");
}

#[tokio::test]
async fn shutdown_closes_connections() {
    let amqp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = amqp.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let listeners = Listeners { amqp, management: None, metrics: None };
    let running = tokio::spawn(Broker::new(Config::default()).run(listeners, shutdown.clone()));
    let mut raw = Raw::open(address).await;
    // A client that never answers the close does not delay the shutdown.
    let _rude = Raw::open(address).await;
    shutdown.cancel();
    assert_eq!(raw.connection_closed().await.0, 320);
    soon(running).await.unwrap();
}
