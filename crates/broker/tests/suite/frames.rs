//! The format and the order of frames.

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::protocol::{AMQPClass, basic, channel, queue};

use super::BrokerUnderTest;
use super::raw::{Raw, any_frame, encode};

/// Sends `bytes` and returns the reply code of `connection.close`.
pub(crate) async fn closed_after(broker: &BrokerUnderTest, bytes: &[u8]) -> u16 {
    let mut raw = Raw::open(broker.amqp).await;
    raw.bytes(bytes).await;
    raw.connection_closed().await.0
}

pub(crate) async fn a_frame_without_its_end_is_an_error(broker: &BrokerUnderTest) {
    assert_eq!(closed_after(broker, &[1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]).await, 501);
}

pub(crate) async fn an_unknown_frame_type_is_an_error(broker: &BrokerUnderTest) {
    assert_eq!(closed_after(broker, &any_frame(9, 1, b"x")).await, 501);
}

pub(crate) async fn a_frame_over_frame_max_is_an_error(broker: &BrokerUnderTest) {
    let mut raw = Raw::open(broker.amqp).await;
    raw.send(1, Raw::publish("none")).await;
    raw.frame(&Raw::header(1, 1_000_000, AMQPProperties::default())).await;
    // The frame header is enough: the broker does not wait for the rest of a frame that is too large.
    raw.bytes(&[3, 0, 1, 0, 3, 0, 0]).await;
    assert_eq!(raw.connection_closed().await.0, 501);
}

pub(crate) async fn content_without_a_method_is_unexpected(broker: &BrokerUnderTest) {
    assert_eq!(closed_after(broker, &encode(&AMQPFrame::Body(1, b"x".to_vec()))).await, 505);
    let header = Raw::header(1, 1, AMQPProperties::default());
    assert_eq!(closed_after(broker, &encode(&header)).await, 505);
}

pub(crate) async fn a_method_instead_of_content_is_unexpected(broker: &BrokerUnderTest) {
    let publish = encode(&AMQPFrame::Method(1, Raw::publish("none")));
    let header = encode(&Raw::header(1, 5, AMQPProperties::default()));
    assert_eq!(closed_after(broker, &[publish.clone(), publish.clone()].concat()).await, 505);
    assert_eq!(closed_after(broker, &[publish.clone(), header, publish.clone()].concat()).await, 505);
    let body = encode(&AMQPFrame::Body(1, b"x".to_vec()));
    assert_eq!(closed_after(broker, &[publish, body].concat()).await, 505);
}

pub(crate) async fn a_channel_must_be_opened_once(broker: &BrokerUnderTest) {
    let open = AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {}));
    let mut raw = Raw::open(broker.amqp).await;
    raw.send(1, open).await;
    assert_eq!(raw.connection_closed().await, (504, "CHANNEL_ERROR - second 'channel.open' seen".to_owned()));
    let mut raw = Raw::open(broker.amqp).await;
    let purge = queue::Purge { queue: "nope".into(), nowait: false };
    raw.send(7, AMQPClass::Queue(queue::AMQPMethod::Purge(purge))).await;
    assert_eq!(raw.connection_closed().await, (504, "CHANNEL_ERROR - expected 'channel.open'".to_owned()));
}

pub(crate) async fn a_server_method_is_rejected(broker: &BrokerUnderTest) {
    let consume_ok =
        AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(basic::ConsumeOk { consumer_tag: "a".into() }));
    assert_eq!(closed_after(broker, &encode(&AMQPFrame::Method(1, consume_ok))).await, 503);
}

pub(crate) async fn frames_may_arrive_in_parts(broker: &BrokerUnderTest) {
    let mut raw = Raw::open(broker.amqp).await;
    raw.declare("frames_pieces").await;
    let bytes = [
        encode(&AMQPFrame::Method(1, Raw::publish("frames_pieces"))),
        encode(&Raw::header(1, 4, AMQPProperties::default())),
        encode(&AMQPFrame::Body(1, b"body".to_vec())),
        encode(&get("frames_pieces")),
    ]
    .concat();
    raw.stream.set_nodelay(true).unwrap();
    for byte in bytes {
        raw.bytes(&[byte]).await;
    }
    assert_eq!(got(&mut raw).await, b"body");
}

pub(crate) async fn a_body_may_have_many_frames(broker: &BrokerUnderTest) {
    let mut raw = Raw::open(broker.amqp).await;
    raw.declare("frames_many").await;
    let body: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    raw.send(1, Raw::publish("frames_many")).await;
    raw.frame(&Raw::header(1, 100_000, AMQPProperties::default())).await;
    // Empty body frames are ignored.
    raw.frame(&AMQPFrame::Body(1, Vec::new())).await;
    for part in body.chunks(999) {
        raw.frame(&AMQPFrame::Body(1, part.to_vec())).await;
    }
    raw.frame(&get("frames_many")).await;
    assert!(got(&mut raw).await == body);
}

fn get(queue: &str) -> AMQPFrame {
    let get = basic::Get { queue: queue.into(), no_ack: true };
    AMQPFrame::Method(1, AMQPClass::Basic(basic::AMQPMethod::Get(get)))
}

async fn got(raw: &mut Raw) -> Vec<u8> {
    let (1, AMQPClass::Basic(basic::AMQPMethod::GetOk(_))) = raw.method().await else {
        panic!("expected basic.get-ok");
    };
    let Some(AMQPFrame::Header(1, header)) = raw.next().await else { panic!("expected a header") };
    let mut body = Vec::new();
    while (body.len() as u64) < header.body_size {
        let Some(AMQPFrame::Body(1, part)) = raw.next().await else { panic!("expected a body") };
        body.extend(part);
    }
    body
}

pub(crate) async fn other_channels_survive_a_channel_error(broker: &BrokerUnderTest) {
    let mut raw = Raw::open(broker.amqp).await;
    raw.open_channel(2).await;
    let purge = queue::Purge { queue: "nope".into(), nowait: false };
    raw.send(2, AMQPClass::Queue(queue::AMQPMethod::Purge(purge))).await;
    assert_eq!(raw.channel_closed(2).await, (404, "NOT_FOUND - no queue 'nope' in vhost '/'".to_owned()));
    raw.declare("frames_survive").await;
}

pub(crate) async fn a_closed_channel_can_be_reopened(broker: &BrokerUnderTest) {
    let mut raw = Raw::open(broker.amqp).await;
    for _ in 0..3 {
        raw.send(1, AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close::default()))).await;
        let (1, AMQPClass::Channel(channel::AMQPMethod::CloseOk(_))) = raw.method().await else {
            panic!("expected channel.close-ok");
        };
        raw.open_channel(1).await;
    }
}
