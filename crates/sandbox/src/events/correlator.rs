//! The rules and numbers of client-go's event correlator (`client-go/tools/record/events_cache.go`): which events are
//! stored, and which are counted together.
//!
//! Equal events become one event with a count. From the tenth different message within ten minutes on, events that
//! differ only in their message become one event "(combined from similar events)". One source may report 25 events about
//! one object at once and then one every five minutes; the correlator drops the rest.
//!
//! A plain count of equal events would be shorter. But a real cluster combines and drops the `SuccessfulRescale` events
//! of an HPA that rescales often, and clients that read them must cope with that.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use k8s_openapi::jiff::Timestamp;
use lru::LruCache;

/// Different messages from which on events are combined.
const MAX_DIFFERENT_MESSAGES: usize = 10;
/// Pause in seconds after which the count of different messages starts again.
const AGGREGATION_INTERVAL_SECONDS: i64 = 600;
/// Events of one source about one object that may come at once.
const BURST: f64 = 25.0;
/// Further such events a second.
const REFILL_PER_SECOND: f64 = 1.0 / 300.0;
/// Entries in each cache; the least recently changed one is removed first.
const CACHE_ENTRIES: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Component and host.
type SourceKey = (String, String);
/// Kind, namespace, name, UID and field path of an object.
type ObjectKey = [String; 5];

/// All fields of an event except its message and times.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EventKey {
    pub(super) source: SourceKey,
    pub(super) object: ObjectKey,
    /// `Normal` or `Warning`.
    pub(super) event_type: String,
    /// Such as `Scheduled`.
    pub(super) reason: String,
}

/// The action for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Correlation {
    /// Create an event with this message.
    Create(String),
    /// Update a stored event.
    Count {
        /// Name of the stored event.
        name: String,
        /// New number of occurrences.
        count: i32,
        /// Time of the first occurrence.
        first: Timestamp,
        /// New message.
        message: String,
    },
    /// Drop the event: its source exceeds its rate.
    Drop,
}

/// Remembers recent events.
#[derive(Debug)]
pub(super) struct Correlator {
    messages: LruCache<EventKey, RecentMessages>,
    /// By key and message; the message is empty for a combined event.
    stored: LruCache<(EventKey, String), StoredEvent>,
    buckets: LruCache<(ObjectKey, SourceKey), TokenBucket>,
}

#[derive(Debug, Clone)]
struct RecentMessages {
    messages: BTreeSet<String>,
    last: Timestamp,
}

#[derive(Debug, Clone)]
struct StoredEvent {
    name: String,
    count: i32,
    first: Timestamp,
}

#[derive(Debug, Clone)]
struct TokenBucket {
    tokens: f64,
    at: Timestamp,
}

impl Default for Correlator {
    fn default() -> Self {
        Self {
            messages: LruCache::new(CACHE_ENTRIES),
            stored: LruCache::new(CACHE_ENTRIES),
            buckets: LruCache::new(CACHE_ENTRIES),
        }
    }
}

impl Correlator {
    /// Returns the action for an event at `now`; a created event will have the name `name`.
    pub(super) fn correlate(
        &mut self,
        key: &EventKey,
        message: &str,
        name: &str,
        now: Timestamp,
    ) -> Correlation {
        let combined = self.is_combined(key, message, now);
        let stored_key = (key.clone(), if combined { String::new() } else { message.to_owned() });
        let message =
            if combined { format!("(combined from similar events): {message}") } else { message.to_owned() };
        let correlation = match self.stored.get_mut(&stored_key) {
            Some(stored) => {
                stored.count = stored.count.saturating_add(1);
                let StoredEvent { name, count, first } = stored.clone();
                Correlation::Count { name, count, first, message }
            }
            None => {
                self.stored.put(stored_key, StoredEvent { name: name.to_owned(), count: 1, first: now });
                Correlation::Create(message)
            }
        };
        if self.take_token(key, now) { correlation } else { Correlation::Drop }
    }

    /// Forgets a stored event that no longer exists, so that the next equal event is created.
    pub(super) fn forget(&mut self, key: &EventKey, message: &str) {
        self.stored.pop(&(key.clone(), message.to_owned()));
        self.stored.pop(&(key.clone(), String::new()));
    }

    fn is_combined(&mut self, key: &EventKey, message: &str, now: Timestamp) -> bool {
        let recent = self
            .messages
            .get_or_insert_mut(key.clone(), || RecentMessages { messages: BTreeSet::new(), last: now });
        if now.as_second() - recent.last.as_second() > AGGREGATION_INTERVAL_SECONDS {
            recent.messages.clear();
        }
        recent.messages.insert(message.to_owned());
        recent.last = now;
        let combined = recent.messages.len() >= MAX_DIFFERENT_MESSAGES;
        if combined {
            recent.messages.pop_first();
        }
        combined
    }

    fn take_token(&mut self, key: &EventKey, now: Timestamp) -> bool {
        let bucket = self.buckets.get_or_insert_mut((key.object.clone(), key.source.clone()), || {
            TokenBucket { tokens: BURST, at: now }
        });
        let passed = (now.as_millisecond() - bucket.at.as_millisecond()).max(0) as f64 / 1000.0;
        bucket.tokens = (bucket.tokens + passed * REFILL_PER_SECOND).min(BURST);
        bucket.at = now;
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> EventKey {
        EventKey {
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
        assert_eq!(correlator.correlate(&key(), "m", "a", at(1)), Correlation::Create("m".into()));
        for count in 2..5 {
            let counted = Correlation::Count { name: "a".into(), count, first: at(1), message: "m".into() };
            assert_eq!(correlator.correlate(&key(), "m", "b", at(9)), counted);
        }
        correlator.forget(&key(), "m");
        assert_eq!(correlator.correlate(&key(), "m", "c", at(10)), Correlation::Create("m".into()));
    }

    #[test]
    fn the_tenth_message_within_ten_minutes_is_combined() {
        let mut correlator = Correlator::default();
        for number in 1..10 {
            let message = format!("m{number}");
            assert_eq!(correlator.correlate(&key(), &message, "n", at(0)), Correlation::Create(message));
        }
        let combined = |n| format!("(combined from similar events): m{n}");
        assert_eq!(correlator.correlate(&key(), "m10", "x", at(1)), Correlation::Create(combined(10)));
        let counted = Correlation::Count { name: "x".into(), count: 2, first: at(1), message: combined(11) };
        assert_eq!(correlator.correlate(&key(), "m11", "y", at(2)), counted);
        assert_eq!(correlator.correlate(&key(), "m12", "z", at(700)), Correlation::Create("m12".into()));
    }

    #[test]
    fn events_beyond_the_rate_are_dropped() {
        let mut correlator = Correlator::default();
        let mut stored = 0;
        for _ in 0..100 {
            stored += i32::from(correlator.correlate(&key(), "m", "a", at(0)) != Correlation::Drop);
        }
        assert_eq!(stored, 25);
        assert_eq!(correlator.correlate(&key(), "m", "a", at(299)), Correlation::Drop);
        assert_ne!(correlator.correlate(&key(), "m", "a", at(301)), Correlation::Drop);
    }
}
