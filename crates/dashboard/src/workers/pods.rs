//! The pods of the demo, in a useful order.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use crate::clock::At;
use observed::{Pod, PodPhase, PodsEvent, Role};

/// Limit of the pods in memory, so that no cluster can grow it without bound; the demo's own pods are dropped
/// last.
pub const MAX_PODS: usize = 20_000;

/// A change of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodChange {
    /// Not seen before.
    New(Box<Pod>),
    /// Seen before, and different now.
    Changed {
        /// The old state.
        before: Pod,
        /// The new state.
        now: Box<Pod>,
    },
    /// Gone.
    Gone(Pod),
}

/// A pod and its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodHistory {
    /// The pod.
    pub pod: Pod,
    /// The time at which it first appeared.
    pub first_seen: At,
    /// The time at which it first appeared as ready.
    pub ready_at: Option<At>,
    /// The time at which it entered its phase, as observed.
    pub phase_since: At,
}

/// A pod's sort key: pods of a role are adjacent, oldest first, so that a few workers are found fast among
/// thousands of pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    role: Role,
    created: Option<Timestamp>,
    first_seen: At,
    name: String,
    uid: String,
}

impl Place {
    fn of(pod: &Pod, first_seen: At) -> Self {
        Self {
            role: pod.role,
            created: pod.created,
            first_seen,
            name: pod.name.clone(),
            uid: pod.uid.clone(),
        }
    }

    /// The key before all pods of a role.
    fn first(role: Role) -> Self {
        Self { role, created: None, first_seen: At::default(), name: String::new(), uid: String::new() }
    }
}

/// The namespace's pods.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pods {
    in_order: BTreeMap<Place, PodHistory>,
    by_uid: BTreeMap<String, Place>,
    /// True after the first complete list: before that, an empty map means nothing.
    listed: bool,
    /// The number of changes.
    version: u64,
}

impl Pods {
    /// Applies an event and returns the changes.
    pub fn apply(&mut self, at: At, change: PodsEvent) -> Vec<PodChange> {
        let changes = self.take(at, change);
        self.version += changes.len() as u64;
        changes
    }

    /// The number of changes so far: equal numbers mean equal pods.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    fn take(&mut self, at: At, change: PodsEvent) -> Vec<PodChange> {
        match change {
            PodsEvent::Listed(pods) => {
                self.listed = true;
                let named: HashSet<&str> = pods.iter().map(|pod| pod.uid.as_str()).collect();
                let gone: Vec<String> =
                    self.by_uid.keys().filter(|uid| !named.contains(uid.as_str())).cloned().collect();
                let mut changes: Vec<PodChange> = gone.iter().filter_map(|uid| self.remove(uid)).collect();
                changes.extend(pods.into_iter().filter_map(|pod| self.put(at, pod)));
                changes
            }
            PodsEvent::Applied(pod) => self.put(at, *pod).into_iter().collect(),
            PodsEvent::Deleted { uid, .. } => self.remove(&uid).into_iter().collect(),
        }
    }

    fn remove(&mut self, uid: &str) -> Option<PodChange> {
        let place = self.by_uid.remove(uid)?;
        self.in_order.remove(&place).map(|known| PodChange::Gone(known.pod))
    }

    fn put(&mut self, at: At, pod: Pod) -> Option<PodChange> {
        let is_ready = pod.phase == PodPhase::Ready;
        if let Some(place) = self.by_uid.get(&pod.uid) {
            let known = self.in_order.get_mut(place)?;
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
            let now = Place::of(&pod, known.first_seen);
            // A selector that became known makes another pod a worker.
            if now != *place
                && let Some(known) = self.in_order.remove(place)
            {
                self.in_order.insert(now.clone(), known);
                self.by_uid.insert(pod.uid.clone(), now);
            }
            return Some(PodChange::Changed { before, now: Box::new(pod) });
        }
        if self.by_uid.len() >= MAX_PODS && !self.make_room(pod.role) {
            return None;
        }
        let known = PodHistory {
            pod: pod.clone(),
            first_seen: at,
            ready_at: is_ready.then_some(at),
            phase_since: at,
        };
        let place = Place::of(&pod, at);
        self.by_uid.insert(pod.uid.clone(), place.clone());
        self.in_order.insert(place, known);
        Some(PodChange::New(Box::new(pod)))
    }

    /// Makes room for a pod of a role: a pod of the demo replaces another one. Returns true if there is room.
    fn make_room(&mut self, role: Role) -> bool {
        let newest = self.in_order.last_key_value().filter(|(place, _)| place.role == Role::Other);
        let Some(uid) = newest.filter(|_| role != Role::Other).map(|(place, _)| place.uid.clone()) else {
            return false;
        };
        self.remove(&uid).is_some()
    }

    fn iter(&self, role: Role) -> impl Iterator<Item = &PodHistory> {
        let from = self.in_order.range(Place::first(role)..);
        from.take_while(move |(place, _)| place.role == role).map(|(_, known)| known)
    }

    /// Returns true once the pods are known.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// All pods of a role, oldest first.
    #[must_use]
    pub fn of(&self, role: Role) -> Vec<&PodHistory> {
        self.iter(role).collect()
    }

    /// The pod with a uid.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&PodHistory> {
        self.in_order.get(self.by_uid.get(uid)?)
    }

    /// Number of pods of a role in each phase.
    #[must_use]
    pub fn count(&self, role: Role) -> BTreeMap<PodPhase, usize> {
        let mut counts = BTreeMap::new();
        for known in self.iter(role) {
            *counts.entry(known.pod.phase).or_insert(0) += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pod;

    #[test]
    fn a_list_removes_missing_pods() {
        let mut pods = Pods::default();
        pods.apply(
            At::default(),
            PodsEvent::Listed(vec![pod("a", PodPhase::Ready), pod("b", PodPhase::Ready)]),
        );
        let changes = pods.apply(At::default(), PodsEvent::Listed(vec![pod("b", PodPhase::Ready)]));
        assert_eq!(changes, [PodChange::Gone(pod("a", PodPhase::Ready))]);
    }

    #[test]
    fn an_equal_pod_is_no_change() {
        let mut pods = Pods::default();
        let changes = pods.apply(At::default(), PodsEvent::Applied(Box::new(pod("a", PodPhase::Pending))));
        assert_eq!(changes, [PodChange::New(Box::new(pod("a", PodPhase::Pending)))]);
        let changes = pods.apply(At::default(), PodsEvent::Applied(Box::new(pod("a", PodPhase::Pending))));
        assert_eq!(changes, []);
    }

    #[test]
    fn too_many_pods_do_not_hide_the_workers() {
        let mut pods = Pods::default();
        let other = |i| Pod { role: Role::Other, ..pod(&format!("p{i}"), PodPhase::Ready) };
        pods.apply(At::default(), PodsEvent::Listed((0..MAX_PODS + 10).map(other).collect()));
        assert_eq!(pods.of(Role::Other).len(), MAX_PODS);
        pods.apply(At::default(), PodsEvent::Applied(Box::new(pod("worker", PodPhase::Ready))));
        assert_eq!((pods.of(Role::Worker).len(), pods.of(Role::Other).len()), (1, MAX_PODS - 1));
        assert_eq!(pods.by_uid.len(), pods.in_order.len());
    }

    #[test]
    fn a_pod_that_becomes_a_worker_keeps_its_past() {
        let mut pods = Pods::default();
        let at = |seconds| At(std::time::Duration::from_secs(seconds));
        let other = Pod { role: Role::Other, ..pod("a", PodPhase::Ready) };
        pods.apply(at(1), PodsEvent::Listed(vec![other, pod("b", PodPhase::Ready)]));
        pods.apply(at(5), PodsEvent::Applied(Box::new(pod("a", PodPhase::Ready))));
        let names: Vec<_> = pods.of(Role::Worker).iter().map(|known| known.pod.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(pods.get("a").unwrap().first_seen, at(1));
        assert!(pods.of(Role::Other).is_empty());
        assert_eq!(pods.by_uid.len(), pods.in_order.len());
    }
}
