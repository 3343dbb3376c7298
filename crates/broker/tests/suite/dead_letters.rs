//! Dead-lettering.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable};

use super::BrokerUnderTest;
use super::client::*;

const DROP: BasicRejectOptions = BasicRejectOptions { requeue: false };

fn dead_to(queue: &str) -> Vec<(&str, AMQPValue)> {
    vec![("x-dead-letter-exchange", text("")), ("x-dead-letter-routing-key", text(queue))]
}

fn header(delivery: &Delivery, key: &str) -> Option<AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(key).cloned()
}

/// Returns the tables of `x-death`, newest first.
fn deaths(delivery: &Delivery) -> Vec<FieldTable> {
    let Some(AMQPValue::FieldArray(array)) = header(delivery, "x-death") else { return Vec::new() };
    array
        .as_slice()
        .iter()
        .map(|death| match death {
            AMQPValue::FieldTable(death) => death.clone(),
            other => panic!("not a table: {other:?}"),
        })
        .collect()
}

pub(crate) async fn rejected_messages_are_dead_lettered(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "dead_one.dead", FieldTable::default()).await;
    let table = arguments(&dead_to("dead_one.dead"));
    channel.queue_declare("dead_one".into(), QueueDeclareOptions::durable(), table).await.unwrap();
    let properties = BasicProperties::default()
        .with_message_id("m".into())
        .with_headers(arguments(&[("mine", text("kept"))]));
    for round in 1..=2 {
        let properties = if round == 1 {
            properties.clone()
        } else {
            // The same message again: its history is extended.
            get(&channel, "dead_one.dead").await.unwrap().properties
        };
        publish_with(&channel, "dead_one", b"job", properties).await;
        get_eventually(&channel, "dead_one").await.reject(DROP).await.unwrap();
        until_ready(&channel, "dead_one.dead", 1).await;
    }
    let dead = get(&channel, "dead_one.dead").await.unwrap();
    assert_eq!(dead.data, b"job");
    assert_eq!((dead.exchange.as_str(), dead.routing_key.as_str()), ("", "dead_one.dead"));
    assert_eq!(*dead.properties.message_id(), Some("m".into()));
    assert_eq!(header(&dead, "mine"), Some(text("kept")));
    assert_eq!(header(&dead, "x-first-death-reason"), Some(text("rejected")));
    assert_eq!(header(&dead, "x-first-death-queue"), Some(text("dead_one")));
    assert_eq!(header(&dead, "x-first-death-exchange"), Some(text("")));
    let deaths = deaths(&dead);
    assert_eq!(deaths.len(), 1);
    let death = deaths[0].inner();
    assert_eq!(death["count"], AMQPValue::LongLongInt(2));
    assert_eq!(death["reason"], text("rejected"));
    assert_eq!(death["queue"], text("dead_one"));
    assert_eq!(death["exchange"], text(""));
    assert_eq!(death["routing-keys"], AMQPValue::FieldArray(vec![text("dead_one")].into()));
    assert!(matches!(death["time"], AMQPValue::Timestamp(1_700_000_000..)));
}

pub(crate) async fn dropped_and_expired_messages_are_dead_lettered(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "dead_two.dead", FieldTable::default()).await;
    let mut table = dead_to("dead_two.dead");
    table.extend([("x-max-length", int(1))]);
    let table = arguments(&table);
    channel.queue_declare("dead_two".into(), QueueDeclareOptions::durable(), table).await.unwrap();
    publish_numbers(&channel, "dead_two", 0..2).await;
    let dead = get_eventually(&channel, "dead_two.dead").await;
    assert_eq!(number(&dead), 0);
    assert_eq!(header(&dead, "x-first-death-reason"), Some(text("maxlen")));
    let properties = BasicProperties::default().with_expiration("1".into());
    publish_with(&channel, "dead_two", b"2", properties).await;
    let mut reasons = Vec::new();
    for _ in 0..2 {
        let dead = get_eventually(&channel, "dead_two.dead").await;
        reasons.push((number(&dead), header(&dead, "x-first-death-reason")));
        if number(&dead) == 2 {
            // The next queue must not apply the old time to live.
            assert_eq!(*dead.properties.expiration(), None);
            assert_eq!(deaths(&dead)[0].inner()["original-expiration"], text("1"));
        }
    }
    assert_eq!(reasons, [(1, Some(text("maxlen"))), (2, Some(text("expired")))]);
}

pub(crate) async fn dead_letter_cycles_are_dropped(broker: &BrokerUnderTest) {
    let mut table = dead_to("dead_round_2");
    table.push(("x-message-ttl", int(10)));
    let (_connection, channel) = with_queue(broker, "dead_round_1", arguments(&table)).await;
    let mut table = dead_to("dead_round_1");
    table.push(("x-message-ttl", int(10)));
    let table = arguments(&table);
    channel.queue_declare("dead_round_2".into(), QueueDeclareOptions::durable(), table).await.unwrap();
    publish_numbers(&channel, "dead_round_1", 0..1).await;
    testkit::wait::until("both queues to be empty", || async {
        let depth = ready(&channel, "dead_round_1").await + ready(&channel, "dead_round_2").await;
        (depth == 0).then_some(())
    })
    .await;
}

pub(crate) async fn the_delivery_limit_ends_redelivery(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "dead_limit.dead", FieldTable::default()).await;
    let mut table = dead_to("dead_limit.dead");
    table.extend([("x-queue-type", text("quorum")), ("x-delivery-limit", int(2))]);
    let table = arguments(&table);
    channel.queue_declare("dead_limit".into(), QueueDeclareOptions::durable(), table).await.unwrap();
    publish_numbers(&channel, "dead_limit", 0..1).await;
    let mut consumer = consume(&channel, "dead_limit").await;
    for _ in 0..3 {
        let delivery = next(&mut consumer).await;
        delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await.unwrap();
    }
    let dead = get_eventually(&channel, "dead_limit.dead").await;
    assert_eq!(header(&dead, "x-first-death-reason"), Some(text("delivery_limit")));
}

pub(crate) async fn quorum_queues_count_deliveries(broker: &BrokerUnderTest) {
    let (_connection, channel) =
        with_queue(broker, "dead_counted", arguments(&[("x-queue-type", text("quorum"))])).await;
    publish_numbers(&channel, "dead_counted", 0..1).await;
    let mut consumer = consume(&channel, "dead_counted").await;
    let mut counts = Vec::new();
    for _ in 0..3 {
        let delivery = next(&mut consumer).await;
        counts.push((delivery.redelivered, header(&delivery, "x-delivery-count")));
        delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await.unwrap();
    }
    let count = |number| Some(AMQPValue::LongLongInt(number));
    assert_eq!(counts, [(false, None), (true, count(1)), (true, count(2))]);
}
