//! Pods that receive traffic, according to the watch on pods.
//!
//! The watch reports a deleted, evicted or unready pod a second or more before its kubelet closes the tunnels to it. A request
//! sent through such a tunnel meanwhile would be lost.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;
use tokio::sync::watch;

use observed::convert::pod::is_ready;

/// The writer, which follows the watch, and the reader.
#[must_use]
pub fn channel() -> (ReadyPodsWriter, ReadyPods) {
    let (sender, receiver) = watch::channel(HashSet::new());
    (ReadyPodsWriter { sender, listing: HashSet::new() }, ReadyPods(receiver))
}

/// Follows the events of the watch.
pub struct ReadyPodsWriter {
    sender: watch::Sender<HashSet<String>>,
    /// The ready pods of the list that is being received.
    listing: HashSet<String>,
}

impl ReadyPodsWriter {
    /// Applies a watch event.
    pub fn observe(&mut self, event: &Event<Pod>) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(pod) => {
                if is_ready(pod) {
                    self.listing.extend(pod.uid());
                }
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listing);
                self.sender.send_if_modified(|ready| {
                    *ready != listed && {
                        *ready = listed;
                        true
                    }
                });
            }
            Event::Apply(pod) => self.set(pod, is_ready(pod)),
            Event::Delete(pod) => self.set(pod, false),
        }
    }

    fn set(&self, pod: &Pod, is_ready: bool) {
        let Some(uid) = pod.uid() else { return };
        self.sender.send_if_modified(|ready| if is_ready { ready.insert(uid) } else { ready.remove(&uid) });
    }
}

/// The UIDs of the pods that receive traffic.
#[derive(Debug, Clone)]
pub struct ReadyPods(watch::Receiver<HashSet<String>>);

impl ReadyPods {
    /// Returns once the watch has reported the pod as ready and then as not ready or deleted.
    ///
    /// Without news from the watch it never returns: the watch may lag or be forbidden.
    pub async fn until_unready(mut self, uid: String) {
        let was_ready = self.0.wait_for(|ready| ready.contains(&uid)).await.is_ok();
        if !was_ready || self.0.wait_for(|ready| !ready.contains(&uid)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Marks the current set as seen, for [`Self::has_changed`].
    pub fn mark(&mut self) {
        self.0.mark_unchanged();
    }

    /// Returns true if the set has changed since [`Self::mark`].
    pub fn has_changed(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, is_ready: bool) -> Pod {
        let status = if is_ready { "True" } else { "False" };
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": name},
            "status": {"conditions": [{"type": "Ready", "status": status}]},
        }))
        .unwrap()
    }

    fn list(writer: &mut ReadyPodsWriter, pods: &[Pod]) {
        writer.observe(&Event::Init);
        for pod in pods {
            writer.observe(&Event::InitApply(pod.clone()));
        }
        writer.observe(&Event::InitDone);
    }

    #[test]
    fn a_pod_is_unready_after_it_was_ready() {
        type Leave = fn(&mut ReadyPodsWriter);
        let ways: [(&str, Leave); 4] = [
            ("not ready", |writer| writer.observe(&Event::Apply(pod("a", false)))),
            ("deleted", |writer| writer.observe(&Event::Delete(pod("a", true)))),
            ("listed as not ready", |writer| list(writer, &[pod("a", false)])),
            ("not listed", |writer| list(writer, &[pod("b", true)])),
        ];
        for (way, leave) in ways {
            let (mut writer, ready) = channel();
            let mut unready = Box::pin(ready.until_unready("a".to_owned()));
            list(&mut writer, &[pod("a", false), pod("b", true)]);
            assert!((&mut unready).now_or_never().is_none(), "{way}: never seen ready");
            writer.observe(&Event::Apply(pod("a", true)));
            list(&mut writer, &[pod("a", true)]);
            writer.observe(&Event::Apply(pod("c", true)));
            writer.observe(&Event::Delete(pod("c", true)));
            assert!((&mut unready).now_or_never().is_none(), "{way}: other pods changed");
            leave(&mut writer);
            assert!((&mut unready).now_or_never().is_some(), "{way}");
        }
    }

    #[test]
    fn without_a_watch_no_pod_becomes_unready() {
        let (mut writer, ready) = channel();
        writer.observe(&Event::Apply(pod("a", true)));
        let mut unready = Box::pin(ready.until_unready("a".to_owned()));
        drop(writer);
        assert!((&mut unready).now_or_never().is_none());
    }

    #[test]
    fn only_changes_of_readiness_are_changes() {
        let (mut writer, mut ready) = channel();
        let steps: [(&str, Event<Pod>, bool); 4] = [
            ("not ready yet", Event::Apply(pod("a", false)), false),
            ("ready", Event::Apply(pod("a", true)), true),
            ("still ready", Event::Apply(pod("a", true)), false),
            ("gone", Event::Delete(pod("a", true)), true),
        ];
        for (step, event, changes) in steps {
            ready.mark();
            writer.observe(&event);
            assert_eq!(ready.has_changed(), changes, "{step}");
        }
    }
}
