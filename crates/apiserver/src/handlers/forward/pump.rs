//! The copy loop between a client and one port of a pod, for all protocols.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::{Node, PodRef};

/// Bytes of one read from a pod.
const CHUNK: usize = 32 * 1024;
/// Messages that wait for a pod or a client. A full queue stops the reads from the other side.
pub(super) const QUEUE_LENGTH: usize = 16;

/// Output of a pod.
pub(super) enum PodOutput {
    Data(Bytes),
    /// The error that ended the connection.
    Error(String),
    /// The end of the output.
    End,
}

/// Connects to the pod and copies bytes both ways until the pod closes.
pub(super) async fn pump(
    node: Arc<dyn Node>,
    pod: PodRef,
    place: usize,
    port: u16,
    mut input: mpsc::Receiver<Bytes>,
    out: mpsc::Sender<(usize, PodOutput)>,
) {
    let stream = match node.connect(&pod, port).await {
        Ok(stream) => stream,
        Err(why) => {
            let text = format!("error forwarding port {port} to pod {}, uid {}: {why}", pod.name, pod.uid);
            let _client_closed = out.send((place, PodOutput::Error(text))).await;
            let _client_closed = out.send((place, PodOutput::End)).await;
            return;
        }
    };
    let _optional = stream.set_nodelay(true);
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
                    if out.send((place, PodOutput::Data(buffer.split().freeze()))).await.is_err() {
                        return Ok(());
                    }
                }
                Err(why) => return Err(why),
            }
        }
    };
    // The pod's end of stream closes the port; the client's end of stream closes only its own direction.
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
        let _client_closed = out.send((place, PodOutput::Error(text))).await;
    }
    let _client_closed = out.send((place, PodOutput::End)).await;
}
