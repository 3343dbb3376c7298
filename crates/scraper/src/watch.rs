//! Watches monitors, Services and Pods, and says which targets follow.

use std::collections::{BTreeMap, HashMap};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Event as KubeEvent, EventSource, ObjectReference, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, PostParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Error as WatchError};
use kube::{Api, ResourceExt};

use crate::config::Config;
use crate::discovery::{Inventory, PodFacts, ServiceFacts};
use crate::monitor::Monitor;
use crate::targets::Targets;

/// Most watch events taken together before the targets are worked out anew.
const BATCH: usize = 256;

/// How long telling a monitor's author may take.
const TELL: std::time::Duration = std::time::Duration::from_secs(5);

/// One step of one of the three watches.
enum Step {
    Monitor(Box<Event<DynamicObject>>),
    Service(Box<Event<Service>>),
    Pod(Box<Event<Pod>>),
}

/// One kind's objects, and those of a listing under way.
struct Feed<T> {
    listing: BTreeMap<String, T>,
}

impl<T> Default for Feed<T> {
    fn default() -> Self {
        Self { listing: BTreeMap::new() }
    }
}

/// Follows the cluster for as long as it is polled.
pub(crate) async fn follow(config: &Config, client: kube::Client, targets: &mut Targets) {
    let mut steps = steps(&client).ready_chunks(BATCH);
    let mut inventory = Inventory::default();
    let (mut monitors, mut services, mut pods) = (Feed::default(), Feed::default(), Feed::default());
    let mut refused: HashMap<String, String> = HashMap::new();
    while let Some(batch) = steps.next().await {
        let mut changed = false;
        for step in batch {
            changed |= match step {
                Step::Monitor(event) => {
                    let mut read = |object: &DynamicObject| monitor(config, &client, &mut refused, object);
                    monitors.apply(&mut inventory.monitors, *event, &mut read)
                }
                Step::Service(event) => services
                    .apply(&mut inventory.services, *event, &mut |service| Some(ServiceFacts::new(service))),
                Step::Pod(event) => {
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
    /// Takes one event into `current`; says whether that changed anything. What `read` gives nothing for is as good as
    /// deleted.
    fn apply<K: ResourceExt>(
        &mut self,
        current: &mut BTreeMap<String, T>,
        event: Event<K>,
        read: &mut impl FnMut(&K) -> Option<T>,
    ) -> bool {
        match event {
            Event::Init => {
                self.listing.clear();
                false
            }
            Event::InitApply(object) => {
                if let Some(facts) = read(&object) {
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
            Event::Apply(object) => match read(&object) {
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

/// The three watches as one stream. A watch that fails is taken up again with a growing pause, for ever.
fn steps(client: &kube::Client) -> impl Stream<Item = Step> + Unpin + use<> {
    let resource = ApiResource {
        group: "monitoring.coreos.com".to_owned(),
        version: "v1".to_owned(),
        api_version: "monitoring.coreos.com/v1".to_owned(),
        kind: "ServiceMonitor".to_owned(),
        plural: "servicemonitors".to_owned(),
    };
    let monitors = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let monitors =
        settled("servicemonitors", watcher(monitors, watcher::Config::default()).default_backoff());
    let services = Api::<Service>::all(client.clone());
    let services = settled("services", watcher(services, watcher::Config::default()).default_backoff());
    let pods = Api::<Pod>::all(client.clone());
    let pods = settled("pods", watcher(pods, watcher::Config::default()).default_backoff());
    futures::stream::select(
        monitors.map(|event| Step::Monitor(Box::new(event))),
        futures::stream::select(
            services.map(|event| Step::Service(Box::new(event))),
            pods.map(|event| Step::Pod(Box::new(event))),
        ),
    )
}

/// Only what the watch brought; its errors are logged, the back-off beneath has them already.
fn settled<K: Send + 'static>(
    kind: &'static str,
    events: impl Stream<Item = Result<Event<K>, WatchError>> + Send + 'static,
) -> impl Stream<Item = Event<K>> + Send + Unpin {
    let events = events.filter_map(move |event| {
        let event =
            event.inspect_err(|error| tracing::warn!(kind, %error, "a watch failed and is taken up again"));
        std::future::ready(event.ok())
    });
    Box::pin(events)
}

/// The monitor in `object`, if the selector takes it and it can be served. Its author is told once why it is not.
fn monitor(
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
    let reason = match Monitor::read(&namespace, &object.name_any(), &spec, config) {
        Ok(monitor) => {
            refused.remove(&key(object));
            return Some(monitor);
        }
        Err(reason) => reason,
    };
    // A cluster that keeps making broken monitors must not grow this map for ever.
    if refused.len() >= config.max_targets {
        refused.clear();
    }
    if refused.insert(key(object), reason.clone()).as_ref() != Some(&reason) {
        tracing::warn!(monitor = key(object), reason, "a ServiceMonitor is refused");
        tokio::spawn(tell(client.clone(), refusal(object, &reason)));
    }
    None
}

/// The event by which the Prometheus Operator tells that it does not take a monitor.
fn refusal(object: &DynamicObject, reason: &str) -> KubeEvent {
    let now = Time(jiff::Timestamp::now());
    KubeEvent {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}.", object.name_any())),
            namespace: object.namespace(),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("monitoring.coreos.com/v1".to_owned()),
            kind: Some("ServiceMonitor".to_owned()),
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

/// Posts an event; without the right to it, the log line must do.
async fn tell(client: kube::Client, event: KubeEvent) {
    let events =
        Api::<KubeEvent>::namespaced(client, event.metadata.namespace.as_deref().unwrap_or("default"));
    match tokio::time::timeout(TELL, events.create(&PostParams::default(), &event)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an event could not be posted"),
        Err(_) => tracing::debug!("posting an event took too long"),
    }
}
