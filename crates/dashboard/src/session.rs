//! The origin of the data: a cluster, which may be recorded, or a recording.

use std::time::Duration;

use crate::clock::At;
use crate::data::Data;
use crate::reported::RecorderEvent;

/// The origin of the data.
#[derive(Debug, Clone, PartialEq)]
pub enum Session {
    /// The sources of a cluster.
    Live(Recorder),
    /// A recording.
    Replay(Replay),
}

impl Default for Session {
    fn default() -> Self {
        Self::Live(Recorder::Off)
    }
}

impl Session {
    /// The replay, if it is one.
    #[must_use]
    pub fn replay(&self) -> Option<&Replay> {
        match self {
            Self::Live(_) => None,
            Self::Replay(replay) => Some(replay),
        }
    }
}

/// The state of the recorder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Recorder {
    /// It writes no file.
    #[default]
    Off,
    /// It writes.
    On {
        /// Bytes of its files.
        bytes: u64,
    },
    /// It could not write, and has stopped.
    Failed,
}

impl Recorder {
    /// The state after a report.
    #[must_use]
    pub fn after(self, report: &RecorderEvent) -> Self {
        match report {
            RecorderEvent::Wrote { bytes, .. } => Self::On { bytes: *bytes },
            RecorderEvent::Ended { .. } => Self::Off,
            RecorderEvent::Saved { .. } | RecorderEvent::NotSaved(_) => self,
            RecorderEvent::Failed(_) => Self::Failed,
        }
    }
}

/// A replay and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The name of the recording.
    pub name: String,
    /// The time of the run at which the recording begins.
    pub start: At,
    /// The time of the run that is shown.
    pub position: At,
    /// The time of the run at which the recording ends.
    pub end: At,
    /// Seconds of the recording in one second.
    pub speed: f64,
    /// The movement.
    pub motion: Motion,
}

/// The movement of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// It plays.
    Playing,
    /// The user paused it.
    Paused,
    /// It is at its end.
    Ended,
}

impl Replay {
    /// The time from the beginning to the position.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.position.since(self.start)
    }

    /// The time from the beginning to the end.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.end.since(self.start)
    }
}

/// A report of the player.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayEvent {
    /// Another position, speed or motion.
    Moved(Replay),
    /// A jump: the data at the new position.
    Jumped(Replay, Box<Data>),
}

/// A request to the player.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReplayRequest {
    /// Pause or play.
    Toggle,
    /// The next higher speed.
    Faster,
    /// The next lower speed.
    Slower,
    /// Go forward by this many seconds, or back if it is negative.
    Seek(f64),
    /// Go to the beginning.
    Start,
    /// Go to the end.
    End,
    /// Go to the next mark.
    NextMark,
    /// Go to the mark before.
    PreviousMark,
}
