//! The objects, in memory: one collection for each stored kind, and one counter of versions for all.
//!
//! A write computes the new object without a lock. It then replaces the old object if that still has the version that
//! the write is based on (`expected`), so a slow computation delays no other request. An object is serialised once, when
//! it is stored: responses, lists and watch events share those bytes.

mod event_log;
mod object;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

pub(crate) use event_log::{Event, EventKind, TooOld};
pub(crate) use object::{Record, Stored, encode};

use event_log::EventLog;

/// Namespace and name; the namespace is empty for cluster-scoped objects.
pub(crate) type Key = (String, String);

/// The reason why a write was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another write was faster: the object no longer has the expected version.
    Raced,
    /// All objects together would exceed the limit.
    Full,
}

/// Bytes by which an object may still grow in a full storage, so that clients can mark and delete it.
const GROWTH_WHEN_FULL: usize = 1024;

/// Lists with further pages that a collection keeps.
const MAX_SNAPSHOTS: usize = 16;
/// Time for which a client can ask for further pages, as with etcd's compaction.
const SNAPSHOT_LIFETIME: Duration = Duration::from_secs(300);

/// The version before the first write; 0 means "any version" in requests.
const FIRST_VERSION: u64 = 1;

/// The version counter and the limits that all collections share.
#[derive(Debug)]
pub(crate) struct Storage {
    version: AtomicU64,
    /// Bytes of all serialised objects.
    bytes: AtomicUsize,
    max_bytes: usize,
    /// Events that each collection keeps at most.
    max_events: usize,
    /// Bytes of the events that each collection keeps at most.
    max_event_bytes: usize,
}

impl Storage {
    pub(crate) fn new(max_bytes: usize, max_events: usize, max_event_bytes: usize) -> Self {
        let (version, bytes) = (AtomicU64::new(FIRST_VERSION), AtomicUsize::new(0));
        Self { version, bytes, max_bytes, max_events, max_event_bytes }
    }

    /// The newest version.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn next_version(&self) -> u64 {
        self.version.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Counts an object that replaces another one; false when there is no room.
    fn count(&self, before: usize, after: usize) -> bool {
        let growth = after.saturating_sub(before);
        if growth > GROWTH_WHEN_FULL && self.bytes.load(Ordering::Relaxed) + growth > self.max_bytes {
            return false;
        }
        self.bytes.fetch_add(after, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        true
    }
}

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Collection {
    storage: Arc<Storage>,
    /// Field selectors of the kind: label and JSON pointer.
    fields: &'static [(&'static str, &'static str)],
    contents: Mutex<Contents>,
}

#[derive(Debug)]
struct Contents {
    objects: BTreeMap<Key, Arc<Stored>>,
    log: EventLog,
    /// The version of the newest event.
    head: watch::Sender<u64>,
    snapshots: VecDeque<Snapshot>,
}

/// A list whose pages a client reads.
#[derive(Debug)]
struct Snapshot {
    id: u64,
    objects: Arc<[Arc<Stored>]>,
    kept_at: Instant,
}

impl Collection {
    pub(crate) fn new(storage: &Arc<Storage>, fields: &'static [(&'static str, &'static str)]) -> Self {
        let contents = Mutex::new(Contents {
            objects: BTreeMap::new(),
            log: EventLog::new(storage.max_events, storage.max_event_bytes),
            head: watch::Sender::new(0),
            snapshots: VecDeque::new(),
        });
        Self { storage: Arc::clone(storage), fields, contents }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.lock().objects.get(key).cloned()
    }

    pub(crate) fn is_empty(&self, namespace: Option<&str>) -> bool {
        self.list(namespace).0.is_empty()
    }

    /// Returns the objects of a namespace, or all, by namespace and name, and the version of that list.
    pub(crate) fn list(&self, namespace: Option<&str>) -> (Vec<Arc<Stored>>, u64) {
        let contents = self.lock();
        let objects = match namespace {
            None => contents.objects.values().cloned().collect(),
            Some(namespace) => {
                let from = (namespace.to_owned(), String::new());
                let range = contents.objects.range((Bound::Included(from), Bound::Unbounded));
                range
                    .take_while(|((ns, _), _)| ns == namespace)
                    .map(|(_, object)| Arc::clone(object))
                    .collect()
            }
        };
        // Writers take their version under this lock, so the list contains every write up to this version.
        (objects, self.storage.version())
    }

    /// Like [`Self::list`], at an earlier version: undoes the later events. The version before the first write is too
    /// old, as in a compacted etcd.
    pub(crate) fn list_at(&self, namespace: Option<&str>, version: u64) -> Result<Vec<Arc<Stored>>, TooOld> {
        let contents = self.lock();
        if version <= FIRST_VERSION && self.storage.version() > FIRST_VERSION {
            return Err(TooOld { oldest: FIRST_VERSION + 1 });
        }
        let mut objects = contents.objects.clone();
        for event in contents.log.since(version, usize::MAX)?.iter().rev() {
            let key = (event.record.namespace.clone(), event.record.name.clone());
            match &event.before {
                Some(before) => objects.insert(key, Arc::new(Stored::from_record(before))),
                None => objects.remove(&key),
            };
        }
        let is_wanted = |object: &Arc<Stored>| namespace.is_none_or(|ns| object.record.namespace == ns);
        Ok(objects.into_values().filter(is_wanted).collect())
    }

    /// Keeps a list for the client's next pages.
    pub(crate) fn keep_snapshot(&self, id: u64, objects: Arc<[Arc<Stored>]>) {
        let mut contents = self.lock();
        let now = Instant::now();
        contents
            .snapshots
            .retain(|kept| kept.id != id && now.duration_since(kept.kept_at) < SNAPSHOT_LIFETIME);
        if contents.snapshots.len() == MAX_SNAPSHOTS {
            contents.snapshots.pop_front();
        }
        contents.snapshots.push_back(Snapshot { id, objects, kept_at: now });
    }

    /// Returns a list of [`Self::keep_snapshot`] that is still kept.
    pub(crate) fn snapshot(&self, id: u64) -> Option<Arc<[Arc<Stored>]>> {
        self.lock().snapshots.iter().find(|kept| kept.id == id).map(|kept| Arc::clone(&kept.objects))
    }

    /// Stores a new object.
    pub(crate) fn create(&self, key: Key, object: Value) -> Result<Arc<Stored>, Refusal> {
        let mut contents = self.lock();
        if contents.objects.contains_key(&key) {
            return Err(Refusal::Raced);
        }
        let stored = Arc::new(Stored::new(object, self.storage.next_version(), &key, self.fields));
        if !self.storage.count(0, stored.record.body.len()) {
            return Err(Refusal::Full);
        }
        contents.objects.insert(key, Arc::clone(&stored));
        contents.record(EventKind::Added, Arc::clone(&stored.record), None);
        Ok(stored)
    }

    /// Replaces the object with version `expected`.
    pub(crate) fn replace(&self, key: &Key, expected: u64, object: Value) -> Result<Arc<Stored>, Refusal> {
        let mut contents = self.lock();
        let before = contents.expect(key, expected)?;
        let stored = Arc::new(Stored::new(object, self.storage.next_version(), key, self.fields));
        if !self.storage.count(before.record.body.len(), stored.record.body.len()) {
            return Err(Refusal::Full);
        }
        contents.objects.insert(key.clone(), Arc::clone(&stored));
        contents.record(EventKind::Modified, Arc::clone(&stored.record), Some(Arc::clone(&before.record)));
        Ok(stored)
    }

    /// Removes the object with version `expected`. Watchers receive `last` as its final state.
    pub(crate) fn remove(&self, key: &Key, expected: u64, last: Value) -> Result<Arc<Stored>, Refusal> {
        let mut contents = self.lock();
        let before = contents.expect(key, expected)?;
        let stored = Arc::new(Stored::new(last, self.storage.next_version(), key, self.fields));
        contents.objects.remove(key);
        self.storage.count(before.record.body.len(), 0);
        contents.record(EventKind::Deleted, Arc::clone(&stored.record), Some(Arc::clone(&before.record)));
        Ok(stored)
    }

    /// Returns a signal with the version of the newest event. It closes with the collection.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.lock().head.subscribe()
    }

    /// Removes all objects and ends the watches, because the kind is no longer served.
    pub(crate) fn close(&self) {
        let mut contents = self.lock();
        for object in std::mem::take(&mut contents.objects).into_values() {
            self.storage.count(object.record.body.len(), 0);
        }
        // The receivers of the old sender end.
        contents.head = watch::Sender::new(0);
    }

    /// Returns the events after `version`, oldest first and at most `limit`, and the version up to which they are
    /// complete.
    pub(crate) fn events_since(&self, version: u64, limit: usize) -> Result<(Vec<Arc<Event>>, u64), TooOld> {
        let contents = self.lock();
        let events = contents.log.since(version, limit)?;
        let upto = if events.len() == limit {
            events.last().map_or(version, |event| event.version())
        } else {
            self.storage.version()
        };
        Ok((events, upto))
    }
}

impl Contents {
    /// The object, if it has this version.
    fn expect(&self, key: &Key, version: u64) -> Result<Arc<Stored>, Refusal> {
        self.objects.get(key).filter(|object| object.version() == version).cloned().ok_or(Refusal::Raced)
    }

    fn record(&mut self, kind: EventKind, record: Arc<Record>, before: Option<Arc<Record>>) {
        let version = record.version;
        self.log.push(Arc::new(Event::new(kind, record, before)));
        self.head.send_replace(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PHASE: &[(&str, &str)] = &[("status.phase", "/status/phase")];

    fn collection(events: usize) -> Collection {
        Collection::new(&Arc::new(Storage::new(1 << 20, events, 1 << 20)), PHASE)
    }

    fn key(name: &str) -> Key {
        ("ns".to_owned(), name.to_owned())
    }

    fn pod(name: &str, phase: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "ns", "name": name,
               "labels": {"a": "b"}}, "status": {"phase": phase}})
    }

    #[test]
    fn a_write_needs_the_current_version() {
        let objects = collection(10);
        let first = objects.create(key("p"), pod("p", "Pending")).unwrap();
        assert_eq!(objects.create(key("p"), pod("p", "Pending")).unwrap_err(), Refusal::Raced);
        let second = objects.replace(&key("p"), first.version(), pod("p", "Running")).unwrap();
        assert!(second.version() > first.version());
        assert_eq!(objects.replace(&key("p"), first.version(), pod("p", "x")).unwrap_err(), Refusal::Raced);
        assert_eq!(objects.remove(&key("p"), first.version(), pod("p", "x")).unwrap_err(), Refusal::Raced);
        objects.remove(&key("p"), second.version(), pod("p", "Running")).unwrap();
        assert!(objects.get(&key("p")).is_none());
    }

    #[test]
    fn records_contain_selector_fields_and_version() {
        let objects = collection(10);
        let stored = objects.create(key("p"), pod("p", "Pending")).unwrap();
        assert_eq!(stored.record.labels, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(stored.record.fields, [("status.phase", "Pending".to_owned())]);
        assert_eq!(stored.value["metadata"]["resourceVersion"], stored.version().to_string());
        let text = std::str::from_utf8(&stored.record.body).unwrap();
        assert!(text.starts_with(r#"{"metadata":"#), "{text}");
    }

    #[test]
    fn a_list_has_one_namespace_and_a_version() {
        let objects = collection(10);
        objects.create(key("b"), pod("b", "")).unwrap();
        objects.create(key("a"), pod("a", "")).unwrap();
        let last = objects.create(("ns2".into(), "c".into()), pod("c", "")).unwrap();
        let names = |list: &[Arc<Stored>]| list.iter().map(|o| o.record.name.clone()).collect::<Vec<_>>();
        let (listed, version) = objects.list(Some("ns"));
        assert_eq!((names(&listed), version), (vec!["a".to_owned(), "b".to_owned()], last.version()));
        assert_eq!(objects.list(None).0.len(), 3);
    }

    #[test]
    fn a_list_at_an_earlier_version_undoes_events() {
        let objects = collection(3);
        let names = |list: &[Arc<Stored>]| {
            let name = |o: &Arc<Stored>| format!("{} {}", o.record.name, o.value["status"]["phase"]);
            list.iter().map(name).collect::<Vec<_>>()
        };
        objects.create(key("a"), pod("a", "0")).unwrap();
        let b = objects.create(key("b"), pod("b", "0")).unwrap();
        let then = b.version();
        let b = objects.replace(&key("b"), then, pod("b", "1")).unwrap();
        objects.remove(&key("b"), b.version(), pod("b", "1")).unwrap();
        let other = Collection::new(&objects.storage, PHASE);
        other.create(key("x"), pod("x", "")).unwrap();
        objects.create(("ns2".into(), "c".into()), pod("c", "")).unwrap();
        assert_eq!(names(&objects.list_at(Some("ns"), then).unwrap()), ["a \"0\"", "b \"0\""]);
        assert_eq!(names(&objects.list_at(None, b.version()).unwrap()), ["a \"0\"", "b \"1\""]);
        assert_eq!(names(&objects.list_at(None, objects.storage.version()).unwrap()), ["a \"0\"", "c \"\""]);
        assert!(objects.list_at(None, then - 1).is_err());
    }

    #[test]
    fn the_event_log_is_bounded() {
        let objects = collection(3);
        let first = objects.create(key("p"), pod("p", "0")).unwrap().version();
        let mut version = first;
        for phase in 1..5 {
            version = objects.replace(&key("p"), version, pod("p", &phase.to_string())).unwrap().version();
        }
        assert!(objects.events_since(first, 10).is_err());
        let (events, upto) = objects.events_since(version - 1, 10).unwrap();
        assert_eq!((events.len(), upto), (1, version));
        let (events, upto) = objects.events_since(version - 3, 2).unwrap();
        assert_eq!((events.len(), upto), (2, version - 1));
    }

    #[test]
    fn a_full_storage_refuses_creates_and_allows_deletes() {
        let objects = Collection::new(&Arc::new(Storage::new(10_000, 10, 1 << 20)), PHASE);
        let big = |name: &str| {
            let mut object = pod(name, "");
            object["filler"] = "x".repeat(6_000).into();
            object
        };
        let first = objects.create(key("a"), big("a")).unwrap();
        assert_eq!(objects.create(key("b"), big("b")).unwrap_err(), Refusal::Full);
        let mut marked = big("a");
        marked["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let marked = objects.replace(&key("a"), first.version(), marked).unwrap();
        objects.remove(&key("a"), marked.version(), big("a")).unwrap();
        objects.create(key("b"), big("b")).unwrap();
    }
}
