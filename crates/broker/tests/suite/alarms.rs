//! Alarms.

use futures::StreamExt;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Event, options::*};

use super::BrokerUnderTest;
use super::client::*;

/// Clears the alarm even if the case fails, so that later cases are not affected.
struct Alarm<'a>(&'a BrokerUnderTest);

impl<'a> Alarm<'a> {
    fn raise(broker: &'a BrokerUnderTest) -> Self {
        broker.operator.alarm(true);
        Self(broker)
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.operator.alarm(false);
    }
}

pub(crate) async fn an_alarm_blocks_publishers(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "alarms_block", FieldTable::default()).await;
    let (_other, quiet) = super::client::channel(broker).await;
    let mut events = Box::pin(connection.events_listener());
    let alarm = Alarm::raise(broker);
    let send = |body: &'static [u8]| {
        channel.basic_publish(
            "".into(),
            "alarms_block".into(),
            BasicPublishOptions::default(),
            body,
            BasicProperties::default(),
        )
    };
    let first = send(b"0").await.unwrap();
    soon(async {
        loop {
            if let Some(Event::ConnectionBlocked(reason)) = events.next().await {
                assert_eq!(reason, "low on memory");
                break;
            }
        }
    })
    .await;
    // A connection that does not publish is not blocked.
    assert!(ready(&quiet, "alarms_block").await <= 1);
    drop(alarm);
    soon(async { while !matches!(events.next().await, Some(Event::ConnectionUnblocked)) {} }).await;
    assert!(soon(first).await.unwrap().is_ack());
    assert!(publish(&channel, "alarms_block", b"1").await.is_ack());
    assert_eq!(ready(&channel, "alarms_block").await, 2);
}

pub(crate) async fn an_alarm_does_not_block_consumers(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "alarms_consume", FieldTable::default()).await;
    publish_numbers(&channel, "alarms_consume", 0..10).await;
    let _alarm = Alarm::raise(broker);
    let (_other, theirs) = super::client::channel(broker).await;
    theirs.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let mut consumer = consume(&theirs, "alarms_consume").await;
    for expected in 0..10 {
        assert_eq!(next_number(&mut consumer).await, expected);
    }
}
