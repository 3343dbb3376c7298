//! The pods as the controller counts them, with times of the run instead of the cluster's.

use std::collections::VecDeque;
use std::time::Duration;

use hpa::{Pod, Time};
use observed::Role;

use crate::clock::At;
use crate::workers::pods::Pods;

/// Time for which a replaced state is remembered: on a busy cluster, a status arrives seconds after its sync.
const REMEMBERED_FOR: Duration = Duration::from_secs(15);

/// Limit of the remembered states. A rescale changes its pods a few times each.
const REMEMBERED: usize = 12;

/// Largest state that is remembered. Among more pods, the change of one changes little.
const MAX_REMEMBERED_PODS: usize = 200;

/// The pods, and the state that they were computed from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CountedPods {
    of: Option<(u64, i64)>,
    list: Vec<Pod>,
    /// Earlier states with the times at which they were replaced, newest last.
    earlier: VecDeque<(At, Vec<Pod>)>,
}

impl CountedPods {
    /// Computes the pods again if they or `start`, the start of the run on the cluster's clock, have changed. It costs a copy of
    /// every pod.
    pub(crate) fn update(&mut self, now: At, pods: &Pods, start: i64) {
        while self.earlier.front().is_some_and(|(replaced, _)| now.since(*replaced) > REMEMBERED_FOR) {
            self.earlier.pop_front();
        }
        // Whole seconds: timestamps of pods have no more.
        let start = start.div_euclid(1_000) * 1_000;
        let of = Some((pods.version(), start));
        if self.of == of {
            return;
        }
        let moved = |time: Time| Time(time.0.saturating_sub(start));
        let pod = |pod: &Pod| Pod {
            ready: pod.ready.map(|ready| hpa::input::Ready { since: moved(ready.since), ..ready }),
            started_at: pod.started_at.map(moved),
            ..pod.clone()
        };
        let list: Vec<Pod> = pods.of(Role::Worker).iter().map(|known| pod(&known.pod.calculated)).collect();
        let before = std::mem::replace(&mut self.list, list);
        if self.of.is_some() && before != self.list && before.len() <= MAX_REMEMBERED_PODS {
            if self.earlier.len() == REMEMBERED {
                self.earlier.pop_front();
            }
            self.earlier.push_back((now, before));
        }
        self.of = of;
    }

    /// The pods.
    pub(crate) fn list(&self) -> &[Pod] {
        &self.list
    }

    /// The pods now and a moment ago, newest first.
    pub(crate) fn recent(&self) -> impl Iterator<Item = &[Pod]> {
        std::iter::once(self.list()).chain(self.earlier.iter().rev().map(|(_, pods)| pods.as_slice()))
    }
}
