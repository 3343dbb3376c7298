//! The watch on the namespace's Events.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event as ApiEvent;
use kube::runtime::watcher;
use kube::{Api, Client};

use super::Follow;
use crate::event::{Event, Source};
use crate::source::convert;
use crate::source::health::Health;
use crate::source::outbox::Outbox;

/// Watches the Events of `namespace`. Those of the first list that are older than the run are marked as old.
pub(crate) async fn run(client: Client, namespace: String, began: Timestamp, outbox: Outbox) {
    let api: Api<ApiEvent> = Api::namespaced(client, &namespace);
    let health = Health::new(Source::Events, outbox.clone());
    let mut follow =
        Follow::new(api, watcher::Config::default(), format!("Events in namespace {namespace}"), health);
    let mut first = true;
    loop {
        let object = match follow.next().await {
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => object,
            watcher::Event::InitDone => {
                first = false;
                continue;
            }
            watcher::Event::Init | watcher::Event::Delete(_) => continue,
        };
        let mut event = convert::event::convert(&object, began);
        // The run's clock and the cluster's may differ; what is told after the first list is certainly no old news.
        event.old &= first;
        outbox.send(Event::Cluster(event)).await;
    }
}
