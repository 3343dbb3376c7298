//! Watches on what the API server knows: the HPA, its scale target, pods and Events.

pub(crate) mod events;
pub(crate) mod hpa;
pub(crate) mod pods;
pub(crate) mod workload;

use std::fmt::Debug;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::source::explain;
use crate::source::health::{Failure, Health};

type Items<K> = Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<K>>> + Send>>;

/// A watch that never ends: it lists, watches, and after a failure says why, waits and lists anew.
///
/// Listing anew costs one request more than resuming, but its end is the one sure sign that the watch lives again:
/// a resumed watch on something that does not change says nothing for minutes.
pub(crate) struct Follow<K: Resource> {
    api: Api<K>,
    config: watcher::Config,
    what: String,
    health: Health,
    items: Option<Items<K>>,
    /// The end of a list that has been received but not yet returned, so that dropping [`Self::next`] loses nothing.
    list_end: bool,
}

impl<K> Follow<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    /// Watches the objects of `api` that `config` selects; `what` names them in sentences, such as `pods`.
    pub(crate) fn new(api: Api<K>, config: watcher::Config, what: impl Into<String>, health: Health) -> Self {
        Self { api, config, what: what.into(), health, items: None, list_end: false }
    }

    /// The next event. Errors are said and waited out in here. Dropping the future loses no event.
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
            match items.next().await {
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

/// The server no longer has the version to go on from, which is no failure: the list is read anew.
fn is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}

fn failure(what: &str, error: &watcher::Error) -> Failure {
    let what = format!("watching {what}");
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => explain::failure(&what, error),
        watcher::Error::WatchError(status) => {
            Failure::Lost(format!("{what}: {} ({})", crate::clean::text(&status.message), status.code))
        }
        watcher::Error::NoResourceVersion => {
            Failure::Lost(format!("{what}: the API server gave no resourceVersion"))
        }
    }
}
