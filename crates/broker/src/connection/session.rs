//! The open connection: frames in, bytes out, heartbeats.
//!
//! Work comes in batches. What one read brought is decoded without the lock, worked on under it, and answered with one
//! write. Reading stops while the client leaves too much unread or is blocked, so that its own TCP connection holds it
//! back.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::handshake::Opened;
use super::link::{Link, Woken};
use crate::fault::Fault;
use crate::shared::{Mode, Shared};
use crate::state::connection::{Flow, Phase};
use crate::state::ids::{ConnectionId, Place};
use crate::wire::frame::{self, Frame};

/// Frames that are worked on under one lock.
const BATCH: usize = 512;
/// How often a connection without heartbeats looks after its deadlines.
const LOOK: Duration = Duration::from_secs(5);
/// How long a client may take over its `close-ok`.
const CLOSE_TIME: Duration = Duration::from_secs(10);
/// How long a closed socket may still take bytes that nobody wants.
const LINGER: Duration = Duration::from_secs(1);

/// What the state said after a batch.
#[derive(Debug, Clone, Copy)]
struct Worked {
    phase: Phase,
    /// Publishing is blocked for this client: nothing of it is worked on.
    blocked: bool,
    /// There is more to work on as soon as what is being sent has left.
    more: bool,
    /// An alarm is on, which a message that leaves memory may end.
    alarm: bool,
}

struct Session<'a> {
    shared: &'a Arc<Shared>,
    link: Link,
    opened: Opened,
    /// Bytes that the client may leave unread before its requests wait.
    outgoing: usize,
    stalled_time: Duration,
    /// Decoded and not yet worked on.
    frames: VecDeque<Frame>,
    /// What is wrong behind the last of `frames`.
    fault: Option<Fault>,
    /// Whether the input may hold further whole frames.
    undecoded: bool,
    received: bool,
    sent: bool,
    /// Ticks since the client said something.
    silent: u32,
    /// Since when bytes wait that the client does not read.
    stuck: Option<Instant>,
    closing: Option<Instant>,
}

/// Serves an open connection until it ends.
pub(super) async fn run(shared: &Arc<Shared>, link: Link, opened: Opened) {
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
        fault: None,
        undecoded: true,
        received: false,
        sent: false,
        silent: 0,
        stuck: None,
        closing: None,
    };
    let registered = Registered { shared, id };
    let ended = session.serve().await;
    drop(registered);
    match ended {
        Ok(()) => {
            let _ = tokio::time::timeout(LINGER, session.link.finish()).await;
        }
        Err(error) => tracing::debug!(%error, "a connection broke"),
    }
}

/// Takes a connection out of the state whichever way its task ends, so that nothing stays with a consumer that is gone.
struct Registered<'a> {
    shared: &'a Shared,
    id: ConnectionId,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let now = self.shared.now();
        self.shared.lock().disconnect(self.id, now);
    }
}

impl Session<'_> {
    async fn serve(&mut self) -> io::Result<()> {
        let half = Duration::from_secs(u64::from(self.opened.heartbeat)) / 2;
        let mut tick = tokio::time::interval(if half.is_zero() { LOOK.min(self.stalled_time) } else { half });
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        loop {
            if self.shared.mode() == Mode::Frozen {
                self.shared.thawed().await;
                // Silence while nobody listened does not count.
                self.received = true;
            }
            let worked = self.work();
            if worked.phase == Phase::Cut {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let wrote = self.link.try_write()?;
            if worked.alarm && wrote > 0 {
                // Bodies that were sent from where they lay are free now.
                self.shared.lock().check_alarm();
            }
            let waiting = !self.link.sending.is_empty();
            self.note_progress(wrote > 0, waiting);
            if !waiting {
                if worked.more {
                    tokio::task::yield_now().await;
                    continue;
                }
                if worked.phase == Phase::Closed {
                    return Ok(());
                }
            }
            if worked.phase == Phase::Closing {
                self.closing.get_or_insert_with(Instant::now);
            }
            // A client that is held back is read from as far as one frame goes, to notice when it leaves.
            let backlog = worked.blocked || !self.frames.is_empty();
            let reading = !backlog || self.link.input.len() < self.opened.frame_max as usize;
            tokio::select! {
                woken = self.link.ready(reading, waiting) => match woken? {
                    Woken::Writable => {}
                    Woken::Read(0) if worked.phase == Phase::Open => {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    Woken::Read(0) => return Ok(()),
                    Woken::Read(_) => (self.received, self.undecoded) = (true, true),
                },
                () = self.opened.wake.notified() => {}
                _ = tick.tick() => self.tick(worked.blocked)?,
            }
        }
    }

    /// Works on what has been read, and takes what is to be written.
    fn work(&mut self) -> Worked {
        if self.frames.is_empty() && self.fault.is_none() {
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
            } else if let Some(fault) = self.fault.take() {
                state.fail(Place { connection: id, channel: 0 }, &fault, now);
                // Behind a broken frame nothing can be understood.
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
                    state.drained(id, now);
                }
            }
            behind = state.connections.get(&id).is_some_and(|connection| !connection.outbox.is_empty());
        }
        // What this very work has put into the outbox has just been taken: it needs no further waking. Others wake only
        // under the lock, so none of theirs is lost.
        let own = std::pin::pin!(self.opened.wake.notified());
        let _ = own.poll(&mut Context::from_waker(Waker::noop()));
        state.check_alarm();
        let alarm = state.alarm.reason().is_some();
        match state.connections.get(&id) {
            Some(connection) => {
                let blocked = connection.flow == Flow::Blocked;
                let waiting = !self.frames.is_empty() || self.fault.is_some() || self.undecoded;
                Worked { phase: connection.phase, blocked, more: behind || waiting && !blocked, alarm }
            }
            // Only this task removes it; so this does not happen, and would be the end.
            None => Worked { phase: Phase::Closed, blocked: false, more: false, alarm },
        }
    }

    fn decode(&mut self) {
        while self.undecoded && self.frames.len() < BATCH {
            match frame::take(&mut self.link.input, self.opened.frame_max) {
                Ok(Some(frame)) => self.frames.push_back(frame),
                Ok(None) => self.undecoded = false,
                Err(fault) => {
                    self.fault = Some(fault);
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

    /// Heartbeats and deadlines, twice in a heartbeat's interval.
    fn tick(&mut self, blocked: bool) -> io::Result<()> {
        let over = |since: Option<Instant>, most| since.is_some_and(|since| since.elapsed() > most);
        if over(self.closing, CLOSE_TIME) || over(self.stuck, self.stalled_time) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.opened.heartbeat == 0 {
            return Ok(());
        }
        if !self.sent && self.link.sending.is_empty() {
            self.link.sending.heartbeat();
        }
        self.silent = if self.received || blocked { 0 } else { self.silent + 1 };
        (self.received, self.sent) = (false, false);
        // Two intervals without a byte: the client is gone, and a close would reach nobody.
        if self.silent >= 4 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "missed heartbeats"));
        }
        Ok(())
    }
}
