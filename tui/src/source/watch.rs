//! Watches on the API server: the HPA, its scale target, pods and Events.

pub(crate) mod events;
pub(crate) mod hpa;
pub(crate) mod pods;
pub(crate) mod workload;

use std::fmt::Debug;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::source::health::Health;
use crate::source::liveness::Returns;
use cluster::errors;
use cluster::errors::Failure;

/// Limit of one watch request in seconds; it counts as dead five seconds later, because nothing else reveals a connection that
/// a network dropped. Servers send a bookmark after about a minute, from which the watch resumes.
const SECONDS: u32 = 120;

/// State that the watches share.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// Reports the return of a server that stopped answering; each watch is then opened again.
    pub(crate) returns: Returns,
}

impl Place {
    /// The API of one kind of object.
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

type Items<K> = Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<K>>> + Send>>;

/// A watch that never ends: it lists, watches, and after a failure reports the cause, waits and lists again.
///
/// Listing costs one more request than resuming. But its end is the one sure sign that the watch works: a resumed watch on
/// something that does not change is silent for minutes.
pub(crate) struct Follow<K: Resource> {
    api: Api<K>,
    config: watcher::Config,
    what: String,
    health: Health,
    returns: Returns,
    items: Option<Items<K>>,
    /// The end of a received list that was not returned yet, so that dropping [`Self::next`] loses nothing.
    list_end: bool,
}

impl<K> Follow<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    /// Watches the objects that `config` selects; `what` names them in sentences, such as `pods`.
    pub(crate) fn new(place: &Place, config: watcher::Config, what: impl Into<String>, health: Health) -> Self
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Self::over(place.api(), config, what, place.returns.clone(), health)
    }

    /// The same over any API.
    pub(crate) fn over(
        api: Api<K>,
        config: watcher::Config,
        what: impl Into<String>,
        returns: Returns,
        health: Health,
    ) -> Self {
        let config = config.timeout(SECONDS);
        Self { api, config, what: what.into(), health, returns, items: None, list_end: false }
    }

    /// The next event. Errors are reported and waited out in here. Dropping the future loses no event.
    pub(crate) async fn next(&mut self) -> watcher::Event<K> {
        loop {
            if self.list_end {
                self.health.live().await;
                self.list_end = false;
                return watcher::Event::InitDone;
            }
            let items = match &mut self.items {
                Some(items) => items,
                none => {
                    self.health.connecting_if_new().await;
                    none.insert(Box::pin(watcher(self.api.clone(), self.config.clone())))
                }
            };
            let item = tokio::select! {
                item = items.next() => item,
                // On a connection that may be dead it might deliver nothing for minutes.
                () = self.returns.next() => None,
            };
            match item {
                Some(Ok(watcher::Event::InitDone)) => self.list_end = true,
                Some(Ok(event)) => return event,
                Some(Err(error)) => {
                    self.items = None;
                    if !is_gone(&error) {
                        let failure = failure(&self.what, &error);
                        self.health.failed(failure).await;
                    }
                }
                None => self.items = None,
            }
        }
    }
}

/// The server no longer has the version to resume from. That is no failure: the list is read again.
fn is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}

fn failure(what: &str, error: &watcher::Error) -> Failure {
    let what = format!("watching {what}");
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => errors::failure(&what, error),
        watcher::Error::WatchError(status) => {
            Failure::Lost(format!("{what}: {} ({})", text::clean::text(&status.message), status.code))
        }
        watcher::Error::NoResourceVersion => {
            Failure::Lost(format!("{what}: the API server gave no resourceVersion"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use crate::source::event_sender::EventSender;
    use crate::source::liveness;
    use dashboard::clock::Clock;
    use dashboard::message::{Event, Timestamped};
    use dashboard::reported::{Source, SourceState, TargetEvent};

    /// Lists nothing and watches without end, but answers the first lists with these codes.
    fn playing(codes: &'static [u16]) -> Client {
        let lists = Arc::new(AtomicUsize::new(0));
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            if uri.query().unwrap_or_default().contains("watch=true") {
                return std::future::pending().await;
            }
            match codes.get(lists.fetch_add(1, Ordering::Relaxed)) {
                Some(code) => {
                    let status = json!({"status": "Failure", "code": code, "message": "no", "reason": "No"});
                    (StatusCode::from_u16(*code).unwrap(), axum::Json(status)).into_response()
                }
                None => {
                    axum::Json(json!({"metadata": {"resourceVersion": "7"}, "items": []})).into_response()
                }
            }
        });
        Client::new(app, "default")
    }

    fn health(kind: fn(Source, EventSender) -> Health) -> (Health, mpsc::Receiver<Timestamped>) {
        let (events, received) = mpsc::channel(64);
        (kind(Source::Pods, EventSender::new(events, Clock::start())), received)
    }

    async fn until_listed(client: Client, health: Health) {
        let (_returned, returns) = liveness::channel();
        let place = Place { client, namespace: "demo".to_owned(), returns };
        let mut follow = Follow::<Pod>::new(&place, watcher::Config::default(), "pods", health);
        let listing = async { while !matches!(follow.next().await, watcher::Event::InitDone) {} };
        tokio::time::timeout(Duration::from_secs(30), listing).await.unwrap();
    }

    async fn all(mut received: mpsc::Receiver<Timestamped>) -> Vec<Event> {
        let mut all = Vec::new();
        while let Some(stamped) = received.recv().await {
            all.push(stamped.event);
        }
        all
    }

    #[tokio::test]
    async fn a_watch_reports_its_waits_and_its_return() {
        let (health, received) = health(Health::new);
        until_listed(playing(&[503, 403]), health).await;
        let states: Vec<SourceState> = all(received)
            .await
            .into_iter()
            .map(|event| match event {
                Event::Source(Source::Pods, state) => state,
                other => panic!("only its state: {other:?}"),
            })
            .collect();
        let [first, second, third, last] = states.as_slice() else { panic!("four states: {states:?}") };
        assert_eq!(first, &SourceState::Connecting);
        assert!(matches!(second, SourceState::Retrying { cause, .. } if cause == "watching pods: no (503)"));
        assert_eq!(third, &SourceState::Unavailable("watching pods: no (403)".to_owned()));
        assert_eq!(last, &SourceState::Live);
    }

    #[tokio::test]
    async fn the_targets_watch_reports_its_return() {
        let (health, received) = health(Health::of_target);
        until_listed(playing(&[500]), health).await;
        let about_target: Vec<TargetEvent> = all(received)
            .await
            .into_iter()
            .filter_map(|event| match event {
                Event::Target(news) => Some(news),
                _ => None,
            })
            .collect();
        let [TargetEvent::Failed(problem), TargetEvent::Ready] = about_target.as_slice() else {
            panic!("lost and back: {about_target:?}");
        };
        assert_eq!(problem.what, "watching pods: no (500)");
        assert!(problem.retry.is_some());
    }
}
