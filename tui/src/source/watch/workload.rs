//! The watch on the Deployment that the HPA scales.

use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::watcher;
use tokio::sync::watch;

use super::{Follow, Place};
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use dashboard::message::Event;
use dashboard::reported::{Source, SourceState};
use observed::convert;
use observed::{Hpa, Workload};

/// Watches the scale target of `hpa` and passes it to the model and to `latest`.
pub(crate) async fn run(
    place: Place,
    mut hpa: watch::Receiver<Option<Hpa>>,
    outbox: EventSender,
    latest: watch::Sender<Option<Workload>>,
) {
    loop {
        let target = hpa.borrow_and_update().as_ref().map(|hpa| hpa.scale_target.clone());
        tokio::select! {
            () = target_changed(&mut hpa, target.clone()) => {}
            () = follow(&place, target, &outbox, &latest) => {}
        }
        if hpa.has_changed().is_err() {
            return;
        }
    }
}

async fn target_changed(hpa: &mut watch::Receiver<Option<Hpa>>, from: Option<(String, String)>) {
    // The sender lives as long as the watch on the HPA; without it there is nothing to wait for.
    let _ended = hpa.wait_for(|hpa| hpa.as_ref().map(|hpa| &hpa.scale_target) != from.as_ref()).await;
}

async fn follow(
    place: &Place,
    target: Option<(String, String)>,
    outbox: &EventSender,
    latest: &watch::Sender<Option<Workload>>,
) {
    let mut health = Health::new(Source::Workload, outbox.clone());
    let Some((kind, name)) = target else {
        return std::future::pending().await;
    };
    if kind != "Deployment" {
        let cause = format!("the HPA scales {kind} {name}; only Deployments are watched");
        health.report(SourceState::Unavailable(cause)).await;
        return std::future::pending().await;
    }
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let what = format!("Deployment {name} in namespace {}", place.namespace);
    let mut follow = Follow::<Deployment>::new(place, config, what, health);
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
        let workload = now.as_ref().map(convert::workload::convert);
        let is_news = latest.send_if_modified(|known| {
            let differs = *known != workload;
            known.clone_from(&workload);
            differs
        });
        if is_news || workload.is_none() {
            outbox.send(Event::Workload(workload)).await;
        }
    }
}
