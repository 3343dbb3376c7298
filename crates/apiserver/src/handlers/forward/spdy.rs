//! `pods/NAME/portforward` of kubectl: SPDY/3.1 frames, on a connection of their own or in the binary messages of a
//! WebSocket.
//!
//! For each connection, kubectl opens two streams with the same `requestid`: one of `streamtype: error`, on which only the
//! server writes, then one of `streamtype: data` with the `port` to connect to. The server closes both when the pod closes.

mod frame;
mod headers;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::pump::{PodOutput, QUEUE_LENGTH, pump};
use crate::{Node, PodRef};
use frame::Frame;
use headers::{HeaderDecoder, HeaderEncoder};

/// Concurrent streams; each connection has two.
const MAX_STREAMS: usize = 512;
const PROTOCOL_ERROR: u32 = 1;
const REFUSED: u32 = 3;

/// A violation of the protocol by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct ProtocolError(&'static str);

/// A stream of the client.
enum Stream {
    /// An error stream, on which the client sends nothing.
    Error,
    /// A data stream to a pod; `None` after the client's end of stream.
    Data(Option<mpsc::Sender<Bytes>>),
}

/// A connection of kubectl to one pod.
pub(super) struct SpdyTunnel {
    node: Arc<dyn Node>,
    pod: PodRef,
    stop: CancellationToken,
    streams: HashMap<u32, Stream>,
    /// The error stream of each request without a data stream.
    unpaired: HashMap<String, u32>,
    decoder: HeaderDecoder,
    encoder: HeaderEncoder,
    /// Frames for the client.
    out: mpsc::Sender<Bytes>,
    /// The data and error streams of closed pods.
    ended: mpsc::Sender<(u32, u32)>,
}

impl SpdyTunnel {
    /// Serves the client until it closes or `shutdown`.
    pub(super) async fn run(
        node: Arc<dyn Node>,
        pod: PodRef,
        shutdown: &CancellationToken,
        sink: impl Sink<Bytes>,
        source: impl futures::Stream<Item = Bytes>,
    ) {
        let (mut sink, mut source) = (Box::pin(sink), Box::pin(source));
        let (out, mut to_client) = mpsc::channel::<Bytes>(QUEUE_LENGTH);
        let (ended, mut over) = mpsc::channel(QUEUE_LENGTH);
        let stop = shutdown.child_token();
        let _stop_on_end = stop.clone().drop_guard();
        let mut tunnel = Self {
            node,
            pod,
            stop: stop.clone(),
            streams: HashMap::new(),
            unpaired: HashMap::new(),
            decoder: HeaderDecoder::new(),
            encoder: HeaderEncoder::default(),
            out,
            ended,
        };
        // Reading and writing are separate, so that a client that does not read cannot block its own input.
        let write = async move {
            while let Some(frame) = to_client.recv().await {
                sink.send(frame).await.ok()?;
            }
            sink.close().await.ok()
        };
        let read = async {
            let mut arrived = BytesMut::new();
            loop {
                let next = tokio::select! {
                    Some((data, error)) = over.recv() => {
                        tunnel.streams.remove(&data);
                        tunnel.streams.remove(&error);
                        continue;
                    }
                    next = source.next() => next,
                };
                let Some(bytes) = next else { return Ok::<_, ProtocolError>(()) };
                arrived.extend_from_slice(&bytes);
                while let Some(frame) = frame::take(&mut arrived)? {
                    tunnel.handle(frame).await?;
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = write => {}
            ended = read => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a port-forward client violated the protocol");
                }
            }
        }
    }

    async fn send(&self, frame: Bytes) -> Result<(), ProtocolError> {
        self.out.send(frame).await.map_err(|_| ProtocolError("the client has closed"))
    }

    async fn handle(&mut self, frame: Frame) -> Result<(), ProtocolError> {
        match frame {
            Frame::Open { stream, headers, fin } => self.open(stream, &headers, fin).await,
            Frame::Data { stream, bytes, fin } => {
                if let Some(Stream::Data(input)) = self.streams.get_mut(&stream) {
                    if let Some(input) = input.as_ref().filter(|_| !bytes.is_empty()) {
                        // A failure means that the pod has closed; its streams report that.
                        let _pod_closed = input.send(bytes).await;
                    }
                    if fin {
                        *input = None;
                    }
                }
                Ok(())
            }
            Frame::Reset { stream } => {
                if let Some(Stream::Data(input)) = self.streams.get_mut(&stream) {
                    *input = None;
                }
                Ok(())
            }
            Frame::Ping { id } => self.send(frame::ping(id)).await,
            Frame::GoAway | Frame::Other => Ok(()),
        }
    }

    async fn open(&mut self, stream: u32, block: &[u8], fin: bool) -> Result<(), ProtocolError> {
        // Later blocks refer to this one, so it must be decoded in any case.
        let headers = self.decoder.decode(block)?;
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        if self.streams.len() >= MAX_STREAMS {
            return self.send(frame::reset(stream, REFUSED)).await;
        }
        let request = header("requestid").unwrap_or_default().to_owned();
        let port = header("port").and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0);
        match (header("streamtype"), port) {
            (Some("error"), Some(_)) => {
                self.unpaired.insert(request, stream);
                self.streams.insert(stream, Stream::Error);
                let headers = self.encoder.encode(&[]);
                self.send(frame::reply(stream, &headers)).await
            }
            (Some("data"), Some(port)) if self.unpaired.contains_key(&request) => {
                let error = self.unpaired.remove(&request).unwrap_or_default();
                let headers = self.encoder.encode(&[]);
                self.send(frame::reply(stream, &headers)).await?;
                self.connect(stream, error, port, fin);
                Ok(())
            }
            _ => self.send(frame::reset(stream, PROTOCOL_ERROR)).await,
        }
    }

    /// Connects a data stream to a port of the pod.
    fn connect(&mut self, stream: u32, error: u32, port: u16, fin: bool) {
        let (input, from_client) = mpsc::channel(QUEUE_LENGTH);
        self.streams.insert(stream, Stream::Data(Some(input).filter(|_| !fin)));
        let (pieces, mut from_pod) = mpsc::channel(QUEUE_LENGTH);
        let (node, pod, stop) = (Arc::clone(&self.node), self.pod.clone(), self.stop.clone());
        let (out, ended) = (self.out.clone(), self.ended.clone());
        let frames = async move {
            while let Some((_, piece)) = from_pod.recv().await {
                let frame = match piece {
                    PodOutput::Data(bytes) => frame::data(stream, &bytes, false),
                    PodOutput::Error(text) => frame::data(error, text.as_bytes(), false),
                    PodOutput::End => break,
                };
                out.send(frame).await.ok()?;
            }
            out.send(frame::data(stream, &[], true)).await.ok()?;
            out.send(frame::data(error, &[], true)).await.ok()?;
            ended.send((stream, error)).await.ok()
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                (_, _) = async { tokio::join!(pump(node, pod, 0, port, from_client, pieces), frames) } => {}
            }
        });
    }
}
