//! Takes events from whoever has something to say and writes them in the background, in order.
//!
//! Nobody waits for an event to be stored, and one that cannot be stored is lost, as in Kubernetes.

use std::collections::VecDeque;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::correlator::{Correlator, Subject, Verdict};
use crate::meta;

/// Events that wait to be written; further ones are dropped.
const BACKLOG: usize = 4096;
/// Most bytes of a message; Kubernetes' own bound.
const MESSAGE: usize = 1024;
/// Most events that are stored at once; the oldest make room.
const STORED: usize = 10_000;

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A controller, by its name in `kubectl describe`.
    Controller(&'static str),
    /// The kubelet of a node.
    Kubelet(String),
    /// The scheduler, which uses the newer form of events: no count, and the time in microseconds.
    Scheduler,
}

/// Says things about objects; clones speak into the same stream.
#[derive(Clone)]
pub(crate) struct Recorder {
    notes: mpsc::Sender<Note>,
}

struct Note {
    source: Source,
    object: ObjectReference,
    event_type: &'static str,
    reason: String,
    message: String,
    at: Timestamp,
}

impl Recorder {
    /// A recorder, and the task that writes what it is told. Events go away after `keep`.
    pub(crate) fn new(client: Client, keep: Duration) -> (Self, impl Future<Output = ()> + Send) {
        let (notes, inbox) = mpsc::channel(BACKLOG);
        (Self { notes }, write(client, inbox, keep))
    }

    /// Something happened as it should.
    pub(crate) fn normal(
        &self,
        source: &Source,
        object: ObjectReference,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.note(source, object, "Normal", reason, message.into());
    }

    /// Something is wrong.
    pub(crate) fn warning(
        &self,
        source: &Source,
        object: ObjectReference,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.note(source, object, "Warning", reason, message.into());
    }

    /// As [`Self::normal`] and [`Self::warning`], with the type as text.
    pub(crate) fn note(
        &self,
        source: &Source,
        object: ObjectReference,
        event_type: &'static str,
        reason: &str,
        mut message: String,
    ) {
        if message.len() > MESSAGE {
            let mut end = MESSAGE - 3;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push_str("...");
        }
        let note = Note {
            source: source.clone(),
            object,
            event_type,
            reason: reason.to_owned(),
            message,
            at: Timestamp::now(),
        };
        if self.notes.try_send(note).is_err() {
            tracing::debug!(reason, "an event was dropped: too many wait to be written");
        }
    }
}

async fn write(client: Client, mut inbox: mpsc::Receiver<Note>, keep: Duration) {
    let mut correlator = Correlator::default();
    // Stored events by age; each is looked at again when its time has come.
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
            note = inbox.recv() => {
                let Some(note) = note else { return };
                if let Some((namespace, name)) = store(&client, &mut correlator, &note).await {
                    stored.push_back((Instant::now() + keep, namespace, name));
                }
                if stored.len() > STORED
                    && let Some((_, namespace, name)) = stored.pop_front()
                {
                    remove(&client, &namespace, &name).await;
                }
            }
            () = expiry => {
                if let Some((_, namespace, name)) = stored.pop_front()
                    && let Some(again) = expire(&client, &namespace, &name, keep).await
                {
                    stored.push_back((Instant::now() + again, namespace, name));
                }
            }
        }
    }
}

/// Writes one event; returns where, if it is a new one.
async fn store(client: &Client, correlator: &mut Correlator, note: &Note) -> Option<(String, String)> {
    let involved = note.object.name.clone().unwrap_or_default();
    let namespace =
        note.object.namespace.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| "default".to_owned());
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let name = format!("{involved}.{:x}", note.at.as_nanosecond());
    let subject = subject(note);
    let verdict = match note.source {
        Source::Scheduler => Verdict::New(note.message.clone()),
        _ => correlator.judge(&subject, &note.message, &name, note.at),
    };
    let event = match verdict {
        Verdict::Drop => return None,
        Verdict::New(message) => event(note, name.clone(), message, 1, note.at),
        Verdict::Again { name: known, count, first, message } => {
            let change = serde_json::json!({
                "count": count, "message": message, "lastTimestamp": Time(meta::whole_seconds(note.at)),
            });
            match api.patch(&known, &PatchParams::default(), &Patch::Merge(&change)).await {
                Err(error) if is_not_found(&error) => {
                    correlator.forget(&subject, &note.message);
                    event(note, name.clone(), message, count, first)
                }
                Err(error) => {
                    tracing::debug!(%error, "counting up an event failed");
                    return None;
                }
                Ok(_) => return None,
            }
        }
    };
    match api.create(&PostParams::default(), &event).await {
        Ok(_) => Some((namespace, name)),
        Err(error) => {
            // The namespace may be on its way out.
            tracing::debug!(%error, reason = note.reason, "storing an event failed");
            None
        }
    }
}

/// Removes an event that was last seen `keep` ago; says when to look again if it is younger.
async fn expire(client: &Client, namespace: &str, name: &str, keep: Duration) -> Option<Duration> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let event = api.get_opt(name).await.ok().flatten()?;
    let seen = event.last_timestamp.map(|time| time.0).or(event.event_time.map(|time| time.0))?;
    let age =
        Duration::from_secs(u64::try_from(Timestamp::now().as_second() - seen.as_second()).unwrap_or(0));
    if age < keep {
        return Some((keep - age).max(Duration::from_secs(1)));
    }
    remove(client, namespace, name).await;
    None
}

async fn remove(client: &Client, namespace: &str, name: &str) {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    if let Err(error) = api.delete(name, &DeleteParams::default()).await {
        tracing::debug!(%error, "removing an old event failed");
    }
}

fn subject(note: &Note) -> Subject {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let source = source_of(&note.source);
    Subject {
        source: (text(&source.component), text(&source.host)),
        object: [
            text(&note.object.kind),
            text(&note.object.namespace),
            text(&note.object.name),
            text(&note.object.uid),
            text(&note.object.field_path),
        ],
        event_type: note.event_type.to_owned(),
        reason: note.reason.clone(),
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

fn event(note: &Note, name: String, message: String, count: i32, first: Timestamp) -> Event {
    let namespace =
        note.object.namespace.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| "default".to_owned());
    let mut event = Event {
        metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
        involved_object: note.object.clone(),
        type_: Some(note.event_type.to_owned()),
        reason: Some(note.reason.clone()),
        message: Some(message),
        source: Some(source_of(&note.source)),
        ..Event::default()
    };
    match &note.source {
        Source::Scheduler => {
            event.event_time = Some(MicroTime(note.at));
            event.action =
                Some(if note.event_type == "Normal" { "Binding" } else { "Scheduling" }.to_owned());
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
        event.last_timestamp = Some(Time(meta::whole_seconds(note.at)));
    }
    event
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
