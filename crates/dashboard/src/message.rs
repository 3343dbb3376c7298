//! Everything that can happen, as one closed enum, and everything that the program can do about it.
//!
//! Sources send [`Timestamped`] events over one bounded channel; `update` folds them into the model and answers with
//! [`Effect`]s, which the runtime carries out. All data here is plain: no client, no handle, no Kubernetes type.
//! Text from a cluster is cleaned (`clean::text`) where it becomes an event, so nothing behind this line can hold a
//! control character.

use std::time::Duration;

use contract::{BurstId, JobEvent};
use diagnosis::Report;
use observed::{ClusterEvent, DepthSample, Hpa, MetricSample, PodsEvent, ScrapedSample, Workload};

use crate::clock::{At, Clock};
use crate::reported::{
    BurstProgress, DrillEvent, DrillRequest, LoadProgress, LogState, PollRate, ServerTime, Source,
    SourceState, TargetEvent, TuneEvent, TuneRequest,
};
use crate::ui::screen::{Panel, Screen};

/// An event and when it was received here.
#[derive(Debug, Clone, PartialEq)]
pub struct Timestamped {
    /// When it was received, before it waited in any channel.
    pub at: At,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Something was typed, pasted, clicked, or the window changed its size.
    Input(Input),
    /// Time went by: sent only while something on the screen moves with time.
    Tick,
    /// What is being watched, and how its start goes.
    Target(TargetEvent),
    /// The HPA as the API server has it now; `None` when there is none.
    Hpa(Option<Box<Hpa>>),
    /// The HPA's scale target; `None` when there is none.
    Workload(Option<Workload>),
    /// The pods of the namespace changed.
    Pods(PodsEvent),
    /// A Kubernetes Event about one of our objects.
    Cluster(ClusterEvent),
    /// The queue as the broker says it is.
    Depth(DepthSample),
    /// The external metric as the API serves it.
    Metric(MetricSample),
    /// The sample in Prometheus, with its own time.
    Scraped(ScrapedSample),
    /// A source's state changed.
    Source(Source, SourceState),
    /// How a burst goes.
    Burst(BurstProgress),
    /// How the continuous load goes.
    Load(LoadProgress),
    /// A worker's log said something about a job.
    Job {
        /// The pod whose log it is.
        pod: String,
        /// What it said.
        event: JobEvent,
    },
    /// How a worker's log is being read.
    LogState {
        /// The pod whose log it is.
        pod: String,
        /// How it goes.
        state: LogState,
    },
    /// What the API server's clock said.
    Dated(ServerTime),
    /// A log line, for the log screen.
    Log {
        /// The pod whose log it is.
        pod: String,
        /// The line, cleaned.
        line: String,
    },
    /// The result of an effect that changes the cluster.
    Done {
        /// What was tried, such as "delete pod worker-abc".
        what: String,
        /// `Err` with a sentence when it failed.
        result: Result<String, String>,
    },
    /// The answer to a [`TuneRequest`].
    Tune(TuneEvent),
    /// The doctor has looked along the chain.
    Doctor(Box<Report>),
    /// The answer to a [`DrillRequest`].
    Drill(DrillEvent),
    /// The process was asked to end (SIGTERM, SIGHUP, or SIGINT from outside).
    Terminate,
}

/// What the terminal reported.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key went down.
    Key(crossterm::event::KeyEvent),
    /// Text was pasted: never taken for keys.
    Paste(String),
    /// A mouse event, and what is drawn where it happened.
    Mouse(crossterm::event::MouseEvent, HitTarget),
    /// New size in columns and rows.
    Resize(u16, u16),
    /// The terminal came back after Ctrl-Z and `fg`: everything must be drawn anew.
    Resumed,
}

/// What is drawn at one place of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HitTarget {
    /// Nothing that takes a click.
    #[default]
    Nothing,
    /// The name of a screen in the title line.
    Tab(Screen),
    /// A panel of the overview.
    Panel(Panel),
    /// A time axis, at that instant.
    Axis(At),
    /// A list that can be scrolled.
    List,
}

/// What `update` asks the runtime to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Fire a burst of `size` requests of one job each.
    Fire {
        /// Its ID, in every request.
        id: BurstId,
        /// Number of requests.
        size: u32,
    },
    /// Switch the continuous load to `rate` requests per second; zero switches it off.
    Load {
        /// Requests per second.
        rate: f64,
    },
    /// Delete a pod with no grace.
    KillPod {
        /// Its name.
        name: String,
        /// Its uid, as a precondition.
        uid: String,
    },
    /// Ask or change the HPA.
    Tune(TuneRequest),
    /// Look along the metric chain; the answer is an [`Event::Doctor`].
    Doctor,
    /// Stop a part of the metric chain, or put it back.
    Drill(DrillRequest),
    /// Poll fast or slow: fast while a burst runs.
    Watchfulness(PollRate),
    /// Follow these pods' logs from now on; a pod that is no longer named is gone, and its log is read to the end.
    FollowLogs(Vec<String>),
    /// Ask for a [`Event::Tick`] this much later, instead of any asked for before.
    TickIn(Duration),
    /// Stop the process as Ctrl-Z does, with the terminal given back meanwhile.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Give the terminal back and end.
    Quit,
}

impl Clock {
    /// Stamps an event with the current time.
    #[must_use]
    pub fn stamp(&self, event: Event) -> Timestamped {
        Timestamped { at: self.now(), event }
    }
}
