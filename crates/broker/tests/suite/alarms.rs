//! Blocked publishing.

use futures::StreamExt;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Event, options::*};

use super::Under;
use super::client::*;

/// Clears the alarm also when the case fails, so that it fails alone.
struct Alarm<'a>(&'a Under);

impl<'a> Alarm<'a> {
    fn raise(under: &'a Under) -> Self {
        under.operator.alarm(true);
        Self(under)
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.operator.alarm(false);
    }
}

pub(crate) async fn an_alarm_blocks_who_publishes(under: &Under) {
    let (connection, channel) = with_queue(under, "alarms_block", FieldTable::default()).await;
    let (_other, quiet) = super::client::channel(under).await;
    let mut events = Box::pin(connection.events_listener());
    let alarm = Alarm::raise(under);
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
    // Who does not publish goes on.
    assert!(ready(&quiet, "alarms_block").await <= 1);
    drop(alarm);
    soon(async { while !matches!(events.next().await, Some(Event::ConnectionUnblocked)) {} }).await;
    assert!(soon(first).await.unwrap().is_ack());
    assert!(publish(&channel, "alarms_block", b"1").await.is_ack());
    assert_eq!(ready(&channel, "alarms_block").await, 2);
}

pub(crate) async fn consumers_go_on_under_an_alarm(under: &Under) {
    let (_connection, channel) = with_queue(under, "alarms_consume", FieldTable::default()).await;
    publish_numbers(&channel, "alarms_consume", 0..10).await;
    let _alarm = Alarm::raise(under);
    let (_other, theirs) = super::client::channel(under).await;
    theirs.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let mut consumer = consume(&theirs, "alarms_consume").await;
    for expected in 0..10 {
        assert_eq!(next_number(&mut consumer).await, expected);
    }
}
