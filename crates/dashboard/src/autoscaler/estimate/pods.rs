//! The pods as the controller counts them, with times of the run instead of the cluster's.

use hpa::{Pod, Time};
use observed::Role;

use crate::workers::pods::Pods;

/// The pods, and the state that they were computed from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CountedPods {
    of: Option<(u64, i64)>,
    list: Vec<Pod>,
}

impl CountedPods {
    /// Computes the pods again if they or `start`, the start of the run on the cluster's clock, have changed. It costs a copy of
    /// every pod.
    pub(crate) fn update(&mut self, pods: &Pods, start: i64) {
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
        self.list = pods.of(Role::Worker).iter().map(|known| pod(&known.pod.calculated)).collect();
        self.of = of;
    }

    /// The pods.
    pub(crate) fn list(&self) -> &[Pod] {
        &self.list
    }
}
