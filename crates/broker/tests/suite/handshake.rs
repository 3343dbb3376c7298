//! The handshake.

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::{AMQPClass, channel, connection};
use amq_protocol::types::FieldTable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::BrokerUnderTest;
use super::client::soon;
use super::raw::{HEADER, Raw, capable};

pub(crate) async fn another_protocol_gets_the_supported_header(broker: &BrokerUnderTest) {
    for theirs in [&b"AMQP\x00\x00\x08\x00"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(broker.amqp).await.unwrap();
        stream.write_all(theirs).await.unwrap();
        let mut answer = [0; 8];
        soon(stream.read_exact(&mut answer)).await.unwrap();
        assert_eq!(answer, HEADER);
        let mut rest = Vec::new();
        let _ = soon(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
}

pub(crate) async fn plain_and_amqplain_log_in(broker: &BrokerUnderTest) {
    for (mechanism, response) in [
        ("PLAIN", &b"\0guest\0guest"[..]),
        ("AMQPLAIN", b"\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05guest"),
    ] {
        let mut raw = Raw::connect(broker.amqp).await;
        raw.log_in(capable(), mechanism, response).await;
        raw.tune().await;
    }
}

pub(crate) async fn a_wrong_password_is_reported_if_supported(broker: &BrokerUnderTest) {
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(capable(), "PLAIN", b"\0guest\0wrong").await;
    let (code, text) = raw.connection_closed().await;
    assert_eq!(code, 403);
    assert_eq!(
        text,
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
    );
}

pub(crate) async fn a_wrong_password_closes_the_socket_otherwise(broker: &BrokerUnderTest) {
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(FieldTable::default(), "PLAIN", b"\0nobody\0guest").await;
    assert_eq!(raw.next().await, None);
}

pub(crate) async fn an_unknown_virtual_host_is_rejected(broker: &BrokerUnderTest) {
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
    let tune = raw.tune().await;
    raw.tune_ok(tune.channel_max, tune.frame_max, 0).await;
    raw.open_vhost("nope").await;
    let (code, text) = raw.connection_closed().await;
    assert_eq!((code, text.as_str()), (530, "NOT_ALLOWED - vhost nope not found"));
}

pub(crate) async fn tune_offers_rabbitmqs_defaults(broker: &BrokerUnderTest) {
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
    let tune = raw.tune().await;
    assert_eq!((tune.channel_max, tune.frame_max, tune.heartbeat), (2047, 131_072, 60));
}

pub(crate) async fn channels_are_limited(broker: &BrokerUnderTest) {
    let mut raw = Raw::connect(broker.amqp).await;
    raw.log_in(capable(), "PLAIN", b"\0guest\0guest").await;
    let tune = raw.tune().await;
    raw.tune_ok(2, tune.frame_max, 0).await;
    raw.open_vhost("/").await;
    raw.method().await;
    raw.open_channel(1).await;
    raw.open_channel(2).await;
    raw.send(3, AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {}))).await;
    let (code, text) = raw.connection_closed().await;
    assert_eq!(code, 530);
    assert_eq!(
        text,
        "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    );
}

pub(crate) async fn heartbeats_are_sent_and_expected(broker: &BrokerUnderTest) {
    // The broker sends a heartbeat every second. The client sends none and is disconnected.
    let mut raw = Raw::open_with(broker.amqp, 1).await;
    assert_eq!(raw.next().await, Some(AMQPFrame::Heartbeat));
    while let Some(frame) = raw.next().await {
        assert_eq!(frame, AMQPFrame::Heartbeat);
    }
}

pub(crate) async fn a_close_is_answered(broker: &BrokerUnderTest) {
    // A client that leaves the socket open: RabbitMQ closes it after one heartbeat interval, without heartbeats after 30 s.
    let mut raw = Raw::open_with(broker.amqp, 1).await;
    let close = connection::Close { reply_code: 200, reply_text: "bye".into(), class_id: 0, method_id: 0 };
    raw.send_connection(connection::AMQPMethod::Close(close)).await;
    let (0, AMQPClass::Connection(connection::AMQPMethod::CloseOk(_))) = raw.method().await else {
        panic!("expected connection.close-ok");
    };
    while let Some(frame) = raw.next().await {
        assert_eq!(frame, AMQPFrame::Heartbeat);
    }
}
