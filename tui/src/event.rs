//! Everything that can happen, as one closed enum, and everything that the program can do about it.
//!
//! Sources send [`Stamped`] events over one bounded channel; `update` folds them into the model and answers with
//! [`Effect`]s, which the runtime carries out. All data here is plain: no client, no handle, no Kubernetes type.
//! Text from a cluster is cleaned (`clean::text`) where it becomes an event, so nothing behind this line can hold a
//! control character.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::BurstId;
use jiff::Timestamp;

pub use crate::edits::{Difference, Edit, TargetKind};

/// Time since the run began, by the monotonic clock. The model's `Clock` turns it into a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At(pub Duration);

impl At {
    /// Seconds since the run began.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// How long ago `earlier` was; zero if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// An event and when it was received here.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
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
        event: contract::JobEvent,
    },
    /// How a worker's log is being read.
    LogState {
        /// The pod whose log it is.
        pod: String,
        /// How it goes.
        state: LogState,
    },
    /// What the API server's clock said.
    Dated(Dated),
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
    Doctor(Box<crate::doctor::Report>),
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
    Mouse(crossterm::event::MouseEvent, Spot),
    /// New size in columns and rows.
    Resize(u16, u16),
    /// The terminal came back after Ctrl-Z and `fg`: everything must be drawn anew.
    Resumed,
}

/// What is drawn at one place of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spot {
    /// Nothing that takes a click.
    #[default]
    Nothing,
    /// The name of a screen in the title line.
    Tab(crate::model::Screen),
    /// A panel of the overview.
    Panel(crate::model::Panel),
    /// A time axis, at that instant.
    Axis(At),
    /// A list that can be scrolled.
    List,
}

/// What is watched: neutral about whether it is a cluster far away or one on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// For the title line, such as `sandbox` or `kind-demo / autoscaling-demo`.
    pub title: String,
    /// Why this one, such as "no kubeconfig found"; empty when the user asked for it.
    pub reason: String,
    /// Namespace of the demo.
    pub namespace: String,
    /// Version that the API server reports, once known.
    pub version: Option<String>,
    /// Whether the first burst must be confirmed (it is somebody's cluster).
    pub confirm_first_burst: bool,
}

/// News about the target.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetEvent {
    /// The target is being looked for; the sentence says where.
    Looking(String),
    /// The target is chosen; it may still be starting.
    Chosen(Target),
    /// One step of the start changed.
    Step(Step),
    /// Everything needed is there.
    Ready,
    /// It cannot be reached or used now.
    Failed(Problem),
}

/// One step of the target's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What starts, such as `API server`; steps of the same name replace each other.
    pub name: String,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Something else must come first.
    Waiting,
    /// Under way, with what it waits for.
    Starting(String),
    /// Done.
    Ready,
    /// Not going to be done, with the reason.
    Failed(String),
}

/// Something that a person must know: what was tried, what came back, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was tried, on what, and what came back, as a sentence.
    pub what: String,
    /// What to do about it, as a sentence or a command; may be empty.
    pub advice: String,
    /// When it is tried again, if it is.
    pub retry: Option<At>,
}

/// The HPA, as far as the screens need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hpa {
    /// Its name.
    pub name: String,
    /// `spec.minReplicas`, defaulted.
    pub min: i32,
    /// `spec.maxReplicas`.
    pub max: i32,
    /// The External metric that it reads, if it has one.
    pub metric: Option<MetricRef>,
    /// The whole specification with the API's defaults, for the arithmetic; `None` when it cannot be read. Its texts are
    /// not cleaned.
    pub spec: Option<Box<hpa::Spec>>,
    /// `spec.scaleTargetRef` as kind and name.
    pub scale_target: (String, String),
    /// `status.currentReplicas`, the spec size at the last sync.
    pub current_replicas: i32,
    /// `status.desiredReplicas`.
    pub desired_replicas: i32,
    /// What the HPA read at its last sync, in milli-units: per pod for AverageValue, the total for Value. `None`
    /// when it has no reading.
    pub reading_milli: Option<i64>,
    /// When it last rescaled (whole seconds, the cluster's clock).
    pub last_scale: Option<Timestamp>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// What `kubectl get hpa` prints under TARGETS, such as `50/20 (avg)`.
    pub targets_column: String,
}

/// The External metric of an HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricRef {
    /// Metric name.
    pub name: String,
    /// Label selector as a query string, such as `queue=Orders`.
    pub selector: String,
    /// Value of the selector's `queue` label, if it has one.
    pub queue: Option<String>,
    /// The target.
    pub target: MetricTarget,
}

/// Target of an External metric, in milli-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricTarget {
    /// `AverageValue`: per pod.
    Average(i64),
    /// `Value`: one shared total.
    Value(i64),
}

/// A condition of the HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason word.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// The Deployment that the HPA scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// `spec.replicas`.
    pub spec_replicas: i32,
    /// `status.replicas`.
    pub replicas: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// Its pod selector as a query string.
    pub selector: String,
}

/// News about pods.
#[derive(Debug, Clone, PartialEq)]
pub enum PodsEvent {
    /// A complete list: what is not in it is gone.
    Listed(Vec<Pod>),
    /// A pod is new or has changed.
    Applied(Box<Pod>),
    /// A pod is gone.
    Deleted {
        /// Its name.
        name: String,
        /// Its uid.
        uid: String,
    },
}

/// A pod, as far as the screens need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Which of the demo's workloads it belongs to.
    pub role: Role,
    /// What `kubectl get pods` prints under STATUS, such as `Running` or `CrashLoopBackOff`.
    pub status: String,
    /// Where in its life it is.
    pub phase: PodPhase,
    /// Container restarts.
    pub restarts: i32,
    /// `metadata.creationTimestamp` (whole seconds, the cluster's clock).
    pub created: Option<Timestamp>,
    /// When PodScheduled became true (whole seconds, the cluster's clock).
    pub scheduled: Option<Timestamp>,
    /// When its container started (whole seconds, the cluster's clock).
    pub started: Option<Timestamp>,
    /// When Ready became true (whole seconds, the cluster's clock).
    pub ready_since: Option<Timestamp>,
    /// Why its container last ended, such as `OOMKilled (137)`.
    pub last_exit: Option<String>,
}

/// Which workload a pod belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The HPA's scale target.
    Worker,
    /// The web server.
    Producer,
    /// The broker.
    Broker,
    /// Anything else in the namespace.
    Other,
}

/// Where in its life a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PodPhase {
    /// Not scheduled, or its container has not started.
    Pending,
    /// The container runs but is not ready.
    Starting,
    /// Ready.
    Ready,
    /// Has a deletion timestamp.
    Terminating,
    /// Its container waits in a back-off, or the pod failed.
    Failed,
    /// Succeeded.
    Completed,
}

/// A Kubernetes Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEvent {
    /// The Event object's uid; a repeated event keeps it and raises `count`.
    pub uid: String,
    /// `Normal` or `Warning`.
    pub warning: bool,
    /// Kind and name of what it is about.
    pub object: (String, String),
    /// The reason word, such as `SuccessfulRescale`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// How often it was seen.
    pub count: i32,
    /// When it was last seen (the cluster's clock).
    pub last_seen: Option<Timestamp>,
    /// Whether it happened before it was told: before this run, or while the watch was away.
    pub old: bool,
}

/// The queue as the broker's management API says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthSample {
    /// Messages waiting.
    pub ready: u64,
    /// Messages delivered and not acknowledged.
    pub unacked: u64,
    /// Consumers, where the source tells.
    pub consumers: Option<u64>,
    /// How old the figure may be: zero for the totals query, the statistics interval for `/metrics`.
    pub staleness: Duration,
}

impl DepthSample {
    /// Messages in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ready.saturating_add(self.unacked)
    }
}

/// The external metric as the API serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSample {
    /// Sum of the items in milli-units; `None` when the API answers no item.
    pub value_milli: Option<i64>,
    /// The answer's own timestamp: query time, not the sample's.
    pub stamped: Option<Timestamp>,
}

/// The sample in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScrapedSample {
    /// Value; `None` when the query finds nothing.
    pub value: Option<f64>,
    /// When the value was scraped, by Prometheus's clock.
    pub scraped: Option<Timestamp>,
    /// Age of the sample when Prometheus answered.
    pub age: Option<Duration>,
}

/// Where data comes from. Each reconnects by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Watch on the HPA.
    Hpa,
    /// Watch on the scale target.
    Workload,
    /// Watch on the namespace's pods.
    Pods,
    /// Watch on Events.
    Events,
    /// The external metrics API.
    ExternalMetric,
    /// The broker's management API, through a tunnel.
    Broker,
    /// Prometheus, through a tunnel.
    Prometheus,
    /// The producer, through tunnels.
    Producer,
    /// Logs of the workers.
    Logs,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// Being opened for the first time.
    Connecting,
    /// Delivering.
    Live,
    /// Lost; it is tried again at the given time.
    Retrying {
        /// Why it was lost, as a sentence.
        cause: String,
        /// When the next try is.
        next: At,
    },
    /// Not to be had here, and why: no rights, no such API, nothing to ask.
    Unavailable(String),
}

/// One answer of the API server with its `Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// When the question went out.
    pub asked: At,
    /// When the answer was here.
    pub answered: At,
    /// The server's clock at some moment between, cut to whole seconds.
    pub date: Timestamp,
}

/// How the reading of a worker's log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogState {
    /// It has been read to its end: the worker will say nothing more.
    Ended,
    /// Lines are missing or may be, and why.
    Gap(String),
}

/// How a burst goes. Counts never fall; the last one of a burst has `finished` set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurstProgress {
    /// Which burst.
    pub id: BurstId,
    /// Requests it consists of.
    pub size: u32,
    /// Requests written to a tunnel.
    pub sent: u32,
    /// Jobs that the producer reported as confirmed.
    pub accepted: u32,
    /// Requests that failed, by cause in words.
    pub failed: BTreeMap<String, u32>,
    /// Ids of the confirmed jobs since the last progress event.
    pub new_ids: Vec<uuid::Uuid>,
    /// When the first byte of the first request went out.
    pub first_sent: Option<At>,
    /// When the first answer with a confirm came.
    pub first_accepted: Option<At>,
    /// When the last answer with a confirm came.
    pub last_accepted: Option<At>,
    /// What it waits for, when it waits: no ready producer, a tunnel being reopened.
    pub waiting: Option<String>,
    /// Set once nothing more will happen.
    pub finished: bool,
}

/// How the continuous load goes.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadProgress {
    /// Requests per second asked for; zero when it is off.
    pub rate: f64,
    /// Jobs accepted since it was switched on.
    pub accepted: u64,
    /// Requests that failed since then, by cause in words.
    pub failed: BTreeMap<String, u64>,
    /// Why it was switched off by itself, if it was.
    pub stopped: Option<String>,
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
    Watchfulness(Watchfulness),
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

/// How often sources poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watchfulness {
    /// Nothing is going on: once a second.
    Idle,
    /// Jobs are in flight: as often as the contract allows.
    Busy,
}

/// What can be asked about a change of the HPA. Every request has a number, which its answer bears.
#[derive(Debug, Clone, PartialEq)]
pub enum TuneRequest {
    /// Whether the HPA may be changed at all.
    Rights,
    /// What the API server would make of the edits: a dry run, nothing is stored.
    Try(Change),
    /// Make the edits.
    Apply(Change),
    /// Take a change back, if what it set still stands.
    Undo {
        /// The request's number.
        number: u32,
        /// The merge patch that was applied to the specification.
        forward: serde_json::Value,
        /// The merge patch that takes it back.
        back: serde_json::Value,
    },
}

/// Edits, and the specification that they were made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The request's number.
    pub number: u32,
    /// The specification that the user saw, with defaults: if it is another one by now, nothing is changed.
    pub seen: Box<hpa::Spec>,
    /// What is to be different.
    pub edits: Vec<Edit>,
}

/// What came of a [`TuneRequest`].
#[derive(Debug, Clone, PartialEq)]
pub enum TuneEvent {
    /// Whether the HPA may be changed; `Err` says why not.
    Rights(Result<(), String>),
    /// What the dry run came to.
    Tried {
        /// The request's number.
        number: u32,
        /// What would be different.
        result: Result<Vec<Difference>, Refusal>,
    },
    /// What the change came to.
    Applied {
        /// The request's number.
        number: u32,
        /// What is different.
        result: Result<Applied, Refusal>,
    },
    /// What taking a change back came to.
    Undone {
        /// The request's number.
        number: u32,
        /// What is different.
        result: Result<Vec<Difference>, Refusal>,
    },
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What is different.
    pub differences: Vec<Difference>,
    /// The merge patch of the specification.
    pub forward: serde_json::Value,
    /// The merge patch that takes it back.
    pub back: serde_json::Value,
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Somebody else changed the specification meanwhile.
    Conflict {
        /// What they changed.
        theirs: Vec<Difference>,
        /// The specification as it is now, with defaults.
        now: Box<hpa::Spec>,
    },
    /// The API server does not accept it, in its own words.
    Invalid(String),
    /// It could not be done, as a sentence.
    Failed(String),
}

/// A part of the metric chain that can be stopped to see what the rest makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drill {
    /// The program that reads the broker for Prometheus.
    Exporter,
    /// Prometheus.
    Prometheus,
    /// The broker.
    Broker,
}

impl Drill {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 3] = [Self::Exporter, Self::Prometheus, Self::Broker];
}

/// What is scaled for a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// Its kind.
    pub kind: ScaledKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Replicas that it has, or had before it was stopped.
    pub replicas: i32,
}

/// What can be scaled for a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaledKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// The operator's object.
    Prometheus,
}

impl ScaledKind {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::Prometheus => "Prometheus",
        }
    }
}

/// What can be asked about drills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillRequest {
    /// What there is to stop here, and whether that is allowed.
    Look,
    /// Scale it to nothing.
    Stop(Drill, Scaled),
    /// Scale it to the replicas that it had.
    PutBack(Drill, Scaled),
}

/// What came of a [`DrillRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillEvent {
    /// What there is to stop; `Err` says why something is not.
    Seen(Vec<(Drill, Result<Scaled, String>)>),
    /// It is scaled to nothing.
    Stopped(Drill, Scaled),
    /// It is scaled to the replicas that it had.
    PutBack(Drill, Scaled),
    /// That did not work, as a sentence.
    Failed(Drill, String),
}
