//! The states of every worker over time, for the timelines on the screen Pods, and the resulting pod-seconds.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;
use observed::{Pod, PodPhase};

/// Limit of the timelines: those of deleted workers are dropped first.
const MAX_LANES: usize = 200;

/// Changes of state kept for a worker; the oldest go first.
const MAX_SPANS: usize = 600;

/// Marks kept for a worker.
const MAX_MARKS: usize = 50;

/// The state of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerState {
    /// It has no node yet, or its container has not started.
    Pending,
    /// Its container runs and is not ready.
    Starting,
    /// It waits for a job.
    Idle,
    /// It has a job in hand.
    Busy,
    /// It is ready; its log is not read, so its work is unknown.
    NotSampled,
    /// It is terminating and has a job in hand.
    Finishing,
    /// It is terminating.
    Terminating,
    /// Its container waits in a back-off, or the pod failed.
    Failed,
    /// It is deleted.
    Gone,
}

impl WorkerState {
    /// The state of a pod from its phase and its log.
    #[must_use]
    pub fn of(pod: &Pod, work: CurrentJob) -> Self {
        match (pod.phase, work) {
            (PodPhase::Pending, _) => Self::Pending,
            (PodPhase::Starting, _) => Self::Starting,
            (PodPhase::Ready, CurrentJob::Job(_)) => Self::Busy,
            (PodPhase::Ready, CurrentJob::Nothing) => Self::Idle,
            (PodPhase::Ready, CurrentJob::NotSampled) => Self::NotSampled,
            (PodPhase::Terminating, CurrentJob::Job(_)) => Self::Finishing,
            (PodPhase::Terminating, _) => Self::Terminating,
            (PodPhase::Failed, _) => Self::Failed,
            (PodPhase::Completed, _) => Self::Gone,
        }
    }
}

/// A short tag for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobTag {
    /// Number of its burst; zero if it belongs to no burst of this run.
    pub burst: u32,
    /// The last four bytes of its ID, which are random.
    pub tail: u32,
}

impl std::fmt::Display for JobTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tail = self.tail & 0xffff;
        if self.burst == 0 { write!(f, "{tail:04x}") } else { write!(f, "#{}·{tail:04x}", self.burst) }
    }
}

/// The job in a worker's hands, from its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurrentJob {
    /// Nothing.
    Nothing,
    /// A job.
    Job(JobTag),
    /// Its log is not read.
    NotSampled,
}

/// An event of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneMark {
    /// Its container restarted.
    Restarted,
    /// It was deleted without a termination phase.
    Killed,
    /// Its unfinished job was aborted.
    Aborted,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    since: At,
    doing: WorkerState,
    job: Option<JobTag>,
}

/// The timeline of one worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerTimeline {
    /// The pod's name.
    pub name: String,
    /// The pod's uid.
    pub uid: String,
    /// Jobs that it has done.
    pub done: u32,
    /// Jobs that it began and that were aborted.
    pub aborted: u32,
    /// Restarts of its container while it was watched.
    pub restarts: u32,
    spans: VecDeque<Span>,
    marks: VecDeque<(At, LaneMark)>,
    phase: PodPhase,
}

impl WorkerTimeline {
    /// The current state.
    #[must_use]
    pub fn now(&self) -> WorkerState {
        self.spans.back().map_or(WorkerState::Pending, |span| span.doing)
    }

    /// The job that it has in hand now.
    #[must_use]
    pub fn job(&self) -> Option<JobTag> {
        self.spans.back().and_then(|span| span.job)
    }

    /// Returns true if it was ready at any remembered time.
    #[must_use]
    pub fn was_ready(&self) -> bool {
        let is_ready =
            |doing| matches!(doing, WorkerState::Idle | WorkerState::Busy | WorkerState::NotSampled);
        self.spans.iter().any(|span| is_ready(span.doing))
    }

    /// The state at a moment; `None` before its first state.
    #[must_use]
    pub fn at(&self, at: At) -> Option<WorkerState> {
        self.span(at).map(|span| span.doing)
    }

    /// The job that it had in hand at a moment.
    #[must_use]
    pub fn job_at(&self, at: At) -> Option<JobTag> {
        self.span(at).and_then(|span| span.job)
    }

    fn span(&self, at: At) -> Option<&Span> {
        let after = self.spans.partition_point(|span| span.since <= at);
        self.spans.get(after.checked_sub(1)?)
    }

    /// The start of the current state.
    #[must_use]
    pub fn since(&self) -> At {
        self.spans.back().map_or(At::default(), |span| span.since)
    }

    /// The start of the first remembered state.
    #[must_use]
    pub fn first(&self) -> At {
        self.spans.front().map_or(At::default(), |span| span.since)
    }

    /// Its states, each with the time at which it began, oldest first.
    pub fn states(&self) -> impl Iterator<Item = (At, WorkerState)> + '_ {
        self.spans.iter().map(|span| (span.since, span.doing))
    }

    /// Its events, oldest first.
    pub fn marks(&self) -> impl Iterator<Item = (At, LaneMark)> + '_ {
        self.marks.iter().copied()
    }

    fn mark(&mut self, at: At, mark: LaneMark) {
        if self.marks.len() == MAX_MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back((at, mark));
    }

    /// Changes the state from `at` on, and adds the duration of the old one to `time`.
    fn set(&mut self, at: At, doing: WorkerState, job: Option<JobTag>, time: &mut PodTime) {
        let Some(last) = self.spans.back().copied() else {
            self.spans.push_back(Span { since: at, doing, job });
            return;
        };
        if last.doing == doing && last.job == job {
            return;
        }
        // A late report about an earlier time does not undo later ones.
        let at = at.max(last.since);
        time.add(last.doing, at.since(last.since));
        if last.since == at {
            self.spans.pop_back();
        }
        if self.spans.len() == MAX_SPANS {
            self.spans.pop_front();
        }
        self.spans.push_back(Span { since: at, doing, job });
    }
}

/// All timelines, oldest worker first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timelines {
    lanes: VecDeque<WorkerTimeline>,
    /// The workers' time until their last change, by state.
    time: PodTime,
    /// Workers whose timeline was dropped because there were too many.
    dropped: u64,
}

impl Timelines {
    /// All timelines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &WorkerTimeline> {
        self.lanes.iter()
    }

    /// Existing workers whose time is not counted because there were too many.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Pod-seconds of the run until `now`.
    #[must_use]
    pub fn time(&self, now: At) -> PodTime {
        let mut time = self.time;
        for lane in &self.lanes {
            time.add(lane.now(), now.since(lane.since()));
        }
        time
    }

    /// Records a worker's state.
    pub fn pod(&mut self, at: At, pod: &Pod, work: CurrentJob) {
        let doing = WorkerState::of(pod, work);
        // A failed worker has no job in hand, whatever its log reported last.
        let job = match (doing, work) {
            (WorkerState::Busy | WorkerState::Finishing, CurrentJob::Job(tag)) => Some(tag),
            _ => None,
        };
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.uid == pod.uid) {
            lane.phase = pod.phase;
            lane.set(at, doing, job, &mut self.time);
            return;
        }
        if self.lanes.len() == MAX_LANES {
            self.drop_one(at);
        }
        self.lanes.push_back(WorkerTimeline {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            done: 0,
            aborted: 0,
            restarts: 0,
            spans: VecDeque::from([Span { since: at, doing, job }]),
            marks: VecDeque::new(),
            phase: pod.phase,
        });
    }

    fn drop_one(&mut self, at: At) {
        let gone = self.lanes.iter().position(|lane| lane.now() == WorkerState::Gone);
        if let Some(lane) = self.lanes.remove(gone.unwrap_or(0)) {
            self.time.add(lane.now(), at.since(lane.since()));
            self.dropped += u64::from(gone.is_none());
        }
    }

    /// Records that a worker was deleted.
    pub fn deleted(&mut self, at: At, uid: &str) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.uid == uid) {
            if !matches!(lane.phase, PodPhase::Terminating | PodPhase::Completed) {
                lane.mark(at, LaneMark::Killed);
            }
            lane.set(at, WorkerState::Gone, None, &mut self.time);
        }
    }

    /// Records `times` restarts of a worker's container.
    pub fn restarted(&mut self, at: At, uid: &str, times: u32) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.uid == uid) {
            lane.restarts = lane.restarts.saturating_add(times);
            lane.mark(at, LaneMark::Restarted);
        }
    }

    /// Records that a worker's unfinished job was aborted.
    pub fn aborted(&mut self, at: At, pod: &str) {
        if let Some(lane) = self.named(pod) {
            lane.aborted = lane.aborted.saturating_add(1);
            lane.mark(at, LaneMark::Aborted);
        }
    }

    /// The timeline of a pod's name; the newer of two.
    fn named(&mut self, pod: &str) -> Option<&mut WorkerTimeline> {
        self.lanes.iter_mut().rev().find(|lane| lane.name == pod)
    }

    /// Records a log report about the job in hand; `done` means that the one before is finished.
    pub fn job(&mut self, at: At, pod: &str, work: CurrentJob, done: bool) {
        let Some(index) = self.lanes.iter().rposition(|lane| lane.name == pod) else { return };
        let lane = &mut self.lanes[index];
        if done {
            lane.done = lane.done.saturating_add(1);
        }
        let job = if let CurrentJob::Job(tag) = work { Some(tag) } else { None };
        let doing = match (lane.now(), work) {
            (WorkerState::Idle | WorkerState::Busy | WorkerState::NotSampled, CurrentJob::Job(_)) => {
                WorkerState::Busy
            }
            (WorkerState::Idle | WorkerState::Busy | WorkerState::NotSampled, CurrentJob::Nothing) => {
                WorkerState::Idle
            }
            (WorkerState::Idle | WorkerState::Busy | WorkerState::NotSampled, CurrentJob::NotSampled) => {
                WorkerState::NotSampled
            }
            (WorkerState::Finishing | WorkerState::Terminating, CurrentJob::Job(_)) => WorkerState::Finishing,
            (WorkerState::Finishing | WorkerState::Terminating, _) => WorkerState::Terminating,
            _ => return,
        };
        lane.set(at, doing, job, &mut self.time);
    }
}

/// Pod-seconds by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PodTime {
    /// Ready, without a job.
    pub idle: Duration,
    /// With a job in hand, also while terminating.
    pub busy: Duration,
    /// Ready, with unknown work.
    pub not_sampled: Duration,
    /// Not ready: starting, terminating or failed.
    pub other: Duration,
}

impl PodTime {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.idle + self.busy + self.not_sampled + self.other
    }

    /// The difference from `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            idle: self.idle.saturating_sub(before.idle),
            busy: self.busy.saturating_sub(before.busy),
            not_sampled: self.not_sampled.saturating_sub(before.not_sampled),
            other: self.other.saturating_sub(before.other),
        }
    }

    /// The idle share of the ready workers' known time, from 0 to 1.
    #[must_use]
    pub fn idle_share(&self) -> Option<f64> {
        let known = (self.idle + self.busy).as_secs_f64();
        (known > 0.0).then(|| self.idle.as_secs_f64() / known)
    }

    pub(super) fn add(&mut self, doing: WorkerState, time: Duration) {
        let place = match doing {
            WorkerState::Idle => &mut self.idle,
            WorkerState::Busy | WorkerState::Finishing => &mut self.busy,
            WorkerState::NotSampled => &mut self.not_sampled,
            WorkerState::Pending | WorkerState::Starting | WorkerState::Terminating | WorkerState::Failed => {
                &mut self.other
            }
            WorkerState::Gone => return,
        };
        *place += time;
    }
}

#[cfg(test)]
mod tests;
