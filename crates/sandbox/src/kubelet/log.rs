//! The log of one run of a container: its last lines, each with its time, within a bound.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apiserver::LogOptions;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt as _};
use k8s_openapi::jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

/// Bytes read at once, and most bytes handed to a reader at once.
const CHUNK: usize = 16 * 1024;

/// A bounded log; clones share it.
#[derive(Clone)]
pub(super) struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    ring: Mutex<Ring>,
    changed: watch::Sender<()>,
    max_bytes: usize,
    max_line: usize,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Number of the line at the front.
    first: u64,
    ended: bool,
}

struct Line {
    at: Timestamp,
    /// With its line end, unless the program's output ended without one.
    text: Bytes,
}

impl Log {
    /// An empty log of at most `max_bytes`, whose lines are cut at `max_line` bytes.
    pub(super) fn new(max_bytes: usize, max_line: usize) -> Self {
        let shared = Shared {
            ring: Mutex::default(),
            changed: watch::Sender::new(()),
            max_bytes,
            max_line: max_line.max(1),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes in everything that `output` says, until its end.
    pub(super) async fn take(&self, mut output: impl AsyncRead + Unpin) {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        loop {
            buffer.reserve(CHUNK);
            match output.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(_) => self.cut(&mut buffer),
            }
        }
        if !buffer.is_empty() {
            self.push(&buffer, Timestamp::now());
        }
    }

    /// Moves whole lines, and too long ones, from the buffer into the log.
    fn cut(&self, buffer: &mut BytesMut) {
        let now = Timestamp::now();
        loop {
            let end = buffer.iter().take(self.shared.max_line).position(|&byte| byte == b'\n');
            match end {
                Some(end) => self.push(&buffer.split_to(end + 1), now),
                None if buffer.len() >= self.shared.max_line => {
                    let mut line = buffer.split_to(self.shared.max_line - 1);
                    line.extend_from_slice(b"\n");
                    self.push(&line, now);
                }
                None => return,
            }
        }
    }

    fn push(&self, text: &[u8], at: Timestamp) {
        // A slice would keep the whole buffer that it was read into.
        let text = Bytes::copy_from_slice(text);
        let mut ring = self.lock();
        ring.bytes += text.len();
        ring.lines.push_back(Line { at, text });
        while ring.bytes > self.shared.max_bytes {
            let Some(line) = ring.lines.pop_front() else { break };
            ring.bytes -= line.text.len();
            ring.first += 1;
        }
        drop(ring);
        self.shared.changed.send_replace(());
    }

    /// Nothing more will come: readers that follow end.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.shared.changed.send_replace(());
    }

    /// The log as the API gives it out.
    pub(super) fn read(&self, options: &LogOptions) -> BoxStream<'static, Bytes> {
        let mut reader = Reader {
            log: self.clone(),
            changed: self.shared.changed.subscribe(),
            next: 0,
            follow: options.follow,
            since: options.since,
            timestamps: options.timestamps,
            left: options.limit_bytes,
        };
        {
            let ring = self.lock();
            let count = ring.lines.len() as u64;
            let tail = options.tail_lines.unwrap_or(u64::MAX).min(count);
            reader.next = ring.first + (count - tail);
        }
        futures::stream::unfold(reader, |mut reader| async move {
            let chunk = reader.chunk().await?;
            Some((chunk, reader))
        })
        .boxed()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reader {
    log: Log,
    changed: watch::Receiver<()>,
    next: u64,
    follow: bool,
    since: Option<Timestamp>,
    timestamps: bool,
    left: Option<u64>,
}

impl Reader {
    async fn chunk(&mut self) -> Option<Bytes> {
        loop {
            if self.left == Some(0) {
                return None;
            }
            self.changed.mark_unchanged();
            let (mut chunk, done) = self.collect();
            if let Some(left) = &mut self.left {
                let allowed = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
                chunk.truncate(allowed);
                *left -= allowed as u64;
            }
            if !chunk.is_empty() {
                return Some(chunk.freeze());
            }
            if done || self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    /// What there is from here on, up to a chunk, and whether nothing can follow.
    fn collect(&mut self) -> (BytesMut, bool) {
        let mut chunk = BytesMut::new();
        let ring = self.log.lock();
        // Lines that went by while nobody read are lost to this reader.
        self.next = self.next.max(ring.first);
        let skip = usize::try_from(self.next - ring.first).unwrap_or(usize::MAX);
        for line in ring.lines.iter().skip(skip) {
            if chunk.len() >= CHUNK {
                return (chunk, false);
            }
            self.next += 1;
            if self.since.is_some_and(|since| line.at < since) {
                continue;
            }
            if self.timestamps {
                chunk.extend_from_slice(format!("{:.9} ", line.at).as_bytes());
            }
            chunk.extend_from_slice(&line.text);
        }
        (chunk, ring.ended || !self.follow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(log: &Log, options: LogOptions) -> String {
        let chunks: Vec<Bytes> = log.read(&options).collect().await;
        String::from_utf8(chunks.concat()).unwrap()
    }

    #[tokio::test]
    async fn lines_come_back_as_they_were_asked_for() {
        let log = Log::new(1000, 100);
        log.take(&b"one\ntwo\nthree"[..]).await;
        assert_eq!(all(&log, LogOptions::default()).await, "one\ntwo\nthree");
        assert_eq!(
            all(&log, LogOptions { tail_lines: Some(2), ..LogOptions::default() }).await,
            "two\nthree"
        );
        assert_eq!(all(&log, LogOptions { tail_lines: Some(0), ..LogOptions::default() }).await, "");
        assert_eq!(all(&log, LogOptions { limit_bytes: Some(5), ..LogOptions::default() }).await, "one\nt");
        let later = Timestamp::now() + std::time::Duration::from_secs(60);
        assert_eq!(all(&log, LogOptions { since: Some(later), ..LogOptions::default() }).await, "");
        let stamped =
            all(&log, LogOptions { timestamps: true, tail_lines: Some(1), ..LogOptions::default() }).await;
        let (time, text) = stamped.split_once(' ').unwrap();
        assert_eq!((text, time.len()), ("three", "2026-01-01T00:00:00.123456789Z".len()));
    }

    #[tokio::test]
    async fn the_log_is_bounded_in_lines_and_bytes() {
        let log = Log::new(20, 8);
        log.take(&b"0123456789abcdef\nx\ny\n"[..]).await;
        assert_eq!(all(&log, LogOptions::default()).await, "789abcd\nef\nx\ny\n");
        log.take(&b"12345\n123456\n"[..]).await;
        assert_eq!(all(&log, LogOptions::default()).await, "ef\nx\ny\n12345\n123456\n");
    }

    #[tokio::test]
    async fn who_follows_hears_more_until_the_end() {
        let log = Log::new(1000, 100);
        log.take(&b"one\n"[..]).await;
        let mut stream = log.read(&LogOptions { follow: true, ..LogOptions::default() });
        assert_eq!(stream.next().await.unwrap(), "one\n");
        log.take(&b"two\n"[..]).await;
        assert_eq!(stream.next().await.unwrap(), "two\n");
        log.end();
        assert_eq!(stream.next().await, None);
    }
}
