//! The watch on the namespace's Events.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event as ApiEvent;
use kube::runtime::watcher;

use super::{Follow, Place};
use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use dashboard::message::Event;
use dashboard::reported::Source;
use observed::ClusterEvent;
use observed::convert::event::convert;

/// Watches the Events of a namespace.
pub(crate) async fn run(place: Place, outbox: EventSender) {
    let health = Health::new(Source::Events, outbox.clone());
    let what = format!("Events in namespace {}", place.namespace);
    let mut follow = Follow::<ApiEvent>::new(&place, watcher::Config::default(), what, health);
    let mut known = Known::default();
    loop {
        for event in known.take(follow.next().await) {
            outbox.send(Event::Cluster(event)).await;
        }
    }
}

/// Count and last time of an Event: these differ when it is repeated.
type Seen = (i32, Option<Timestamp>);

/// The Events that were reported, so that a repeated list reports only new ones.
#[derive(Default)]
struct Known {
    seen: HashMap<String, Seen>,
    listing: Vec<ClusterEvent>,
}

impl Known {
    /// The new Events in a watch event. Those of a list happened before now, by the cluster's clock.
    fn take(&mut self, delivered: watcher::Event<ApiEvent>) -> Vec<ClusterEvent> {
        match delivered {
            watcher::Event::Init => {
                self.listing.clear();
                Vec::new()
            }
            watcher::Event::InitApply(object) => {
                self.listing.push(convert(&object, true));
                Vec::new()
            }
            watcher::Event::InitDone => {
                let mut listed = std::mem::take(&mut self.listing);
                // A list comes in the order of names, which for Events is that of the objects they are about.
                listed.sort_by_key(|event| event.last_seen);
                let before = std::mem::take(&mut self.seen);
                self.seen = listed.iter().map(|event| (event.uid.clone(), seen(event))).collect();
                listed.retain(|event| before.get(&event.uid) != Some(&seen(event)));
                listed
            }
            watcher::Event::Apply(object) => {
                let event = convert(&object, false);
                let is_news = self.seen.insert(event.uid.clone(), seen(&event)) != Some(seen(&event));
                is_news.then_some(event).into_iter().collect()
            }
            watcher::Event::Delete(object) => {
                self.seen.remove(&convert(&object, true).uid);
                Vec::new()
            }
        }
    }
}

fn seen(event: &ClusterEvent) -> Seen {
    (event.count, event.last_seen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(uid: &str, count: i32, second: u32) -> ApiEvent {
        serde_json::from_value(json!({
            "metadata": {"uid": uid},
            "involvedObject": {"kind": "Pod", "name": "p"},
            "reason": "Why", "count": count, "lastTimestamp": format!("2026-01-01T00:00:{second:02}Z"),
        }))
        .unwrap()
    }

    fn list(known: &mut Known, events: &[ApiEvent]) -> Vec<(String, i32, bool)> {
        assert!(known.take(watcher::Event::Init).is_empty());
        for event in events {
            assert!(known.take(watcher::Event::InitApply(event.clone())).is_empty());
        }
        reported(known.take(watcher::Event::InitDone))
    }

    fn reported(events: Vec<ClusterEvent>) -> Vec<(String, i32, bool)> {
        events.into_iter().map(|event| (event.uid, event.count, event.old)).collect()
    }

    #[test]
    fn a_list_is_reported_once_in_order_of_time() {
        let mut known = Known::default();
        let (early, late) = (event("a", 1, 9), event("z", 1, 1));
        let (a, z) = (("a".to_owned(), 1, true), ("z".to_owned(), 1, true));
        assert_eq!(list(&mut known, &[early.clone(), late.clone()]), [z, a]);
        // Nothing was missed, then one was repeated while there was no watch.
        assert_eq!(list(&mut known, &[early.clone(), late]), []);
        assert_eq!(list(&mut known, &[early, event("z", 2, 20)]), [("z".to_owned(), 2, true)]);
    }

    #[test]
    fn only_a_repeated_event_is_new() {
        let mut known = Known::default();
        for (event, news) in [
            (event("a", 1, 1), vec![("a".to_owned(), 1, false)]),
            (event("a", 1, 1), vec![]),
            (event("a", 2, 1), vec![("a".to_owned(), 2, false)]),
            (event("a", 2, 5), vec![("a".to_owned(), 2, false)]),
        ] {
            assert_eq!(reported(known.take(watcher::Event::Apply(event))), news);
        }
        assert!(known.take(watcher::Event::Delete(event("a", 2, 5))).is_empty());
        assert_eq!(reported(known.take(watcher::Event::Apply(event("a", 2, 5)))).len(), 1);
    }
}
