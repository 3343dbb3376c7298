//! The watch on the workload that the HPA scales.

use cluster::scale::Target;
use hpa::spec::TargetRef;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use kube::Resource;
use kube::runtime::watcher;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::{Follow, Place};
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use crate::source::poll_timer::PollTimer;
use dashboard::message::Event;
use dashboard::reported::Source;
use observed::convert::workload::{convert, of_scale, replica_set, stateful_set};
use observed::{Hpa, Workload};

/// Watches the scale target of `hpa` and passes it to the model and to `latest`. A kind other than the built-in ones has no
/// watch here: its scale subresource is polled.
pub(crate) async fn run(
    place: Place,
    mut hpa: watch::Receiver<Option<Hpa>>,
    pace: PollTimer,
    outbox: EventSender,
    latest: watch::Sender<Option<Workload>>,
) {
    let report = Report { outbox, latest };
    loop {
        let target = target(hpa.borrow_and_update().as_ref());
        tokio::select! {
            () = target_changed(&mut hpa, target.clone()) => {}
            () = follow(&place, target, pace.clone(), &report) => {}
        }
        if hpa.has_changed().is_err() {
            return;
        }
    }
}

/// The scale target. Its version may be unknown if the specification is invalid.
fn target(hpa: Option<&Hpa>) -> Option<TargetRef> {
    let hpa = hpa?;
    let known = hpa.spec.as_ref().map(|spec| spec.scale_target_ref.clone());
    let (kind, name) = hpa.scale_target.clone();
    Some(known.unwrap_or(TargetRef { api_version: None, kind, name }))
}

async fn target_changed(hpa: &mut watch::Receiver<Option<Hpa>>, from: Option<TargetRef>) {
    // The sender lives as long as the watch on the HPA; without it there is nothing to wait for.
    let _ended = hpa.wait_for(|hpa| target(hpa.as_ref()) != from).await;
}

/// The receivers of the workload.
struct Report {
    outbox: EventSender,
    latest: watch::Sender<Option<Workload>>,
}

impl Report {
    async fn send(&self, workload: Option<Workload>) {
        let is_news = self.latest.send_if_modified(|known| {
            let differs = *known != workload;
            known.clone_from(&workload);
            differs
        });
        if is_news || workload.is_none() {
            self.outbox.send(Event::Workload(workload)).await;
        }
    }
}

async fn follow(place: &Place, target: Option<TargetRef>, pace: PollTimer, report: &Report) {
    let Some(target) = target else {
        return std::future::pending().await;
    };
    match target.kind.as_str() {
        "Deployment" => watch_kind::<Deployment>(place, &target, report, convert).await,
        "StatefulSet" => watch_kind::<StatefulSet>(place, &target, report, stateful_set).await,
        "ReplicaSet" => watch_kind::<ReplicaSet>(place, &target, report, replica_set).await,
        _ => poll(place, &target, pace, report).await,
    }
}

async fn watch_kind<K>(place: &Place, target: &TargetRef, report: &Report, convert: fn(&K) -> Workload)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + 'static,
{
    let TargetRef { kind, name, .. } = target;
    let health = Health::new(Source::Workload, report.outbox.clone());
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let what = format!("{kind} {name} in namespace {}", place.namespace);
    let mut follow = Follow::<K>::new(place, config, what, health);
    let mut listed = None;
    loop {
        let now = match follow.next().await {
            watcher::Event::Init => {
                listed = None;
                continue;
            }
            watcher::Event::InitApply(object) => {
                listed = Some(object);
                continue;
            }
            watcher::Event::InitDone => listed.take(),
            watcher::Event::Apply(object) => Some(object),
            watcher::Event::Delete(_) => None,
        };
        report.send(now.as_ref().map(convert)).await;
    }
}

async fn poll(place: &Place, target: &TargetRef, mut pace: PollTimer, report: &Report) {
    let mut health = Health::new(Source::Workload, report.outbox.clone());
    let mut known: Option<Target> = None;
    health.connecting_if_new().await;
    loop {
        pace.due().await;
        let found = match known.take() {
            Some(found) => Ok(found),
            None => Target::find(&place.client, &place.namespace, target).await,
        };
        let read = match &found {
            Ok(found) => found.scale().await,
            Err(failure) => Err(failure.clone()),
        };
        match (found, read) {
            (Ok(found), Ok(scale)) => {
                // A missing right to read the object costs only the number of ready replicas.
                let object = found.object().await.ok().flatten();
                health.live().await;
                report.send(scale.map(|scale| of_scale(&target.name, &scale, object.as_ref()))).await;
                known = Some(found);
            }
            (_, Err(failure)) => health.failed(failure).await,
            (Err(failure), Ok(_)) => health.failed(failure).await,
        }
    }
}
