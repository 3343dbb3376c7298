//! Tests of the state without sockets: the exact frames that a batch adds to the outboxes.

use std::sync::Arc;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, gen_frame, parse_frame};
use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::protocol::{AMQPClass, basic, channel, confirm, queue};
use amq_protocol::types::{AMQPValue, FieldTable};
use bytes::BytesMut;
use tokio::sync::Notify;

use super::connection::{Capabilities, Client};
use super::ids::ConnectionId;
use super::{Now, State};
use crate::config::Config;
use crate::wire::frame::take;

const NOW: Now = Now { ms: 1000, unix: 1_700_000_000 };

/// Adds a client that has completed its handshake and opened channel 1.
fn client(state: &mut State) -> ConnectionId {
    let client = Client {
        address: String::new(),
        user: "guest".to_owned(),
        name: None,
        vhost: state.vhost("/").unwrap(),
        frame_max: 4096,
        channel_max: 10,
        capabilities: Capabilities { consumer_cancel_notify: true, ..Capabilities::default() },
    };
    let id = state.connect(client, Arc::new(Notify::new())).unwrap();
    send(state, id, AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {})));
    answers(state, id);
    id
}

fn frame(state: &mut State, id: ConnectionId, frame: &AMQPFrame, now: Now) {
    let bytes = gen_frame(frame)(Vec::new().into()).unwrap().into_inner().0;
    let frame = take(&mut BytesMut::from(&bytes[..]), 131_072).unwrap().unwrap();
    state.frame(id, frame, now);
}

fn send(state: &mut State, id: ConnectionId, method: AMQPClass) {
    frame(state, id, &AMQPFrame::Method(1, method), NOW);
}

fn publish(state: &mut State, id: ConnectionId, queue: &str, body: &[u8]) {
    publish_with(state, id, queue, body, AMQPProperties::default());
}

fn publish_with(state: &mut State, id: ConnectionId, queue: &str, body: &[u8], properties: AMQPProperties) {
    let publish = basic::Publish { routing_key: queue.into(), mandatory: true, ..Default::default() };
    send(state, id, AMQPClass::Basic(basic::AMQPMethod::Publish(publish)));
    let header = AMQPContentHeader { class_id: 60, body_size: body.len() as u64, properties };
    frame(state, id, &AMQPFrame::Header(1, header), NOW);
    if !body.is_empty() {
        frame(state, id, &AMQPFrame::Body(1, body.to_vec()), NOW);
    }
}

fn declare(state: &mut State, id: ConnectionId, name: &str, arguments: FieldTable) {
    let declare = queue::Declare { queue: name.into(), nowait: true, arguments, ..Default::default() };
    send(state, id, AMQPClass::Queue(queue::AMQPMethod::Declare(declare)));
}

fn confirms(state: &mut State, id: ConnectionId) {
    send(state, id, AMQPClass::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: true })));
}

fn consume(state: &mut State, id: ConnectionId, queue: &str) {
    let consume =
        basic::Consume { queue: queue.into(), consumer_tag: "c".into(), nowait: true, ..Default::default() };
    send(state, id, AMQPClass::Basic(basic::AMQPMethod::Consume(consume)));
}

/// Removes and decodes the frames in a client's outbox.
fn answers(state: &mut State, id: ConnectionId) -> Vec<AMQPFrame> {
    let connection = state.connections.get_mut(&id).unwrap();
    connection.flush_all_confirms();
    let mut bytes = Vec::new();
    while !connection.outbox.is_empty() {
        let mut slices = Vec::new();
        connection.outbox.slices(&mut slices);
        let before = bytes.len();
        for slice in slices {
            bytes.extend_from_slice(&slice);
        }
        let count = bytes.len() - before;
        connection.outbox.advance(count);
    }
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (after, frame) = parse_frame(rest).unwrap();
        rest = after;
        frames.push(frame);
    }
    frames
}

/// Formats frames in a short form.
fn summary(frames: &[AMQPFrame]) -> Vec<String> {
    frames
        .iter()
        .map(|frame| match frame {
            AMQPFrame::Method(_, AMQPClass::Basic(method)) => match method {
                basic::AMQPMethod::Ack(ack) => format!("ack {} {}", ack.delivery_tag, ack.multiple),
                basic::AMQPMethod::Nack(nack) => format!("nack {} {}", nack.delivery_tag, nack.multiple),
                basic::AMQPMethod::Return(back) => format!("return {}", back.routing_key),
                basic::AMQPMethod::Deliver(it) => format!("deliver {} {}", it.delivery_tag, it.redelivered),
                other => format!("{other:?}"),
            },
            AMQPFrame::Method(_, method) => format!("{method:?}"),
            AMQPFrame::Header(..) => "header".to_owned(),
            AMQPFrame::Body(_, body) => String::from_utf8_lossy(body).into_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn confirms_of_a_batch_are_combined() {
    let mut state = State::new(Config::default());
    let id = client(&mut state);
    declare(&mut state, id, "q", FieldTable::default());
    confirms(&mut state, id);
    publish(&mut state, id, "q", b"x");
    assert_eq!(summary(&answers(&mut state, id)), ["ack 1 false"]);
    for _ in 0..5 {
        publish(&mut state, id, "q", b"x");
    }
    assert_eq!(summary(&answers(&mut state, id)), ["ack 6 true"]);
}

#[test]
fn confirms_keep_the_order_of_publishing() {
    let mut state = State::new(Config::default());
    let id = client(&mut state);
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(2));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    declare(&mut state, id, "q", arguments);
    confirms(&mut state, id);
    for queue in ["q", "q", "q", "q", "none", "none"] {
        publish(&mut state, id, queue, b"x");
    }
    assert_eq!(
        summary(&answers(&mut state, id)),
        [
            "ack 2 true",
            "return none",
            "header",
            "x",
            "nack 4 true",
            "return none",
            "header",
            "x",
            "ack 6 true"
        ]
    );
}

#[test]
fn answers_follow_pending_confirms() {
    let mut state = State::new(Config::default());
    let id = client(&mut state);
    declare(&mut state, id, "q", FieldTable::default());
    confirms(&mut state, id);
    publish(&mut state, id, "q", b"x");
    publish(&mut state, id, "q", b"x");
    send(&mut state, id, AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close::default())));
    let frames = summary(&answers(&mut state, id));
    assert_eq!(frames[0], "ack 2 true");
    assert!(frames[1].contains("CloseOk"), "{frames:?}");
}

#[test]
fn requeued_messages_keep_their_order() {
    let mut state = State::new(Config::default());
    let (one, two) = (client(&mut state), client(&mut state));
    declare(&mut state, one, "q", FieldTable::default());
    consume(&mut state, one, "q");
    for body in [b"a", b"b", b"c"] {
        publish(&mut state, two, "q", body);
    }
    assert_eq!(summary(&answers(&mut state, one)).len(), 9);
    send(
        &mut state,
        one,
        AMQPClass::Basic(basic::AMQPMethod::Ack(basic::Ack { delivery_tag: 2, multiple: false })),
    );
    consume(&mut state, two, "q");
    assert!(answers(&mut state, two).is_empty());
    state.disconnect(one, NOW);
    let frames = summary(&answers(&mut state, two));
    assert_eq!(frames, ["deliver 1 true", "header", "a", "deliver 2 true", "header", "c"]);
}

#[test]
fn bodies_are_split_by_the_receivers_frame_max() {
    let mut state = State::new(Config::default());
    let id = client(&mut state);
    declare(&mut state, id, "q", FieldTable::default());
    consume(&mut state, id, "q");
    publish(&mut state, id, "q", &[b'x'; 10_000]);
    let frames = answers(&mut state, id);
    let sizes: Vec<usize> = frames
        .iter()
        .filter_map(|frame| if let AMQPFrame::Body(_, body) = frame { Some(body.len()) } else { None })
        .collect();
    assert_eq!(sizes, [4088, 4088, 1824]);
}

#[test]
fn messages_after_the_head_expire() {
    let mut state = State::new(Config::default());
    let id = client(&mut state);
    declare(&mut state, id, "q", FieldTable::default());
    publish(&mut state, id, "q", b"stays");
    publish_with(&mut state, id, "q", b"goes", AMQPProperties::default().with_expiration("10".into()));
    let depth = |state: &State| state.queue_report("/", "q").map(|queue| queue.ready);
    let later = |ms| Now { ms, ..NOW };
    assert!(state.expire(later(1100)).is_some(), "a message will expire");
    assert_eq!(depth(&state), Some(2));
    let get = basic::Get { queue: "q".into(), no_ack: true };
    send(&mut state, id, AMQPClass::Basic(basic::AMQPMethod::Get(get)));
    assert_eq!(state.expire(later(2200)), None);
    assert_eq!(depth(&state), Some(0));
}

#[test]
fn memory_is_zero_without_messages() {
    let mut state = State::new(Config::default());
    let id = client(&mut state);
    declare(&mut state, id, "q", FieldTable::default());
    for _ in 0..10 {
        publish(&mut state, id, "q", b"0123456789");
    }
    assert!(state.meter.used() > 100);
    let get = basic::Get { queue: "q".into(), no_ack: false };
    send(&mut state, id, AMQPClass::Basic(basic::AMQPMethod::Get(get)));
    send(
        &mut state,
        id,
        AMQPClass::Queue(queue::AMQPMethod::Delete(queue::Delete {
            queue: "q".into(),
            ..Default::default()
        })),
    );
    // The unacknowledged message still uses memory.
    assert!(state.meter.used() > 0);
    state.disconnect(id, NOW);
    assert_eq!(state.meter.used(), 0);
}
