//! Queues: declare, purge, delete.

use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable};

use super::BrokerUnderTest;
use super::client::*;

pub(crate) async fn declare_returns_counts(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "queues_counts", FieldTable::default()).await;
    publish_numbers(&channel, "queues_counts", 0..3).await;
    let queue = channel
        .queue_declare("queues_counts".into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await
        .unwrap();
    assert_eq!(
        (queue.name().as_str(), queue.message_count(), queue.consumer_count()),
        ("queues_counts", 3, 0)
    );
    channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let mut consumer = consume(&channel, "queues_counts").await;
    next(&mut consumer).await;
    let queue = channel
        .queue_declare("queues_counts".into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await
        .unwrap();
    // The unacknowledged message does not count.
    assert_eq!((queue.message_count(), queue.consumer_count()), (2, 1));
}

pub(crate) async fn redeclaration_must_be_equivalent(broker: &BrokerUnderTest) {
    let declared = || arguments(&[("x-max-length", int(10)), ("x-dead-letter-exchange", text(""))]);
    let (connection, channel) = with_queue(broker, "queues_same", declared()).await;
    channel.queue_declare("queues_same".into(), QueueDeclareOptions::durable(), declared()).await.unwrap();
    let dead = || ("x-dead-letter-exchange", text(""));
    let cases = [
        (
            QueueDeclareOptions::default(),
            declared(),
            "'durable' for queue 'queues_same' in vhost '/': received 'false' but current is 'true'",
        ),
        (
            QueueDeclareOptions::durable().auto_delete(),
            declared(),
            "'auto_delete' for queue 'queues_same' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            QueueDeclareOptions::durable(),
            arguments(&[("x-max-length", int(11)), dead()]),
            "'x-max-length' for queue 'queues_same' in vhost '/': received '11' but current is '10'",
        ),
        (
            QueueDeclareOptions::durable(),
            arguments(&[dead()]),
            "'x-max-length' for queue 'queues_same' in vhost '/': received none but current is the value '10' of type \
             'signedint'",
        ),
        (
            QueueDeclareOptions::durable(),
            arguments(&[("x-max-length", int(10)), dead(), ("x-message-ttl", int(5))]),
            "'x-message-ttl' for queue 'queues_same' in vhost '/': received the value '5' of type 'signedint' but \
             current is none",
        ),
        (
            QueueDeclareOptions::durable(),
            arguments(&[("x-max-length", int(10)), dead(), ("x-queue-type", text("quorum"))]),
            "'x-queue-type' for queue 'queues_same' in vhost '/': received the value 'quorum' of type 'longstr' but \
             current is none",
        ),
    ];
    for (options, table, words) in cases {
        let channel = connection.create_channel().await.unwrap();
        let (code, reply_text) = reply(channel.queue_declare("queues_same".into(), options, table).await);
        assert_eq!((code, reply_text), (406, format!("PRECONDITION_FAILED - inequivalent arg {words}")));
    }
    // The argument may name the default type.
    let table = arguments(&[("x-max-length", int(10)), dead(), ("x-queue-type", text("classic"))]);
    channel.queue_declare("queues_same".into(), QueueDeclareOptions::durable(), table).await.unwrap();
}

pub(crate) async fn arguments_are_validated(broker: &BrokerUnderTest) {
    let connection = connect(broker).await;
    let cases: &[(&str, AMQPValue, &str)] = &[
        ("x-max-length", text("10"), "\"expected integer, got longstr\""),
        ("x-max-length", int(-1), "{value_negative,-1}"),
        ("x-message-ttl", int(-1), "{value_negative,-1}"),
        ("x-overflow", text("nowhere"), "invalid_overflow"),
        ("x-overflow", int(3), "{unacceptable_type,signedint}"),
        ("x-queue-type", text("other"), "\"unsupported queue type 'other'\""),
        ("x-dead-letter-routing-key", text("a"), "routing_key_but_no_dlx_defined"),
    ];
    for (key, value, why) in cases {
        let channel = connection.create_channel().await.unwrap();
        let table = arguments(&[(key, value.clone())]);
        let (code, reply_text) =
            reply(channel.queue_declare("queues_bad".into(), QueueDeclareOptions::durable(), table).await);
        let words =
            format!("PRECONDITION_FAILED - invalid arg '{key}' for queue 'queues_bad' in vhost '/': {why}");
        assert_eq!((code, reply_text), (406, words));
    }
    let channel = connection.create_channel().await.unwrap();
    let table = arguments(&[("x-delivery-limit", int(3))]);
    let (code, reply_text) =
        reply(channel.queue_declare("queues_bad".into(), QueueDeclareOptions::durable(), table).await);
    assert_eq!(code, 406);
    assert_eq!(
        reply_text,
        "PRECONDITION_FAILED - invalid arg 'x-delivery-limit' for queue 'queues_bad' in vhost '/' of queue type \
         rabbit_classic_queue"
    );
}

pub(crate) async fn passive_declare_finds_or_fails(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "queues_passive", FieldTable::default()).await;
    assert_eq!(ready(&channel, "queues_passive").await, 0);
    let options = QueueDeclareOptions::durable().passive();
    let (code, reply_text) =
        reply(channel.queue_declare("queues_nope".into(), options, FieldTable::default()).await);
    assert_eq!((code, reply_text.as_str()), (404, "NOT_FOUND - no queue 'queues_nope' in vhost '/'"));
}

pub(crate) async fn an_empty_name_is_generated_or_the_last(broker: &BrokerUnderTest) {
    let (_connection, channel) = channel(broker).await;
    let made = channel
        .queue_declare("".into(), QueueDeclareOptions::exclusive(), FieldTable::default())
        .await
        .unwrap();
    assert!(made.name().as_str().starts_with("amq.gen-"), "{made:?}");
    assert_eq!(channel.queue_purge("".into(), QueuePurgeOptions::default()).await.unwrap(), 0);
    let fresh = _connection.create_channel().await.unwrap();
    let (code, reply_text) = reply(fresh.queue_purge("".into(), QueuePurgeOptions::default()).await);
    assert_eq!((code, reply_text.as_str()), (404, "NOT_FOUND - no previously declared queue"));
}

pub(crate) async fn reserved_names_are_rejected(broker: &BrokerUnderTest) {
    let (_connection, channel) = channel(broker).await;
    let declared =
        channel.queue_declare("amq.mine".into(), QueueDeclareOptions::durable(), FieldTable::default()).await;
    assert_eq!(
        reply(declared),
        (403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'".to_owned())
    );
}

pub(crate) async fn delete_has_conditions(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "queues_delete", FieldTable::default()).await;
    publish_numbers(&channel, "queues_delete", 0..2).await;
    let other = connection.create_channel().await.unwrap();
    let options = QueueDeleteOptions { if_empty: true, ..Default::default() };
    let (code, reply_text) = reply(other.queue_delete("queues_delete".into(), options).await);
    assert_eq!(
        (code, reply_text.as_str()),
        (406, "PRECONDITION_FAILED - queue 'queues_delete' in vhost '/' not empty")
    );
    let _consumer = consume(&channel, "queues_delete").await;
    let other = connection.create_channel().await.unwrap();
    let options = QueueDeleteOptions { if_unused: true, ..Default::default() };
    let (code, reply_text) = reply(other.queue_delete("queues_delete".into(), options).await);
    assert_eq!(
        (code, reply_text.as_str()),
        (406, "PRECONDITION_FAILED - queue 'queues_delete' in vhost '/' in use")
    );
    channel.queue_delete("queues_delete".into(), QueueDeleteOptions::default()).await.unwrap();
    // Deleting an unknown queue succeeds.
    channel.queue_delete("queues_delete".into(), QueueDeleteOptions::default()).await.unwrap();
}

pub(crate) async fn purge_empties(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "queues_purge", FieldTable::default()).await;
    publish_numbers(&channel, "queues_purge", 0..5).await;
    // Unacknowledged messages stay.
    let held = get(&channel, "queues_purge").await.unwrap();
    assert_eq!(channel.queue_purge("queues_purge".into(), QueuePurgeOptions::default()).await.unwrap(), 4);
    assert_eq!(ready(&channel, "queues_purge").await, 0);
    held.nack(BasicNackOptions { requeue: true, ..Default::default() }).await.unwrap();
    until_ready(&channel, "queues_purge", 1).await;
}

pub(crate) async fn exclusive_queues_belong_to_a_connection(broker: &BrokerUnderTest) {
    let (owner, mine) = channel(broker).await;
    mine.queue_declare("queues_exclusive".into(), QueueDeclareOptions::exclusive(), FieldTable::default())
        .await
        .unwrap();
    let (_connection, theirs) = channel(broker).await;
    let options = QueueDeclareOptions::default().passive();
    let (code, reply_text) =
        reply(theirs.queue_declare("queues_exclusive".into(), options, FieldTable::default()).await);
    assert_eq!(code, 405);
    assert!(
        reply_text.starts_with(
            "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'queues_exclusive' in vhost '/'."
        ),
        "{reply_text}"
    );
    owner.close(200, "".into()).await.unwrap();
    testkit::wait::until("the queue to be deleted with its connection", || async {
        let theirs = _connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions::default().passive();
        let declared = theirs.queue_declare("queues_exclusive".into(), options, FieldTable::default()).await;
        (reply(declared).0 == 404).then_some(())
    })
    .await;
}

pub(crate) async fn auto_delete_follows_the_last_consumer(broker: &BrokerUnderTest) {
    let (connection, channel) = channel(broker).await;
    let options = QueueDeclareOptions::durable().auto_delete();
    channel.queue_declare("queues_auto".into(), options, FieldTable::default()).await.unwrap();
    assert_eq!(ready(&channel, "queues_auto").await, 0);
    let one = consume(&channel, "queues_auto").await;
    let two = consume(&channel, "queues_auto").await;
    channel.basic_cancel(one.tag(), BasicCancelOptions::default()).await.unwrap();
    assert_eq!(ready(&channel, "queues_auto").await, 0);
    channel.basic_cancel(two.tag(), BasicCancelOptions::default()).await.unwrap();
    testkit::wait::until("the queue to be deleted", || async {
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions::durable().passive();
        let declared = channel.queue_declare("queues_auto".into(), options, FieldTable::default()).await;
        declared.is_err().then_some(())
    })
    .await;
}

pub(crate) async fn quorum_queues_are_accepted(broker: &BrokerUnderTest) {
    let quorum = || arguments(&[("x-queue-type", text("quorum"))]);
    let (connection, channel) = with_queue(broker, "queues_quorum", quorum()).await;
    publish_numbers(&channel, "queues_quorum", 0..3).await;
    let mut consumer = consume(&channel, "queues_quorum").await;
    for expected in 0..3 {
        assert_eq!(next_number(&mut consumer).await, expected);
    }
    let other = connection.create_channel().await.unwrap();
    let declared =
        other.queue_declare("queues_quorum_2".into(), QueueDeclareOptions::default(), quorum()).await;
    assert_eq!(
        reply(declared),
        (
            406,
            "PRECONDITION_FAILED - invalid property 'non-durable' for queue 'queues_quorum_2' in vhost '/'"
                .to_owned()
        )
    );
}
