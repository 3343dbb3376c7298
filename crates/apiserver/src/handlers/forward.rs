//! `pods/NAME/portforward`, by the rules of kube-apiserver and the kubelet.
//!
//! A client chooses one of three ways: SPDY/3.1 as kubectl up to 1.30 and client-go's dialer, the same SPDY inside a
//! WebSocket as kubectl since 1.31, or [`channels`] of a WebSocket. All copy their bytes through [`pump`].
//!
//! Source: `k8s.io/kubelet/pkg/cri/streaming/portforward`, `k8s.io/apimachinery/pkg/util/httpstream`.

mod channels;
mod pump;
mod spdy;

use std::future::ready;

use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_util::codec::{BytesCodec, FramedRead, FramedWrite};

use super::call::Call;
use super::logs::pod_ref;
use super::websocket;
use crate::storage::Stored;
use crate::{Cause, Status};
use channels::{ChannelSession, Encoding};
use spdy::SpdyTunnel;

/// Ports in one request.
const MAX_PORTS: usize = 64;
/// Version of SPDY, as an upgrade names it.
const SPDY: &str = "SPDY/3.1";
/// Protocol of the streams.
const PORT_FORWARD: &str = "portforward.k8s.io";
/// Subprotocol of SPDY in a WebSocket.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const ACCEPTED_PROTOCOLS: HeaderName = HeaderName::from_static("x-accepted-stream-protocol-versions");

/// The subprotocols of channels. The kubelet has no version 5, whose close messages older clients do not know.
const CHANNELS: [(&str, Encoding); 3] = [
    (websocket::NONE, Encoding::Binary),
    ("v4.channel.k8s.io", Encoding::Binary),
    ("v4.base64.channel.k8s.io", Encoding::Base64),
];

/// Rejects `exec` and `attach`: a pod of the sandbox is a local process without a container.
pub(crate) fn reject_exec(call: &Call<'_>, subresource: &str) -> Result<Response, Status> {
    scheduled_pod(call)?;
    Err(Status::new(
        501,
        "NotImplemented",
        format!(
            "{subresource} is not supported: pod {} is a local process without a container; \
             use the tools of this machine, or kubectl logs {}",
            call.name(),
            call.name()
        ),
    ))
}

/// Returns the pod, which must have a node.
fn scheduled_pod(call: &Call<'_>) -> Result<std::sync::Arc<Stored>, Status> {
    let pod = call.object()?;
    if pod.value.pointer("/spec/nodeName").and_then(serde_json::Value::as_str).is_none_or(str::is_empty) {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", call.name())));
    }
    Ok(pod)
}

/// Accepts the upgrade and forwards in the background until one side closes.
pub(crate) fn forward(call: &mut Call<'_>) -> Result<Response, Status> {
    let pod = scheduled_pod(call)?;
    let headers = call.headers;
    let upgrade = call.upgrade.take_if(|_| websocket::lists(headers, &header::CONNECTION, "upgrade"));
    let Some(upgrade) = upgrade else { return Err(Status::bad_request("Upgrade request required")) };
    let node = call.server.node()?;
    let phase = pod.value.pointer("/status/phase").and_then(serde_json::Value::as_str).unwrap_or_default();
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Status::bad_request(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let pod = pod_ref(&pod.value);
    let shutdown = call.shutdown.clone();
    if !websocket::is_requested(headers) {
        return spdy(headers, upgrade, |io| async move {
            let (read, write) = tokio::io::split(io);
            let sink = FramedWrite::new(write, BytesCodec::new());
            let source = FramedRead::new(read, BytesCodec::new());
            let source = source.scan((), |(), bytes| ready(bytes.ok().map(BytesMut::freeze)));
            SpdyTunnel::run(node, pod, &shutdown, sink, source).await;
        });
    }
    // The API server looks for the tunnel among all offers, before the kubelet sees them.
    if websocket::offers(headers).contains(&TUNNEL) {
        return websocket::accept(headers, upgrade, TUNNEL, |socket| async move {
            let (sink, source) = socket.split();
            let sink = sink.with(|frame| ready(Ok::<_, tungstenite::Error>(Message::Binary(frame))));
            let source = source.scan((), |(), message| {
                ready(match message {
                    Ok(Message::Binary(bytes)) => Some(bytes),
                    Ok(Message::Close(_)) | Err(_) => None,
                    Ok(_) => Some(Bytes::new()),
                })
            });
            SpdyTunnel::run(node, pod, &shutdown, sink, source).await;
        });
    }
    // In a SPDY tunnel, each stream names its port.
    let ports = ports(call)?;
    let Some(protocol) = websocket::choose(headers, &CHANNELS.map(|(name, _)| name)) else {
        return Ok(websocket::forbidden());
    };
    let encoding =
        CHANNELS.iter().find(|(name, _)| *name == protocol).map_or(Encoding::Binary, |known| known.1);
    websocket::accept(headers, upgrade, protocol, move |socket| async move {
        ChannelSession { node, pod, encoding, ports, shutdown }.run(socket).await;
    })
}

/// Accepts plain SPDY and runs `serve` with the connection in the background.
fn spdy<F>(
    headers: &HeaderMap,
    upgrade: OnUpgrade,
    serve: impl FnOnce(TokioIo<hyper::upgrade::Upgraded>) -> F + Send + 'static,
) -> Result<Response, Status>
where
    F: Future<Output = ()> + Send,
{
    if !websocket::lists(headers, &header::UPGRADE, SPDY) {
        return Err(Status::bad_request("Upgrade request required"));
    }
    if !websocket::lists(headers, &STREAM_PROTOCOL, PORT_FORWARD) {
        let text = "unable to upgrade: unable to negotiate protocol: client supports other protocols, server accepts \
                    [portforward.k8s.io]\n";
        let mut response = (StatusCode::FORBIDDEN, text).into_response();
        response.headers_mut().insert(ACCEPTED_PROTOCOLS, HeaderValue::from_static(PORT_FORWARD));
        return Ok(response);
    }
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
            Err(error) => tracing::debug!(%error, "a port-forward client closed before the upgrade"),
        }
    });
    let mut response = websocket::switching(HeaderValue::from_static(SPDY));
    response.headers_mut().insert(STREAM_PROTOCOL, HeaderValue::from_static(PORT_FORWARD));
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
