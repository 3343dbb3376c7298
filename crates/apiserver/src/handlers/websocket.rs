//! The handshake of a WebSocket, and the streams that Kubernetes also serves over one: watches and logs.
//!
//! Source: `k8s.io/apimachinery/pkg/util/httpstream/wsstream`, `golang.org/x/net/websocket`.

use std::future::Future;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{SinkExt as _, Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use crate::Status;

/// Bytes of one message.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Bytes of one message of a log.
const LOG_CHUNK: usize = 2048;
/// The subprotocol of a client that offers none.
pub(super) const NONE: &str = "";

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Returns true when a header lists the word.
pub(super) fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// Returns true when the client wants to continue with a WebSocket.
pub(super) fn is_requested(headers: &HeaderMap) -> bool {
    lists(headers, &header::CONNECTION, "upgrade") && lists(headers, &header::UPGRADE, "websocket")
}

/// The subprotocols that the client offers, or [`NONE`].
pub(super) fn offers(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let offers: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|offer| !offer.is_empty())
        .collect();
    if offers.is_empty() { vec![NONE] } else { offers }
}

/// The first offer of the client among `known`.
pub(super) fn choose<'a>(headers: &HeaderMap, known: &[&'a str]) -> Option<&'a str> {
    offers(headers).iter().find_map(|offer| known.iter().find(|known| *known == offer).copied())
}

/// The answer to a client that offers only unknown subprotocols.
pub(super) fn forbidden() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Accepts the handshake and runs `serve` with the socket in the background.
pub(super) fn accept<F>(
    headers: &HeaderMap,
    upgrade: OnUpgrade,
    protocol: &str,
    serve: impl FnOnce(Socket) -> F + Send + 'static,
) -> Result<Response, Status>
where
    F: Future<Output = ()> + Send,
{
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16));
    let (Some(key), Some("13")) =
        (key, headers.get(header::SEC_WEBSOCKET_VERSION).and_then(|version| version.to_str().ok()))
    else {
        return Err(Status::bad_request("the WebSocket handshake needs Sec-WebSocket-Key and version 13"));
    };
    let mut response = switching(HeaderValue::from_static("websocket"));
    let out = response.headers_mut();
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        out.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = HeaderValue::from_str(protocol).ok().filter(|protocol| !protocol.is_empty()) {
        out.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let config = WebSocketConfig::default()
                    .max_message_size(Some(MAX_MESSAGE))
                    .max_frame_size(Some(MAX_MESSAGE));
                let io = TokioIo::new(upgraded);
                serve(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await).await;
            }
            Err(error) => tracing::debug!(%error, "a WebSocket client closed before the upgrade"),
        }
    });
    Ok(response)
}

/// The response that continues with another protocol.
pub(super) fn switching(protocol: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(header::UPGRADE, protocol);
    response
}

/// Sends the lines of a watch, each as one text message.
pub(super) fn send_lines(
    headers: &HeaderMap,
    upgrade: OnUpgrade,
    lines: impl Stream<Item = Bytes> + Send + 'static,
) -> Result<Response, Status> {
    // A watch has no subprotocols; the server repeats a single one.
    let protocol = match offers(headers).as_slice() {
        [only] => (*only).to_owned(),
        _ => NONE.to_owned(),
    };
    let messages = lines.flat_map(|lines| {
        let text = String::from_utf8_lossy(&lines).into_owned();
        let events: Vec<Message> = text.split_inclusive('\n').map(Message::text).collect();
        futures::stream::iter(events)
    });
    accept(headers, upgrade, &protocol, |socket| send(socket, messages))
}

/// Sends a log: an empty message first, then its bytes.
pub(super) fn send_log(
    headers: &HeaderMap,
    upgrade: OnUpgrade,
    log: impl Stream<Item = Bytes> + Send + 'static,
) -> Result<Response, Status> {
    const BINARY: &str = "binary.k8s.io";
    const BASE64: &str = "base64.binary.k8s.io";
    let Some(protocol) = choose(headers, &[NONE, BINARY, BASE64]) else { return Ok(forbidden()) };
    let message = move |bytes: Bytes| match protocol {
        BASE64 => Message::text(STANDARD.encode(bytes)),
        _ => Message::Binary(bytes),
    };
    let chunks = log.flat_map(|bytes| {
        let chunks: Vec<Bytes> = bytes.chunks(LOG_CHUNK).map(|chunk| bytes.slice_ref(chunk)).collect();
        futures::stream::iter(chunks)
    });
    let messages = futures::stream::iter([Bytes::new()]).chain(chunks).map(message);
    accept(headers, upgrade, protocol, |socket| send(socket, messages))
}

/// Sends messages until they end or the client closes.
async fn send(socket: Socket, messages: impl Stream<Item = Message>) {
    let (mut sink, mut source) = socket.split();
    let write = async {
        let mut messages = std::pin::pin!(messages);
        while let Some(message) = messages.next().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let _client_closed = sink.send(Message::Close(None)).await;
        let _client_closed = sink.close().await;
    };
    // The client sends nothing but its close.
    let read = async { while let Some(Ok(_)) = source.next().await {} };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_first_known_offer_is_chosen() {
        for (offer, wanted) in [
            (None, Some(NONE)),
            (Some(""), Some(NONE)),
            (Some("v5.channel.k8s.io, v4.channel.k8s.io"), Some("v4.channel.k8s.io")),
            (Some("v4.base64.channel.k8s.io,v4.channel.k8s.io"), Some("v4.base64.channel.k8s.io")),
            (Some("v5.channel.k8s.io"), None),
        ] {
            let headers = offer.map(|offer| (header::SEC_WEBSOCKET_PROTOCOL, offer.parse().unwrap()));
            let headers = HeaderMap::from_iter(headers);
            let known = [NONE, "v4.channel.k8s.io", "v4.base64.channel.k8s.io"];
            assert_eq!(choose(&headers, &known), wanted, "{offer:?}");
        }
    }
}
