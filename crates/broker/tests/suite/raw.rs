//! A client that sends given bytes and frames, valid or not.

use std::net::SocketAddr;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, gen_frame, parse_frame};
use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::protocol::{AMQPClass, basic, channel, connection, queue};
use amq_protocol::types::{AMQPValue, FieldTable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::soon;

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

pub(crate) const HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

pub(crate) fn encode(frame: &AMQPFrame) -> Vec<u8> {
    gen_frame(frame)(Vec::new().into()).unwrap().into_inner().0
}

/// Encodes a frame of any type with any payload and a valid end byte.
pub(crate) fn any_frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap();
    [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), payload, &[0xCE]].concat()
}

impl Raw {
    /// Connects and sends the protocol header.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut raw = Self { stream: TcpStream::connect(address).await.unwrap(), input: Vec::new() };
        raw.bytes(HEADER).await;
        raw
    }

    /// Logs in as `guest` with the offered limits and no heartbeats, and opens `/` and channel 1.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, 0).await
    }

    pub(crate) async fn open_with(address: SocketAddr, heartbeat: u16) -> Self {
        let mut raw = Self::connect(address).await;
        raw.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
        let tune = raw.tune().await;
        raw.tune_ok(tune.channel_max, tune.frame_max, heartbeat).await;
        raw.open_vhost("/").await;
        let AMQPClass::Connection(connection::AMQPMethod::OpenOk(_)) = raw.method().await.1 else {
            panic!("expected connection.open-ok");
        };
        raw.open_channel(1).await;
        raw
    }

    pub(crate) async fn log_in(&mut self, properties: FieldTable, mechanism: &str, response: &[u8]) {
        let AMQPClass::Connection(connection::AMQPMethod::Start(_)) = self.method().await.1 else {
            panic!("expected connection.start");
        };
        self.send_connection(connection::AMQPMethod::StartOk(connection::StartOk {
            client_properties: properties,
            mechanism: mechanism.into(),
            response: response.to_vec().into(),
            locale: "en_US".into(),
        }))
        .await;
    }

    pub(crate) async fn tune(&mut self) -> connection::Tune {
        match self.method().await.1 {
            AMQPClass::Connection(connection::AMQPMethod::Tune(tune)) => tune,
            other => panic!("expected connection.tune, not {other:?}"),
        }
    }

    pub(crate) async fn tune_ok(&mut self, channel_max: u16, frame_max: u32, heartbeat: u16) {
        let tune_ok = connection::TuneOk { channel_max, frame_max, heartbeat };
        self.send_connection(connection::AMQPMethod::TuneOk(tune_ok)).await;
    }

    pub(crate) async fn open_vhost(&mut self, vhost: &str) {
        let open = connection::Open { virtual_host: vhost.into() };
        self.send_connection(connection::AMQPMethod::Open(open)).await;
    }

    pub(crate) async fn open_channel(&mut self, number: u16) {
        self.send(number, AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {}))).await;
        let (on, AMQPClass::Channel(channel::AMQPMethod::OpenOk(_))) = self.method().await else {
            panic!("expected channel.open-ok");
        };
        assert_eq!(on, number);
    }

    /// Declares a durable queue of this name on channel 1.
    pub(crate) async fn declare(&mut self, name: &str) {
        let declare = queue::Declare { queue: name.into(), durable: true, ..Default::default() };
        self.send(1, AMQPClass::Queue(queue::AMQPMethod::Declare(declare))).await;
        let (_, AMQPClass::Queue(queue::AMQPMethod::DeclareOk(_))) = self.method().await else {
            panic!("expected queue.declare-ok");
        };
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn frame(&mut self, frame: &AMQPFrame) {
        self.bytes(&encode(frame)).await;
    }

    pub(crate) async fn send(&mut self, channel: u16, method: AMQPClass) {
        self.frame(&AMQPFrame::Method(channel, method)).await;
    }

    pub(crate) async fn send_connection(&mut self, method: connection::AMQPMethod) {
        self.send(0, AMQPClass::Connection(method)).await;
    }

    /// `basic.publish` to the default exchange, without its content.
    pub(crate) fn publish(key: &str) -> AMQPClass {
        AMQPClass::Basic(basic::AMQPMethod::Publish(basic::Publish {
            routing_key: key.into(),
            ..Default::default()
        }))
    }

    pub(crate) fn header(channel: u16, body_size: u64, properties: AMQPProperties) -> AMQPFrame {
        AMQPFrame::Header(channel, AMQPContentHeader { class_id: 60, body_size, properties })
    }

    /// Returns the next frame, including heartbeats; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<AMQPFrame> {
        soon(async {
            loop {
                if let Ok((rest, frame)) = parse_frame(&self.input[..]) {
                    let rest = rest.len();
                    self.input.drain(..self.input.len() - rest);
                    return Some(frame);
                }
                if !matches!(self.stream.read_buf(&mut self.input).await, Ok(1..)) {
                    return None;
                }
            }
        })
        .await
    }

    /// Returns the next frame that is not a heartbeat; it must be a method.
    pub(crate) async fn method(&mut self) -> (u16, AMQPClass) {
        loop {
            match self.next().await {
                Some(AMQPFrame::Heartbeat) => {}
                Some(AMQPFrame::Method(channel, method)) => return (channel, method),
                other => panic!("expected a method, not {other:?}"),
            }
        }
    }

    /// Expects `connection.close`, answers it, and expects the end of the stream. Returns code and text.
    pub(crate) async fn connection_closed(&mut self) -> (u16, String) {
        match self.method().await {
            (0, AMQPClass::Connection(connection::AMQPMethod::Close(close))) => {
                self.send_connection(connection::AMQPMethod::CloseOk(connection::CloseOk {})).await;
                assert_eq!(self.next().await, None, "a frame after the close");
                (close.reply_code, close.reply_text.to_string())
            }
            other => panic!("expected connection.close, not {other:?}"),
        }
    }

    /// Expects `channel.close` on `number` and answers it. Returns code and text.
    pub(crate) async fn channel_closed(&mut self, number: u16) -> (u16, String) {
        match self.method().await {
            (on, AMQPClass::Channel(channel::AMQPMethod::Close(close))) => {
                assert_eq!(on, number);
                self.send(number, AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {})))
                    .await;
                (close.reply_code, close.reply_text.to_string())
            }
            other => panic!("expected channel.close, not {other:?}"),
        }
    }
}

/// Returns the properties of a client with all capabilities.
pub(crate) fn capable() -> FieldTable {
    let mut capabilities = FieldTable::default();
    for name in [
        "publisher_confirms",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "authentication_failure_close",
    ] {
        capabilities.insert(name.into(), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    properties
}
