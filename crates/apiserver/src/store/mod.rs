//! The objects, in memory: one shelf for each stored kind, one counter of versions for all.
//!
//! A write computes the new object outside any lock and then puts it on the shelf on the condition that the old one is
//! still there (`expected`), so a slow computation holds up nobody. An object is serialised once, when it is stored:
//! answers, lists and watch events share those bytes.

mod log;
mod object;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

pub(crate) use log::{Event, EventKind, TooOld};
pub(crate) use object::{Record, Stored, encode};

use log::Log;

/// Index of a shelf.
pub(crate) type ShelfId = usize;

/// Namespace and name; the namespace is empty for objects of the cluster.
pub(crate) type Key = (String, String);

/// The object is no longer what the writer took it for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raced;

/// Pages of lists that clients may still ask for, for each shelf.
const SNAPSHOTS: usize = 16;

/// All shelves.
pub(crate) struct Store {
    version: AtomicU64,
    shelves: Vec<Mutex<Shelf>>,
}

struct Shelf {
    /// Field selectors that records carry: label and JSON pointer.
    fields: &'static [(&'static str, &'static str)],
    objects: BTreeMap<Key, Arc<Stored>>,
    log: Log,
    head: watch::Sender<u64>,
    snapshots: VecDeque<(u64, Arc<[Arc<Stored>]>)>,
}

impl Store {
    /// Shelves for kinds with these field selectors; each keeps `events` and `bytes` of past at most.
    pub(crate) fn new(
        shelves: impl IntoIterator<Item = &'static [(&'static str, &'static str)]>,
        events: usize,
        bytes: usize,
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
        // 1 is what a client gets before anything is written; 0 means "any version" in requests.
        Self { version: AtomicU64::new(1), shelves: shelves.into_iter().map(shelf).collect() }
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

    /// True when the shelf has not changed since `version`.
    pub(crate) fn unchanged_since(&self, shelf: ShelfId, version: u64) -> bool {
        *self.shelf(shelf).head.borrow() <= version
    }

    /// Keeps a list for the client's next pages.
    pub(crate) fn keep_snapshot(&self, shelf: ShelfId, version: u64, objects: Arc<[Arc<Stored>]>) {
        let mut shelf = self.shelf(shelf);
        if shelf.snapshots.iter().any(|(v, known)| *v == version && Arc::ptr_eq(known, &objects)) {
            return;
        }
        if shelf.snapshots.len() == SNAPSHOTS {
            shelf.snapshots.pop_front();
        }
        shelf.snapshots.push_back((version, objects));
    }

    /// What [`Self::keep_snapshot`] kept, unless too much was kept since.
    pub(crate) fn snapshot(&self, shelf: ShelfId, version: u64) -> Option<Arc<[Arc<Stored>]>> {
        let shelf = self.shelf(shelf);
        shelf.snapshots.iter().rev().find(|(v, _)| *v == version).map(|(_, objects)| Arc::clone(objects))
    }

    /// Puts a new object on the shelf.
    pub(crate) fn create(&self, id: ShelfId, key: Key, object: Value) -> Result<Arc<Stored>, Raced> {
        let mut shelf = self.shelf(id);
        if shelf.objects.contains_key(&key) {
            return Err(Raced);
        }
        let version = self.next_version();
        let stored = Arc::new(Stored::new(object, version, &key, shelf.fields));
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
    ) -> Result<Arc<Stored>, Raced> {
        let mut shelf = self.shelf(id);
        let before = shelf.objects.get(key).filter(|o| o.version() == expected).cloned().ok_or(Raced)?;
        let version = self.next_version();
        let stored = Arc::new(Stored::new(object, version, key, shelf.fields));
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
    ) -> Result<Arc<Stored>, Raced> {
        let mut shelf = self.shelf(id);
        let before = shelf.objects.get(key).filter(|o| o.version() == expected).cloned().ok_or(Raced)?;
        let version = self.next_version();
        let stored = Arc::new(Stored::new(last, version, key, shelf.fields));
        shelf.objects.remove(key);
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
        Store::new([PHASE, PHASE], events, 1 << 20)
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
        assert_eq!(store.create(0, key("p"), pod("p", "Pending")).unwrap_err(), Raced);
        let second = store.replace(0, &key("p"), first.version(), pod("p", "Running")).unwrap();
        assert!(second.version() > first.version());
        assert_eq!(store.replace(0, &key("p"), first.version(), pod("p", "x")).unwrap_err(), Raced);
        assert_eq!(store.remove(0, &key("p"), first.version(), pod("p", "x")).unwrap_err(), Raced);
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
        assert!(store.unchanged_since(0, version));
        store.create(1, key("x"), pod("x", "")).unwrap();
        assert!(store.unchanged_since(0, version));
        store.create(0, key("d"), pod("d", "")).unwrap();
        assert!(!store.unchanged_since(0, version));
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
}
