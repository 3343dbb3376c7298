//! The observed syncs of this run: the decision history.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hpa::Spec;

use super::last_sync::LastSync;
use crate::clock::At;

/// Syncs kept; the oldest go first. At the default period these are more than two hours in which each sync wrote something.
const MAX_SYNCS: usize = 500;

/// The longest time from a sync's write of the scale, which the marks show, to the update of its status.
const STATUS_DELAY: Duration = Duration::from_secs(1);

/// The observed syncs, oldest first. A sync that wrote nothing is not among them: it changed neither reading nor size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PastSyncs {
    list: VecDeque<LastSync>,
}

impl PastSyncs {
    /// Adds a sync.
    pub(in crate::autoscaler) fn add(&mut self, sync: LastSync) {
        if self.list.len() == MAX_SYNCS {
            self.list.pop_front();
        }
        self.list.push_back(sync);
    }

    /// The specification for a new sync: that of the last one while it is the same, so that all share one.
    pub(in crate::autoscaler) fn spec(&self, spec: &Spec) -> Arc<Spec> {
        let known = self.last().map(|last| &last.spec).filter(|known| ***known == *spec);
        known.map_or_else(|| Arc::new(spec.clone()), Arc::clone)
    }

    /// The last sync.
    #[must_use]
    pub fn last(&self) -> Option<&LastSync> {
        self.list.back()
    }

    /// The syncs, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LastSync> + ExactSizeIterator {
        self.list.iter()
    }

    /// The sync in force at an instant: the newest one until then. The update of its status may come up to `STATUS_DELAY` later.
    #[must_use]
    pub fn in_force(&self, at: At) -> Option<&LastSync> {
        self.list.get(self.next_index(at).checked_sub(1)?)
    }

    /// The sync after the one in force at an instant.
    #[must_use]
    pub fn after(&self, at: At) -> Option<&LastSync> {
        self.list.get(self.next_index(at))
    }

    fn next_index(&self, at: At) -> usize {
        let latest = At(at.0 + STATUS_DELAY);
        self.list.partition_point(|sync| sync.at <= latest)
    }
}
