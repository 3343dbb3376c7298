//! The watch on the namespace's pods. Which of them are workers is known from the scale target's selector, which may
//! come later than the pods.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::watch;

use super::Follow;
use crate::event::{Event, Pod, PodsEvent, Source, Workload};
use crate::source::convert::pod::{Selector, convert, role};
use crate::source::health::Health;
use crate::source::outbox::Outbox;

/// Watches all pods of `namespace`.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    mut workload: watch::Receiver<Option<Workload>>,
    outbox: Outbox,
) {
    let api: Api<ApiPod> = Api::namespaced(client, &namespace);
    let health = Health::new(Source::Pods, outbox.clone());
    let mut follow =
        Follow::new(api, watcher::Config::default(), format!("pods in namespace {namespace}"), health);
    let mut known = Known::default();
    loop {
        let news = tokio::select! {
            event = follow.next() => known.take(event),
            Ok(()) = workload.changed() => {
                let selector = workload.borrow_and_update().as_ref().map(|workload| workload.selector.clone());
                known.select(selector.as_deref().and_then(Selector::parse))
            }
        };
        if let Some(news) = news {
            outbox.send(Event::Pods(news)).await;
        }
    }
}

/// The pods as they were told last.
#[derive(Default)]
struct Known {
    selector: Option<Selector>,
    objects: HashMap<String, ApiPod>,
    told: HashMap<String, Pod>,
    listing: Option<Vec<ApiPod>>,
}

impl Known {
    fn take(&mut self, event: watcher::Event<ApiPod>) -> Option<PodsEvent> {
        match event {
            watcher::Event::Init => {
                self.listing = Some(Vec::new());
                None
            }
            watcher::Event::InitApply(object) => {
                self.listing.get_or_insert_default().push(object);
                None
            }
            watcher::Event::InitDone => {
                let listed = self.listing.take().unwrap_or_default();
                self.objects = listed.into_iter().map(|object| (uid(&object), slim(object))).collect();
                Some(self.list())
            }
            watcher::Event::Apply(object) => {
                let pod = convert(&object, role(&object, self.selector.as_ref()));
                self.objects.insert(uid(&object), slim(object));
                let is_news = self.told.insert(pod.uid.clone(), pod.clone()).as_ref() != Some(&pod);
                is_news.then(|| PodsEvent::Applied(Box::new(pod)))
            }
            watcher::Event::Delete(object) => {
                self.objects.remove(&uid(&object));
                let pod = convert(&object, role(&object, self.selector.as_ref()));
                self.told.remove(&pod.uid);
                Some(PodsEvent::Deleted { name: pod.name, uid: pod.uid })
            }
        }
    }

    /// Another selector makes other pods workers: all are told anew, once they have been told at all.
    fn select(&mut self, selector: Option<Selector>) -> Option<PodsEvent> {
        if self.selector == selector {
            return None;
        }
        self.selector = selector;
        (!self.told.is_empty()).then(|| self.list())
    }

    fn list(&mut self) -> PodsEvent {
        let convert = |object: &ApiPod| convert(object, role(object, self.selector.as_ref()));
        let mut pods: Vec<Pod> = self.objects.values().map(convert).collect();
        pods.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        self.told = pods.iter().map(|pod| (pod.uid.clone(), pod.clone())).collect();
        PodsEvent::Listed(pods)
    }
}

fn uid(object: &ApiPod) -> String {
    object.metadata.uid.clone().unwrap_or_default()
}

/// Only what the conversion reads: a pod's spec and managed fields are most of its size.
fn slim(mut object: ApiPod) -> ApiPod {
    object.spec = None;
    object.metadata.managed_fields = None;
    object.metadata.annotations = None;
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Role;

    fn pod(name: &str, app: &str, phase: &str) -> ApiPod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": format!("uid-{name}"), "labels": {"app": app}},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn names(event: Option<PodsEvent>) -> Vec<(String, Role)> {
        match event {
            Some(PodsEvent::Listed(pods)) => pods.into_iter().map(|pod| (pod.name, pod.role)).collect(),
            other => panic!("no list: {other:?}"),
        }
    }

    #[test]
    fn a_list_replaces_everything_and_a_selector_tells_it_anew() {
        let mut known = Known::default();
        assert_eq!(known.select(None), None);
        for event in [
            watcher::Event::Init,
            watcher::Event::InitApply(pod("a", "w", "Running")),
            watcher::Event::InitApply(pod("b", "x", "Running")),
        ] {
            assert_eq!(known.take(event), None);
        }
        let both = vec![("a".to_owned(), Role::Other), ("b".to_owned(), Role::Other)];
        assert_eq!(names(known.take(watcher::Event::InitDone)), both);
        let selected = vec![("a".to_owned(), Role::Worker), ("b".to_owned(), Role::Other)];
        assert_eq!(names(known.select(Selector::parse("app=w"))), selected);
        assert_eq!(known.select(Selector::parse("app=w")), None);

        assert_eq!(known.take(watcher::Event::Init), None);
        assert_eq!(names(known.take(watcher::Event::InitDone)), vec![]);
    }

    #[test]
    fn only_changes_are_news() {
        let mut known = Known::default();
        let applied = |pod: ApiPod| watcher::Event::Apply(pod);
        assert!(matches!(known.take(applied(pod("a", "w", "Pending"))), Some(PodsEvent::Applied(_))));
        assert_eq!(known.take(applied(pod("a", "w", "Pending"))), None);
        assert!(matches!(known.take(applied(pod("a", "w", "Running"))), Some(PodsEvent::Applied(_))));
        let gone = known.take(watcher::Event::Delete(pod("a", "w", "Running")));
        assert_eq!(gone, Some(PodsEvent::Deleted { name: "a".into(), uid: "uid-a".into() }));
    }
}
