//! The handshake of `pods/NAME/portforward` over a WebSocket. Two protocols follow it: [`channels`] for kube clients, or
//! the SPDY tunnel of kubectl, [`spdy`]. Both copy their bytes through [`pump`].

mod channels;
mod pump;
mod spdy;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::call::Call;
use super::logs::pod_ref;
use crate::storage::Stored;
use crate::{Cause, Status};
use channels::ChannelSession;
use spdy::SpdyTunnel;

/// Ports in one request.
const MAX_PORTS: usize = 64;
/// Bytes of one WebSocket message.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// A WebSocket subprotocol.
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

    /// Returns the client's first supported protocol.
    fn choose(headers: &HeaderMap) -> Option<Self> {
        let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
        let offers = offers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let ours = [Self::V5, Self::V4, Self::Spdy];
        offers.map(str::trim).find_map(|offer| ours.into_iter().find(|p| p.name() == offer))
    }
}

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
pub(crate) fn forward(call: &Call<'_>, upgrade: Option<OnUpgrade>) -> Result<Response, Status> {
    let pod = scheduled_pod(call)?;
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
    // In a SPDY tunnel, each stream names its port.
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
                    SpdyTunnel::run(node, pod, &shutdown, socket).await;
                } else {
                    ChannelSession { node, pod, protocol, ports, shutdown }.run(socket).await;
                }
            }
            Err(error) => tracing::debug!(%error, "a port-forward client closed before the upgrade"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_first_supported_protocol_is_chosen() {
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
