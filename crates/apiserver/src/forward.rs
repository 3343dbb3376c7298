//! `pods/NAME/portforward` over a WebSocket: `v5.channel.k8s.io` and `v4.channel.k8s.io`, which kube clients speak, and
//! the tunnel of kubectl, for which see [`crate::spdy`].
//!
//! In the first two every port has two channels: 2i for data, 2i+1 for an error text. The first byte of a message is its channel, and
//! the first message on each channel is the port, 16 bits, least byte first. In v5 the message `[255, channel]` ends
//! one direction of a channel.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use crate::handle::call::Call;
use crate::logs::pod_ref;
use crate::spdy::Tunnel;
use crate::{Cause, Node, PodRef, Status};

/// Ports of one request.
const MAX_PORTS: usize = 64;
/// Bytes of one read from a pod.
const CHUNK: usize = 32 * 1024;
/// Messages that wait for a pod or a client; the other side is not read meanwhile.
pub(crate) const QUEUE: usize = 16;
/// Bytes of one message that is taken from a client.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// The channel whose messages end another one.
const CLOSE: u8 = 255;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    V5,
    V4,
    Spdy,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::V5 => "v5.channel.k8s.io",
            Self::V4 => "v4.channel.k8s.io",
            Self::Spdy => "SPDY/3.1+portforward.k8s.io",
        }
    }

    /// The first version that the client offers and we speak.
    fn choose(headers: &HeaderMap) -> Option<Self> {
        let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
        let offers = offers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let ours = [Self::V5, Self::V4, Self::Spdy];
        offers.map(str::trim).find_map(|offer| ours.into_iter().find(|p| p.name() == offer))
    }
}

/// Answers the upgrade and forwards in the background until one side ends.
pub(crate) fn forward(call: &Call<'_>, upgrade: Option<OnUpgrade>) -> Result<Response, Status> {
    let pod = call.object()?;
    if pod.value.pointer("/spec/nodeName").and_then(serde_json::Value::as_str).is_none_or(str::is_empty) {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", call.name())));
    }
    let headers = call.headers;
    let contains = |name: header::HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let upgrade = upgrade.filter(|_| contains(header::CONNECTION, "upgrade"));
    let (Some(upgrade), true) = (upgrade, contains(header::UPGRADE, "websocket")) else {
        return Err(Status::bad_request("Upgrade request required"));
    };
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16));
    let (Some(key), Some("13")) =
        (key, headers.get(header::SEC_WEBSOCKET_VERSION).and_then(|version| version.to_str().ok()))
    else {
        return Err(Status::bad_request("the WebSocket handshake needs Sec-WebSocket-Key and version 13"));
    };
    let Some(protocol) = Protocol::choose(headers) else {
        return Err(Status::bad_request(
            "unable to upgrade: the client offers no protocol of v5.channel.k8s.io, v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io",
        ));
    };
    // A tunnel names the ports inside.
    let ports = if protocol == Protocol::Spdy { Vec::new() } else { ports(call)? };
    let node = call.server.node()?;
    let phase = pod.value.pointer("/status/phase").and_then(serde_json::Value::as_str).unwrap_or_default();
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Status::bad_request(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let pod = pod_ref(&pod.value);
    let shutdown = call.shutdown.clone();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let config = WebSocketConfig::default()
                    .max_message_size(Some(MAX_MESSAGE))
                    .max_frame_size(Some(MAX_MESSAGE));
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                if protocol == Protocol::Spdy {
                    Tunnel::run(node, pod, &shutdown, socket).await;
                } else {
                    Session { node, pod, protocol, ports, shutdown }.run(socket).await;
                }
            }
            Err(error) => tracing::debug!(%error, "the client of a port-forward went before the upgrade"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = response.headers_mut();
    out.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    out.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        out.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    out.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol.name()));
    Ok(response)
}

fn ports(call: &Call<'_>) -> Result<Vec<u16>, Status> {
    let texts = call.query.all("ports").flat_map(|text| text.split(','));
    let mut ports = Vec::new();
    for text in texts {
        match text.parse::<u16>() {
            Ok(port) if port > 0 && ports.len() < MAX_PORTS => ports.push(port),
            _ => {
                let cause = Cause::invalid("ports", &text.into(), "must be between 1 and 65535, inclusive");
                return Err(Status::invalid("", "PodPortForwardOptions", call.name(), vec![cause]));
            }
        }
    }
    if ports.is_empty() {
        return Err(Status::bad_request("query parameter \"ports\" is required"));
    }
    Ok(ports)
}

/// What comes from a pod.
pub(crate) enum Piece {
    Data(Bytes),
    /// Why nothing more will come, in words.
    Error(String),
    /// The pod has nothing more to say.
    End,
}

struct Session {
    node: std::sync::Arc<dyn Node>,
    pod: PodRef,
    protocol: Protocol,
    ports: Vec<u16>,
    shutdown: CancellationToken,
}

impl Session {
    async fn run<S>(self, socket: WebSocketStream<S>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sink, mut source) = socket.split();
        for (place, port) in self.ports.iter().enumerate() {
            for channel in [data(place), data(place) + 1] {
                let mut hello = BytesMut::with_capacity(3);
                hello.put_u8(channel);
                hello.put_u16_le(*port);
                if sink.send(Message::Binary(hello.freeze())).await.is_err() {
                    return;
                }
            }
        }
        let (out, mut to_client) = mpsc::channel::<(usize, Piece)>(QUEUE);
        let mut inputs = Vec::with_capacity(self.ports.len());
        let stop = self.shutdown.child_token();
        let _stop_on_end = stop.clone().drop_guard();
        for (place, port) in self.ports.iter().copied().enumerate() {
            let (input, from_client) = mpsc::channel::<Bytes>(QUEUE);
            inputs.push(Some(input));
            let (node, pod, out, stop) = (self.node.clone(), self.pod.clone(), out.clone(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = pump(node, pod, place, port, from_client, out) => {}
                }
            });
        }
        drop(out);
        // Reading and writing are apart, so that a client which does not read cannot keep its own input from the pod.
        let protocol = self.protocol;
        let write = async move {
            while let Some((place, piece)) = to_client.recv().await {
                let message = match piece {
                    Piece::Data(bytes) => on(data(place), &bytes),
                    Piece::Error(text) => on(data(place) + 1, text.as_bytes()),
                    Piece::End if protocol == Protocol::V5 => on(CLOSE, &[data(place)]),
                    Piece::End => continue,
                };
                sink.send(Message::Binary(message)).await.ok()?;
            }
            // Every port has come to its end.
            sink.send(Message::Close(None)).await.ok()?;
            sink.close().await.ok()
        };
        let read = async {
            while let Some(Ok(message)) = source.next().await {
                match message {
                    Message::Binary(bytes) => give(&mut inputs, bytes).await,
                    Message::Close(_) => break,
                    _ => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = write => {}
            () = read => {}
        }
    }
}

/// The data channel of the port at a place.
fn data(place: usize) -> u8 {
    u8::try_from(2 * place).unwrap_or(u8::MAX - 1)
}

/// A message on a channel.
fn on(channel: u8, bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(channel);
    message.put_slice(bytes);
    message.freeze()
}

/// Hands a message of the client to its port.
async fn give(inputs: &mut [Option<mpsc::Sender<Bytes>>], message: Bytes) {
    match message.first() {
        Some(&CLOSE) => {
            let ended = message.get(1).filter(|channel| **channel % 2 == 0);
            if let Some(input) = ended.and_then(|channel| inputs.get_mut(usize::from(*channel) / 2)) {
                *input = None;
            }
        }
        Some(channel) if channel % 2 == 0 => {
            if let Some(Some(input)) = inputs.get(usize::from(*channel) / 2) {
                let bytes = message.slice(1..);
                if !bytes.is_empty() {
                    // The pod may have gone; the client is told so on its own channel.
                    let _pod_gone = input.send(bytes).await;
                }
            }
        }
        // Clients have nothing to say on error channels.
        _ => {}
    }
}

/// Connects to the pod and carries bytes both ways until the pod has ended.
pub(crate) async fn pump(
    node: std::sync::Arc<dyn Node>,
    pod: PodRef,
    place: usize,
    port: u16,
    mut input: mpsc::Receiver<Bytes>,
    out: mpsc::Sender<(usize, Piece)>,
) {
    let stream = match node.connect(&pod, port).await {
        Ok(stream) => stream,
        Err(why) => {
            let text = format!("error forwarding port {port} to pod {}, uid {}: {why}", pod.name, pod.uid);
            let _client_gone = out.send((place, Piece::Error(text))).await;
            let _client_gone = out.send((place, Piece::End)).await;
            return;
        }
    };
    let _not_vital = stream.set_nodelay(true);
    let (mut from_pod, mut to_pod) = stream.into_split();
    let inward = async {
        while let Some(bytes) = input.recv().await {
            to_pod.write_all(&bytes).await?;
        }
        to_pod.shutdown().await
    };
    let outward = async {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        loop {
            buffer.reserve(CHUNK);
            let read = from_pod.read_buf(&mut buffer).await;
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    if out.send((place, Piece::Data(buffer.split().freeze()))).await.is_err() {
                        return Ok(());
                    }
                }
                Err(why) => return Err(why),
            }
        }
    };
    // The pod's end of stream ends the port; the client's only says that it will send no more.
    let (mut inward, mut outward) = (std::pin::pin!(inward), std::pin::pin!(outward));
    let ended = tokio::select! {
        ended = &mut outward => ended,
        ended = &mut inward => match ended {
            Ok(()) => outward.await,
            Err(why) => Err(why),
        },
    };
    if let Err(why) = ended {
        let text = format!("error forwarding port {port} to pod {}, uid {}: {why}", pod.name, pod.uid);
        let _client_gone = out.send((place, Piece::Error(text))).await;
    }
    let _client_gone = out.send((place, Piece::End)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_first_known_protocol_is_taken() {
        for (offer, wanted) in [
            ("v5.channel.k8s.io, v4.channel.k8s.io", Some(Protocol::V5)),
            ("v4.channel.k8s.io", Some(Protocol::V4)),
            ("SPDY/3.1+portforward.k8s.io", Some(Protocol::Spdy)),
            ("v3.channel.k8s.io", None),
        ] {
            let headers = HeaderMap::from_iter([(header::SEC_WEBSOCKET_PROTOCOL, offer.parse().unwrap())]);
            assert_eq!(Protocol::choose(&headers), wanted, "{offer}");
        }
    }
}
