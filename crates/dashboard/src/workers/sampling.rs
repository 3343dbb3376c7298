//! The choice of workers whose logs are read. Their number is limited, because each costs a stream of the API
//! server. A followed worker is followed to its end; a free place goes to the oldest worker without one.

use std::collections::BTreeSet;

use crate::workers::pods::Pods;
use observed::{PodPhase, Role};

/// Limit of the workers whose logs are read at once.
pub const MAX_FOLLOWED: usize = 32;

/// The workers whose logs are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sampling {
    followed: BTreeSet<String>,
    unsampled: usize,
}

impl Sampling {
    /// Updates the choice from the current pods. Returns true if it has changed.
    pub fn choose(&mut self, pods: &Pods) -> bool {
        let with_log: Vec<&str> = pods
            .of(Role::Worker)
            .into_iter()
            .filter(|known| !matches!(known.pod.phase, PodPhase::Pending | PodPhase::Completed))
            .map(|known| known.pod.name.as_str())
            .collect();
        let mut chosen: BTreeSet<String> = with_log
            .iter()
            .filter(|name| self.followed.contains(**name))
            .map(|name| (*name).to_owned())
            .collect();
        for name in &with_log {
            if chosen.len() >= MAX_FOLLOWED {
                break;
            }
            chosen.insert((*name).to_owned());
        }
        self.unsampled = with_log.iter().filter(|name| !chosen.contains(**name)).count();
        let changed = chosen != self.followed;
        self.followed = chosen;
        changed
    }

    /// The names of the followed workers.
    pub fn followed(&self) -> impl Iterator<Item = &str> {
        self.followed.iter().map(String::as_str)
    }

    /// Returns true if a worker's log is read.
    #[must_use]
    pub fn is_followed(&self, pod: &str) -> bool {
        self.followed.contains(pod)
    }

    /// Number of workers with a log that is not read.
    #[must_use]
    pub fn unsampled(&self) -> usize {
        self.unsampled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::At;
    use crate::testing::pod;
    use observed::PodsEvent;

    fn pods(names: impl IntoIterator<Item = usize>, phase: PodPhase) -> Pods {
        let mut pods = Pods::default();
        let listed = names.into_iter().map(|n| pod(&format!("p{n:03}"), phase)).collect();
        pods.apply(At::default(), PodsEvent::Listed(listed));
        pods
    }

    #[test]
    fn only_started_workers_have_logs() {
        let mut sampling = Sampling::default();
        for (phase, count) in [
            (PodPhase::Pending, 0),
            (PodPhase::Starting, 1),
            (PodPhase::Ready, 1),
            (PodPhase::Terminating, 1),
            (PodPhase::Completed, 0),
        ] {
            sampling.choose(&pods([1], phase));
            assert_eq!(sampling.followed().count(), count, "{phase:?}");
        }
    }

    #[test]
    fn followed_workers_stay_followed() {
        let mut sampling = Sampling::default();
        assert!(sampling.choose(&pods(0..40, PodPhase::Ready)));
        assert_eq!((sampling.followed().count(), sampling.unsampled()), (MAX_FOLLOWED, 8));
        assert!(sampling.is_followed("p031") && !sampling.is_followed("p032"));
        // One worker ends, and an older name appears: no followed worker is dropped for it.
        assert!(sampling.choose(&pods((0..40).filter(|n| *n != 5), PodPhase::Ready)));
        assert!(sampling.is_followed("p031") && sampling.is_followed("p032"));
        assert_eq!(sampling.unsampled(), 7);
        assert!(!sampling.choose(&pods((0..40).filter(|n| *n != 5), PodPhase::Ready)));
    }
}
