//! Malformed bytes from clients.

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::protocol::{AMQPClass, basic, queue};
use lapin::types::FieldTable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::start;
use crate::suite::client::*;
use crate::suite::raw::{HEADER, Raw, any_frame, encode};

/// Returns a table with nested arrays.
fn nested(depth: usize) -> Vec<u8> {
    let mut value = vec![b'V'];
    for _ in 0..depth {
        let size = u32::try_from(value.len()).unwrap();
        value = [&b"A"[..], &size.to_be_bytes(), &value].concat();
    }
    let size = u32::try_from(value.len() + 2).unwrap();
    [&size.to_be_bytes()[..], b"\x01k", &value].concat()
}

#[tokio::test]
async fn deeply_nested_tables_are_rejected() {
    let (broker, _control, _guard) = start().await;
    let table = nested(20_000);
    let declare = [&[0, 50, 0, 10, 0, 0, 1, b'q', 2][..], &table].concat();
    let mut raw = Raw::open(broker.amqp).await;
    raw.bytes(&any_frame(1, 1, &declare)).await;
    assert_eq!(raw.connection_closed().await.0, 502);
    // In a message's headers.
    let mut raw = Raw::open(broker.amqp).await;
    raw.send(1, Raw::publish("q")).await;
    let header = [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0][..], &table].concat();
    raw.bytes(&any_frame(2, 1, &header)).await;
    assert_eq!(raw.connection_closed().await.0, 502);
    // Before the login.
    let mut raw = Raw::connect(broker.amqp).await;
    raw.method().await;
    raw.bytes(&any_frame(1, 0, &[&[0, 10, 0, 11][..], &nested(1000)].concat())).await;
    assert_eq!(raw.connection_closed().await.0, 502);
    with_queue(&broker, "q", FieldTable::default()).await;
}

#[tokio::test]
async fn an_announced_size_allocates_nothing() {
    let (broker, control, _guard) = start().await;
    let mut raw = Raw::open(broker.amqp).await;
    raw.send(1, Raw::publish("q")).await;
    raw.frame(&Raw::header(1, u64::MAX, AMQPProperties::default())).await;
    let (code, text) = raw.channel_closed(1).await;
    assert_eq!(code, 406);
    assert!(text.contains("message size 18446744073709551615 is larger"), "{text}");
    assert_eq!(control.memory(), 0);
}

#[tokio::test]
async fn reply_texts_are_truncated() {
    let (broker, _control, _guard) = start().await;
    let mut raw = Raw::open(broker.amqp).await;
    let purge = queue::Purge { queue: "ä".repeat(127).as_str().into(), nowait: false };
    raw.send(1, AMQPClass::Queue(queue::AMQPMethod::Purge(purge))).await;
    let (code, text) = raw.channel_closed(1).await;
    assert_eq!(code, 404);
    assert!(text.len() <= 255);
}

/// A pseudo-random generator (xorshift) with a fixed seed, so that every run sends the same bytes.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// Sends a session with all kinds of frames many times, with changed bytes. The broker must continue to serve other
/// clients and release all resources.
#[tokio::test]
async fn malformed_sessions_do_not_affect_others() {
    let (broker, control, _guard) = start().await;
    let (_connection, channel) = with_queue(&broker, "q", FieldTable::default()).await;
    let mut session = HEADER.to_vec();
    for frame in [
        handshake::start_ok(),
        handshake::tune_ok(),
        handshake::open(),
        AMQPFrame::Method(
            1,
            AMQPClass::Channel(amq_protocol::protocol::channel::AMQPMethod::Open(
                amq_protocol::protocol::channel::Open {},
            )),
        ),
        AMQPFrame::Method(
            1,
            AMQPClass::Queue(queue::AMQPMethod::Declare(queue::Declare {
                queue: "q".into(),
                durable: true,
                ..Default::default()
            })),
        ),
        AMQPFrame::Method(1, Raw::publish("q")),
        Raw::header(1, 3, AMQPProperties::default().with_content_type("text/plain".into())),
        AMQPFrame::Body(1, b"abc".to_vec()),
        AMQPFrame::Method(
            1,
            AMQPClass::Basic(basic::AMQPMethod::Consume(basic::Consume {
                queue: "q".into(),
                ..Default::default()
            })),
        ),
        AMQPFrame::Method(
            1,
            AMQPClass::Basic(basic::AMQPMethod::Nack(basic::Nack {
                delivery_tag: 1,
                requeue: true,
                ..Default::default()
            })),
        ),
        AMQPFrame::Heartbeat,
    ] {
        session.extend(encode(&frame));
    }
    let mut random = Xorshift(0x5eed_5eed_5eed_5eed);
    for _ in 0..400 {
        let mut bytes = session.clone();
        for _ in 0..=random.below(3) {
            let place = random.below(bytes.len());
            bytes[place] = random.below(256).to_le_bytes()[0];
        }
        bytes.truncate(bytes.len() - random.below(20));
        let mut stream = TcpStream::connect(broker.amqp).await.unwrap();
        // The broker may close the connection before it has read everything.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        // Closing a socket with unread bytes would reset it, and the broker would not read the rest of the session.
        let _ = soon(stream.read_to_end(&mut Vec::new())).await;
    }
    testkit::wait::until("the malformed sessions to end", || async {
        (control.connections() == 1).then_some(())
    })
    .await;
    let (ready, unacked) = control.depth("/", "q").unwrap();
    assert_eq!(unacked, 0);
    assert!(ready > 0, "no session has published");
    assert!(publish(&channel, "q", b"x").await.is_ack());
    assert_eq!(control.depth("/", "q"), Some((ready + 1, 0)));
}

mod handshake {
    use amq_protocol::frame::AMQPFrame;
    use amq_protocol::protocol::{AMQPClass, connection};

    use crate::suite::raw::capable;

    fn frame(method: connection::AMQPMethod) -> AMQPFrame {
        AMQPFrame::Method(0, AMQPClass::Connection(method))
    }

    pub(crate) fn start_ok() -> AMQPFrame {
        frame(connection::AMQPMethod::StartOk(connection::StartOk {
            client_properties: capable(),
            mechanism: "PLAIN".into(),
            response: b"\0guest\0guest".to_vec().into(),
            locale: "en_US".into(),
        }))
    }

    pub(crate) fn tune_ok() -> AMQPFrame {
        frame(connection::AMQPMethod::TuneOk(connection::TuneOk {
            channel_max: 10,
            frame_max: 8192,
            heartbeat: 0,
        }))
    }

    pub(crate) fn open() -> AMQPFrame {
        frame(connection::AMQPMethod::Open(connection::Open { virtual_host: "/".into() }))
    }
}
