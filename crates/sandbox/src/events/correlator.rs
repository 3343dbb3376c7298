//! Which events are stored, and how equal and similar ones are counted together, by the rules and numbers of
//! client-go's event correlator.
//!
//! Equal events within its memory become one with a count. More than ten that differ in their message alone become one
//! "combined from similar events". And one source may say about one object 25 things at once and then one every five
//! minutes; the rest is dropped.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use k8s_openapi::jiff::Timestamp;

/// Events that differ only in their message and are still told apart.
const SIMILAR: usize = 10;
/// Seconds after which similar events are new ones.
const SIMILAR_SECONDS: i64 = 600;
/// Events of one source about one object that may come at once.
const BURST: f64 = 25.0;
/// Further events a second.
const RATE: f64 = 1.0 / 300.0;
/// Things remembered; the one that was silent longest is forgotten.
const MEMORY: usize = 4096;

/// Who says it, about what, and which kind of thing: all of an event but its message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Subject {
    /// Component and host.
    pub(super) source: (String, String),
    /// Kind, namespace, name and UID of the object, and the part of it.
    pub(super) object: [String; 5],
    /// `Normal` or `Warning`.
    pub(super) event_type: String,
    /// Such as `Scheduled`.
    pub(super) reason: String,
}

/// What to do about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Store a new event with this message.
    New(String),
    /// Count up the event that is stored under a name.
    Again {
        /// Its name.
        name: String,
        /// How often it has been seen now.
        count: i32,
        /// When it was seen first.
        first: Timestamp,
        /// Its message.
        message: String,
    },
    /// Too many; say nothing.
    Drop,
}

type Full = (Subject, String);

/// The memory of what has been said.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    similar: Memory<Subject, Similar>,
    seen: Memory<Full, Seen>,
    allowance: Memory<([String; 5], (String, String)), Allowance>,
}

#[derive(Debug, Clone)]
struct Similar {
    messages: BTreeSet<String>,
    last: Timestamp,
}

#[derive(Debug, Clone)]
struct Seen {
    name: String,
    count: i32,
    first: Timestamp,
}

#[derive(Debug, Clone)]
struct Allowance {
    tokens: f64,
    at: Timestamp,
}

impl Correlator {
    /// Decides about an event at `now`; a new one will be stored as `name`.
    pub(super) fn judge(&mut self, subject: &Subject, message: &str, name: &str, now: Timestamp) -> Verdict {
        let message = self.aggregate(subject, message, now);
        let full = (subject.clone(), message.text);
        let seen =
            self.seen.entry(if message.combined { (full.0.clone(), String::new()) } else { full.clone() });
        let verdict = match seen.get() {
            Some(known) => {
                let count = known.count.saturating_add(1);
                let (name, first) = (known.name.clone(), known.first);
                seen.set(Seen { name: name.clone(), count, first }, now);
                Verdict::Again { name, count, first, message: full.1 }
            }
            None => {
                seen.set(Seen { name: name.to_owned(), count: 1, first: now }, now);
                Verdict::New(full.1)
            }
        };
        if self.allowed(subject, now) { verdict } else { Verdict::Drop }
    }

    /// The stored event is gone: the next equal one is a new one.
    pub(super) fn forget(&mut self, subject: &Subject, message: &str) {
        self.seen.remove(&(subject.clone(), message.to_owned()));
        self.seen.remove(&(subject.clone(), String::new()));
    }

    fn aggregate(&mut self, subject: &Subject, message: &str, now: Timestamp) -> Aggregated {
        let entry = self.similar.entry(subject.clone());
        let mut similar = entry
            .get()
            .filter(|known| now.as_second() - known.last.as_second() <= SIMILAR_SECONDS)
            .cloned()
            .unwrap_or_else(|| Similar { messages: BTreeSet::new(), last: now });
        similar.messages.insert(message.to_owned());
        similar.last = now;
        let combined = similar.messages.len() >= SIMILAR;
        if combined {
            similar.messages.pop_first();
        }
        entry.set(similar, now);
        let text =
            if combined { format!("(combined from similar events): {message}") } else { message.to_owned() };
        Aggregated { text, combined }
    }

    fn allowed(&mut self, subject: &Subject, now: Timestamp) -> bool {
        let entry = self.allowance.entry((subject.object.clone(), subject.source.clone()));
        let mut allowance = entry.get().cloned().unwrap_or(Allowance { tokens: BURST, at: now });
        let passed = (now.as_millisecond() - allowance.at.as_millisecond()).max(0) as f64 / 1000.0;
        allowance.tokens = (allowance.tokens + passed * RATE).min(BURST);
        allowance.at = now;
        let allowed = allowance.tokens >= 1.0;
        if allowed {
            allowance.tokens -= 1.0;
        }
        entry.set(allowance, now);
        allowed
    }
}

struct Aggregated {
    text: String,
    combined: bool,
}

/// A map that forgets the entry that was set longest ago when it is full.
#[derive(Debug)]
struct Memory<K, V>(HashMap<K, (Timestamp, V)>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

struct Entry<'a, K, V> {
    memory: &'a mut Memory<K, V>,
    key: K,
}

impl<K: Clone + Eq + Hash, V> Memory<K, V> {
    fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { memory: self, key }
    }

    fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }
}

impl<K: Clone + Eq + Hash, V> Entry<'_, K, V> {
    fn get(&self) -> Option<&V> {
        self.memory.0.get(&self.key).map(|(_, value)| value)
    }

    fn set(self, value: V, now: Timestamp) {
        let map = &mut self.memory.0;
        if map.len() >= MEMORY && !map.contains_key(&self.key) {
            let oldest = map.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                map.remove(&oldest);
            }
        }
        map.insert(self.key, (now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            source: ("kubelet".into(), "surge".into()),
            object: ["Pod".into(), "demo".into(), "web".into(), "1".into(), String::new()],
            event_type: "Warning".into(),
            reason: "BackOff".into(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn equal_events_are_counted() {
        let mut correlator = Correlator::default();
        assert_eq!(correlator.judge(&subject(), "m", "a", at(1)), Verdict::New("m".into()));
        for count in 2..5 {
            let again = Verdict::Again { name: "a".into(), count, first: at(1), message: "m".into() };
            assert_eq!(correlator.judge(&subject(), "m", "b", at(9)), again);
        }
        correlator.forget(&subject(), "m");
        assert_eq!(correlator.judge(&subject(), "m", "c", at(10)), Verdict::New("m".into()));
    }

    #[test]
    fn the_tenth_message_within_ten_minutes_is_combined() {
        let mut correlator = Correlator::default();
        for number in 1..10 {
            let message = format!("m{number}");
            assert_eq!(correlator.judge(&subject(), &message, "n", at(0)), Verdict::New(message));
        }
        let combined = |n| format!("(combined from similar events): m{n}");
        assert_eq!(correlator.judge(&subject(), "m10", "x", at(1)), Verdict::New(combined(10)));
        let again = Verdict::Again { name: "x".into(), count: 2, first: at(1), message: combined(11) };
        assert_eq!(correlator.judge(&subject(), "m11", "y", at(2)), again);
        assert_eq!(correlator.judge(&subject(), "m12", "z", at(700)), Verdict::New("m12".into()));
    }

    #[test]
    fn a_chatterbox_is_silenced() {
        let mut correlator = Correlator::default();
        let mut said = 0;
        for _ in 0..100 {
            said += i32::from(correlator.judge(&subject(), "m", "a", at(0)) != Verdict::Drop);
        }
        assert_eq!(said, 25);
        assert_eq!(correlator.judge(&subject(), "m", "a", at(299)), Verdict::Drop);
        assert_ne!(correlator.judge(&subject(), "m", "a", at(301)), Verdict::Drop);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut memory = Memory::default();
        for number in 0..MEMORY + 10 {
            memory.entry(number).set((), at(i64::try_from(number).unwrap()));
        }
        assert_eq!(memory.0.len(), MEMORY);
        assert!(memory.entry(9).get().is_none() && memory.entry(10).get().is_some());
    }
}
