//! The objects, in memory: one shelf for each stored kind, one counter of versions for all.
//!
//! A write computes the new object outside any lock and then puts it on the shelf on the condition that the old one is
//! still there (`expected`), so a slow computation holds up nobody. An object is serialised once, when it is stored:
//! answers, lists and watch events share those bytes.

mod log;
mod object;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

pub(crate) use log::{Event, EventKind, TooOld};
pub(crate) use object::{Record, Stored, encode};

use log::Log;

/// Index of a shelf.
pub(crate) type ShelfId = usize;

/// Namespace and name; the namespace is empty for objects of the cluster.
pub(crate) type Key = (String, String);

/// Why a write was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The object is no longer what the writer took it for.
    Raced,
    /// All objects together are larger than the bound.
    Full,
}

/// Bytes by which an object may grow when the store is full, so that it can still be marked and deleted.
const GROWTH_WHEN_FULL: usize = 1024;

/// Lists of which clients may still ask for pages, for each shelf.
const SNAPSHOTS: usize = 16;
/// How long they may; etcd's compaction gives as long.
const SNAPSHOT_LIFE: Duration = Duration::from_secs(300);

/// What a client gets before anything is written; 0 means "any version" in requests.
const FIRST: u64 = 1;

/// All shelves.
pub(crate) struct Store {
    version: AtomicU64,
    /// Bytes of all objects, as they are serialised.
    bytes: AtomicUsize,
    max_bytes: usize,
    shelves: Vec<Mutex<Shelf>>,
}

struct Shelf {
    /// Field selectors that records carry: label and JSON pointer.
    fields: &'static [(&'static str, &'static str)],
    objects: BTreeMap<Key, Arc<Stored>>,
    log: Log,
    head: watch::Sender<u64>,
    snapshots: VecDeque<Snapshot>,
}

/// A list whose pages are being read.
struct Snapshot {
    id: u64,
    objects: Arc<[Arc<Stored>]>,
    kept_at: Instant,
}

impl Store {
    /// Shelves for kinds with these field selectors; each keeps `events` and `bytes` of past at most, and all objects
    /// together may have `max_bytes`.
    pub(crate) fn new(
        shelves: impl IntoIterator<Item = &'static [(&'static str, &'static str)]>,
        events: usize,
        bytes: usize,
        max_bytes: usize,
    ) -> Self {
        let shelf = |fields| {
            Mutex::new(Shelf {
                fields,
                objects: BTreeMap::new(),
                log: Log::new(events, bytes),
                head: watch::Sender::new(0),
                snapshots: VecDeque::new(),
            })
        };
        let shelves = shelves.into_iter().map(shelf).collect();
        Self { version: AtomicU64::new(FIRST), bytes: AtomicUsize::new(0), max_bytes, shelves }
    }

    fn shelf(&self, id: ShelfId) -> MutexGuard<'_, Shelf> {
        self.shelves[id].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest version.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn next_version(&self) -> u64 {
        self.version.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(crate) fn get(&self, shelf: ShelfId, key: &Key) -> Option<Arc<Stored>> {
        self.shelf(shelf).objects.get(key).cloned()
    }

    /// The objects of a namespace, or all, by namespace and name, and the version at which that was so.
    pub(crate) fn list(&self, shelf: ShelfId, namespace: Option<&str>) -> (Vec<Arc<Stored>>, u64) {
        let shelf = self.shelf(shelf);
        let objects = match namespace {
            None => shelf.objects.values().cloned().collect(),
            Some(namespace) => {
                let from = (namespace.to_owned(), String::new());
                let range = shelf.objects.range((Bound::Included(from), Bound::Unbounded));
                range
                    .take_while(|((ns, _), _)| ns == namespace)
                    .map(|(_, object)| Arc::clone(object))
                    .collect()
            }
        };
        // Writers count up while they hold the shelf, so no write to it up to this version is missing.
        (objects, self.version())
    }

    /// As [`Self::list`], as it was at `version`: what happened since is undone. The version before the first write is too old,
    /// as it is where a store is compacted: there was nothing to list.
    pub(crate) fn list_at(
        &self,
        shelf: ShelfId,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<Arc<Stored>>, TooOld> {
        let shelf = self.shelf(shelf);
        if version <= FIRST && self.version() > FIRST {
            return Err(TooOld { oldest: FIRST + 1 });
        }
        let mut objects = shelf.objects.clone();
        for event in shelf.log.since(version, usize::MAX)?.iter().rev() {
            let key = (event.record.namespace.clone(), event.record.name.clone());
            match &event.before {
                Some(before) => objects.insert(key, Arc::new(Stored::of_the_past(before))),
                None => objects.remove(&key),
            };
        }
        let is_wanted = |object: &Arc<Stored>| namespace.is_none_or(|ns| object.record.namespace == ns);
        Ok(objects.into_values().filter(is_wanted).collect())
    }

    /// Keeps a list for the client's next pages.
    pub(crate) fn keep_snapshot(&self, shelf: ShelfId, id: u64, objects: Arc<[Arc<Stored>]>) {
        let mut shelf = self.shelf(shelf);
        let now = Instant::now();
        shelf.snapshots.retain(|kept| kept.id != id && now.duration_since(kept.kept_at) < SNAPSHOT_LIFE);
        if shelf.snapshots.len() == SNAPSHOTS {
            shelf.snapshots.pop_front();
        }
        shelf.snapshots.push_back(Snapshot { id, objects, kept_at: now });
    }

    /// What [`Self::keep_snapshot`] kept, unless too much was kept since.
    pub(crate) fn snapshot(&self, shelf: ShelfId, id: u64) -> Option<Arc<[Arc<Stored>]>> {
        let shelf = self.shelf(shelf);
        shelf.snapshots.iter().find(|kept| kept.id == id).map(|kept| Arc::clone(&kept.objects))
    }

    /// Counts an object that takes the place of another; false when there is no room.
    fn count(&self, before: usize, after: usize) -> bool {
        let grows = after.saturating_sub(before);
        if grows > GROWTH_WHEN_FULL && self.bytes.load(Ordering::Relaxed) + grows > self.max_bytes {
            return false;
        }
        self.bytes.fetch_add(after, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        true
    }

    /// Puts a new object on the shelf.
    pub(crate) fn create(&self, id: ShelfId, key: Key, object: Value) -> Result<Arc<Stored>, Refusal> {
        let mut shelf = self.shelf(id);
        if shelf.objects.contains_key(&key) {
            return Err(Refusal::Raced);
        }
        let version = self.next_version();
        let stored = Arc::new(Stored::new(object, version, &key, shelf.fields));
        if !self.count(0, stored.record.body.len()) {
            return Err(Refusal::Full);
        }
        shelf.objects.insert(key, Arc::clone(&stored));
        shelf.tell(EventKind::Added, Arc::clone(&stored.record), None);
        Ok(stored)
    }

    /// Puts `object` in the place of the one with version `expected`.
    pub(crate) fn replace(
        &self,
        id: ShelfId,
        key: &Key,
        expected: u64,
        object: Value,
    ) -> Result<Arc<Stored>, Refusal> {
        let mut shelf = self.shelf(id);
        let before =
            shelf.objects.get(key).filter(|o| o.version() == expected).cloned().ok_or(Refusal::Raced)?;
        let version = self.next_version();
        let stored = Arc::new(Stored::new(object, version, key, shelf.fields));
        if !self.count(before.record.body.len(), stored.record.body.len()) {
            return Err(Refusal::Full);
        }
        shelf.objects.insert(key.clone(), Arc::clone(&stored));
        shelf.tell(EventKind::Modified, Arc::clone(&stored.record), Some(Arc::clone(&before.record)));
        Ok(stored)
    }

    /// Takes the object with version `expected` off the shelf; `last` is the state that watchers are told.
    pub(crate) fn remove(
        &self,
        id: ShelfId,
        key: &Key,
        expected: u64,
        last: Value,
    ) -> Result<Arc<Stored>, Refusal> {
        let mut shelf = self.shelf(id);
        let before =
            shelf.objects.get(key).filter(|o| o.version() == expected).cloned().ok_or(Refusal::Raced)?;
        let version = self.next_version();
        let stored = Arc::new(Stored::new(last, version, key, shelf.fields));
        shelf.objects.remove(key);
        self.count(before.record.body.len(), 0);
        shelf.tell(EventKind::Deleted, Arc::clone(&stored.record), Some(Arc::clone(&before.record)));
        Ok(stored)
    }

    /// A signal of the shelf's newest version.
    pub(crate) fn subscribe(&self, shelf: ShelfId) -> watch::Receiver<u64> {
        self.shelf(shelf).head.subscribe()
    }

    /// What happened after `version`, oldest first, at most `limit` events, and the version up to which that is all.
    pub(crate) fn since(
        &self,
        shelf: ShelfId,
        version: u64,
        limit: usize,
    ) -> Result<(Vec<Arc<Event>>, u64), TooOld> {
        let shelf = self.shelf(shelf);
        let events = shelf.log.since(version, limit)?;
        let upto = if events.len() == limit {
            events.last().map_or(version, |event| event.version())
        } else {
            self.version()
        };
        Ok((events, upto))
    }
}

impl Shelf {
    fn tell(&mut self, kind: EventKind, record: Arc<Record>, before: Option<Arc<Record>>) {
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

    fn store(events: usize) -> Store {
        Store::new([PHASE, PHASE], events, 1 << 20, 1 << 20)
    }

    fn key(name: &str) -> Key {
        ("ns".to_owned(), name.to_owned())
    }

    fn pod(name: &str, phase: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "ns", "name": name,
               "labels": {"a": "b"}}, "status": {"phase": phase}})
    }

    #[test]
    fn writes_need_the_version_that_they_saw() {
        let store = store(10);
        let first = store.create(0, key("p"), pod("p", "Pending")).unwrap();
        assert_eq!(store.create(0, key("p"), pod("p", "Pending")).unwrap_err(), Refusal::Raced);
        let second = store.replace(0, &key("p"), first.version(), pod("p", "Running")).unwrap();
        assert!(second.version() > first.version());
        assert_eq!(store.replace(0, &key("p"), first.version(), pod("p", "x")).unwrap_err(), Refusal::Raced);
        assert_eq!(store.remove(0, &key("p"), first.version(), pod("p", "x")).unwrap_err(), Refusal::Raced);
        store.remove(0, &key("p"), second.version(), pod("p", "Running")).unwrap();
        assert!(store.get(0, &key("p")).is_none());
    }

    #[test]
    fn records_carry_what_selectors_need_and_the_version() {
        let store = store(10);
        let stored = store.create(0, key("p"), pod("p", "Pending")).unwrap();
        assert_eq!(stored.record.labels, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(stored.record.fields, [("status.phase", "Pending".to_owned())]);
        assert_eq!(stored.value["metadata"]["resourceVersion"], stored.version().to_string());
        let text = std::str::from_utf8(&stored.record.body).unwrap();
        assert!(text.starts_with(r#"{"metadata":"#), "{text}");
    }

    #[test]
    fn lists_are_cut_to_a_namespace_and_stand_at_a_version() {
        let store = store(10);
        store.create(0, key("b"), pod("b", "")).unwrap();
        store.create(0, key("a"), pod("a", "")).unwrap();
        let last = store.create(0, ("ns2".into(), "c".into()), pod("c", "")).unwrap();
        let names = |list: &[Arc<Stored>]| list.iter().map(|o| o.record.name.clone()).collect::<Vec<_>>();
        let (objects, version) = store.list(0, Some("ns"));
        assert_eq!((names(&objects), version), (vec!["a".to_owned(), "b".to_owned()], last.version()));
        assert_eq!(store.list(0, None).0.len(), 3);
    }

    #[test]
    fn the_list_of_a_version_is_what_it_was() {
        let store = store(3);
        let names = |list: &[Arc<Stored>]| {
            let name = |o: &Arc<Stored>| format!("{} {}", o.record.name, o.value["status"]["phase"]);
            list.iter().map(name).collect::<Vec<_>>()
        };
        store.create(0, key("a"), pod("a", "0")).unwrap();
        let b = store.create(0, key("b"), pod("b", "0")).unwrap();
        let then = b.version();
        let b = store.replace(0, &key("b"), then, pod("b", "1")).unwrap();
        store.remove(0, &key("b"), b.version(), pod("b", "1")).unwrap();
        store.create(1, key("x"), pod("x", "")).unwrap();
        store.create(0, ("ns2".into(), "c".into()), pod("c", "")).unwrap();
        assert_eq!(names(&store.list_at(0, Some("ns"), then).unwrap()), ["a \"0\"", "b \"0\""]);
        assert_eq!(names(&store.list_at(0, None, b.version()).unwrap()), ["a \"0\"", "b \"1\""]);
        assert_eq!(names(&store.list_at(0, None, store.version()).unwrap()), ["a \"0\"", "c \"\""]);
        assert!(store.list_at(0, None, then - 1).is_err());
    }

    #[test]
    fn the_past_is_bounded() {
        let store = store(3);
        let first = store.create(0, key("p"), pod("p", "0")).unwrap().version();
        let mut version = first;
        for phase in 1..5 {
            version = store.replace(0, &key("p"), version, pod("p", &phase.to_string())).unwrap().version();
        }
        assert!(store.since(0, first, 10).is_err());
        let (events, upto) = store.since(0, version - 1, 10).unwrap();
        assert_eq!((events.len(), upto), (1, version));
        let (events, upto) = store.since(0, version - 3, 2).unwrap();
        assert_eq!((events.len(), upto), (2, version - 1));
    }

    #[test]
    fn a_full_store_takes_nothing_new_and_lets_go_of_the_old() {
        let store = Store::new([PHASE], 10, 1 << 20, 10_000);
        let big = |name: &str| {
            let mut object = pod(name, "");
            object["filler"] = "x".repeat(6_000).into();
            object
        };
        let first = store.create(0, key("a"), big("a")).unwrap();
        assert_eq!(store.create(0, key("b"), big("b")).unwrap_err(), Refusal::Full);
        let mut marked = big("a");
        marked["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let marked = store.replace(0, &key("a"), first.version(), marked).unwrap();
        store.remove(0, &key("a"), marked.version(), big("a")).unwrap();
        store.create(0, key("b"), big("b")).unwrap();
    }
}
