//! Response bodies and tunnels on their way to the client, and the ways in which they end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::faults::{RecordedRequest, Shared, StreamEnd};

/// The body of a response to the client.
pub(super) type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

type Frames = mpsc::Sender<io::Result<Frame<Bytes>>>;

/// The forwarded body. `shared` can end streams, and a watch reaches the client in whole lines.
pub(super) fn body(request: RecordedRequest, body: Body, shared: Arc<Shared>) -> ResponseBody {
    let (frames, forwarded) = mpsc::channel(16);
    tokio::spawn(async move {
        let (commands, received) = mpsc::unbounded_channel();
        // Other responses end by themselves and take no commands.
        let (id, idle_sender) = if request.is_stream() {
            (Some(shared.add_stream(request.clone(), commands)), None)
        } else {
            (None, Some(commands))
        };
        forward(&request, body, &frames, received, &shared).await;
        drop(idle_sender);
        if let Some(id) = id {
            shared.remove_stream(id);
        }
    });
    let forwarded = futures::stream::unfold(forwarded, |mut forwarded| async {
        Some((forwarded.recv().await?, forwarded))
    });
    StreamBody::new(forwarded).boxed_unsync()
}

async fn forward(
    request: &RecordedRequest,
    mut body: Body,
    frames: &Frames,
    mut commands: mpsc::UnboundedReceiver<StreamEnd>,
    shared: &Shared,
) {
    let mut line = Vec::new();
    loop {
        tokio::select! {
            Some(end_kind) = commands.recv() => return end(end_kind, line, frames).await,
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
                let data = if request.is_watch() { whole_lines(&mut line, &data) } else { data };
                if request.is_watch() {
                    for version in data.split(|byte| *byte == b'\n').filter_map(bookmark) {
                        shared.record_bookmark(request, version);
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

/// Returns the complete lines; `rest` keeps the incomplete last line.
fn whole_lines(rest: &mut Vec<u8>, data: &Bytes) -> Bytes {
    rest.extend_from_slice(data);
    let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    rest.drain(..end).collect::<Vec<u8>>().into()
}

/// The resource version of a watch event, if it is a bookmark.
fn bookmark(line: &[u8]) -> Option<String> {
    if !line.starts_with(br#"{"type":"BOOKMARK""#) {
        return None;
    }
    let event: serde_json::Value = serde_json::from_slice(line).ok()?;
    Some(event["object"]["metadata"]["resourceVersion"].as_str()?.to_owned())
}

async fn end(kind: StreamEnd, line: Vec<u8>, frames: &Frames) {
    let cut = || io::Error::new(io::ErrorKind::ConnectionReset, "a test cut the stream");
    let last = match kind {
        StreamEnd::Clean => return,
        StreamEnd::Cut => Vec::new(),
        StreamEnd::Torn if line.is_empty() => br#"{"type":"MODIFIED","object":{"kind":"Po"#.to_vec(),
        StreamEnd::Torn => line,
        StreamEnd::Expired => {
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
    if kind != StreamEnd::Expired {
        // Let the torn line reach the client before the connection ends.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let _gone = frames.send(Err(cut())).await;
    }
}

/// Copies the bytes of a tunnel both ways until one end closes, a command arrives or the connections end.
pub(super) async fn tunnel(
    request: RecordedRequest,
    down: OnUpgrade,
    up: OnUpgrade,
    shared: Arc<Shared>,
    end: CancellationToken,
) {
    let (Ok(down), Ok(up)) = (down.await, up.await) else { return };
    let (commands, mut received) = mpsc::unbounded_channel();
    let id = shared.add_stream(request, commands);
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
        _command = received.recv() => {}
        () = end.cancelled() => {}
    }
    shared.remove_stream(id);
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
    fn watches_are_forwarded_in_whole_lines() {
        let mut rest = Vec::new();
        for (data, forwarded) in [("ab", ""), ("c\nd", "abc\n"), ("\n\ne", "d\n\n"), ("", "")] {
            assert_eq!(whole_lines(&mut rest, &Bytes::from(data)), forwarded);
        }
        assert_eq!(rest, b"e");
    }

    #[test]
    fn bookmarks_are_recognised() {
        let version = r#""object":{"metadata":{"resourceVersion":"17"}}}"#;
        assert_eq!(bookmark(format!(r#"{{"type":"BOOKMARK",{version}"#).as_bytes()).as_deref(), Some("17"));
        assert_eq!(bookmark(format!(r#"{{"type":"MODIFIED",{version}"#).as_bytes()), None);
    }
}
