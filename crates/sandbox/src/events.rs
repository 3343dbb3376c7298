//! Kubernetes Events of the controllers and the kubelet, as `kubectl describe` shows them.
//!
//! The recorder writes events in the background, in order. Callers do not wait for the write, and an event that cannot
//! be stored is lost, as in Kubernetes.

mod correlator;

use std::collections::VecDeque;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::correlator::{Correlation, Correlator, EventKey};
use crate::error::has_code;
use crate::meta;

/// Limit of events that wait to be written; further ones are dropped.
const QUEUE_CAPACITY: usize = 4096;
/// Limit of a message; Kubernetes' own limit.
const MAX_MESSAGE_BYTES: usize = 1024;
/// Limit of stored events; a further one replaces the oldest.
const MAX_STORED_EVENTS: usize = 10_000;

/// Component that reports an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A controller, by its name in `kubectl describe`.
    Controller(&'static str),
    /// The kubelet of a node.
    Kubelet(String),
    /// The scheduler, which uses the newer form of events: no count, and a time in microseconds.
    Scheduler,
}

/// Records events; clones write to the same queue.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<QueuedEvent>,
}

struct QueuedEvent {
    source: Source,
    object: ObjectReference,
    event_type: &'static str,
    reason: String,
    message: String,
    at: Timestamp,
}

impl Recorder {
    /// Creates a recorder and the task that writes its events. An event is deleted `ttl` after its last occurrence.
    pub(crate) fn new(client: Client, ttl: Duration) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, events) = mpsc::channel(QUEUE_CAPACITY);
        (Self { queue }, write(client, events, ttl))
    }

    /// Records an event of type `Normal`.
    pub(crate) fn normal(
        &self,
        source: &Source,
        object: ObjectReference,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.record(source, object, "Normal", reason, message.into());
    }

    /// Records an event of type `Warning`.
    pub(crate) fn warning(
        &self,
        source: &Source,
        object: ObjectReference,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.record(source, object, "Warning", reason, message.into());
    }

    /// Records an event of the given type.
    pub(crate) fn record(
        &self,
        source: &Source,
        object: ObjectReference,
        event_type: &'static str,
        reason: &str,
        mut message: String,
    ) {
        if message.len() > MAX_MESSAGE_BYTES {
            let mut end = MAX_MESSAGE_BYTES - 3;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push_str("...");
        }
        let event = QueuedEvent {
            source: source.clone(),
            object,
            event_type,
            reason: reason.to_owned(),
            message,
            at: Timestamp::now(),
        };
        if self.queue.try_send(event).is_err() {
            tracing::debug!(reason, "dropped an event: too many wait to be written");
        }
    }
}

async fn write(client: Client, mut events: mpsc::Receiver<QueuedEvent>, ttl: Duration) {
    let mut correlator = Correlator::default();
    // Stored events by the time at which they may expire.
    let mut stored: VecDeque<(Instant, String, String)> = VecDeque::new();
    loop {
        let oldest = stored.front().map(|(due, ..)| *due);
        let expiry = async {
            match oldest {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { return };
                if let Some((namespace, name)) = store(&client, &mut correlator, &event).await {
                    stored.push_back((Instant::now() + ttl, namespace, name));
                }
                if stored.len() > MAX_STORED_EVENTS
                    && let Some((_, namespace, name)) = stored.pop_front()
                {
                    remove(&client, &namespace, &name).await;
                }
            }
            () = expiry => {
                if let Some((_, namespace, name)) = stored.pop_front()
                    && let Some(left) = expire(&client, &namespace, &name, ttl).await
                {
                    stored.push_back((Instant::now() + left, namespace, name));
                }
            }
        }
    }
}

/// Writes one event. Returns the namespace and name of a newly created event.
async fn store(
    client: &Client,
    correlator: &mut Correlator,
    queued: &QueuedEvent,
) -> Option<(String, String)> {
    let involved = queued.object.name.clone().unwrap_or_default();
    let namespace = namespace_of(queued);
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let name = format!("{involved}.{:x}", queued.at.as_nanosecond());
    let key = key_of(queued);
    let correlation = match queued.source {
        Source::Scheduler => Correlation::Create(queued.message.clone()),
        _ => correlator.correlate(&key, &queued.message, &name, queued.at),
    };
    let event = match correlation {
        Correlation::Drop => return None,
        Correlation::Create(message) => to_api(queued, name.clone(), message, 1, queued.at),
        Correlation::Count { name: stored, count, first, message } => {
            let change = serde_json::json!({
                "count": count, "message": message, "lastTimestamp": Time(meta::whole_seconds(queued.at)),
            });
            match api.patch(&stored, &PatchParams::default(), &Patch::Merge(&change)).await {
                Err(error) if has_code(&error, 404) => {
                    correlator.forget(&key, &queued.message);
                    to_api(queued, name.clone(), message, count, first)
                }
                Err(error) => {
                    tracing::debug!(%error, "updating the count of an event failed");
                    return None;
                }
                Ok(_) => return None,
            }
        }
    };
    match api.create(&PostParams::default(), &event).await {
        Ok(_) => Some((namespace, name)),
        Err(error) => {
            // The namespace may be terminating.
            tracing::debug!(%error, reason = queued.reason, "storing an event failed");
            None
        }
    }
}

/// Deletes an event whose last occurrence is `ttl` old. Returns the remaining lifetime of a younger one.
async fn expire(client: &Client, namespace: &str, name: &str, ttl: Duration) -> Option<Duration> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let event = api.get_opt(name).await.ok().flatten()?;
    let last = event.last_timestamp.map(|time| time.0).or(event.event_time.map(|time| time.0))?;
    let age =
        Duration::from_secs(u64::try_from(Timestamp::now().as_second() - last.as_second()).unwrap_or(0));
    if age < ttl {
        return Some((ttl - age).max(Duration::from_secs(1)));
    }
    remove(client, namespace, name).await;
    None
}

async fn remove(client: &Client, namespace: &str, name: &str) {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    if let Err(error) = api.delete(name, &DeleteParams::default()).await {
        tracing::debug!(%error, "deleting an expired event failed");
    }
}

fn namespace_of(event: &QueuedEvent) -> String {
    let namespace = event.object.namespace.clone().filter(|namespace| !namespace.is_empty());
    namespace.unwrap_or_else(|| "default".to_owned())
}

fn key_of(queued: &QueuedEvent) -> EventKey {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let source = source_of(&queued.source);
    EventKey {
        source: (text(&source.component), text(&source.host)),
        object: [
            text(&queued.object.kind),
            text(&queued.object.namespace),
            text(&queued.object.name),
            text(&queued.object.uid),
            text(&queued.object.field_path),
        ],
        event_type: queued.event_type.to_owned(),
        reason: queued.reason.clone(),
    }
}

fn source_of(source: &Source) -> EventSource {
    match source {
        Source::Controller(name) => EventSource { component: Some((*name).to_owned()), host: None },
        Source::Kubelet(node) => {
            EventSource { component: Some("kubelet".to_owned()), host: Some(node.clone()) }
        }
        Source::Scheduler => EventSource { component: None, host: None },
    }
}

fn to_api(queued: &QueuedEvent, name: String, message: String, count: i32, first: Timestamp) -> Event {
    let namespace = namespace_of(queued);
    let mut event = Event {
        metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
        involved_object: queued.object.clone(),
        type_: Some(queued.event_type.to_owned()),
        reason: Some(queued.reason.clone()),
        message: Some(message),
        source: Some(source_of(&queued.source)),
        ..Event::default()
    };
    match &queued.source {
        Source::Scheduler => {
            event.event_time = Some(MicroTime(queued.at));
            event.action =
                Some(if queued.event_type == "Normal" { "Binding" } else { "Scheduling" }.to_owned());
            event.reporting_component = Some("default-scheduler".to_owned());
            event.reporting_instance = Some("default-scheduler".to_owned());
        }
        Source::Controller(component) => {
            event.reporting_component = Some((*component).to_owned());
            event.reporting_instance = Some(String::new());
        }
        Source::Kubelet(node) => {
            event.reporting_component = Some("kubelet".to_owned());
            event.reporting_instance = Some(node.clone());
        }
    }
    if event.event_time.is_none() {
        event.count = Some(count);
        event.first_timestamp = Some(Time(meta::whole_seconds(first)));
        event.last_timestamp = Some(Time(meta::whole_seconds(queued.at)));
    }
    event
}
