//! What controllers know of the cluster: a cache for each kind, fed by one watch and by the controllers' own writes.
//!
//! A controller that decides on a cache which lags behind its own writes makes too many pods. Kubernetes' controllers
//! keep expectations for that; here the answer to each write goes into the cache at once ([`Informer::observe`]), and
//! the watch's older news about the same object is passed over, by comparing resourceVersions, which Kubernetes
//! declares to be comparable numbers.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// Namespace and name; the namespace is empty for objects of the cluster.
pub(crate) type Key = (String, String);

/// The key of an object.
pub(crate) fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// A change that the watch told of.
#[derive(Debug)]
pub(crate) enum Change<K> {
    /// There is a new or changed object; with what was known before.
    Applied(Arc<K>, Option<Arc<K>>),
    /// It is gone; with its last state.
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
    state: Mutex<State<K>>,
    listeners: Mutex<Vec<Listener<K>>>,
    synced: watch::Sender<bool>,
}

struct State<K> {
    objects: HashMap<Key, Arc<K>>,
    /// The newest resourceVersion that the watch has brought.
    position: u64,
    /// What a relist has brought so far.
    listed: HashMap<Key, Arc<K>>,
}

impl<K> Informer<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        let state = State { objects: HashMap::new(), position: 0, listed: HashMap::new() };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                listeners: Mutex::new(Vec::new()),
                synced: watch::Sender::new(false),
            }),
        }
    }

    /// Calls `listener` for each change, in the order of the changes; it must be quick. Add listeners before
    /// [`Self::run`].
    pub(crate) fn on_change(&self, listener: impl Fn(&Change<K>) + Send + Sync + 'static) {
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Watches for ever.
    pub(crate) async fn run(self, client: Client) {
        let mut events =
            Box::pin(watcher::watcher(Api::<K>::all(client), watcher::Config::default()).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                Err(error) => tracing::debug!(kind = %K::kind(&()), %error, "watching failed; trying again"),
            }
        }
    }

    /// Waits until the first list is in.
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

    /// All objects that `wanted` picks.
    pub(crate) fn select(&self, wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        self.lock().objects.values().filter(|object| wanted(object)).cloned().collect()
    }

    /// Takes in the answer to a write of ours.
    pub(crate) fn observe(&self, object: K) {
        let version = version_of(&object);
        let key = key_of(&object);
        let mut state = self.lock();
        let newer = match state.objects.get(&key) {
            Some(known) => version > version_of(&**known),
            // The watch may have brought its creation and its end already.
            None => version > state.position,
        };
        if newer {
            state.objects.insert(key, Arc::new(object));
        }
    }

    /// Takes in what a write of ours will have changed, although its answer did not tell: kept until the watch says more.
    pub(crate) fn assume(&self, object: K) {
        let key = key_of(&object);
        let mut state = self.lock();
        let same = |known: &Arc<K>| known.meta().resource_version == object.meta().resource_version;
        if state.objects.get(&key).is_some_and(same) {
            state.objects.insert(key, Arc::new(object));
        }
    }

    /// Takes in that our deletion removed the object with this UID.
    pub(crate) fn forget(&self, object: &K) {
        let key = key_of(object);
        let mut state = self.lock();
        if state.objects.get(&key).is_some_and(|known| known.uid() == object.uid()) {
            state.objects.remove(&key);
        }
    }

    fn take(&self, event: Event<K>) {
        let mut changes = Vec::new();
        let mut listed_all = false;
        let mut state = self.lock();
        match event {
            Event::Apply(object) => {
                state.position = state.position.max(version_of(&object));
                changes.push(apply(&mut state.objects, object));
            }
            Event::Delete(object) => {
                state.position = state.position.max(version_of(&object));
                let key = key_of(&object);
                // A successor of the same name may be known from our own write.
                if state.objects.get(&key).is_some_and(|known| known.uid() == object.uid()) {
                    state.objects.remove(&key);
                }
                changes.push(Change::Deleted(Arc::new(object)));
            }
            Event::Init => state.listed.clear(),
            Event::InitApply(object) => {
                state.listed.insert(key_of(&object), Arc::new(object));
            }
            Event::InitDone => {
                listed_all = true;
                let listed = std::mem::take(&mut state.listed);
                let newest = listed.values().map(|object| version_of(&**object)).max().unwrap_or(0);
                state.position = state.position.max(newest);
                let gone: Vec<Key> = state
                    .objects
                    .iter()
                    .filter(|(key, known)| {
                        // What we wrote after the list was made is not in it.
                        !listed.contains_key(*key) && version_of(&***known) <= state.position
                    })
                    .map(|(key, _)| key.clone())
                    .collect();
                for key in gone {
                    changes.extend(state.objects.remove(&key).map(Change::Deleted));
                }
                for object in listed.into_values() {
                    changes.push(apply(&mut state.objects, Arc::unwrap_or_clone(object)));
                }
            }
        }
        drop(state);
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

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply<K: Resource + Clone>(objects: &mut HashMap<Key, Arc<K>>, object: K) -> Change<K> {
    let key = key_of(&object);
    let before = objects.get(&key).cloned();
    match before {
        // We know of something newer that we wrote: whoever listens shall see that.
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
    // A server whose versions are no numbers gets "always newer", which is what a plain cache does.
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
    fn our_own_writes_are_known_before_their_news() {
        let informer = Informer::new();
        informer.observe(object("a", "1", 5));
        assert_eq!(version(&informer, "a"), Some(5));
        informer.take(Event::Apply(object("a", "1", 3)));
        assert_eq!(version(&informer, "a"), Some(5), "older news change nothing");
        informer.take(Event::Apply(object("a", "1", 6)));
        informer.observe(object("a", "1", 5));
        assert_eq!(version(&informer, "a"), Some(6), "and neither does an older answer");
    }

    #[test]
    fn an_answer_that_comes_after_the_news_of_the_end_brings_nothing_back() {
        let informer = Informer::new();
        informer.take(Event::Apply(object("a", "1", 5)));
        informer.take(Event::Delete(object("a", "1", 7)));
        informer.observe(object("a", "1", 5));
        assert_eq!(version(&informer, "a"), None);
        informer.observe(object("a", "2", 8));
        informer.take(Event::Delete(object("a", "1", 7)));
        assert_eq!(version(&informer, "a"), Some(8), "a successor of the same name stays");
    }

    #[test]
    fn a_new_list_takes_away_what_is_not_in_it() {
        let informer = Informer::<ConfigMap>::new();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&heard);
        informer.on_change(move |change| {
            let kind = if matches!(change, Change::Deleted(_)) { '-' } else { '+' };
            hear.lock().unwrap().push(format!("{kind}{}", change.object().metadata.name.as_ref().unwrap()));
        });
        informer.take(Event::Apply(object("old", "1", 1)));
        informer.observe(object("ours", "2", 9));
        informer.take(Event::Init);
        informer.take(Event::InitApply(object("new", "3", 4)));
        assert!(!*informer.shared.synced.borrow(), "the list is not complete");
        informer.take(Event::InitDone);
        assert!(*informer.shared.synced.borrow());
        assert_eq!(version(&informer, "old"), None);
        assert_eq!(version(&informer, "new"), Some(4));
        assert_eq!(version(&informer, "ours"), Some(9), "written after the list was made");
        assert_eq!(*heard.lock().unwrap(), ["+old", "-old", "+new"]);
    }

    #[test]
    fn an_assumption_lasts_until_there_is_news() {
        let informer = Informer::<ConfigMap>::new();
        informer.take(Event::Apply(object("a", "1", 1)));
        let mut assumed = object("a", "1", 1);
        assumed.metadata.labels = Some([("x".to_owned(), "y".to_owned())].into());
        informer.assume(assumed.clone());
        assert!(informer.get("demo", "a").unwrap().metadata.labels.is_some());
        informer.take(Event::Apply(object("a", "1", 2)));
        informer.assume(assumed);
        assert!(informer.get("demo", "a").unwrap().metadata.labels.is_none());
    }
}
