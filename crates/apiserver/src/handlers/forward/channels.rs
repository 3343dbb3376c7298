//! Protocols `v5.channel.k8s.io` and `v4.channel.k8s.io`.
//!
//! Port number i has two channels: 2i for data and 2i+1 for an error text. The first byte of a message is its channel.
//! The first message on each channel is the port, 16 bits, little-endian. In v5 the message `[255, channel]` closes one
//! direction of a channel.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_util::sync::CancellationToken;

use super::Protocol;
use super::pump::{PodOutput, QUEUE_LENGTH, pump};
use crate::{Node, PodRef};

/// The channel for close messages.
const CLOSE: u8 = 255;

/// The connection of one client to some ports of one pod.
pub(super) struct ChannelSession {
    pub(super) node: Arc<dyn Node>,
    pub(super) pod: PodRef,
    pub(super) protocol: Protocol,
    pub(super) ports: Vec<u16>,
    pub(super) shutdown: CancellationToken,
}

impl ChannelSession {
    /// Serves the client until it closes, every port has closed, or `shutdown`.
    pub(super) async fn run<S>(self, socket: WebSocketStream<S>)
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
        let (out, mut to_client) = mpsc::channel::<(usize, PodOutput)>(QUEUE_LENGTH);
        let mut inputs = Vec::with_capacity(self.ports.len());
        let stop = self.shutdown.child_token();
        let _stop_on_end = stop.clone().drop_guard();
        for (place, port) in self.ports.iter().copied().enumerate() {
            let (input, from_client) = mpsc::channel::<Bytes>(QUEUE_LENGTH);
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
        // Reading and writing are separate, so that a client that does not read cannot block its own input.
        let protocol = self.protocol;
        let write = async move {
            while let Some((place, piece)) = to_client.recv().await {
                let message = match piece {
                    PodOutput::Data(bytes) => message_on(data(place), &bytes),
                    PodOutput::Error(text) => message_on(data(place) + 1, text.as_bytes()),
                    PodOutput::End if protocol == Protocol::V5 => message_on(CLOSE, &[data(place)]),
                    PodOutput::End => continue,
                };
                sink.send(Message::Binary(message)).await.ok()?;
            }
            // Every port has closed.
            sink.send(Message::Close(None)).await.ok()?;
            sink.close().await.ok()
        };
        let read = async {
            while let Some(Ok(message)) = source.next().await {
                match message {
                    Message::Binary(bytes) => dispatch(&mut inputs, bytes).await,
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

/// Returns the data channel of the port at an index.
fn data(index: usize) -> u8 {
    u8::try_from(2 * index).unwrap_or(u8::MAX - 1)
}

/// Builds a message on a channel.
fn message_on(channel: u8, bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(channel);
    message.put_slice(bytes);
    message.freeze()
}

/// Sends a client's message to its port.
async fn dispatch(inputs: &mut [Option<mpsc::Sender<Bytes>>], message: Bytes) {
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
                    // A failure means that the pod has closed; its own channel reports that.
                    let _pod_closed = input.send(bytes).await;
                }
            }
        }
        // Clients send nothing on error channels.
        _ => {}
    }
}
