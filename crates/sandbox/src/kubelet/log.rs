//! Logs of containers: the last lines of each run with their times, up to a limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apiserver::LogOptions;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt as _};
use k8s_openapi::jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

/// Limit of bytes that one read takes from a process, or gives to a client.
const CHUNK_BYTES: usize = 16 * 1024;

/// The log of one run of a container; clones share it.
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
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Number of the line at the front.
    first: u64,
    closed: bool,
}

struct LogLine {
    at: Timestamp,
    /// With its line break, unless the output ended without one.
    text: Bytes,
}

impl Log {
    /// Creates an empty log of at most `max_bytes`. Splits lines longer than `max_line` bytes.
    pub(super) fn new(max_bytes: usize, max_line: usize) -> Self {
        let shared = Shared {
            ring: Mutex::default(),
            changed: watch::Sender::new(()),
            max_bytes,
            max_line: max_line.max(1),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Appends `output` until its end.
    pub(super) async fn append_from(&self, mut output: impl AsyncRead + Unpin) {
        let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
        loop {
            buffer.reserve(CHUNK_BYTES);
            match output.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(_) => self.push_lines(&mut buffer),
            }
        }
        if !buffer.is_empty() {
            self.push(&buffer, Timestamp::now());
        }
    }

    /// Moves complete and too long lines from the buffer to the log.
    fn push_lines(&self, buffer: &mut BytesMut) {
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
        // A slice would keep the whole read buffer in memory.
        let text = Bytes::copy_from_slice(text);
        let mut ring = self.lock();
        ring.bytes += text.len();
        ring.lines.push_back(LogLine { at, text });
        while ring.bytes > self.shared.max_bytes {
            let Some(line) = ring.lines.pop_front() else { break };
            ring.bytes -= line.text.len();
            ring.first += 1;
        }
        drop(ring);
        self.shared.changed.send_replace(());
    }

    /// Marks the log as complete, which ends the readers that follow it.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.shared.changed.send_replace(());
    }

    /// Streams the log with the options of the API's `log` subresource.
    pub(super) fn read(&self, options: &LogOptions) -> BoxStream<'static, Bytes> {
        let mut reader = LogReader {
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
            let chunk = reader.next_chunk().await?;
            Some((chunk, reader))
        })
        .boxed()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct LogReader {
    log: Log,
    changed: watch::Receiver<()>,
    next: u64,
    follow: bool,
    since: Option<Timestamp>,
    timestamps: bool,
    left: Option<u64>,
}

impl LogReader {
    async fn next_chunk(&mut self) -> Option<Bytes> {
        loop {
            if self.left == Some(0) {
                return None;
            }
            self.changed.mark_unchanged();
            let (mut chunk, complete) = self.available();
            if let Some(left) = &mut self.left {
                let allowed = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
                chunk.truncate(allowed);
                *left -= allowed as u64;
            }
            if !chunk.is_empty() {
                return Some(chunk.freeze());
            }
            if complete || self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    /// The next available lines, up to one chunk, and true when no more can follow.
    fn available(&mut self) -> (BytesMut, bool) {
        let mut chunk = BytesMut::new();
        let ring = self.log.lock();
        // Skips lines that the log dropped before this reader came to them.
        self.next = self.next.max(ring.first);
        let skip = usize::try_from(self.next - ring.first).unwrap_or(usize::MAX);
        for line in ring.lines.iter().skip(skip) {
            if chunk.len() >= CHUNK_BYTES {
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
        (chunk, ring.closed || !self.follow)
    }
}

/// The logs of a pod's containers by name.
#[derive(Default)]
pub(super) struct PodLogs {
    containers: Mutex<BTreeMap<String, ContainerLogs>>,
}

/// The logs of a container.
#[derive(Default)]
pub(super) struct ContainerLogs {
    pub(super) current: Option<Log>,
    /// The log of the run before.
    pub(super) previous: Option<Log>,
    /// Reason why the container does not run.
    pub(super) waiting_reason: String,
}

impl PodLogs {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ContainerLogs>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the log of a new run; the current log becomes the previous one.
    pub(super) fn begin(&self, container: &str, log: Log) {
        let mut logs = self.lock();
        let logs = logs.entry(container.to_owned()).or_default();
        logs.previous = logs.current.replace(log);
    }

    pub(super) fn set_waiting_reason(&self, container: &str, reason: &str) {
        reason.clone_into(&mut self.lock().entry(container.to_owned()).or_default().waiting_reason);
    }

    /// Closes all current logs.
    pub(super) fn close(&self) {
        for logs in self.lock().values() {
            logs.current.iter().for_each(Log::close);
        }
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
    async fn reads_follow_their_options() {
        let log = Log::new(1000, 100);
        log.append_from(&b"one\ntwo\nthree"[..]).await;
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
    async fn a_log_limits_bytes_and_line_length() {
        let log = Log::new(20, 8);
        log.append_from(&b"0123456789abcdef\nx\ny\n"[..]).await;
        assert_eq!(all(&log, LogOptions::default()).await, "789abcd\nef\nx\ny\n");
        log.append_from(&b"12345\n123456\n"[..]).await;
        assert_eq!(all(&log, LogOptions::default()).await, "ef\nx\ny\n12345\n123456\n");
    }

    #[tokio::test]
    async fn a_follower_reads_until_the_log_is_closed() {
        let log = Log::new(1000, 100);
        log.append_from(&b"one\n"[..]).await;
        let mut stream = log.read(&LogOptions { follow: true, ..LogOptions::default() });
        assert_eq!(stream.next().await.unwrap(), "one\n");
        log.append_from(&b"two\n"[..]).await;
        assert_eq!(stream.next().await.unwrap(), "two\n");
        log.close();
        assert_eq!(stream.next().await, None);
    }
}
