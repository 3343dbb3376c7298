//! The list of events, newest last: Kubernetes Events, and the dashboard's own entries.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::clock::At;
use crate::clock::DayClock;
use crate::ui::filter::Filter;
use observed::ClusterEvent;

/// Entries kept; the oldest go first.
const MAX_ENTRIES: usize = 500;

/// Time within which a short list combines warnings with the same reason.
const COMBINE_WITHIN: Duration = Duration::from_secs(60);

/// The severity of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Severity {
    /// A Kubernetes Event of type Normal.
    Normal,
    /// A Kubernetes Event of type Warning, or a loss.
    Warning,
    /// An action or observation of the dashboard.
    Own,
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The arrival time, in the time of this run.
    pub at: At,
    /// The time at which it happened, as a time of day.
    pub time: String,
    /// The severity.
    pub severity: Severity,
    /// The reason, such as `SuccessfulRescale`.
    pub reason: String,
    /// The object, such as `worker-scaler`; may be empty.
    pub object: String,
    /// The message.
    pub message: String,
    /// The sizes before and after a rescale, where the first is known.
    pub sizes: Option<(i32, i32)>,
    /// The number of occurrences.
    pub count: i32,
    /// True for entries of every pod's life, or that another panel shows too: a short list omits them.
    pub is_routine: bool,
    /// The Event object's uid; a repeated event replaces its entry.
    uid: Option<String>,
}

impl Entry {
    /// The reason of a rescale without the new size, which `sizes` has.
    #[must_use]
    pub fn why(&self) -> &str {
        self.message.split_once("; reason: ").map_or(&self.message, |(_, why)| why)
    }
}

/// The list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Events {
    entries: VecDeque<Entry>,
    /// The number of entries ever added.
    added: usize,
}

impl Events {
    /// Adds a Kubernetes Event; a repeated one moves to the end. `before` is the size before the rescale that it reports.
    pub fn cluster(&mut self, at: At, day: &DayClock, event: ClusterEvent, before: Option<i32>) {
        let sizes = before.zip(event.rescale().map(|(size, _)| size));
        self.entries.retain(|entry| entry.uid.as_ref() != Some(&event.uid));
        // Late Events show the cluster's time; for the others the local clock is finer than whole seconds.
        let time = match event.last_seen {
            Some(seen) if event.old => day.of(seen),
            _ => day.time_of_day(at),
        };
        let is_routine =
            !event.warning && matches!(event.object.0.as_str(), "Pod" | "ReplicaSet" | "StatefulSet");
        self.push(Entry {
            at,
            time,
            severity: if event.warning { Severity::Warning } else { Severity::Normal },
            reason: event.reason,
            object: event.object.1,
            message: event.message,
            sizes,
            count: event.count,
            is_routine,
            uid: Some(event.uid),
        });
    }

    /// Adds an entry of the dashboard.
    pub fn push_local(&mut self, at: At, day: &DayClock, severity: Severity, reason: &str, message: String) {
        self.push_entry(at, day, severity, reason, message, false);
    }

    /// Adds an entry that another panel shows too: a short list omits it.
    pub fn push_quiet(&mut self, at: At, day: &DayClock, severity: Severity, reason: &str, message: String) {
        self.push_entry(at, day, severity, reason, message, true);
    }

    fn push_entry(
        &mut self,
        at: At,
        day: &DayClock,
        severity: Severity,
        reason: &str,
        message: String,
        is_routine: bool,
    ) {
        let (reason, object) = (reason.to_owned(), String::new());
        let time = day.time_of_day(at);
        self.push(Entry {
            at,
            time,
            severity,
            reason,
            object,
            message,
            sizes: None,
            count: 1,
            is_routine,
            uid: None,
        });
    }

    fn push(&mut self, entry: Entry) {
        if self.entries.len() == MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.added += 1;
    }

    /// The number of entries ever added, also of those that are gone.
    #[must_use]
    pub fn added(&self) -> usize {
        self.added
    }

    /// The entries that match a filter, oldest first.
    pub fn filtered<'a>(&'a self, filter: &'a Filter) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| filter.takes(&[&entry.reason, &entry.object, &entry.message]))
    }

    /// The newest entries for a list of `most` rows, oldest first. It omits routine entries unless a filter
    /// asks for them. Warnings of many objects in the same minute become one entry, which names the last
    /// object.
    #[must_use]
    pub fn short(&self, filter: &Filter, most: usize) -> Vec<Entry> {
        let is_complaint = |entry: &Entry| entry.severity == Severity::Warning && entry.uid.is_some();
        let mut short: Vec<(Entry, BTreeSet<&str>)> = Vec::new();
        for entry in self.filtered(filter).rev().filter(|entry| !entry.is_routine || !filter.is_empty()) {
            let is_same = |(newer, _): &(Entry, _)| {
                is_complaint(entry)
                    && is_complaint(newer)
                    && newer.reason == entry.reason
                    && newer.at.since(entry.at) <= COMBINE_WITHIN
            };
            match short.iter().position(is_same) {
                Some(index) => {
                    let (newer, objects) = &mut short[index];
                    newer.count = newer.count.saturating_add(entry.count);
                    objects.insert(&entry.object);
                }
                None if short.len() < most => short.push((entry.clone(), BTreeSet::from([&*entry.object]))),
                None => {}
            }
        }
        let named = |(mut entry, objects): (Entry, BTreeSet<&str>)| {
            if objects.len() > 1 {
                entry.object.push_str(&format!(" and {} more", objects.len() - 1));
            }
            entry
        };
        short.into_iter().rev().map(named).collect()
    }

    /// All entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str, count: i32) -> ClusterEvent {
        ClusterEvent {
            uid: uid.to_owned(),
            warning: false,
            object: ("Pod".to_owned(), "a".to_owned()),
            reason: "Started".to_owned(),
            message: "Started container".to_owned(),
            count,
            last_seen: None,
            old: false,
        }
    }

    #[test]
    fn a_repeated_event_replaces_its_entry() {
        let mut events = Events::default();
        let at = |s| At(Duration::from_secs(s));
        let day = DayClock::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
        events.cluster(at(1), &day, event("x", 1), None);
        events.push_local(at(2), &day, Severity::Own, "burst", "50 jobs".to_owned());
        events.cluster(at(3), &day, event("x", 2), None);
        let counts: Vec<_> = events.iter().map(|e| (e.reason.as_str(), e.count)).collect();
        assert_eq!(counts, [("burst", 1), ("Started", 2)]);
    }

    #[test]
    fn a_short_list_combines_warnings_of_many_objects() {
        let mut events = Events::default();
        let at = |s| At(Duration::from_secs(s));
        let day = DayClock::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
        let unhealthy = |uid: &str, pod: &str, count| ClusterEvent {
            warning: true,
            object: ("Pod".to_owned(), pod.to_owned()),
            reason: "Unhealthy".to_owned(),
            message: "Readiness probe failed".to_owned(),
            ..event(uid, count)
        };
        events.cluster(at(1), &day, unhealthy("long ago", "a", 1), None);
        events.push_local(at(90), &day, Severity::Own, "burst", "50 jobs".to_owned());
        for (second, uid, pod, count) in
            [(91, "1", "a", 3), (92, "2", "b", 2), (93, "3", "a", 1), (94, "4", "c", 1)]
        {
            events.cluster(at(second), &day, unhealthy(uid, pod, count), None);
        }
        events.cluster(at(95), &day, event("routine", 1), None);
        let short = |filter: &str, most| -> Vec<String> {
            let mut all = Filter::default();
            all.add(filter);
            let short = events.short(&all, most);
            short.iter().map(|e| format!("{} {} ×{}", e.reason, e.object, e.count)).collect()
        };
        assert_eq!(short("", 9), ["Unhealthy a ×1", "burst  ×1", "Unhealthy c and 2 more ×7"]);
        assert_eq!(short("", 2), ["burst  ×1", "Unhealthy c and 2 more ×7"]);
        assert_eq!(short("Started", 2), ["Started a ×1"]);
        assert!(short("", 0).is_empty());
    }

    #[test]
    fn the_list_is_bounded_and_late_events_keep_their_time() {
        let mut events = Events::default();
        let day = DayClock::new("2026-01-02T12:00:00Z".parse().unwrap(), jiff::tz::TimeZone::UTC);
        for _ in 0..2 * MAX_ENTRIES as u64 {
            events.push_local(At::default(), &day, Severity::Own, "x", String::new());
        }
        assert_eq!(events.iter().len(), MAX_ENTRIES);
        let old = ClusterEvent {
            old: true,
            last_seen: Some("2026-01-02T11:30:00Z".parse().unwrap()),
            ..event("y", 1)
        };
        events.cluster(At::default(), &day, old, None);
        assert_eq!(events.iter().next_back().unwrap().time, "11:30:00");
    }
}
