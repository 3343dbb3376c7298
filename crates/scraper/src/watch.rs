//! Watches monitors, Services and pods, and updates the targets.

use std::collections::{BTreeMap, HashMap};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Event as KubeEvent, EventSource, ObjectReference, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, PostParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Error as WatchError};
use kube::{Api, ResourceExt};
use promfmt::operator::{GROUP, VERSION};

use crate::config::Config;
use crate::discovery::{Inventory, PodFacts, ServiceFacts};
use crate::monitor::{Monitor, MonitorKind};
use crate::targets::Targets;

/// Most watch events that one update of the targets covers.
const MAX_BATCH: usize = 256;

/// Timeout of the request that posts an event.
const EVENT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// An event of one of the watches.
enum WatchEvent {
    Monitor(MonitorKind, Box<Event<DynamicObject>>),
    Service(Box<Event<Service>>),
    Pod(Box<Event<Pod>>),
}

/// Objects of one kind during the initial list of a watch.
struct Feed<T> {
    listing: BTreeMap<String, T>,
}

impl<T> Default for Feed<T> {
    fn default() -> Self {
        Self { listing: BTreeMap::new() }
    }
}

/// Follows the cluster. Never returns.
pub(crate) async fn follow(config: &Config, client: kube::Client, targets: &mut Targets) {
    let mut events = events(&client).ready_chunks(MAX_BATCH);
    let mut inventory = Inventory::default();
    let (mut service_monitors, mut pod_monitors) = (Feed::default(), Feed::default());
    let (mut services, mut pods) = (Feed::default(), Feed::default());
    let mut refused: HashMap<String, String> = HashMap::new();
    while let Some(batch) = events.next().await {
        let mut changed = false;
        for event in batch {
            changed |= match event {
                WatchEvent::Monitor(kind, event) => {
                    let mut parse =
                        |object: &DynamicObject| monitor(kind, config, &client, &mut refused, object);
                    let (feed, current) = match kind {
                        MonitorKind::Service => (&mut service_monitors, &mut inventory.service_monitors),
                        MonitorKind::Pod => (&mut pod_monitors, &mut inventory.pod_monitors),
                    };
                    feed.apply(current, *event, &mut parse)
                }
                WatchEvent::Service(event) => {
                    services.apply(&mut inventory.services, *event, &mut |service| {
                        Some(ServiceFacts::new(service))
                    })
                }
                WatchEvent::Pod(event) => {
                    pods.apply(&mut inventory.pods, *event, &mut |pod| Some(PodFacts::new(pod)))
                }
            };
        }
        if changed {
            targets.follow(inventory.discover(config.max_targets));
        }
    }
}

impl<T: PartialEq> Feed<T> {
    /// Applies one event to `current`; returns `true` if that changed anything. An object that `parse` rejects counts
    /// as deleted.
    fn apply<K: ResourceExt>(
        &mut self,
        current: &mut BTreeMap<String, T>,
        event: Event<K>,
        parse: &mut impl FnMut(&K) -> Option<T>,
    ) -> bool {
        match event {
            Event::Init => {
                self.listing.clear();
                false
            }
            Event::InitApply(object) => {
                if let Some(facts) = parse(&object) {
                    self.listing.insert(key(&object), facts);
                }
                false
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listing);
                let changed = *current != listed;
                *current = listed;
                changed
            }
            Event::Apply(object) => match parse(&object) {
                None => current.remove(&key(&object)).is_some(),
                Some(facts) if current.get(&key(&object)) == Some(&facts) => false,
                Some(facts) => {
                    current.insert(key(&object), facts);
                    true
                }
            },
            Event::Delete(object) => current.remove(&key(&object)).is_some(),
        }
    }
}

fn key(object: &impl ResourceExt) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

/// The watches as one stream. A failed watch reconnects with a growing delay, without end.
fn events(client: &kube::Client) -> impl Stream<Item = WatchEvent> + Unpin + use<> {
    let monitors = [MonitorKind::Service, MonitorKind::Pod].map(|kind| {
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: format!("{GROUP}/{VERSION}"),
            kind: kind.name().to_owned(),
            plural: kind.plural().to_owned(),
        };
        let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
        let events = watcher(api, watcher::Config::default()).default_backoff();
        without_errors(kind.plural(), events).map(move |event| WatchEvent::Monitor(kind, Box::new(event)))
    });
    let services = Api::<Service>::all(client.clone());
    let services =
        without_errors("services", watcher(services, watcher::Config::default()).default_backoff());
    let pods = Api::<Pod>::all(client.clone());
    let pods = without_errors("pods", watcher(pods, watcher::Config::default()).default_backoff());
    let objects = futures::stream::select(
        services.map(|event| WatchEvent::Service(Box::new(event))),
        pods.map(|event| WatchEvent::Pod(Box::new(event))),
    );
    futures::stream::select(futures::stream::select_all(monitors), objects)
}

/// The events of a watch; its errors are logged, and the backoff below handles them.
fn without_errors<K: Send + 'static>(
    kind: &'static str,
    events: impl Stream<Item = Result<Event<K>, WatchError>> + Send + 'static,
) -> impl Stream<Item = Event<K>> + Send + Unpin {
    let events = events.filter_map(move |event| {
        let event = event.inspect_err(|error| tracing::warn!(kind, %error, "a watch failed; it reconnects"));
        std::future::ready(event.ok())
    });
    Box::pin(events)
}

/// Parses the monitor in `object`, if the selector matches it. A refusal is logged and posted as an event once.
fn monitor(
    kind: MonitorKind,
    config: &Config,
    client: &kube::Client,
    refused: &mut HashMap<String, String>,
    object: &DynamicObject,
) -> Option<Monitor> {
    let labels = object.metadata.labels.clone().unwrap_or_default();
    if !config.monitor_selector.iter().all(|(key, value)| labels.get(key) == Some(value)) {
        return None;
    }
    let namespace = object.namespace().unwrap_or_default();
    let spec = object.data.get("spec").cloned().unwrap_or_default();
    let id = format!("{} {}", kind.name(), key(object));
    let reason = match Monitor::parse(kind, &namespace, &object.name_any(), &spec, config) {
        Ok(monitor) => {
            refused.remove(&id);
            return Some(monitor);
        }
        Err(reason) => reason,
    };
    // Limits the map in a cluster that keeps creating broken monitors.
    if refused.len() >= config.max_targets {
        refused.clear();
    }
    if refused.insert(id.clone(), reason.clone()).as_ref() != Some(&reason) {
        tracing::warn!(monitor = id, reason, "a monitor is refused");
        tokio::spawn(post(client.clone(), refusal(kind, object, &reason)));
    }
    None
}

/// The event that the Prometheus Operator posts for a monitor that it refuses.
fn refusal(kind: MonitorKind, object: &DynamicObject, reason: &str) -> KubeEvent {
    let now = Time(jiff::Timestamp::now());
    KubeEvent {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}.", object.name_any())),
            namespace: object.namespace(),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(kind.name().to_owned()),
            name: object.metadata.name.clone(),
            namespace: object.namespace(),
            uid: object.metadata.uid.clone(),
            resource_version: object.metadata.resource_version.clone(),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some("InvalidConfiguration".to_owned()),
        message: Some(format!("{:?} was rejected due to invalid configuration: {reason}", key(object))),
        source: Some(EventSource { component: Some("scraper".to_owned()), ..EventSource::default() }),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        count: Some(1),
        ..KubeEvent::default()
    }
}

/// Posts an event. Without permission for that, the log line has to do.
async fn post(client: kube::Client, event: KubeEvent) {
    let events =
        Api::<KubeEvent>::namespaced(client, event.metadata.namespace.as_deref().unwrap_or("default"));
    match tokio::time::timeout(EVENT_TIMEOUT, events.create(&PostParams::default(), &event)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "posting an event failed"),
        Err(_) => tracing::debug!("posting an event took too long"),
    }
}
