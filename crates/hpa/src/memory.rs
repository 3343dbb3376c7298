//! What the controller remembers of one HPA between syncs.
//!
//! Upstream keeps it in maps inside the controller: it is lost on a restart and deleted with the HPA. Here it is a value
//! that the caller keeps, and may store.

use serde::{Deserialize, Serialize};

use crate::number::Time;
use crate::spec::Direction;

/// Earlier recommendations and size changes of one HPA.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What was recommended, **before** stabilisation and limits. `None` means that this HPA has never been seen; the
    /// next sync then begins the list with the current size. The list is not sorted by time.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Increases that were written (kept only with `behavior`).
    pub up_events: Vec<ScaleEvent>,
    /// Decreases that were written (kept only with `behavior`).
    pub down_events: Vec<ScaleEvent>,
}

/// One earlier recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The size that the metrics asked for.
    pub replicas: i32,
    /// When.
    pub at: Time,
}

/// One change of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleEvent {
    /// By how many replicas, never negative.
    pub change: i32,
    /// When.
    pub at: Time,
    /// Whether its place may be taken by a new event.
    pub outdated: bool,
}

/// Most entries of one list. Upstream has no bound: each sync overwrites one entry that is out of the windows or, where
/// there is none, appends, so that a list is about as long as the window has syncs (241 for an hour at 15 s). This bound
/// is reached only by more than one sync a second for more than an hour; then [`Memory`] first drops what cannot change a
/// decision any more, and only if that does not help, the oldest entry.
pub const MOST_ENTRIES: usize = 4096;

/// The changes later than `since`, added up.
#[must_use]
pub fn change_since(events: &[ScaleEvent], since: Time) -> i64 {
    events.iter().filter(|e| e.at > since).map(|e| i64::from(e.change)).sum()
}

impl Memory {
    /// Remembers a change of the size that was written. `longest_seconds` is the longest period among the policies of
    /// that direction: what is older may be overwritten, one entry at a time.
    ///
    /// Source: `storeScaleEvent` in `pkg/controller/podautoscaler/horizontal.go`.
    pub fn store_event(&mut self, direction: Direction, change: i32, now: Time, longest_seconds: i64) {
        let list = match direction {
            Direction::Up => &mut self.up_events,
            Direction::Down => &mut self.down_events,
        };
        let cutoff = now.minus_secs(longest_seconds);
        let mut place = None;
        for (i, event) in list.iter_mut().enumerate() {
            if event.at < cutoff {
                event.outdated = true;
            }
            if event.outdated {
                place = Some(i);
            }
        }
        let new = ScaleEvent { change, at: now, outdated: false };
        if let Some(old) = place.and_then(|i| list.get_mut(i)) {
            *old = new;
            return;
        }
        if list.len() >= MOST_ENTRIES {
            merge(list);
        }
        list.push(new);
    }

    /// Begins the list with the current size if this HPA has never been seen.
    pub(crate) fn seed(&mut self, current: i32, now: Time) -> &mut Vec<Recommendation> {
        self.recommendations.get_or_insert_with(|| vec![Recommendation { replicas: current, at: now }])
    }
}

/// Writes over `place`, or appends.
pub(crate) fn record(list: &mut Vec<Recommendation>, place: Option<usize>, new: Recommendation) {
    if let Some(old) = place.and_then(|i| list.get_mut(i)) {
        *old = new;
        return;
    }
    if list.len() >= MOST_ENTRIES {
        compress(list);
    }
    list.push(new);
}

/// Drops the recommendations that can bind no more: those for which a later (or equal) one is at least as high and a
/// later one at least as low. Time runs forwards and every window ends now, so whenever such an entry is inside a window,
/// so are the other two.
fn compress(list: &mut Vec<Recommendation>) {
    list.sort_by_key(|r| std::cmp::Reverse(r.at));
    let mut seen: Option<(i32, i32)> = None;
    list.retain(|r| match seen {
        Some((low, high)) if (low..=high).contains(&r.replicas) => false,
        Some((low, high)) => {
            seen = Some((low.min(r.replicas), high.max(r.replicas)));
            true
        }
        None => {
            seen = Some((r.replicas, r.replicas));
            true
        }
    });
    list.truncate(MOST_ENTRIES - 1);
    list.reverse();
}

/// Makes room: changes of the same instant become one; if all differ, the oldest becomes part of the next.
fn merge(list: &mut Vec<ScaleEvent>) {
    list.sort_by_key(|e| e.at);
    list.dedup_by(|later, kept| {
        let same = later.at == kept.at;
        if same {
            kept.change = kept.change.saturating_add(later.change);
        }
        same
    });
    if list.len() >= MOST_ENTRIES {
        let oldest = list.remove(0);
        list[0].change = list[0].change.saturating_add(oldest.change);
    }
}
