//! Which pods take traffic, as the watch on them tells. A pod that is deleted, evicted or not ready any more is known here a
//! second or more before its kubelet tells the end of the tunnels to it; a request sent over one meanwhile would be lost.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;
use tokio::sync::watch;

use observed::convert::pod::is_ready;

/// The two ends: one learns from the watch, the other is asked.
#[must_use]
pub fn channel() -> (ReadyPodsWriter, ReadyPods) {
    let (told, known) = watch::channel(HashSet::new());
    (ReadyPodsWriter { told, listing: HashSet::new() }, ReadyPods(known))
}

/// Learns from each event of the watch.
pub struct ReadyPodsWriter {
    told: watch::Sender<HashSet<String>>,
    /// What of a list has been read so far.
    listing: HashSet<String>,
}

impl ReadyPodsWriter {
    /// Takes an event into account.
    pub fn learn(&mut self, event: &Event<Pod>) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(pod) => {
                if is_ready(pod) {
                    self.listing.extend(pod.uid());
                }
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listing);
                self.told.send_if_modified(|told| {
                    *told != listed && {
                        *told = listed;
                        true
                    }
                });
            }
            Event::Apply(pod) => self.set(pod, is_ready(pod)),
            Event::Delete(pod) => self.set(pod, false),
        }
    }

    fn set(&self, pod: &Pod, serves: bool) {
        let Some(uid) = pod.uid() else { return };
        self.told.send_if_modified(|told| if serves { told.insert(uid) } else { told.remove(&uid) });
    }
}

/// The UIDs of the pods that take traffic.
#[derive(Debug, Clone)]
pub struct ReadyPods(watch::Receiver<HashSet<String>>);

impl ReadyPods {
    /// Returns once the pod, which the watch had called ready, is so no more. What the watch does not tell of, because it
    /// lags or may not be opened, is never called gone.
    pub async fn left(mut self, uid: String) {
        let came = self.0.wait_for(|serving| serving.contains(&uid)).await.is_ok();
        if !came || self.0.wait_for(|serving| !serving.contains(&uid)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// From now on [`Self::has_changed`] tells of changes after this one.
    pub fn mark(&mut self) {
        self.0.mark_unchanged();
    }

    /// Whether some pod has come or left since [`Self::mark`].
    pub fn has_changed(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, ready: bool) -> Pod {
        let status = if ready { "True" } else { "False" };
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": name},
            "status": {"conditions": [{"type": "Ready", "status": status}]},
        }))
        .unwrap()
    }

    fn list(learner: &mut ReadyPodsWriter, pods: &[Pod]) {
        learner.learn(&Event::Init);
        for pod in pods {
            learner.learn(&Event::InitApply(pod.clone()));
        }
        learner.learn(&Event::InitDone);
    }

    #[test]
    fn a_pod_has_left_when_it_was_ready_and_is_so_no_more() {
        type Leave = fn(&mut ReadyPodsWriter);
        let ways: [(&str, Leave); 4] = [
            ("not ready", |learner| learner.learn(&Event::Apply(pod("a", false)))),
            ("deleted", |learner| learner.learn(&Event::Delete(pod("a", true)))),
            ("listed as not ready", |learner| list(learner, &[pod("a", false)])),
            ("not listed", |learner| list(learner, &[pod("b", true)])),
        ];
        for (way, leave) in ways {
            let (mut learner, serving) = channel();
            let mut left = Box::pin(serving.left("a".to_owned()));
            list(&mut learner, &[pod("a", false), pod("b", true)]);
            assert!((&mut left).now_or_never().is_none(), "{way}: never seen ready");
            learner.learn(&Event::Apply(pod("a", true)));
            list(&mut learner, &[pod("a", true)]);
            learner.learn(&Event::Apply(pod("c", true)));
            learner.learn(&Event::Delete(pod("c", true)));
            assert!((&mut left).now_or_never().is_none(), "{way}: others came and went");
            leave(&mut learner);
            assert!((&mut left).now_or_never().is_some(), "{way}");
        }
    }

    #[test]
    fn without_a_watch_nothing_is_called_gone() {
        let (mut learner, serving) = channel();
        learner.learn(&Event::Apply(pod("a", true)));
        let mut left = Box::pin(serving.left("a".to_owned()));
        drop(learner);
        assert!((&mut left).now_or_never().is_none());
    }

    #[test]
    fn only_who_comes_and_leaves_is_a_change() {
        let (mut learner, mut serving) = channel();
        let steps: [(&str, Event<Pod>, bool); 4] = [
            ("not ready yet", Event::Apply(pod("a", false)), false),
            ("ready", Event::Apply(pod("a", true)), true),
            ("still ready", Event::Apply(pod("a", true)), false),
            ("gone", Event::Delete(pod("a", true)), true),
        ];
        for (step, event, changes) in steps {
            serving.mark();
            learner.learn(&event);
            assert_eq!(serving.has_changed(), changes, "{step}");
        }
    }
}
