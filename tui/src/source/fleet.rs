//! The watch on all HPAs of the cluster, or of a namespace.
//!
//! Its requests: one for the right to list all namespaces, one a page of the list, and one watch that is renewed every two
//! minutes. No pod and no metric is read for the list. With KEDA, one more list each half minute finds the paused ScaledObjects,
//! which have no HPA.

use std::time::Duration;

use kube::Client;
use kube::api::ListParams;
use kube::runtime::watcher;

use super::watch::Follow;
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use crate::source::liveness;
use cluster::errors;
use cluster::fleet::{self, PAGE, Slim};
use dashboard::message::Event;
use dashboard::reported::{FleetEvent, Source};
use explain::fleet::Row;

/// Interval of the lists of paused ScaledObjects.
const PAUSED_EVERY: Duration = Duration::from_secs(30);

/// Watches the HPAs of `namespace`; of all namespaces without one, or of the context's namespace if the user may not list all.
pub(crate) async fn run(client: Client, namespace: Option<String>, outbox: EventSender) {
    let (namespace, note) = match namespace {
        Some(namespace) => (Some(namespace), String::new()),
        None => scope(&client).await,
    };
    let what = match &namespace {
        Some(namespace) => format!("the HPAs of namespace {namespace}"),
        None => "the HPAs of all namespaces".to_owned(),
    };
    let api = fleet::api::<Row>(&client, namespace.as_deref());
    outbox.send(Event::Fleet(FleetEvent::Began { namespace: namespace.clone(), note })).await;
    let health = Health::new(Source::Fleet, outbox.clone());
    let (returned, returns) = liveness::channel();
    let follow = Follow::over(api, watcher::Config::default().page_size(PAGE), what, returns, health);
    let paused = poll_paused(client.clone(), namespace, outbox.clone());
    tokio::join!(liveness::run(client, returned, outbox.clone()), pass(follow, outbox), paused);
}

/// Passes the paused ScaledObjects to the model.
async fn poll_paused(client: Client, namespace: Option<String>, outbox: EventSender) {
    let mut known = Vec::new();
    let mut timer = tokio::time::interval(PAUSED_EVERY);
    loop {
        timer.tick().await;
        let listed = fleet::scaled_objects(&client, namespace.as_deref(), "", explain::fleet::paused);
        match listed.await {
            Ok(rows) if rows != known => {
                known.clone_from(&rows);
                outbox.send(Event::Fleet(FleetEvent::Paused(rows))).await;
            }
            Ok(_same) => {}
            Err(error) => tracing::info!(%error, "no ScaledObjects"),
        }
    }
}

/// Passes the rows to the model.
async fn pass(mut follow: Follow<Slim<Row>>, outbox: EventSender) {
    let mut listed = Vec::new();
    loop {
        let event = match follow.next().await {
            watcher::Event::Init => {
                listed.clear();
                continue;
            }
            watcher::Event::InitApply(object) => {
                listed.push(object.value);
                continue;
            }
            watcher::Event::InitDone => FleetEvent::Listed(std::mem::take(&mut listed)),
            watcher::Event::Apply(object) => FleetEvent::Applied(Box::new(object.value)),
            watcher::Event::Delete(object) => {
                let Row { namespace, name, .. } = object.value;
                FleetEvent::Deleted { namespace, name }
            }
        };
        outbox.send(Event::Fleet(event)).await;
    }
}

/// All namespaces, or the context's own with the reason.
async fn scope(client: &Client) -> (Option<String>, String) {
    let api = fleet::api::<Row>(client, None);
    let one = ListParams::default().limit(1);
    match tokio::time::timeout(fleet::REQUEST_TIMEOUT, api.list(&one)).await {
        Ok(Err(error)) if errors::is_forbidden(&error) => {
            let own = text::clean::text(client.default_namespace());
            (Some(own), "no right to list all namespaces".to_owned())
        }
        // The watch reports anything else.
        _ => (None, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use dashboard::clock::Clock;

    /// A cluster whose user may list HPAs in the namespace `own` only.
    fn narrow() -> Client {
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            if !uri.path().contains("/namespaces/own/") {
                let status =
                    json!({"status": "Failure", "code": 403, "message": "no", "reason": "Forbidden"});
                return (axum::http::StatusCode::FORBIDDEN, axum::Json(status)).into_response();
            }
            if uri.query().unwrap_or_default().contains("watch=true") {
                return std::future::pending().await;
            }
            let item = json!({"metadata": {"name": "web", "namespace": "own"},
                "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}});
            axum::Json(json!({"metadata": {"resourceVersion": "7"}, "items": [item]})).into_response()
        });
        Client::new(app, "own")
    }

    #[tokio::test]
    async fn without_the_right_to_all_it_lists_its_own_namespace() {
        let (events, mut received) = mpsc::channel(64);
        let running = tokio::spawn(run(narrow(), None, EventSender::new(events, Clock::start())));
        let mut reports = Vec::new();
        while let Some(stamped) = received.recv().await {
            if let Event::Fleet(event) = stamped.event {
                let is_list = matches!(event, FleetEvent::Listed(_));
                reports.push(event);
                if is_list {
                    break;
                }
            }
        }
        let [FleetEvent::Began { namespace, note }, FleetEvent::Listed(rows)] = reports.as_slice() else {
            panic!("a place and a list: {reports:?}");
        };
        assert_eq!((namespace.as_deref(), note.as_str()), (Some("own"), "no right to list all namespaces"));
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["web"]);
        running.abort();
    }
}
