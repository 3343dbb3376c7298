//! Protocols `v4.channel.k8s.io` and `v4.base64.channel.k8s.io`.
//!
//! Port number i has two channels: 2i for data and 2i+1 for an error text. The first byte of a message is its channel; in
//! the second protocol it is a digit, and the rest is base64. The first message on each channel is the port, 16 bits,
//! little-endian. No message closes a channel: the connection ends with its last port.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_util::sync::CancellationToken;

use super::super::websocket::Socket;
use super::pump::{PodOutput, QUEUE_LENGTH, pump};
use crate::{Node, PodRef};

/// The form of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Binary,
    Base64,
}

impl Encoding {
    /// Builds a message on a channel.
    fn message(self, channel: u8, bytes: &[u8]) -> Message {
        match self {
            Self::Binary => {
                let mut message = BytesMut::with_capacity(1 + bytes.len());
                message.put_u8(channel);
                message.put_slice(bytes);
                Message::Binary(message.freeze())
            }
            Self::Base64 => {
                let mut text = String::from(char::from(b'0'.wrapping_add(channel)));
                STANDARD.encode_string(bytes, &mut text);
                Message::text(text)
            }
        }
    }

    /// Splits a client's message into its channel and its bytes; `None` for an invalid one.
    fn split(self, message: &Bytes) -> Option<(u8, Bytes)> {
        let channel = *message.first()?;
        let rest = message.slice(1..);
        match self {
            Self::Binary => Some((channel, rest)),
            Self::Base64 => Some((channel.wrapping_sub(b'0'), STANDARD.decode(rest).ok()?.into())),
        }
    }
}

/// The connection of one client to some ports of one pod.
pub(super) struct ChannelSession {
    pub(super) node: Arc<dyn Node>,
    pub(super) pod: PodRef,
    pub(super) encoding: Encoding,
    pub(super) ports: Vec<u16>,
    pub(super) shutdown: CancellationToken,
}

impl ChannelSession {
    /// Serves the client until it closes, every port has closed, or `shutdown`.
    pub(super) async fn run(self, socket: Socket) {
        let encoding = self.encoding;
        let (mut sink, mut source) = socket.split();
        for (place, port) in self.ports.iter().enumerate() {
            for channel in [data(place), data(place) + 1] {
                if sink.send(encoding.message(channel, &port.to_le_bytes())).await.is_err() {
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
            inputs.push(input);
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
        let write = async move {
            while let Some((place, piece)) = to_client.recv().await {
                let message = match piece {
                    PodOutput::Data(bytes) => encoding.message(data(place), &bytes),
                    PodOutput::Error(text) => encoding.message(data(place) + 1, text.as_bytes()),
                    PodOutput::End => continue,
                };
                sink.send(message).await.ok()?;
            }
            // Every port has closed.
            sink.send(Message::Close(None)).await.ok()?;
            sink.close().await.ok()
        };
        let read = async {
            while let Some(Ok(message)) = source.next().await {
                let bytes = match message {
                    Message::Binary(bytes) => bytes,
                    Message::Text(text) => Bytes::from(text),
                    Message::Close(_) => break,
                    _ => continue,
                };
                if let Some((channel, bytes)) = encoding.split(&bytes) {
                    dispatch(&inputs, channel, bytes).await;
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

/// Sends a client's bytes to the port of a data channel. Clients send nothing on error channels.
async fn dispatch(inputs: &[mpsc::Sender<Bytes>], channel: u8, bytes: Bytes) {
    if channel % 2 == 1 || bytes.is_empty() {
        return;
    }
    if let Some(input) = inputs.get(usize::from(channel) / 2) {
        // A failure means that the pod has closed; its own channel reports that.
        let _pod_closed = input.send(bytes).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_with_their_channel() {
        assert_eq!(Encoding::Binary.message(2, b"hi"), Message::binary(&b"\x02hi"[..]));
        assert_eq!(Encoding::Base64.message(1, b"foo\n"), Message::text("1Zm9vCg=="));
        let split =
            |encoding: Encoding, text: &'static str| encoding.split(&Bytes::from_static(text.as_bytes()));
        assert_eq!(split(Encoding::Base64, "0Zm9vCg=="), Some((0, Bytes::from_static(b"foo\n"))));
        assert_eq!(split(Encoding::Base64, "0*"), None);
        assert_eq!(split(Encoding::Binary, "\u{3}hi"), Some((3, Bytes::from_static(b"hi"))));
        assert_eq!(split(Encoding::Binary, ""), None);
    }
}
