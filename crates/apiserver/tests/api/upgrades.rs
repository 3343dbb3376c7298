//! Requests that continue with another protocol: port-forward, watches and logs.

use crate::api::streams::{echo, with_pod};
use crate::common::Running;
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use kube::client::Body;
use serde_json::{Value, json};
use testkit::wait::DEADLINE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

type Socket = WebSocketStream<TokioIo<Upgraded>>;

async fn open_websocket(running: &Running, path: &str, protocols: Option<&str>) -> http::Response<Body> {
    let mut request = http::Request::get(path)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("origin", "https://example.org")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    if let Some(protocols) = protocols {
        request = request.header("sec-websocket-protocol", protocols);
    }
    running.client.send(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn socket(response: http::Response<Body>) -> Socket {
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    WebSocketStream::from_raw_socket(io, Role::Client, None).await
}

async fn next(socket: &mut Socket) -> Message {
    tokio::time::timeout(DEADLINE, socket.next()).await.expect("a message in time").unwrap().unwrap()
}

#[tokio::test]
async fn port_forward_chooses_the_clients_first_known_protocol() {
    let (running, _) = with_pod().await;
    let path = "/api/v1/namespaces/default/pods/p/portforward?ports=8080";
    for (offers, code, chosen) in [
        (None, 101, None),
        (Some("v4.channel.k8s.io"), 101, Some("v4.channel.k8s.io")),
        // The kubelet has no version 5.
        (Some("v5.channel.k8s.io, v4.channel.k8s.io"), 101, Some("v4.channel.k8s.io")),
        (Some("v4.base64.channel.k8s.io, v4.channel.k8s.io"), 101, Some("v4.base64.channel.k8s.io")),
        (Some("v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io"), 101, Some(TUNNEL)),
        (Some("v5.channel.k8s.io"), 403, None),
    ] {
        let response = open_websocket(&running, path, offers).await;
        let protocol = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap());
        assert_eq!((response.status().as_u16(), protocol), (code, chosen), "{offers:?}");
    }
}

#[tokio::test]
async fn channels_carry_a_port_both_ways() {
    let (running, _) = with_pod().await;
    let port = echo().await;
    running.node.ports.lock().unwrap().insert(8080, port);
    let path = "/api/v1/namespaces/default/pods/p/portforward?ports=8080";
    let hello = 8080_u16.to_le_bytes();
    let mut binary = socket(open_websocket(&running, path, None).await).await;
    binary.send(Message::binary(&b"\0abc"[..])).await.unwrap();
    let expected = [vec![0, hello[0], hello[1]], vec![1, hello[0], hello[1]], b"\0abc".to_vec()];
    for bytes in expected {
        assert_eq!(next(&mut binary).await, Message::binary(bytes));
    }
    let response = open_websocket(&running, path, Some("v4.base64.channel.k8s.io")).await;
    let mut base64 = socket(response).await;
    base64.send(Message::text("0YWJj")).await.unwrap();
    for text in ["0kB8=", "1kB8=", "0YWJj"] {
        assert_eq!(next(&mut base64).await, Message::text(text));
    }
}

#[tokio::test]
async fn a_watch_over_a_websocket_has_one_event_in_each_message() {
    let (running, _) = with_pod().await;
    let maps: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    let create = async |name: &str| {
        let map = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
    };
    create("one").await;
    create("two").await;
    let path = "/api/v1/namespaces/default/configmaps?watch=true";
    let mut socket = socket(open_websocket(&running, path, None).await).await;
    let mut event = async || {
        let Message::Text(text) = next(&mut socket).await else { panic!("an event is a text") };
        assert!(text.ends_with('\n'), "{text}");
        let event: Value = serde_json::from_str(&text).unwrap();
        format!(
            "{} {}",
            event["type"].as_str().unwrap(),
            event["object"]["metadata"]["name"].as_str().unwrap()
        )
    };
    let mut first = [event().await, event().await];
    first.sort();
    assert_eq!(first, ["ADDED one", "ADDED two"]);
    create("three").await;
    assert_eq!(event().await, "ADDED three");
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn a_log_over_a_websocket_ends_with_the_log() {
    let (running, _) = with_pod().await;
    for (protocol, expected) in [
        (None, [Message::binary(&b""[..]), Message::binary(&b"one\n"[..])]),
        (Some("base64.binary.k8s.io"), [Message::text(""), Message::text("b25lCg==")]),
    ] {
        let (write, log) = mpsc::unbounded_channel();
        *running.node.log.lock().unwrap() = Some(log);
        write.send("one\n".into()).unwrap();
        let path = "/api/v1/namespaces/default/pods/p/log?follow=true";
        let mut socket = socket(open_websocket(&running, path, protocol).await).await;
        for message in expected {
            assert_eq!(next(&mut socket).await, message);
        }
        drop(write);
        assert!(next(&mut socket).await.is_close());
    }
}

#[tokio::test]
async fn spdy_inside_a_websocket_copies_several_connections() {
    spdy_copies_several_connections(true).await;
}

#[tokio::test]
async fn plain_spdy_copies_several_connections() {
    spdy_copies_several_connections(false).await;
}

enum Connection {
    WebSocket(Box<Socket>),
    Plain(TokioIo<Upgraded>),
}

impl Connection {
    async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::WebSocket(socket) => socket.send(Message::binary(bytes.to_vec())).await.unwrap(),
            Self::Plain(io) => io.write_all(bytes).await.unwrap(),
        }
    }

    async fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::WebSocket(socket) => socket.next().await.unwrap().unwrap().into_data().to_vec(),
            Self::Plain(io) => {
                let mut bytes = vec![0; 4096];
                let read = io.read(&mut bytes).await.unwrap();
                assert!(read > 0, "the server closed");
                bytes.truncate(read);
                bytes
            }
        }
    }
}

/// kubectl's streams with hand-written frames, so that the test uses no code of the server.
async fn spdy_copies_several_connections(over_websocket: bool) {
    /// Builds a stored header block; the first one starts with the zlib header.
    fn block(first: bool, headers: &[(&str, &str)]) -> Vec<u8> {
        let text = |text: &str| [&u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
        let mut plain = u32::try_from(headers.len()).unwrap().to_be_bytes().to_vec();
        for (name, value) in headers {
            plain.extend([text(name), text(value)].concat());
        }
        let length = u16::try_from(plain.len()).unwrap();
        let head: &[u8] = if first { &[0x78, 0x01] } else { &[] };
        [head, &[0], &length.to_le_bytes(), &(!length).to_le_bytes(), &plain].concat()
    }
    fn open(stream: u32, block: &[u8]) -> Vec<u8> {
        let length = u32::try_from(10 + block.len()).unwrap();
        let head = [0x8003_0001_u32.to_be_bytes(), length.to_be_bytes()].concat();
        [&head[..], &stream.to_be_bytes(), &[0; 6], block].concat()
    }
    fn data(stream: u32, bytes: &[u8], fin: bool) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap() | if fin { 0x0100_0000 } else { 0 };
        [&stream.to_be_bytes(), &length.to_be_bytes(), bytes].concat()
    }
    let (running, _) = with_pod().await;
    let port = echo().await;
    running.node.ports.lock().unwrap().insert(8080, port);
    let path = "/api/v1/namespaces/default/pods/p/portforward";
    let mut connection = if over_websocket {
        let response = open_websocket(&running, path, Some(TUNNEL)).await;
        assert_eq!(response.headers()["sec-websocket-protocol"], TUNNEL);
        Connection::WebSocket(Box::new(socket(response).await))
    } else {
        let request = http::Request::post(path)
            .header("connection", "Upgrade")
            .header("upgrade", "SPDY/3.1")
            .header("x-stream-protocol-version", "portforward.k8s.io");
        let response = running.client.send(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["upgrade"]),
            (101, &"SPDY/3.1".parse().unwrap())
        );
        assert_eq!(response.headers()["x-stream-protocol-version"], "portforward.k8s.io");
        Connection::Plain(TokioIo::new(hyper::upgrade::on(response).await.unwrap()))
    };
    let headers = |kind, port, request| [("port", port), ("requestid", request), ("streamtype", kind)];
    let sent = [
        open(1, &block(true, &headers("error", "8080", "0"))),
        data(1, b"", true),
        open(3, &block(false, &headers("data", "8080", "0"))),
        data(3, b"hello", true),
        open(5, &block(false, &headers("error", "1234", "1"))),
        open(7, &block(false, &headers("data", "1234", "1"))),
        open(9, &block(false, &headers("data", "8080", "unknown"))),
    ];
    // A message is an arbitrary slice of the stream, not a frame.
    for piece in sent.concat().chunks(37) {
        connection.send(piece).await;
    }
    // The text of each stream, and whether it has ended.
    let mut streams: std::collections::BTreeMap<u32, (String, bool)> = Default::default();
    let mut reset = Vec::new();
    let mut bytes: Vec<u8> = Vec::new();
    while streams.values().filter(|(_, ended)| *ended).count() < 4 || reset.is_empty() {
        bytes.extend(tokio::time::timeout(DEADLINE, connection.receive()).await.unwrap());
        while bytes.len() >= 8 {
            let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            let length = usize::try_from(word(4) & 0x00ff_ffff).unwrap();
            if bytes.len() < 8 + length {
                break;
            }
            match word(0) {
                0x8003_0002 => {
                    streams.insert(word(8), Default::default());
                }
                0x8003_0003 => reset.push(word(8)),
                stream => {
                    let (text, ended) = streams.get_mut(&stream).expect("the reply comes first");
                    text.push_str(std::str::from_utf8(&bytes[8..8 + length]).unwrap());
                    *ended = word(4) & 0x0100_0000 != 0;
                }
            }
            bytes.drain(..8 + length);
        }
    }
    assert_eq!(reset, [9]);
    assert_eq!(streams[&3].0, "hello");
    assert_eq!((streams[&1].0.as_str(), streams[&7].0.as_str()), ("", ""));
    assert!(streams[&5].0.starts_with("error forwarding port 1234 to pod p, uid "), "{}", streams[&5].0);
}
