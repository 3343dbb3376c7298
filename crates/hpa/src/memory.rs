//! The controller's memory of one HPA between syncs.
//!
//! Upstream keeps it in maps inside the controller, loses it on a restart and deletes it with the HPA. Here it is a value
//! that the caller keeps and can store.

use serde::{Deserialize, Serialize};

use crate::spec::Direction;
use crate::time::Time;

/// Earlier recommendations and size changes of one HPA.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Recommendations **before** stabilisation and limits, not sorted by time. `None` means that the controller has not
    /// synced this HPA yet; the first sync then starts the list with the current size.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Written increases (only with `behavior`).
    pub up_events: Vec<ScaleEvent>,
    /// Written decreases (only with `behavior`).
    pub down_events: Vec<ScaleEvent>,
}

/// One earlier recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The size that the metrics proposed.
    pub replicas: i32,
    /// Time of the sync.
    pub at: Time,
}

/// One change of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleEvent {
    /// Number of replicas, never negative.
    pub change: i32,
    /// Time of the write.
    pub at: Time,
    /// `true` if a new event may overwrite this one.
    pub outdated: bool,
}

/// The maximum number of entries of one list.
///
/// Upstream has no bound. Each sync overwrites one entry outside the windows or appends, so a list has about as many
/// entries as the window has syncs (241 for an hour at 15 s). Only more than one sync a second for over an hour reaches
/// this bound. [`Memory`] then drops entries that can no longer change a decision, and, if none exists, the oldest entry.
pub const MAX_ENTRIES: usize = 4096;

/// The sum of the changes after `since`.
#[must_use]
pub fn change_since(events: &[ScaleEvent], since: Time) -> i64 {
    events.iter().filter(|e| e.at > since).map(|e| i64::from(e.change)).sum()
}

impl Memory {
    /// Records a written change of the size. `longest_seconds` is the longest period among the policies of this
    /// direction; the record overwrites one older entry, if there is any.
    ///
    /// Source: `storeScaleEvent` in `pkg/controller/podautoscaler/horizontal.go`.
    pub fn store_event(&mut self, direction: Direction, change: i32, now: Time, longest_seconds: i64) {
        let list = match direction {
            Direction::Up => &mut self.up_events,
            Direction::Down => &mut self.down_events,
        };
        let cutoff = now.minus_secs(longest_seconds);
        let mut slot = None;
        for (i, event) in list.iter_mut().enumerate() {
            if event.at < cutoff {
                event.outdated = true;
            }
            if event.outdated {
                slot = Some(i);
            }
        }
        let new = ScaleEvent { change, at: now, outdated: false };
        if let Some(old) = slot.and_then(|i| list.get_mut(i)) {
            *old = new;
            return;
        }
        if list.len() >= MAX_ENTRIES {
            merge(list);
        }
        list.push(new);
    }

    /// Starts the list with the current size if this is the first sync.
    pub(crate) fn seed(&mut self, current: i32, now: Time) -> &mut Vec<Recommendation> {
        self.recommendations.get_or_insert_with(|| vec![Recommendation { replicas: current, at: now }])
    }
}

/// Overwrites the entry at `slot`, or appends.
pub(crate) fn record(list: &mut Vec<Recommendation>, slot: Option<usize>, new: Recommendation) {
    if let Some(old) = slot.and_then(|i| list.get_mut(i)) {
        *old = new;
        return;
    }
    if list.len() >= MAX_ENTRIES {
        compress(list);
    }
    list.push(new);
}

/// Drops recommendations that can no longer bind: a later one is at least as high, and a later one is at least as low.
///
/// Every window ends at the present, so a window that contains such an entry contains the two later ones too.
fn compress(list: &mut Vec<Recommendation>) {
    list.sort_by_key(|r| std::cmp::Reverse(r.at));
    let mut range: Option<(i32, i32)> = None;
    list.retain(|r| match range {
        Some((low, high)) if (low..=high).contains(&r.replicas) => false,
        Some((low, high)) => {
            range = Some((low.min(r.replicas), high.max(r.replicas)));
            true
        }
        None => {
            range = Some((r.replicas, r.replicas));
            true
        }
    });
    list.truncate(MAX_ENTRIES - 1);
    list.reverse();
}

/// Makes room: merges changes of the same time, or, if all times differ, the two oldest.
fn merge(list: &mut Vec<ScaleEvent>) {
    list.sort_by_key(|e| e.at);
    list.dedup_by(|later, kept| {
        let same = later.at == kept.at;
        if same {
            kept.change = kept.change.saturating_add(later.change);
        }
        same
    });
    if list.len() >= MAX_ENTRIES {
        let oldest = list.remove(0);
        list[0].change = list[0].change.saturating_add(oldest.change);
    }
}
