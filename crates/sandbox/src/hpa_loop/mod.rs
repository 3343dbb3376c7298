//! The HorizontalPodAutoscaler controller: reads what a decision needs through the API, lets [`hpa`] decide, and writes
//! size, status and events as kube-controller-manager does.

mod readings;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::hpa::{EventKind, Input, Memory, Release, Spec, Status, Time};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::config::Autoscaling;
use crate::events::Source;
use crate::informer::{Change, Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};

const SOURCE: Source = Source::Controller("horizontal-pod-autoscaler");

/// Listens for HPAs and looks at each soon and then every sync period.
pub(crate) fn start(cluster: &Cluster, settings: &Autoscaling) {
    let queue = Queue::<Key>::new();
    let controller = Arc::new(Controller {
        cluster: cluster.clone(),
        config: config(settings),
        period: settings.sync_period.max(Duration::from_millis(1)),
        memories: Mutex::default(),
        selectors: Mutex::default(),
    });
    let (added, rivals) = (Arc::clone(&queue), Arc::clone(&controller));
    let first = settings.first_sync.min(controller.period);
    cluster.autoscalers.on_change(move |change| match change {
        Change::Applied(object, None) => added.add_after(key_of(&**object), first),
        // A change waits for the next sync.
        Change::Applied(..) => {}
        Change::Deleted(object) => rivals.gone(object),
    });
    let again = Arc::clone(&queue);
    cluster.tasks.spawn(queue::work("hpa", queue, move |key: Key| {
        let (controller, again) = (Arc::clone(&controller), Arc::clone(&again));
        async move {
            if controller.sync(&key).await {
                // A whole period after the end, as in Kubernetes: a change of one sync is then never within a policy's period, or a
                // window, of that length when the next one looks back.
                again.add_after(key, controller.period);
            }
            Ok(())
        }
    }));
}

/// The controller's flags and the release whose rules it follows.
pub(crate) fn config(settings: &Autoscaling) -> ::hpa::Config {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    ::hpa::Config {
        sync_period_seconds: seconds(settings.sync_period),
        downscale_stabilization_seconds: seconds(settings.downscale_stabilization),
        tolerance: settings.tolerance,
        ..::hpa::Config::release(Release::V1_34)
    }
}

struct Controller {
    cluster: Cluster,
    config: ::hpa::Config,
    period: Duration,
    /// What is remembered of each HPA, by its name as in Kubernetes: one that is made again before the next sync is remembered.
    memories: Mutex<HashMap<Key, Memory>>,
    /// The selector of each HPA's target as last seen, to find rivals.
    selectors: Mutex<HashMap<Key, String>>,
}

impl Controller {
    /// An HPA that is gone is nobody's rival any more.
    fn gone(&self, object: &HorizontalPodAutoscaler) {
        self.selectors.lock().unwrap_or_else(PoisonError::into_inner).remove(&key_of(object));
    }

    /// One sync; false when the HPA is gone.
    async fn sync(&self, key: &Key) -> bool {
        let Some(object) = self.cluster.autoscalers.get(&key.0, &key.1) else {
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
            return false;
        };
        let (spec, status) = match parts(&object) {
            Ok(parts) => parts,
            Err(error) => {
                tracing::warn!(hpa = %key.1, %error, "the HPA cannot be read");
                return true;
            }
        };
        let client = &self.cluster.client;
        let target = target::find(client, &key.0, &spec.scale_target_ref).await;
        let scale = target.as_ref().map(|target| target.scale.clone()).map_err(Clone::clone);
        let selector = scale.as_ref().map(|scale| scale.selector.clone()).unwrap_or_default();
        let pods = target::pods(client, &key.0, &selector).await;
        let selected_by = self.selected_by(key, &selector, &pods).await;
        let mut read = Vec::with_capacity(spec.metrics.len());
        // A target that is forced to its bounds or paused needs no metrics, and Kubernetes asks for none.
        if scale.as_ref().is_ok_and(|scale| is_computed(&spec, scale.spec_replicas)) {
            for metric in &spec.metrics {
                read.push(readings::read(client, &key.0, metric).await);
            }
        }
        let input = Input {
            now: now(),
            namespace: &key.0,
            generation: object.metadata.generation,
            spec: &spec,
            status: &status,
            scale: scale.as_ref().map_err(String::as_str),
            pods: &pods.iter().filter_map(|pod| ::hpa::Pod::try_from(pod).ok()).collect::<Vec<_>>(),
            selected_by: &selected_by,
            readings: &read,
            config: &self.config,
        };
        let mut memory =
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(key).unwrap_or_default();
        let mut decision = ::hpa::decide(&input, &mut memory);
        if let (Some(size), Ok(target)) = (decision.new_size, &target) {
            let written = target.resize(size).await;
            let written = written.as_ref().copied().map_err(String::as_str);
            ::hpa::after_scale(&input, &mut decision, written, now(), &mut memory);
        }
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), memory);
        for event in &decision.events {
            let event_type = match event.kind {
                EventKind::Normal => "Normal",
                EventKind::Warning => "Warning",
            };
            let about = meta::reference(&*object);
            self.cluster.recorder.note(&SOURCE, about, event_type, &event.reason, event.message.clone());
        }
        if let Some(error) = &decision.error {
            tracing::debug!(hpa = %key.1, %error, "the sync failed");
        }
        if decision.status != status {
            self.write_status(&object, &decision.status).await;
        }
        true
    }

    /// The HPAs whose targets' selectors pick some of these pods, this one among them.
    async fn selected_by(
        &self,
        key: &Key,
        selector: &str,
        pods: &[k8s_openapi::api::core::v1::Pod],
    ) -> Vec<String> {
        let others: Vec<(Key, String)> = {
            let mut selectors = self.selectors.lock().unwrap_or_else(PoisonError::into_inner);
            if selector.is_empty() {
                selectors.remove(key);
            } else {
                selectors.insert(key.clone(), selector.to_owned());
            }
            let others = selectors.iter().filter(|(other, _)| *other != key && other.0 == key.0);
            others.map(|(other, selector)| (other.clone(), selector.clone())).collect()
        };
        let mut all = vec![format!("{}/{}", key.0, key.1)];
        for (other, theirs) in others {
            let their_pods = target::pods(&self.cluster.client, &other.0, &theirs).await;
            if their_pods.iter().any(|theirs| pods.iter().any(|ours| ours.uid() == theirs.uid())) {
                all.push(format!("{}/{}", other.0, other.1));
            }
        }
        all.sort();
        all
    }

    async fn write_status(&self, object: &HorizontalPodAutoscaler, status: &Status) {
        let status = k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerStatus::from(status);
        let mut status = json!(status);
        for field in
            ["currentMetrics", "currentReplicas", "desiredReplicas", "lastScaleTime", "observedGeneration"]
        {
            if status.get(field).is_none() {
                status[field] = Value::Null;
            }
        }
        let api: Api<HorizontalPodAutoscaler> =
            Api::namespaced(self.cluster.client.clone(), &object.namespace().unwrap_or_default());
        let change = json!({"metadata": {"uid": object.uid()}, "status": status});
        match api.patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(&change)).await {
            Ok(object) => self.cluster.autoscalers.observe(object),
            Err(kube::Error::Api(answer)) if answer.code == 404 => {}
            Err(error) => {
                let text = match &error {
                    kube::Error::Api(answer) => answer.message.clone(),
                    other => other.to_string(),
                };
                self.cluster.recorder.warning(&SOURCE, meta::reference(object), "FailedUpdateStatus", text);
            }
        }
    }
}

/// Whether the size follows from metrics, rather than from the bounds alone.
fn is_computed(spec: &Spec, current: i32) -> bool {
    let min = spec.min();
    if current == 0 { min == 0 } else { current >= min && current <= spec.max_replicas }
}

fn parts(object: &HorizontalPodAutoscaler) -> Result<(Spec, Status), ::hpa::k8s::ConvertError> {
    let mut spec = match &object.spec {
        Some(spec) => Spec::try_from(spec)?,
        None => Spec::default(),
    };
    ::hpa::defaults::default_spec(&mut spec);
    let status = match &object.status {
        Some(status) => Status::try_from(status)?,
        None => Status::default(),
    };
    Ok((spec, status))
}

fn now() -> Time {
    Time(Timestamp::now().as_millisecond())
}
