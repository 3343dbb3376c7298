//! The watch on the HPA. Other sources learn from it what to poll.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::runtime::watcher;
use tokio::sync::watch;

use super::{Follow, Place};
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use dashboard::message::Event;
use dashboard::reported::Source;
use observed::Hpa;
use observed::convert;

/// Watches HPA `name` and passes it to the model and to `latest`.
pub(crate) async fn run(place: Place, name: String, outbox: EventSender, latest: watch::Sender<Option<Hpa>>) {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let health = Health::of_target(Source::Hpa, outbox.clone());
    let what = format!("HPA {name} in namespace {}", place.namespace);
    let mut follow = Follow::<HorizontalPodAutoscaler>::new(&place, config, what, health);
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
        let hpa = now.as_ref().map(convert::hpa::convert);
        // A write of the controller without a change is no news.
        let is_news = latest.send_if_modified(|known| {
            let differs = *known != hpa;
            known.clone_from(&hpa);
            differs
        });
        if is_news || hpa.is_none() {
            outbox.send(Event::Hpa(hpa.map(Box::new))).await;
        }
    }
}
