//! Events and effects, each as one closed enum.
//!
//! Sources send [`Timestamped`] events over one bounded channel. `update` folds them into the model and
//! returns [`Effect`]s, which the runtime carries out. All data here is plain: no client, no handle, no
//! Kubernetes type. Sources clean text from a cluster (`clean::text`) when they build an event, so no event
//! contains a control character.
//!
//! A recording holds events: their form in JSON is the public format of `docs/recording.md`. A new field needs a default, and
//! a renamed one an alias.

use std::time::Duration;

use contract::{BurstId, JobEvent};
use diagnosis::{Progress, Report};
use jiff::Timestamp;
use observed::scaled_object::ScaledObject;
use observed::{
    ClusterEvent, DepthSample, Hpa, MetricAnswer, MetricSample, PodsEvent, ScrapedSample, Workload,
};
use serde::{Deserialize, Serialize};

use crate::clock::{At, Clock};
use crate::reported::{
    BurstProgress, DrillEvent, DrillRequest, EarlierLine, FleetEvent, LoadProgress, LogState, MetricAnswers,
    Place, PlaceKind, PollRate, RecordRequest, RecorderEvent, ScenarioEvent, ServerTime, Source, SourceState,
    TargetEvent, TuneEvent, TuneRequest,
};
use crate::session::{ReplayEvent, ReplayRequest};
use crate::ui::screen::{Panel, Screen};

/// An event and its arrival time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timestamped {
    /// The arrival time, before the event waited in any channel.
    pub at: At,
    /// The event.
    pub event: Event,
}

/// The events. In JSON, each is a kind and a payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The user typed, pasted or clicked, or the window changed its size.
    #[serde(skip)]
    Input(Input),
    /// Time passed: sent only while something on the screen changes with time.
    Tick,
    /// A user's or a scenario's request.
    Request(Request),
    /// A frame was drawn. The runtime sends it after each frame, with what only the layout knows.
    #[serde(skip)]
    Drawn {
        /// The scroll range of the shown list, or of the help over it.
        max_scroll: usize,
    },
    /// The target, and the progress of its start.
    Target(TargetEvent),
    /// The HPA's state at the API server; `None` if there is none.
    Hpa(Option<Box<Hpa>>),
    /// The HPA's scale target; `None` if there is none.
    Workload(Option<Workload>),
    /// The pods of the namespace changed.
    Pods(PodsEvent),
    /// A Kubernetes Event about one of our objects.
    #[serde(rename = "event")]
    Cluster(ClusterEvent),
    /// The queue's state from the broker.
    Depth(DepthSample),
    /// The external metric as the API serves it.
    Metric(MetricSample),
    /// The metrics of the HPA that are no followed queue, as the metrics APIs serve them.
    Readings(Box<MetricAnswers>),
    /// The CPU and memory of the target's pods, as the resource metrics API serves them.
    Usage(Box<MetricAnswer>),
    /// The ScaledObject that KEDA made the HPA from; `None` if it cannot be read.
    ScaledObject(Option<Box<ScaledObject>>),
    /// The sample in Prometheus, with its own timestamp.
    Scraped(ScrapedSample),
    /// A source's state changed.
    Source(Source, SourceState),
    /// The progress of a burst.
    Burst(BurstProgress),
    /// The progress of the continuous load.
    Load(LoadProgress),
    /// A worker's log event about a job.
    Job {
        /// The pod that wrote the log.
        pod: String,
        /// The log event.
        event: JobEvent,
    },
    /// The state of reading a worker's log.
    LogState {
        /// The pod that wrote the log.
        pod: String,
        /// The state.
        state: LogState,
    },
    /// The time of the API server's clock.
    ServerTime(ServerTime),
    /// A log line, for the log screen.
    Log {
        /// The pod that wrote the log.
        pod: String,
        /// The line, cleaned.
        line: String,
    },
    /// A line of a worker's log from before the dashboard started: for the log screen only, no news.
    EarlierLog {
        /// The pod that wrote the log.
        pod: String,
        /// The time of the line, by the clock of the pod's node.
        written: Timestamp,
        /// The line.
        line: EarlierLine,
    },
    /// The result of an [`Effect::KillPod`].
    KillDone {
        /// The attempt, such as "delete pod worker-abc".
        attempt: String,
        /// `Err` with a sentence when it failed.
        result: Result<String, String>,
    },
    /// The answer to a [`TuneRequest`].
    Tune(TuneEvent),
    /// The doctor's report.
    Doctor(Box<Report>),
    /// The doctor's findings so far, and the questions without an answer.
    DoctorProgress(Box<Progress>),
    /// The answer to a [`DrillRequest`].
    Drill(DrillEvent),
    /// The HPAs of the cluster, and changes of the target.
    Fleet(FleetEvent),
    /// The state of the recording.
    #[serde(skip)]
    Recorder(RecorderEvent),
    /// The position of a replay.
    #[serde(skip)]
    Replay(ReplayEvent),
    /// A scenario begins, ends or was read.
    #[serde(skip)]
    Scenario(ScenarioEvent),
    /// The process was asked to end (SIGTERM, SIGHUP, or SIGINT from outside).
    #[serde(skip)]
    Terminate,
}

impl Event {
    /// Returns true if the data of the model may depend on the event: a recording holds these, and a replay repeats them.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        match self {
            Self::Input(_)
            | Self::Drawn { .. }
            | Self::Recorder(_)
            | Self::Replay(_)
            // Its requests are recorded.
            | Self::Scenario(_)
            | Self::Terminate => false,
            Self::Source(source, _) => *source != Source::Fleet,
            Self::Fleet(event) => matches!(event, FleetEvent::Alone | FleetEvent::Opened),
            _ => true,
        }
    }
}

/// A request of the user or of a scenario. A replay repeats it without the effects on the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Another view of the same data: only the time is news.
    View,
    /// Set the requests of the next burst.
    Size(u32),
    /// Set the rate of the continuous load in requests per second, at once if it runs.
    Rate(f64),
    /// Fire a burst of this many requests.
    Burst(u32),
    /// Start the continuous load.
    StartLoad,
    /// Stop the continuous load, with the reason.
    StopLoad(String),
    /// Delete a pod with a grace period of zero.
    Kill {
        /// Its name.
        name: String,
        /// Its uid, as a precondition.
        uid: String,
    },
    /// Read or change the HPA.
    Tune(TuneRequest),
    /// Stop a part of the metric chain, or start it again.
    Drill(DrillRequest),
    /// Switch the shadow on with this specification, or off.
    Shadow(Option<Box<hpa::Spec>>),
    /// Run the doctor.
    Doctor,
    /// Set a mark on the time axis, with a note.
    Mark(String),
    /// Add a refused key to the list of events.
    Refused {
        /// The refused action, such as `no burst`.
        what: String,
        /// The reason.
        why: String,
    },
}

/// Input from the terminal.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key press.
    Key(crossterm::event::KeyEvent),
    /// Pasted text: never treated as keys.
    Paste(String),
    /// A mouse event, and the hit target at its position.
    Mouse(crossterm::event::MouseEvent, HitTarget),
    /// New size in columns and rows.
    Resize(u16, u16),
    /// The terminal came back after Ctrl-Z and `fg`, with that many columns and rows: the screen needs a redraw.
    Resumed(u16, u16),
}

/// The hit target at a position of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HitTarget {
    /// Nothing clickable.
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

/// The requests of `update` to the runtime.
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
    /// Delete a pod with a grace period of zero.
    KillPod {
        /// Its name.
        name: String,
        /// Its uid, as a precondition.
        uid: String,
    },
    /// Read or change the HPA.
    Tune(TuneRequest),
    /// Run the doctor; the answer is an [`Event::Doctor`].
    Doctor,
    /// Stop a part of the metric chain, or start it again.
    Drill(DrillRequest),
    /// Read a scenario from the file at that path; the answer is a [`ScenarioEvent::Read`].
    ReadScenario(String),
    /// Watch the HPAs of the cluster from now on.
    WatchFleet,
    /// End the sources of the target, and start those of another HPA of the same cluster.
    Open {
        /// Its namespace.
        namespace: String,
        /// Its name.
        hpa: String,
    },
    /// List the places of a kind; the answer is a [`FleetEvent::Places`].
    FindPlaces(PlaceKind),
    /// Go to another context or namespace, and watch its HPAs.
    Switch(PlaceKind, Place),
    /// Poll fast or slow: fast during a burst.
    PollRate(PollRate),
    /// Follow these pods' logs from now on; the log of a pod that is no longer listed is read to its end.
    FollowLogs(Vec<String>),
    /// Add a request to the recording, with the time of the event that made it.
    Keep(Request),
    /// Begin, end or save a recording.
    Record(RecordRequest),
    /// Move a replay.
    Replay(ReplayRequest),
    /// Send an [`Event::Tick`] after this time; it replaces any earlier request.
    TickIn(Duration),
    /// Stop the process as Ctrl-Z does, and restore the terminal meanwhile.
    Suspend,
    /// Redraw the screen.
    Redraw,
    /// Restore the terminal and quit.
    Quit,
}

impl Clock {
    /// Stamps an event with the current time.
    #[must_use]
    pub fn stamp(&self, event: Event) -> Timestamped {
        Timestamped { at: self.now(), event }
    }
}
