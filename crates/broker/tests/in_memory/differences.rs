//! Differences to RabbitMQ 3.10: this broker reports errors that RabbitMQ does not report (list in the README).

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::AMQPClass;
use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::protocol::{basic, exchange, queue, tx};
use lapin::options::*;
use lapin::types::FieldTable;

use crate::suite::client::*;
use crate::suite::frames::closed_after;
use crate::suite::raw::{Raw, capable, encode};

/// RabbitMQ waits forever for the end of the message.
#[tokio::test]
async fn excess_content_is_an_error() {
    let (broker, _control, _guard) = super::start().await;
    let bytes = [
        encode(&AMQPFrame::Method(1, Raw::publish("none"))),
        encode(&Raw::header(1, 2, AMQPProperties::default())),
        encode(&AMQPFrame::Body(1, b"too much".to_vec())),
    ]
    .concat();
    assert_eq!(closed_after(&broker, &bytes).await, 501);
}

/// RabbitMQ closes the socket after three seconds of silence.
#[tokio::test]
async fn an_unknown_mechanism_is_rejected() {
    let (broker, _control, _guard) = super::start().await;
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(capable(), "GUESS", b"").await;
    let (code, text) = raw.connection_closed().await;
    assert_eq!((code, text.as_str()), (503, "COMMAND_INVALID - unknown authentication mechanism 'GUESS'"));
}

/// RabbitMQ closes the socket.
#[tokio::test]
async fn an_invalid_frame_size_is_rejected() {
    let (broker, _control, _guard) = super::start().await;
    for (frame_max, text) in [
        (100, "negotiated frame_max = 100 is lower than the minimum allowed value (4096)"),
        (200_000, "negotiated frame_max = 200000 is higher than the maximum allowed value (131072)"),
    ] {
        let mut raw = Raw::connect(broker.amqp).await;
        raw.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
        let tune = raw.tune().await;
        assert_eq!((tune.channel_max, tune.frame_max, tune.heartbeat), (2047, 131_072, 60));
        raw.tune_ok(tune.channel_max, frame_max, 0).await;
        assert_eq!(raw.connection_closed().await, (530, format!("NOT_ALLOWED - {text}")));
    }
}

/// RabbitMQ supports these.
#[tokio::test]
async fn unsupported_features_are_not_implemented() {
    let (broker, _control, _guard) = super::start().await;
    let select = AMQPClass::Tx(tx::AMQPMethod::Select(tx::Select {}));
    let bind = exchange::Bind {
        source: "amq.fanout".into(),
        destination: "amq.direct".into(),
        ..Default::default()
    };
    for method in [select, AMQPClass::Exchange(exchange::AMQPMethod::Bind(bind))] {
        let bytes = encode(&AMQPFrame::Method(1, method));
        assert_eq!(closed_after(&broker, &bytes).await, 540);
    }
    let declare =
        queue::Declare { queue: "amq.rabbitmq.reply-to".into(), passive: true, ..Default::default() };
    let consume =
        basic::Consume { queue: "amq.rabbitmq.reply-to".into(), no_ack: true, ..Default::default() };
    for method in [
        AMQPClass::Queue(queue::AMQPMethod::Declare(declare)),
        AMQPClass::Basic(basic::AMQPMethod::Consume(consume)),
        Raw::publish("amq.rabbitmq.reply-to.g2dkABFy"),
    ] {
        let bytes = encode(&AMQPFrame::Method(1, method));
        assert_eq!(closed_after(&broker, &bytes).await, 540, "direct reply-to");
    }
    for (key, value) in [
        ("x-max-priority", int(5)),
        ("x-single-active-consumer", lapin::types::AMQPValue::Boolean(true)),
        ("x-queue-type", text("stream")),
    ] {
        let (_connection, channel) = channel(&broker).await;
        let table: FieldTable = arguments(&[(key, value)]);
        let declared = channel.queue_declare("q".into(), QueueDeclareOptions::durable(), table).await;
        assert_eq!(reply(declared).0, 540, "{key}");
    }
}

/// RabbitMQ 3.10 has no default limit; RabbitMQ 4 has this one.
#[tokio::test]
async fn quorum_queues_limit_returns_to_twenty() {
    let (broker, control, _guard) = super::start().await;
    let (_connection, channel) =
        with_queue(&broker, "q", arguments(&[("x-queue-type", text("quorum"))])).await;
    publish_numbers(&channel, "q", 0..1).await;
    let mut consumer = consume(&channel, "q").await;
    for _ in 0..21 {
        let delivery = next(&mut consumer).await;
        delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await.unwrap();
    }
    testkit::wait::until("the message to be dropped", || async {
        (control.depth("/", "q") == Some((0, 0))).then_some(())
    })
    .await;
}
