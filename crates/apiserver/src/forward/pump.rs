//! The way between a client and one port of a pod, whatever the client's protocol.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::{Node, PodRef};

/// Bytes of one read from a pod.
const CHUNK: usize = 32 * 1024;
/// Messages that wait for a pod or a client; the other side is not read meanwhile.
pub(super) const QUEUE: usize = 16;

/// What comes from a pod.
pub(super) enum Piece {
    Data(Bytes),
    /// Why nothing more will come, in words.
    Error(String),
    /// The pod has nothing more to say.
    End,
}

/// Connects to the pod and carries bytes both ways until the pod has ended.
pub(super) async fn pump(
    node: Arc<dyn Node>,
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
