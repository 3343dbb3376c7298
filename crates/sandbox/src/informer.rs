//! Caches of objects, one for each kind, fed by a watch and by the controllers' own writes.
//!
//! A controller whose cache lags behind its own writes would create too many pods. Kubernetes' controllers keep
//! expectations against that. Here the response of each write goes into the cache at once ([`Informer::observe`]), and
//! older watch events about the same object are ignored. Kubernetes defines resourceVersions as comparable numbers.
//! `kube::runtime::reflector` cannot take such responses.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// Namespace and name; the namespace is empty for cluster-scoped objects.
pub(crate) type Key = (String, String);

/// The key of an object.
pub(crate) fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// A change that the watch reported.
#[derive(Debug)]
pub(crate) enum Change<K> {
    /// A new or changed object, and its state before.
    Applied(Arc<K>, Option<Arc<K>>),
    /// A deleted object in its last state.
    Deleted(Arc<K>),
}

impl<K> Change<K> {
    /// The object in its newest known state.
    pub(crate) fn object(&self) -> &Arc<K> {
        match self {
            Self::Applied(object, _) | Self::Deleted(object) => object,
        }
    }
}

type Listener<K> = Box<dyn Fn(&Change<K>) + Send + Sync>;

/// The cache of one kind; clones share it.
pub(crate) struct Informer<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Informer<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct Shared<K> {
    cache: Mutex<Cache<K>>,
    listeners: Mutex<Vec<Listener<K>>>,
    synced: watch::Sender<bool>,
}

struct Cache<K> {
    objects: HashMap<Key, Arc<K>>,
    /// The newest resourceVersion that the watch has reported.
    position: u64,
    /// The objects that a list in progress has returned so far.
    listed: HashMap<Key, Arc<K>>,
}

impl<K> Informer<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        let cache = Cache { objects: HashMap::new(), position: 0, listed: HashMap::new() };
        Self {
            shared: Arc::new(Shared {
                cache: Mutex::new(cache),
                listeners: Mutex::new(Vec::new()),
                synced: watch::Sender::new(false),
            }),
        }
    }

    /// Calls `listener` for each change, in order. Listeners must return quickly. Add them before [`Self::run`].
    pub(crate) fn on_change(&self, listener: impl Fn(&Change<K>) + Send + Sync + 'static) {
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Watches forever.
    pub(crate) async fn run(self, client: Client) {
        let mut events =
            Box::pin(watcher::watcher(Api::<K>::all(client), watcher::Config::default()).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.handle_event(event),
                Err(error) => tracing::debug!(kind = %K::kind(&()), %error, "the watch failed; retrying"),
            }
        }
    }

    /// Waits for the first complete list.
    pub(crate) async fn synced(&self) {
        let mut synced = self.shared.synced.subscribe();
        let _never_dropped = synced.wait_for(|done| *done).await;
    }

    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.lock().objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// All objects of a namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        self.select(|object| object.meta().namespace.as_deref() == Some(namespace))
    }

    /// All objects for which `wanted` returns true.
    pub(crate) fn select(&self, wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        self.lock().objects.values().filter(|object| wanted(object)).cloned().collect()
    }

    /// Adds the response of the sandbox's own write.
    pub(crate) fn observe(&self, object: K) {
        let version = version_of(&object);
        let key = key_of(&object);
        let mut cache = self.lock();
        let newer = match cache.objects.get(&key) {
            Some(known) => version > version_of(&**known),
            // The watch may have reported its creation and deletion already.
            None => version > cache.position,
        };
        if newer {
            cache.objects.insert(key, Arc::new(object));
        }
    }

    /// Adds the expected effect of an own write whose response does not contain the object. The next watch event replaces
    /// it.
    pub(crate) fn assume(&self, object: K) {
        let key = key_of(&object);
        let mut cache = self.lock();
        let same = |known: &Arc<K>| known.meta().resource_version == object.meta().resource_version;
        if cache.objects.get(&key).is_some_and(same) {
            cache.objects.insert(key, Arc::new(object));
        }
    }

    /// Removes an object after the sandbox's own deletion, unless the cached one has another UID.
    pub(crate) fn forget(&self, object: &K) {
        let key = key_of(object);
        let mut cache = self.lock();
        if cache.objects.get(&key).is_some_and(|known| known.uid() == object.uid()) {
            cache.objects.remove(&key);
        }
    }

    fn handle_event(&self, event: Event<K>) {
        let mut changes = Vec::new();
        let mut listed_all = false;
        let mut cache = self.lock();
        match event {
            Event::Apply(object) => {
                cache.position = cache.position.max(version_of(&object));
                changes.push(apply(&mut cache.objects, object));
            }
            Event::Delete(object) => {
                cache.position = cache.position.max(version_of(&object));
                let key = key_of(&object);
                // An own write may have added a new object of the same name already.
                if cache.objects.get(&key).is_some_and(|known| known.uid() == object.uid()) {
                    cache.objects.remove(&key);
                }
                changes.push(Change::Deleted(Arc::new(object)));
            }
            Event::Init => cache.listed.clear(),
            Event::InitApply(object) => {
                cache.listed.insert(key_of(&object), Arc::new(object));
            }
            Event::InitDone => {
                listed_all = true;
                let listed = std::mem::take(&mut cache.listed);
                let newest = listed.values().map(|object| version_of(&**object)).max().unwrap_or(0);
                cache.position = cache.position.max(newest);
                let gone: Vec<Key> = cache
                    .objects
                    .iter()
                    .filter(|(key, known)| {
                        // Objects written after the list are not in it.
                        !listed.contains_key(*key) && version_of(&***known) <= cache.position
                    })
                    .map(|(key, _)| key.clone())
                    .collect();
                for key in gone {
                    changes.extend(cache.objects.remove(&key).map(Change::Deleted));
                }
                for object in listed.into_values() {
                    changes.push(apply(&mut cache.objects, Arc::unwrap_or_clone(object)));
                }
            }
        }
        drop(cache);
        let listeners = self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for change in &changes {
            for listener in listeners.iter() {
                listener(change);
            }
        }
        drop(listeners);
        if listed_all {
            self.shared.synced.send_replace(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache<K>> {
        self.shared.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply<K: Resource + Clone>(objects: &mut HashMap<Key, Arc<K>>, object: K) -> Change<K> {
    let key = key_of(&object);
    let before = objects.get(&key).cloned();
    match before {
        // An own write is newer: listeners get that version.
        Some(known) if version_of(&*known) > version_of(&object) => {
            Change::Applied(Arc::clone(&known), Some(known))
        }
        before => {
            let object = Arc::new(object);
            objects.insert(key, Arc::clone(&object));
            Change::Applied(object, before)
        }
    }
}

fn version_of<K: Resource>(object: &K) -> u64 {
    // A version that is not a number counts as the newest, as in a plain cache.
    object.meta().resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    fn object(name: &str, uid: &str, version: u64) -> ConfigMap {
        serde_json::from_value(json!({
            "metadata": {"namespace": "demo", "name": name, "uid": uid, "resourceVersion": version.to_string()},
        }))
        .unwrap()
    }

    fn version(informer: &Informer<ConfigMap>, name: &str) -> Option<u64> {
        informer.get("demo", name).map(|object| version_of(&*object))
    }

    #[test]
    fn own_writes_are_visible_at_once() {
        let informer = Informer::new();
        informer.observe(object("a", "1", 5));
        assert_eq!(version(&informer, "a"), Some(5));
        informer.handle_event(Event::Apply(object("a", "1", 3)));
        assert_eq!(version(&informer, "a"), Some(5), "an older event changes nothing");
        informer.handle_event(Event::Apply(object("a", "1", 6)));
        informer.observe(object("a", "1", 5));
        assert_eq!(version(&informer, "a"), Some(6), "nor does an older response");
    }

    #[test]
    fn a_late_response_does_not_restore_an_object() {
        let informer = Informer::new();
        informer.handle_event(Event::Apply(object("a", "1", 5)));
        informer.handle_event(Event::Delete(object("a", "1", 7)));
        informer.observe(object("a", "1", 5));
        assert_eq!(version(&informer, "a"), None);
        informer.observe(object("a", "2", 8));
        informer.handle_event(Event::Delete(object("a", "1", 7)));
        assert_eq!(version(&informer, "a"), Some(8), "a new object of the same name stays");
    }

    #[test]
    fn a_new_list_removes_missing_objects() {
        let informer = Informer::<ConfigMap>::new();
        let changes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&changes);
        informer.on_change(move |change| {
            let kind = if matches!(change, Change::Deleted(_)) { '-' } else { '+' };
            sink.lock().unwrap().push(format!("{kind}{}", change.object().metadata.name.as_ref().unwrap()));
        });
        informer.handle_event(Event::Apply(object("old", "1", 1)));
        informer.observe(object("own", "2", 9));
        informer.handle_event(Event::Init);
        informer.handle_event(Event::InitApply(object("new", "3", 4)));
        assert!(!*informer.shared.synced.borrow(), "the list is not complete");
        informer.handle_event(Event::InitDone);
        assert!(*informer.shared.synced.borrow());
        assert_eq!(version(&informer, "old"), None);
        assert_eq!(version(&informer, "new"), Some(4));
        assert_eq!(version(&informer, "own"), Some(9), "written after the list");
        assert_eq!(*changes.lock().unwrap(), ["+old", "-old", "+new"]);
    }

    #[test]
    fn an_assumed_object_lasts_until_the_next_event() {
        let informer = Informer::<ConfigMap>::new();
        informer.handle_event(Event::Apply(object("a", "1", 1)));
        let mut assumed = object("a", "1", 1);
        assumed.metadata.labels = Some([("x".to_owned(), "y".to_owned())].into());
        informer.assume(assumed.clone());
        assert!(informer.get("demo", "a").unwrap().metadata.labels.is_some());
        informer.handle_event(Event::Apply(object("a", "1", 2)));
        informer.assume(assumed);
        assert!(informer.get("demo", "a").unwrap().metadata.labels.is_none());
    }
}
