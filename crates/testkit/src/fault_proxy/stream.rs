//! Answers on their way to the client, and the ways in which they can end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::faults::{Asked, Shared};
use super::relay::Out;

/// How a watch, or another stream, ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As the server ends it when its time is up: after a whole line, in good order.
    Clean,
    /// The connection is gone between two lines.
    Cut,
    /// The connection is gone in the middle of a line.
    Torn,
    /// The server says that it no longer has the version to go on from: an `ERROR` event with code 410.
    Expired,
}

type Frames = mpsc::Sender<io::Result<Frame<Bytes>>>;

/// The body as it is passed on. Streams can be ended through `shared`, and a watch reaches the client in whole lines.
pub(super) fn body(asked: Asked, body: Body, shared: Arc<Shared>) -> Out {
    let (frames, passed) = mpsc::channel(16);
    tokio::spawn(async move {
        let (orders, ordered) = mpsc::unbounded_channel();
        // What is no stream ends by itself and takes no orders.
        let (id, kept) = if asked.is_stream() {
            (Some(shared.opened(asked.clone(), orders)), None)
        } else {
            (None, Some(orders))
        };
        pass(&asked, body, &frames, ordered, &shared).await;
        drop(kept);
        if let Some(id) = id {
            shared.forget(id);
        }
    });
    let passed = futures::stream::unfold(passed, |mut passed| async { Some((passed.recv().await?, passed)) });
    StreamBody::new(passed).boxed_unsync()
}

async fn pass(
    asked: &Asked,
    mut body: Body,
    frames: &Frames,
    mut orders: mpsc::UnboundedReceiver<Ending>,
    shared: &Shared,
) {
    let mut line = Vec::new();
    loop {
        tokio::select! {
            Some(ending) = orders.recv() => return end(ending, line, frames).await,
            () = frames.closed() => return,
            frame = body.frame() => {
                let data = match frame {
                    None => break,
                    Some(Err(error)) => {
                        let _gone = frames.send(Err(io::Error::other(error))).await;
                        return;
                    }
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                };
                let data = if asked.is_watch() { whole_lines(&mut line, &data) } else { data };
                if asked.is_watch() {
                    for version in data.split(|byte| *byte == b'\n').filter_map(bookmark) {
                        shared.bookmarked(asked, version);
                    }
                }
                shared.bytes_down.fetch_add(data.len() as u64, Ordering::Relaxed);
                if !data.is_empty() && frames.send(Ok(Frame::data(data))).await.is_err() {
                    return;
                }
            }
        }
    }
    if !line.is_empty() {
        let _gone = frames.send(Ok(Frame::data(line.into()))).await;
    }
}

/// What can be passed on now; `rest` keeps the line that has not ended yet.
fn whole_lines(rest: &mut Vec<u8>, data: &Bytes) -> Bytes {
    rest.extend_from_slice(data);
    let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    rest.drain(..end).collect::<Vec<u8>>().into()
}

/// The version that a line of a watch gives, if it is a bookmark.
fn bookmark(line: &[u8]) -> Option<String> {
    if !line.starts_with(br#"{"type":"BOOKMARK""#) {
        return None;
    }
    let event: serde_json::Value = serde_json::from_slice(line).ok()?;
    Some(event["object"]["metadata"]["resourceVersion"].as_str()?.to_owned())
}

async fn end(ending: Ending, line: Vec<u8>, frames: &Frames) {
    let cut = || io::Error::new(io::ErrorKind::ConnectionReset, "the proxy was told to cut the stream");
    let last = match ending {
        Ending::Clean => return,
        Ending::Cut => Vec::new(),
        Ending::Torn if line.is_empty() => br#"{"type":"MODIFIED","object":{"kind":"Po"#.to_vec(),
        Ending::Torn => line,
        Ending::Expired => {
            let status = json!({"type": "ERROR", "object": {
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "too old resource version: 1 (2)", "reason": "Expired", "code": 410,
            }});
            format!("{status}\n").into_bytes()
        }
    };
    if !last.is_empty() {
        let _gone = frames.send(Ok(Frame::data(last.into()))).await;
    }
    if ending != Ending::Expired {
        // The torn line must be on its way before the connection is given up.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _gone = frames.send(Err(cut())).await;
    }
}

/// Carries a tunnel's bytes both ways until one end closes, an order comes or the connections end.
pub(super) async fn tunnel(
    asked: Asked,
    down: OnUpgrade,
    up: OnUpgrade,
    shared: Arc<Shared>,
    end: CancellationToken,
) {
    let (Ok(down), Ok(up)) = (down.await, up.await) else { return };
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let id = shared.opened(asked, orders);
    let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(down));
    let (mut from_server, mut to_server) = tokio::io::split(TokioIo::new(up));
    let both = async {
        let downwards = copy(&mut from_server, &mut to_client, |count| {
            shared.bytes_down.fetch_add(count, Ordering::Relaxed);
        });
        let upwards = copy(&mut from_client, &mut to_server, |_| {});
        let _ended = tokio::join!(downwards, upwards);
    };
    tokio::select! {
        () = both => {}
        _ending = ordered.recv() => {}
        () = end.cancelled() => {}
    }
    shared.forget(id);
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: impl Fn(u64),
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        count(read as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passed_on_when_they_are_whole() {
        let mut rest = Vec::new();
        for (data, passed) in [("ab", ""), ("c\nd", "abc\n"), ("\n\ne", "d\n\n"), ("", "")] {
            assert_eq!(whole_lines(&mut rest, &Bytes::from(data)), passed);
        }
        assert_eq!(rest, b"e");
    }

    #[test]
    fn bookmarks_are_told_from_other_events() {
        let version = r#""object":{"metadata":{"resourceVersion":"17"}}}"#;
        assert_eq!(bookmark(format!(r#"{{"type":"BOOKMARK",{version}"#).as_bytes()).as_deref(), Some("17"));
        assert_eq!(bookmark(format!(r#"{{"type":"MODIFIED",{version}"#).as_bytes()), None);
    }
}
