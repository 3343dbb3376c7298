//! The state of the namespace from watches: sizes of the targets, statuses and events of the autoscalers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{Stream, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Event;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The sizes of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) spec: i32,
    pub(crate) status: i32,
}

/// All objects and events so far.
#[derive(Default)]
pub(crate) struct World {
    sizes: HashMap<String, (Sizes, Instant)>,
    autoscalers: HashMap<String, Value>,
    events: HashMap<String, Vec<String>>,
    seen: HashSet<(String, String)>,
}

/// The state of an autoscaler and its target.
#[derive(Debug, Clone)]
pub(crate) struct ObservedState {
    pub(crate) sizes: Sizes,
    /// Time since the last change of the sizes.
    pub(crate) size_age: Duration,
    pub(crate) status: Value,
    /// All events so far.
    pub(crate) events: Vec<String>,
}

impl World {
    pub(crate) fn state(&self, name: &str) -> Option<ObservedState> {
        let (sizes, since) = *self.sizes.get(name)?;
        Some(ObservedState {
            sizes,
            size_age: since.elapsed(),
            status: self.autoscalers.get(name).cloned().unwrap_or_default(),
            events: self.events.get(name).cloned().unwrap_or_default(),
        })
    }
}

/// Watches until the returned tasks are dropped. A watch that ends continues where it ended.
pub(crate) fn watch(client: &Client, namespace: &str) -> (Arc<Mutex<World>>, JoinSet<()>) {
    let world = Arc::new(Mutex::new(World::default()));
    let mut tasks = JoinSet::new();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    follow(&mut tasks, &world, stream(deployments), |world, object: Deployment| {
        let sizes = Sizes {
            spec: object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            status: object.status.as_ref().and_then(|status| status.replicas).unwrap_or(0),
        };
        let entry = world.sizes.entry(object.name_any()).or_insert((sizes, Instant::now()));
        if entry.0 != sizes {
            *entry = (sizes, Instant::now());
        }
    });
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    follow(&mut tasks, &world, stream(autoscalers), |world, object: HorizontalPodAutoscaler| {
        world.autoscalers.insert(object.name_any(), json!(object.status));
    });
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    follow(&mut tasks, &world, stream(events), |world, event: Event| {
        let about = &event.involved_object;
        let version = (event.uid().unwrap_or_default(), event.resource_version().unwrap_or_default());
        if about.kind.as_deref() != Some("HorizontalPodAutoscaler") || !world.seen.insert(version) {
            return;
        }
        let line = format!(
            "{} {} {}",
            event.type_.as_deref().unwrap_or_default(),
            event.reason.as_deref().unwrap_or_default(),
            event.message.as_deref().unwrap_or_default()
        );
        world.events.entry(about.name.clone().unwrap_or_default()).or_default().push(line);
    });
    (world, tasks)
}

fn stream<K>(api: Api<K>) -> impl Stream<Item = Result<K, watcher::Error>> + Send
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    watcher(api, watcher::Config::default()).default_backoff().applied_objects()
}

fn follow<K: Send + 'static>(
    tasks: &mut JoinSet<()>,
    world: &Arc<Mutex<World>>,
    stream: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
    apply: impl Fn(&mut World, K) + Send + 'static,
) {
    let world = Arc::clone(world);
    tasks.spawn(async move {
        let mut stream = Box::pin(stream);
        loop {
            match stream.try_next().await {
                Ok(Some(object)) => apply(&mut world.lock().unwrap(), object),
                Ok(None) => return,
                // The watcher waits and retries by itself.
                Err(_retried) => {}
            }
        }
    });
}
