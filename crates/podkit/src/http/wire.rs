//! The socket under a connection, watched: what the client is doing and since when, and hyper's own refusals in our words.
//!
//! hyper answers what it cannot read with an empty body, and hangs up on a client that is slow with its headers. Here
//! such a client is told what was wrong, as every other client is. hyper writes without the service having been asked
//! only when it refuses a request, and that is how its refusals are known.

use std::{
    io::{IoSlice, Result},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use contract::{PROBLEM_CONTENT_TYPE, Problem};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};

/// What is said to everything that cannot be read.
pub(super) const NOT_HTTP: &str = "this is not a request of HTTP/1.1";
/// Time for a refusal to be written, and for the client to stop sending afterwards.
const GOODBYE: Duration = Duration::from_millis(500);
/// Bytes that are read and thrown away meanwhile.
const GOODBYE_BYTES: usize = 1 << 20;

/// What goes on in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between two requests, or before the first.
    Idle,
    /// A request's head has begun to arrive.
    Head,
    /// The service has the request.
    Answering,
    /// The answer is on its way to the client.
    Written,
}

/// The phase and its beginning, shared by the socket, the service and the timer of a connection.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<(Phase, Instant)>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((Phase::Idle, Instant::now()))))
    }

    pub(super) fn set(&self, phase: Phase) {
        *self.lock() = (phase, Instant::now());
    }

    pub(super) fn get(&self) -> (Phase, Instant) {
        *self.lock()
    }

    /// Goes from one phase to the next; any other phase stays.
    fn step(&self, from: Phase, to: Phase) {
        let mut now = self.lock();
        if now.0 == from {
            *now = (to, Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Phase, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket.
pub(super) struct Wire {
    io: TcpStream,
    progress: Progress,
    refusal: Option<Refusal>,
}

/// Stands for what hyper meant to write.
struct Refusal {
    bytes: Vec<u8>,
    written: usize,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, progress: &Progress) -> Self {
        Self { io: stream, progress: progress.clone(), refusal: None }
    }

    /// Tells the client why it gets no answer, unless hyper has refused it already.
    pub(super) async fn refuse(&mut self, problem: &Problem) {
        if self.refusal.is_some() {
            return;
        }
        let bytes = document(problem);
        let _ = tokio::time::timeout(GOODBYE, self.io.write_all(&bytes)).await;
    }

    /// Ends the connection so that the last answer arrives: a socket closed with unread bytes would be reset, and
    /// the client's system might throw the answer away.
    pub(super) async fn linger(self) {
        let mut stream = self.io;
        let goodbye = async {
            let _ = stream.shutdown().await;
            let mut left = GOODBYE_BYTES;
            let mut waste = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut waste).await {
                left = left.saturating_sub(count);
                if left == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    /// What to write instead of hyper's `bytes`, if they are a refusal.
    fn refusal(&mut self, bytes: &[u8]) -> Option<&mut Refusal> {
        if self.refusal.is_none() && matches!(self.progress.get().0, Phase::Idle | Phase::Head) {
            let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            let (title, detail) = match status {
                Some(414) => ("URI Too Long", "the request's target is too long"),
                Some(431) => (
                    "Request Header Fields Too Large",
                    "the request's line and headers are too long or too many",
                ),
                _ => ("Bad Request", NOT_HTTP),
            };
            let bytes = document(&Problem::new(status.unwrap_or(400), title, detail));
            self.refusal = Some(Refusal { bytes, written: 0 });
        }
        self.refusal.as_mut()
    }

    /// Writes the refusal to its end; hyper is told that its own `length` bytes went out.
    fn poll_refusal(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<Result<usize>> {
        while let Some(refusal) = &mut self.refusal {
            let rest = &refusal.bytes[refusal.written..];
            if rest.is_empty() {
                break;
            }
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            refusal.written += written;
        }
        Poll::Ready(Ok(length))
    }

    fn answered(&self, bytes: &[u8]) {
        // "100 Continue" is not yet the answer.
        if !bytes.starts_with(b"HTTP/1.1 100 ") {
            self.progress.step(Phase::Answering, Phase::Written);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.progress.step(Phase::Idle, Phase::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        if self.refusal(buf).is_some() {
            return self.poll_refusal(cx, buf.len());
        }
        self.answered(buf);
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let first = bufs.first().map_or(&[][..], |buf| buf);
        if self.refusal(first).is_some() {
            return self.poll_refusal(cx, bufs.iter().map(|buf| buf.len()).sum());
        }
        self.answered(first);
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.progress.step(Phase::Written, Phase::Idle);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A whole answer, after which the connection ends.
fn document(problem: &Problem) -> Vec<u8> {
    let body = serde_json::to_string(problem).unwrap_or_default();
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {PROBLEM_CONTENT_TYPE}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        problem.status,
        problem.title,
        body.len(),
    )
    .into_bytes()
}
