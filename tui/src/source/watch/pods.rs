//! The watch on the namespace's pods. The scale target's selector identifies the workers; it may arrive after the pods.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::runtime::watcher;
use tokio::sync::watch;

use super::{Follow, Place};
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use cluster::ready_pods::ReadyPodsWriter;
use dashboard::message::Event;
use dashboard::reported::Source;
use observed::convert::pod::{Labels, PodSelector, convert, role};
use observed::{Pod, PodsEvent, Role, Workload};

/// Watches all pods of a namespace.
pub(crate) async fn run(
    place: Place,
    mut workload: watch::Receiver<Option<Workload>>,
    mut serving: ReadyPodsWriter,
    outbox: EventSender,
) {
    let health = Health::new(Source::Pods, outbox.clone());
    let what = format!("pods in namespace {}", place.namespace);
    let mut follow = Follow::<ApiPod>::new(&place, watcher::Config::default(), what, health);
    let mut known = Known::default();
    loop {
        let news = tokio::select! {
            event = follow.next() => {
                serving.observe(&event);
                known.take(event)
            }
            Ok(()) = workload.changed() => {
                let selector = workload.borrow_and_update().as_ref().map(|workload| workload.selector.clone());
                known.select(selector.as_ref().and_then(PodSelector::new))
            }
        };
        if let Some(news) = news {
            outbox.send(Event::Pods(news)).await;
        }
    }
}

/// A pod, and the labels that decide its role again when the selector changes. The object itself has about ten kilobytes
/// and is not kept: thousands of objects would fill most of this program's memory.
struct Kept {
    pod: Pod,
    labels: Labels,
}

impl Kept {
    fn of(object: &ApiPod, selector: Option<&PodSelector>) -> Self {
        let labels = Labels::of(object);
        Self { pod: convert(object, role(&labels, selector)), labels }
    }
}

/// The pods as last reported.
#[derive(Default)]
struct Known {
    selector: Option<PodSelector>,
    reported: HashMap<String, Kept>,
    listing: HashMap<String, Kept>,
}

impl Known {
    fn take(&mut self, event: watcher::Event<ApiPod>) -> Option<PodsEvent> {
        match event {
            watcher::Event::Init => {
                self.listing = HashMap::new();
                None
            }
            watcher::Event::InitApply(object) => {
                let kept = Kept::of(&object, self.selector.as_ref());
                self.listing.insert(kept.pod.uid.clone(), kept);
                None
            }
            watcher::Event::InitDone => {
                self.reported = std::mem::take(&mut self.listing);
                Some(self.list())
            }
            watcher::Event::Apply(object) => {
                let kept = Kept::of(&object, self.selector.as_ref());
                let pod = kept.pod.clone();
                let before = self.reported.insert(pod.uid.clone(), kept);
                let is_news = before.is_none_or(|before| before.pod != pod);
                is_news.then(|| PodsEvent::Applied(Box::new(pod)))
            }
            watcher::Event::Delete(object) => {
                let pod = convert(&object, Role::Other);
                self.reported.remove(&pod.uid);
                Some(PodsEvent::Deleted { name: pod.name, uid: pod.uid })
            }
        }
    }

    /// A new selector changes which pods are workers: all pods are reported again, if they were reported before.
    fn select(&mut self, selector: Option<PodSelector>) -> Option<PodsEvent> {
        if self.selector == selector {
            return None;
        }
        self.selector = selector;
        (!self.reported.is_empty()).then(|| self.list())
    }

    /// All pods, each with its current role.
    fn list(&mut self) -> PodsEvent {
        for kept in self.reported.values_mut() {
            kept.pod.role = role(&kept.labels, self.selector.as_ref());
        }
        let mut pods: Vec<Pod> = self.reported.values().map(|kept| kept.pod.clone()).collect();
        pods.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        PodsEvent::Listed(pods)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, app: &str, phase: &str) -> ApiPod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": format!("uid-{name}"), "labels": {"app": app}},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn workers() -> Option<PodSelector> {
        PodSelector::new(&serde_json::from_value(json!({"matchLabels": {"app": "w"}})).unwrap())
    }

    fn names(event: Option<PodsEvent>) -> Vec<(String, Role)> {
        match event {
            Some(PodsEvent::Listed(pods)) => pods.into_iter().map(|pod| (pod.name, pod.role)).collect(),
            other => panic!("no list: {other:?}"),
        }
    }

    #[test]
    fn a_list_replaces_all_pods_and_a_selector_reports_them() {
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
        assert_eq!(names(known.select(workers())), selected);
        assert_eq!(known.select(workers()), None);

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
