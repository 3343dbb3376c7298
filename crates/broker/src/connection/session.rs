//! The open connection: frames in, bytes out, heartbeats.
//!
//! The session works in batches. It decodes the bytes of one read without the lock, processes the frames under the lock,
//! and answers with one write. It stops reading while the client is blocked or leaves too many bytes unread, so that TCP
//! flow control slows the client down.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::handshake::OpenConnection;
use super::link::{Link, Readiness};
use crate::error::AmqpError;
use crate::shared::{Mode, Shared};
use crate::state::connection::{Flow, Phase};
use crate::state::ids::{ChannelRef, ConnectionId};
use crate::wire::frame::{self, Frame};

/// Maximum number of frames processed under one lock.
const BATCH_FRAMES: usize = 512;
/// Interval of the timeout checks of a connection without heartbeats.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Time limit for the client's `close-ok`.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for discarding received bytes before the socket closes.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// State of the connection after a batch.
#[derive(Debug, Clone, Copy)]
struct BatchResult {
    phase: Phase,
    /// The client is blocked: its frames are not processed.
    blocked: bool,
    /// More frames can be processed when the pending bytes are sent.
    more: bool,
    /// An alarm is active; releasing a message may clear it.
    alarm: bool,
}

struct Session<'a> {
    shared: &'a Arc<Shared>,
    link: Link,
    opened: OpenConnection,
    /// Limit on unread bytes before the client's requests wait.
    outgoing: usize,
    stalled_time: Duration,
    /// Decoded frames that are not processed yet.
    frames: VecDeque<Frame>,
    /// Decoding error after the last of `frames`.
    error: Option<AmqpError>,
    /// True if the input may contain more complete frames.
    undecoded: bool,
    received: bool,
    sent: bool,
    /// Ticks since the last received byte.
    silent_ticks: u32,
    /// Time since which the client has not read pending bytes.
    stuck: Option<Instant>,
    closing: Option<Instant>,
}

/// Serves an open connection until it ends.
pub(super) async fn run(shared: &Arc<Shared>, link: Link, opened: OpenConnection) {
    let id = opened.id;
    let (outgoing, stalled_time) = {
        let state = shared.lock();
        (state.config.limits.outgoing, state.config.limits.stalled_time)
    };
    let mut session = Session {
        shared,
        link,
        opened,
        outgoing,
        stalled_time,
        frames: VecDeque::new(),
        error: None,
        undecoded: true,
        received: false,
        sent: false,
        silent_ticks: 0,
        stuck: None,
        closing: None,
    };
    let client = shared.lock().connections.get(&id).map(|connection| connection.client.to_string());
    let client = client.unwrap_or_default();
    let registered = ConnectionGuard { shared, id };
    let ended = session.serve().await;
    drop(registered);
    match ended {
        Ok(()) => {
            tracing::info!("closing AMQP connection ({client})");
            let _ = tokio::time::timeout(LINGER_TIMEOUT, session.link.finish()).await;
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::warn!("closing AMQP connection ({client}): client unexpectedly closed TCP connection");
        }
        Err(error) => tracing::warn!("closing AMQP connection ({client}): {error}"),
    }
}

/// Removes the connection from the state when its task ends, including by a panic or an abort.
struct ConnectionGuard<'a> {
    shared: &'a Shared,
    id: ConnectionId,
}

impl Drop for ConnectionGuard<'_> {
    fn drop(&mut self) {
        let now = self.shared.now();
        self.shared.lock().disconnect(self.id, now);
    }
}

impl Session<'_> {
    async fn serve(&mut self) -> io::Result<()> {
        let half = Duration::from_secs(u64::from(self.opened.heartbeat)) / 2;
        let mut tick =
            tokio::time::interval(if half.is_zero() { CHECK_INTERVAL.min(self.stalled_time) } else { half });
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        loop {
            if self.shared.mode() == Mode::Frozen {
                self.shared.thawed().await;
                // Silence during the freeze does not count.
                self.received = true;
            }
            let batch = self.process();
            if batch.phase == Phase::Aborted {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let wrote = self.link.try_write()?;
            if batch.alarm && wrote > 0 {
                // Sent message bodies are released now.
                self.shared.lock().check_alarm();
            }
            let waiting = !self.link.sending.is_empty();
            self.note_progress(wrote > 0, waiting);
            if !waiting {
                if batch.more {
                    tokio::task::yield_now().await;
                    continue;
                }
                if batch.phase == Phase::Closed {
                    return Ok(());
                }
            }
            if batch.phase == Phase::Closing {
                self.closing.get_or_insert_with(Instant::now);
            }
            // Read up to one frame from a blocked client, to notice a closed connection.
            let backlog = batch.blocked || !self.frames.is_empty();
            let reading = !backlog || self.link.input.len() < self.opened.frame_max as usize;
            tokio::select! {
                woken = self.link.ready(reading, waiting) => match woken? {
                    Readiness::Writable => {}
                    Readiness::Read(0) if batch.phase == Phase::Open => {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    Readiness::Read(0) => return Ok(()),
                    Readiness::Read(_) => (self.received, self.undecoded) = (true, true),
                },
                () = self.opened.wake.notified() => {}
                _ = tick.tick() => self.tick(batch.blocked)?,
            }
        }
    }

    /// Processes received frames and takes the bytes to write.
    fn process(&mut self) -> BatchResult {
        if self.frames.is_empty() && self.error.is_none() {
            self.decode();
        }
        let now = self.shared.now();
        let id = self.opened.id;
        let mut state = self.shared.lock();
        while let Some(connection) = state.connections.get(&id) {
            if connection.flow == Flow::Blocked || connection.outbox.len() >= self.outgoing {
                break;
            }
            if let Some(frame) = self.frames.pop_front() {
                state.frame(id, frame, now);
            } else if let Some(error) = self.error.take() {
                state.fail(ChannelRef { connection: id, channel: 0 }, &error, now);
                // Bytes after a malformed frame cannot be decoded.
                self.link.input.clear();
                self.undecoded = false;
            } else {
                break;
            }
        }
        let mut behind = false;
        if let Some(connection) = state.connections.get_mut(&id) {
            connection.flush_all_confirms();
            if self.link.sending.is_empty() {
                std::mem::swap(&mut self.link.sending, &mut connection.outbox);
                if connection.stalled {
                    state.resume_consumers(id, now);
                }
            }
            behind = state.connections.get(&id).is_some_and(|connection| !connection.outbox.is_empty());
        }
        // This batch's own bytes are already taken, so its wake-up is consumed here. Other tasks wake this one only under
        // the lock, so no other wake-up is lost.
        let own = std::pin::pin!(self.opened.wake.notified());
        let _ = own.poll(&mut Context::from_waker(Waker::noop()));
        state.check_alarm();
        let alarm = state.alarm.reason().is_some();
        match state.connections.get(&id) {
            Some(connection) => {
                let blocked = connection.flow == Flow::Blocked;
                let waiting = !self.frames.is_empty() || self.error.is_some() || self.undecoded;
                BatchResult { phase: connection.phase, blocked, more: behind || waiting && !blocked, alarm }
            }
            // Unreachable: only this task removes the connection.
            None => BatchResult { phase: Phase::Closed, blocked: false, more: false, alarm },
        }
    }

    fn decode(&mut self) {
        while self.undecoded && self.frames.len() < BATCH_FRAMES {
            match frame::take(&mut self.link.input, self.opened.frame_max) {
                Ok(Some(frame)) => self.frames.push_back(frame),
                Ok(None) => self.undecoded = false,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    fn note_progress(&mut self, wrote: bool, waiting: bool) {
        self.sent |= wrote;
        if !waiting {
            self.stuck = None;
        } else if wrote || self.stuck.is_none() {
            self.stuck = Some(Instant::now());
        }
    }

    /// Sends heartbeats and checks timeouts, twice per heartbeat interval.
    fn tick(&mut self, blocked: bool) -> io::Result<()> {
        let over = |since: Option<Instant>, most| since.is_some_and(|since| since.elapsed() > most);
        if over(self.closing, CLOSE_TIMEOUT) || over(self.stuck, self.stalled_time) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.opened.heartbeat == 0 {
            return Ok(());
        }
        if !self.sent && self.link.sending.is_empty() {
            self.link.sending.heartbeat();
        }
        self.silent_ticks = if self.received || blocked { 0 } else { self.silent_ticks + 1 };
        (self.received, self.sent) = (false, false);
        // Two intervals without a byte: the client is gone and would not receive a close.
        if self.silent_ticks >= 4 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "missed heartbeats"));
        }
        Ok(())
    }
}
