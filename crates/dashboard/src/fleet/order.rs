//! The orders of the list.

use std::cmp::Reverse;

use explain::fleet::MetricRow;

use super::Entry;

/// An order of the list; equals are in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The worst verdict first.
    #[default]
    Verdict,
    /// By namespace and name.
    Name,
    /// The winner with the largest share of its target first.
    Share,
    /// The most replicas first.
    Replicas,
    /// The newest rescale first.
    LastScale,
    /// The longest sync interval first.
    Interval,
}

impl Order {
    /// All orders, in the order of the arrow keys.
    pub const ALL: [Self; 6] =
        [Self::Verdict, Self::Name, Self::Share, Self::Replicas, Self::LastScale, Self::Interval];

    /// The next or previous order.
    #[must_use]
    pub fn neighbour(self, forwards: bool) -> Self {
        let index = Self::ALL.iter().position(|order| *order == self).unwrap_or(0);
        let step = if forwards { 1 } else { Self::ALL.len() - 1 };
        Self::ALL[(index + step) % Self::ALL.len()]
    }

    /// Sorts entries that are in the order of their names.
    pub(super) fn sort(self, entries: &mut [&Entry]) {
        match self {
            Self::Verdict => entries.sort_by_key(|entry| entry.row.verdict.tone()),
            Self::Name => {}
            Self::Share => entries.sort_by(|one, other| {
                let share = |entry: &Entry| entry.row.winning().and_then(MetricRow::share).unwrap_or(-1.0);
                share(other).total_cmp(&share(one))
            }),
            Self::Replicas => entries.sort_by_key(|entry| Reverse(entry.row.desired.max(entry.row.current))),
            Self::LastScale => entries.sort_by_key(|entry| Reverse(entry.row.last_scale)),
            Self::Interval => {
                entries.sort_by_key(|entry| Reverse(entry.meter.interval().map(super::Interval::duration)));
            }
        }
    }
}
