//! Limits of a queue.

use lapin::BasicProperties;
use lapin::types::FieldTable;
use serde_json::json;

use super::BrokerUnderTest;
use super::client::*;

pub(crate) async fn reject_publish_nacks(broker: &BrokerUnderTest) {
    let table = arguments(&[("x-max-length", int(2)), ("x-overflow", text("reject-publish"))]);
    let (_connection, channel) = with_queue(broker, "limits_reject", table).await;
    publish_numbers(&channel, "limits_reject", 0..2).await;
    assert!(!publish(&channel, "limits_reject", b"2").await.is_ack());
    assert_eq!(ready(&channel, "limits_reject").await, 2);
    // Unacknowledged messages do not count.
    get(&channel, "limits_reject").await.unwrap();
    assert!(publish(&channel, "limits_reject", b"3").await.is_ack());
}

pub(crate) async fn drop_head_drops_the_oldest(broker: &BrokerUnderTest) {
    let (_connection, channel) =
        with_queue(broker, "limits_drop", arguments(&[("x-max-length", int(2))])).await;
    publish_numbers(&channel, "limits_drop", 0..5).await;
    assert_eq!(ready(&channel, "limits_drop").await, 2);
    assert_eq!(number(&get(&channel, "limits_drop").await.unwrap()), 3);
    assert_eq!(number(&get(&channel, "limits_drop").await.unwrap()), 4);
}

pub(crate) async fn bytes_are_limited_too(broker: &BrokerUnderTest) {
    let (_connection, channel) =
        with_queue(broker, "limits_bytes", arguments(&[("x-max-length-bytes", int(250))])).await;
    for _ in 0..5 {
        publish(&channel, "limits_bytes", &[0; 100]).await;
    }
    assert_eq!(ready(&channel, "limits_bytes").await, 2);
}

pub(crate) async fn policies_limit_existing_queues(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "limits_policy", FieldTable::default()).await;
    publish_numbers(&channel, "limits_policy", 0..10).await;
    broker.operator.set_policy("limits", "^limits_policy$", &json!({"max-length": 3}));
    until_ready(&channel, "limits_policy", 3).await;
    assert_eq!(number(&get(&channel, "limits_policy").await.unwrap()), 7);
    let reject = json!({"max-length": 3, "overflow": "reject-publish"});
    broker.operator.set_policy("limits", "^limits_policy$", &reject);
    testkit::wait::until("a nack", || async {
        (!publish(&channel, "limits_policy", b"8").await.is_ack()).then_some(())
    })
    .await;
    broker.operator.clear_policy("limits");
    testkit::wait::until("an ack", || async {
        publish(&channel, "limits_policy", b"9").await.is_ack().then_some(())
    })
    .await;
}

pub(crate) async fn messages_expire(broker: &BrokerUnderTest) {
    let (_connection, channel) =
        with_queue(broker, "limits_ttl", arguments(&[("x-message-ttl", int(50))])).await;
    publish_numbers(&channel, "limits_ttl", 0..3).await;
    until_ready(&channel, "limits_ttl", 0).await;
    let (_connection, channel) = with_queue(broker, "limits_own_ttl", FieldTable::default()).await;
    let properties = BasicProperties::default().with_expiration("50".into());
    publish_with(&channel, "limits_own_ttl", b"0", properties).await;
    publish_numbers(&channel, "limits_own_ttl", 1..2).await;
    until_ready(&channel, "limits_own_ttl", 1).await;
    assert_eq!(number(&get(&channel, "limits_own_ttl").await.unwrap()), 1);
}
