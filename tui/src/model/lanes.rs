//! What every worker did over time, for the lanes of the pods' screen.

use std::collections::VecDeque;

use crate::event::{At, Pod, PodPhase};

/// Lanes kept: those of workers that are gone are the first to go.
const MAX_LANES: usize = 200;

/// Changes of state kept for a worker; the oldest go first.
const MAX_SPANS: usize = 600;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doing {
    /// It has no node yet, or its container has not started.
    Pending,
    /// Its container runs and is not ready.
    Starting,
    /// It waits for a job.
    Idle,
    /// It has a job in hand.
    Busy,
    /// It was told to end.
    Terminating,
    /// Its container waits in a back-off, or the pod failed.
    Failed,
    /// It is no more.
    Gone,
}

impl Doing {
    /// What a pod does that has a job in hand, or none.
    #[must_use]
    pub fn of(pod: &Pod, is_busy: bool) -> Self {
        match pod.phase {
            PodPhase::Pending => Self::Pending,
            PodPhase::Starting => Self::Starting,
            PodPhase::Ready if is_busy => Self::Busy,
            PodPhase::Ready => Self::Idle,
            PodPhase::Terminating => Self::Terminating,
            PodPhase::Failed => Self::Failed,
            PodPhase::Completed => Self::Gone,
        }
    }
}

/// One worker's lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The pod's name.
    pub name: String,
    /// The pod's uid.
    pub uid: String,
    /// Jobs that it has done.
    pub done: u32,
    spans: VecDeque<(At, Doing)>,
}

impl Lane {
    /// What it does now.
    #[must_use]
    pub fn now(&self) -> Doing {
        self.spans.back().map_or(Doing::Pending, |(_, doing)| *doing)
    }

    /// What it did at a moment; `None` before it was there.
    #[must_use]
    pub fn at(&self, at: At) -> Option<Doing> {
        let after = self.spans.partition_point(|(since, _)| *since <= at);
        after.checked_sub(1).map(|index| self.spans[index].1)
    }

    /// Since when it does what it does now.
    #[must_use]
    pub fn since(&self) -> At {
        self.spans.back().map_or(At::default(), |(since, _)| *since)
    }

    fn set(&mut self, at: At, doing: Doing) {
        if self.now() == doing && !self.spans.is_empty() {
            return;
        }
        if self.spans.len() == MAX_SPANS {
            self.spans.pop_front();
        }
        self.spans.push_back((at, doing));
    }
}

/// All lanes, oldest worker first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lanes {
    lanes: VecDeque<Lane>,
}

impl Lanes {
    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Lane> {
        self.lanes.iter()
    }

    /// A worker is there, and does that.
    pub fn pod(&mut self, at: At, pod: &Pod, is_busy: bool) {
        let doing = Doing::of(pod, is_busy);
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.uid == pod.uid) {
            lane.set(at, doing);
            return;
        }
        if self.lanes.len() == MAX_LANES {
            let gone = self.lanes.iter().position(|lane| lane.now() == Doing::Gone);
            self.lanes.remove(gone.unwrap_or(0));
        }
        let (name, uid) = (pod.name.clone(), pod.uid.clone());
        self.lanes.push_back(Lane { name, uid, done: 0, spans: VecDeque::from([(at, doing)]) });
    }

    /// A worker is gone.
    pub fn gone(&mut self, at: At, uid: &str) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.uid == uid) {
            lane.set(at, Doing::Gone);
        }
    }

    /// A worker took a job, or put one down; `done` says that it had finished it.
    pub fn job(&mut self, at: At, pod: &str, is_busy: bool, done: bool) {
        // Of two pods with one name the newer is meant.
        let Some(lane) = self.lanes.iter_mut().rev().find(|lane| lane.name == pod) else { return };
        if done {
            lane.done = lane.done.saturating_add(1);
        }
        if matches!(lane.now(), Doing::Idle | Doing::Busy) {
            lane.set(at, if is_busy { Doing::Busy } else { Doing::Idle });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::testing::pod;

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    #[test]
    fn a_lane_remembers_what_was_done_when() {
        let mut lanes = Lanes::default();
        lanes.pod(at(1), &pod("a", PodPhase::Pending), false);
        lanes.pod(at(2), &pod("a", PodPhase::Starting), false);
        lanes.pod(at(3), &pod("a", PodPhase::Ready), false);
        lanes.job(at(4), "a", true, false);
        lanes.job(at(9), "a", false, true);
        lanes.pod(at(10), &pod("a", PodPhase::Terminating), false);
        lanes.job(at(11), "a", false, true);
        lanes.gone(at(12), "a");
        let lane = lanes.iter().next().unwrap();
        let seen: Vec<_> = (0..13).map(|s| lane.at(at(s))).collect();
        use Doing::*;
        let expected =
            [Pending, Starting, Idle, Busy, Busy, Busy, Busy, Busy, Idle, Terminating, Terminating, Gone];
        assert_eq!(seen[0], None);
        assert_eq!(seen[1..].iter().flatten().copied().collect::<Vec<_>>(), expected);
        assert_eq!((lane.done, lane.since()), (2, at(12)));
    }

    #[test]
    fn lanes_of_the_living_stay_longest() {
        let mut lanes = Lanes::default();
        for n in 0..MAX_LANES {
            lanes.pod(at(1), &pod(&format!("p{n}"), PodPhase::Ready), false);
        }
        lanes.gone(at(2), "p7");
        lanes.pod(at(3), &pod("new", PodPhase::Pending), false);
        assert_eq!(lanes.iter().count(), MAX_LANES);
        assert!(lanes.iter().all(|lane| lane.name != "p7"));
    }
}
