//! The pods of the demo, in the order in which people look for them.

use std::collections::BTreeMap;

use crate::event::{At, Pod, PodPhase, PodsEvent, Role};

/// Pods beyond this are counted and not shown: nothing a cluster does may grow our memory without bound.
pub const MAX_PODS: usize = 2_000;

/// What became of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Not seen before.
    New(Pod),
    /// Seen before, and different now.
    Changed {
        /// As it was.
        before: Pod,
        /// As it is.
        now: Pod,
    },
    /// Gone.
    Gone(Pod),
}

/// A pod and since when it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The pod.
    pub pod: Pod,
    /// When it was first seen.
    pub first_seen: At,
    /// When it was first seen ready.
    pub ready_at: Option<At>,
    /// When it was last seen to enter its phase.
    pub phase_since: At,
}

/// The namespace's pods, by uid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pods {
    by_uid: BTreeMap<String, Known>,
    /// Whether a complete list has come: before, an empty map means nothing.
    listed: bool,
}

impl Pods {
    /// Takes news in and says what changed.
    pub fn apply(&mut self, at: At, news: PodsEvent) -> Vec<Change> {
        match news {
            PodsEvent::Listed(pods) => {
                self.listed = true;
                let gone: Vec<String> =
                    self.by_uid.keys().filter(|uid| !pods.iter().any(|p| p.uid == **uid)).cloned().collect();
                let mut changes: Vec<Change> = gone.iter().filter_map(|uid| self.remove(uid)).collect();
                changes.extend(pods.into_iter().filter_map(|pod| self.put(at, pod)));
                changes
            }
            PodsEvent::Applied(pod) => self.put(at, *pod).into_iter().collect(),
            PodsEvent::Deleted { uid, .. } => self.remove(&uid).into_iter().collect(),
        }
    }

    fn remove(&mut self, uid: &str) -> Option<Change> {
        self.by_uid.remove(uid).map(|known| Change::Gone(known.pod))
    }

    fn put(&mut self, at: At, pod: Pod) -> Option<Change> {
        let is_ready = pod.phase == PodPhase::Ready;
        if let Some(known) = self.by_uid.get_mut(&pod.uid) {
            if known.pod == pod {
                return None;
            }
            if known.pod.phase != pod.phase {
                known.phase_since = at;
            }
            if is_ready && known.ready_at.is_none() {
                known.ready_at = Some(at);
            }
            let before = std::mem::replace(&mut known.pod, pod.clone());
            return Some(Change::Changed { before, now: pod });
        }
        if self.by_uid.len() >= MAX_PODS {
            return None;
        }
        let known =
            Known { pod: pod.clone(), first_seen: at, ready_at: is_ready.then_some(at), phase_since: at };
        self.by_uid.insert(pod.uid.clone(), known);
        Some(Change::New(pod))
    }

    /// Whether the pods are known at all.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// All pods of a role, oldest first.
    #[must_use]
    pub fn of(&self, role: Role) -> Vec<&Known> {
        let mut pods: Vec<&Known> = self.by_uid.values().filter(|known| known.pod.role == role).collect();
        pods.sort_by(|a, b| {
            (a.pod.created, a.first_seen, &a.pod.name).cmp(&(b.pod.created, b.first_seen, &b.pod.name))
        });
        pods
    }

    /// The pod of that uid.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&Known> {
        self.by_uid.get(uid)
    }

    /// How many pods of a role are in each phase.
    #[must_use]
    pub fn count(&self, role: Role) -> BTreeMap<PodPhase, usize> {
        let mut counts = BTreeMap::new();
        for known in self.by_uid.values().filter(|known| known.pod.role == role) {
            *counts.entry(known.pod.phase).or_insert(0) += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::pod;

    #[test]
    fn a_list_takes_away_what_it_does_not_name() {
        let mut pods = Pods::default();
        pods.apply(
            At::default(),
            PodsEvent::Listed(vec![pod("a", PodPhase::Ready), pod("b", PodPhase::Ready)]),
        );
        let changes = pods.apply(At::default(), PodsEvent::Listed(vec![pod("b", PodPhase::Ready)]));
        assert_eq!(changes, [Change::Gone(pod("a", PodPhase::Ready))]);
    }

    #[test]
    fn an_equal_pod_is_no_change() {
        let mut pods = Pods::default();
        let changes = pods.apply(At::default(), PodsEvent::Applied(Box::new(pod("a", PodPhase::Pending))));
        assert_eq!(changes, [Change::New(pod("a", PodPhase::Pending))]);
        let changes = pods.apply(At::default(), PodsEvent::Applied(Box::new(pod("a", PodPhase::Pending))));
        assert_eq!(changes, []);
    }

    #[test]
    fn pods_without_end_do_not_grow_the_memory() {
        let mut pods = Pods::default();
        let many = (0..MAX_PODS + 10).map(|i| pod(&format!("p{i}"), PodPhase::Ready)).collect();
        pods.apply(At::default(), PodsEvent::Listed(many));
        assert_eq!(pods.of(Role::Worker).len(), MAX_PODS);
    }
}
