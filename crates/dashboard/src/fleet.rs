//! The HPAs of a cluster as a list: where they are from, their order, the chosen one, and their measured sync intervals.

mod order;
mod sync_meter;

use std::collections::BTreeMap;

use explain::fleet::Row;
use jiff::Timestamp;

pub use self::order::Order;
pub use self::sync_meter::{Interval, SyncMeter};
use crate::clock::At;
use crate::reported::SourceState;
use crate::strings::fleet as words;
use crate::ui::filter::Filter;

/// Namespace and name of an HPA.
pub type Key = (String, String);

/// An HPA of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its row.
    pub row: Row,
    /// Its measured sync interval.
    pub meter: SyncMeter,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fleet {
    /// The namespace of the list; `None` for all.
    pub namespace: Option<String>,
    /// The reason why it is not all namespaces; empty if the user chose one.
    pub note: String,
    /// The state of the watch; `None` before it is requested.
    pub state: Option<SourceState>,
    /// True once the watch has listed the HPAs.
    pub is_listed: bool,
    /// True while no HPA is open: only the list has data.
    pub is_alone: bool,
    /// The order.
    pub order: Order,
    /// The chosen HPA; without one, the first is chosen.
    pub chosen: Option<Key>,
    entries: BTreeMap<Key, Entry>,
    /// The paused ScaledObjects, under the names of their HPAs.
    paused: BTreeMap<Key, Entry>,
}

fn key(row: &Row) -> Key {
    (row.namespace.clone(), row.name.clone())
}

impl Fleet {
    /// Begins a list of another place.
    pub fn begin(&mut self, namespace: Option<String>, note: String) {
        *self = Self {
            namespace,
            note,
            state: self.state.take().or(Some(SourceState::Connecting)),
            is_alone: self.is_alone,
            order: self.order,
            ..Self::default()
        };
    }

    /// Takes a complete list. Its arrival says nothing about the time of a sync.
    pub fn list(&mut self, rows: Vec<Row>) {
        let mut old = std::mem::take(&mut self.entries);
        self.entries = rows
            .into_iter()
            .map(|row| {
                let key = key(&row);
                let mut meter = old.remove(&key).map(|entry| entry.meter).unwrap_or_default();
                meter.interrupt();
                (key, Entry { row, meter })
            })
            .collect();
        self.is_listed = true;
    }

    /// Takes the paused ScaledObjects.
    pub fn pause(&mut self, rows: Vec<Row>) {
        self.paused =
            rows.into_iter().map(|row| (key(&row), Entry { row, meter: SyncMeter::default() })).collect();
    }

    /// The HPAs, and the paused ScaledObjects without one.
    fn all(&self) -> impl Iterator<Item = &Entry> {
        let without_hpa = self.paused.iter().filter(|(key, _)| !self.entries.contains_key(*key));
        self.entries.values().chain(without_hpa.map(|(_, entry)| entry))
    }

    /// Takes a new or changed HPA.
    pub fn apply(&mut self, at: At, row: Row) {
        let mut meter = SyncMeter::default();
        if let Some(old) = self.entries.get_mut(&key(&row)) {
            meter = std::mem::take(&mut old.meter);
            if !has_same_spec(&old.row, &row) {
                // A change of the specification may cause a sync at once.
                meter.interrupt();
            } else if old.row != row {
                meter.status_written(at);
            }
        }
        self.entries.insert(key(&row), Entry { row, meter });
    }

    /// Removes an HPA.
    pub fn remove(&mut self, key: &Key) {
        self.entries.remove(key);
    }

    /// Number of HPAs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Returns true without an HPA.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// The HPAs that match a filter, in order; `now` is the time for words about ages.
    #[must_use]
    pub fn visible(&self, filter: &Filter, now: Timestamp) -> Vec<&Entry> {
        let takes = |entry: &&Entry| {
            let row = &entry.row;
            filter.is_empty()
                || filter.takes(&[
                    &row.namespace,
                    &row.name,
                    &words::reference(row),
                    &words::winner(row),
                    &words::verdict(row, now),
                ])
        };
        let mut visible: Vec<&Entry> = self.all().filter(takes).collect();
        // The HPAs are in the order of their names, which the stable sort keeps among equals.
        self.order.sort(&mut visible);
        visible
    }

    /// Index of the chosen HPA among the visible ones.
    #[must_use]
    pub fn position(&self, visible: &[&Entry]) -> usize {
        let chosen = self.chosen.as_ref();
        let is_chosen = |entry: &&Entry| {
            chosen
                .is_some_and(|(namespace, name)| *namespace == entry.row.namespace && *name == entry.row.name)
        };
        visible.iter().position(is_chosen).unwrap_or(0)
    }
}

/// Returns true if two rows of an HPA come from the same specification.
fn has_same_spec(one: &Row, other: &Row) -> bool {
    let targets = |row: &Row| row.metrics.iter().map(|metric| metric.target).collect::<Vec<_>>();
    (one.min, one.max, &one.target) == (other.min, other.max, &other.target) && targets(one) == targets(other)
}

#[cfg(test)]
mod tests;
