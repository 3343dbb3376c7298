//! The HorizontalPodAutoscaler controller: reads the inputs of a decision, lets [`hpa`] decide, and writes the size, the
//! status and the events, as kube-controller-manager does.

mod readings;
mod selection;
mod target;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::hpa::{EventKind, Input, Memory, Release, Spec, Status, Time};
use apiserver::LabelSelector;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::config::AutoscalingConfig;
use crate::error::{api_message, has_code};
use crate::events::Source;
use crate::informer::{Change, Key, key_of};
use crate::meta;
use crate::queue::{self, Queue};
use selection::{PodIndex, Selectors};

const SOURCE: Source = Source::Controller("horizontal-pod-autoscaler");

/// Starts the controller, which syncs each HPA soon after its creation and then periodically.
pub(crate) fn start(cluster: &Cluster, settings: &AutoscalingConfig) {
    let queue = Queue::<Key>::new();
    let controller = Arc::new(Controller {
        cluster: cluster.clone(),
        config: config(settings),
        period: settings.sync_period.max(Duration::from_millis(1)),
        memories: Mutex::default(),
        selectors: Mutex::default(),
        pods: Mutex::default(),
    });
    let indexed = Arc::clone(&controller);
    cluster.pods.on_change(move |change| {
        let mut pods = indexed.pods.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Applied(pod, _) => pods.insert(key_of(&**pod), pod.labels()),
            Change::Deleted(pod) => pods.remove(&key_of(&**pod)),
        }
    });
    let (added, removed) = (Arc::clone(&queue), Arc::clone(&controller));
    let first = settings.first_sync.min(controller.period);
    cluster.autoscalers.on_change(move |change| match change {
        Change::Applied(object, None) => added.add_after(key_of(&**object), first),
        // A change takes effect at the next sync.
        Change::Applied(..) => {}
        Change::Deleted(object) => removed.forget_selector(object),
    });
    let delayed = Arc::clone(&queue);
    cluster.tasks.spawn(queue::process("hpa", queue, move |key: Key| {
        let (controller, delayed) = (Arc::clone(&controller), Arc::clone(&delayed));
        async move {
            if controller.sync(&key).await {
                // The period begins at the end of the sync, as in Kubernetes. A policy or window of one period then never
                // contains the change of the sync before.
                delayed.add_after(key, controller.period);
            }
            Ok(())
        }
    }));
}

/// The decision's settings: the controller's flags, and the release whose rules apply.
pub(crate) fn config(settings: &AutoscalingConfig) -> ::hpa::Config {
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
    /// Memory of each HPA, by name as in Kubernetes: an HPA that is recreated before its next sync keeps its memory.
    memories: Mutex<HashMap<Key, Memory>>,
    /// The selector of each HPA's target at its last sync, to find HPAs that select the same pods.
    selectors: Mutex<Selectors>,
    /// The pods by their labels.
    pods: Mutex<PodIndex>,
}

impl Controller {
    fn forget_selector(&self, object: &HorizontalPodAutoscaler) {
        self.selectors.lock().unwrap_or_else(PoisonError::into_inner).remove(&key_of(object));
    }

    /// Syncs an HPA. Returns false when it does not exist any more.
    async fn sync(&self, key: &Key) -> bool {
        let Some(object) = self.cluster.autoscalers.get(&key.0, &key.1) else {
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
            return false;
        };
        let (spec, status) = match spec_and_status(&object) {
            Ok(both) => both,
            Err(error) => {
                tracing::warn!(hpa = %key.1, %error, "the HPA is invalid");
                return true;
            }
        };
        let client = &self.cluster.client;
        let target = target::find(client, &key.0, &spec.scale_target_ref).await;
        let scale = target.as_ref().map(|target| target.scale.clone()).map_err(Clone::clone);
        let selector = scale.as_ref().ok().and_then(|scale| parse_selector(&scale.selector));
        let pods = self.selected_pods(&key.0, selector.as_ref());
        let selected_by = self.selecting_hpas(key, selector.as_ref(), &pods);
        let pods: Vec<_> = pods.iter().filter_map(|pod| ::hpa::Pod::try_from(&**pod).ok()).collect();
        let input = Input {
            now: now(),
            namespace: &key.0,
            generation: object.metadata.generation,
            spec: &spec,
            status: &status,
            scale: scale.as_ref().map_err(String::as_str),
            pods: &pods,
            selected_by: &selected_by,
            readings: &[],
            config: &self.config,
        };
        // Kubernetes reads no metrics when the target is paused or outside its bounds.
        let mut readings = Vec::with_capacity(spec.metrics.len());
        if input.needs_readings() {
            for metric in &spec.metrics {
                let selector = scale.as_ref().map_or("", |scale| scale.selector.as_str());
                readings.push(readings::read(client, &key.0, selector, metric).await);
            }
        }
        let input = Input { now: now(), readings: &readings, ..input };
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
            self.cluster.recorder.record(&SOURCE, about, event_type, &event.reason, event.message.clone());
        }
        if let Some(error) = &decision.error {
            tracing::debug!(hpa = %key.1, %error, "the sync failed");
        }
        if decision.status != status {
            self.write_status(&object, &decision.status).await;
        }
        true
    }

    /// The pods that a target's selector selects. They come from the cache, as in Kubernetes (`podLister`).
    fn selected_pods(&self, namespace: &str, selector: Option<&LabelSelector>) -> Vec<Arc<Pod>> {
        let Some(selector) = selector else { return Vec::new() };
        let candidates =
            self.pods.lock().unwrap_or_else(PoisonError::into_inner).candidates(namespace, selector);
        let mut pods = match candidates {
            Some(keys) => keys.iter().filter_map(|key| self.cluster.pods.get(&key.0, &key.1)).collect(),
            None => self.cluster.pods.in_namespace(namespace),
        };
        pods.retain(|pod| selector.selects(pod.labels()));
        pods
    }

    /// The HPAs whose targets' selectors select at least one of `pods`, this HPA included
    /// (`hpasControllingPodsUnderSelector` of Kubernetes' controller).
    fn selecting_hpas(&self, key: &Key, selector: Option<&LabelSelector>, pods: &[Arc<Pod>]) -> Vec<String> {
        let mut selectors = self.selectors.lock().unwrap_or_else(PoisonError::into_inner);
        selectors.set(key, selector);
        let own = format!("{}/{}", key.0, key.1);
        let others = pods.iter().flat_map(|pod| selectors.selecting(&key.0, pod.labels()));
        let names = others.map(|other| format!("{}/{}", other.0, other.1));
        let all: BTreeSet<String> = names.chain([own]).collect();
        all.into_iter().collect()
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
            Err(error) if has_code(&error, 404) => {}
            Err(error) => {
                let about = meta::reference(object);
                self.cluster.recorder.warning(&SOURCE, about, "FailedUpdateStatus", api_message(&error));
            }
        }
    }
}

/// Parses a selector in text form; `None` when it is empty or invalid.
fn parse_selector(text: &str) -> Option<LabelSelector> {
    LabelSelector::parse(text).ok().filter(|selector| !selector.requirements().is_empty())
}

fn spec_and_status(object: &HorizontalPodAutoscaler) -> Result<(Spec, Status), ::hpa::k8s::ConvertError> {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use apiserver::ApiServer;
    use axum::extract::Request;
    use axum::middleware::{self, Next};
    use kube::Client;
    use testkit::wait;

    use super::*;
    use crate::admission;
    use crate::events::Recorder;
    use crate::manifests;
    use crate::tasks::Tasks;

    #[derive(Default)]
    struct RequestCounts {
        pod_lists: AtomicUsize,
        scale_reads: AtomicUsize,
    }

    /// Starts the controller on an API server without other controllers, and counts its requests.
    async fn start_controller() -> (Cluster, Arc<RequestCounts>) {
        let settings = AutoscalingConfig {
            sync_period: Duration::from_millis(50),
            first_sync: Duration::ZERO,
            ..AutoscalingConfig::default()
        };
        let kinds = admission::kinds(&config(&settings));
        let server = ApiServer::new(apiserver::Config { kinds, ..apiserver::Config::default() });
        let counts = Arc::new(RequestCounts::default());
        let counted = Arc::clone(&counts);
        let router = server.router().layer(middleware::from_fn(move |request: Request, next: Next| {
            let path = request.uri().path();
            if request.method() == http::Method::GET && path.ends_with("/namespaces/default/pods") {
                counted.pod_lists.fetch_add(1, Ordering::Relaxed);
            } else if request.method() == http::Method::GET && path.ends_with("/scale") {
                counted.scale_reads.fetch_add(1, Ordering::Relaxed);
            }
            next.run(request)
        }));
        let client = Client::new(router, "default");
        let tasks = Tasks::new();
        let (recorder, events) = Recorder::new(client.clone(), Duration::from_secs(60));
        tasks.spawn(events);
        let cluster = Cluster::new(client, recorder, tasks);
        start(&cluster, &settings);
        cluster.watch().await;
        (cluster, counts)
    }

    fn deployment_and_pod(name: &str) -> [Value; 2] {
        let template = json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "example/image:1"}]},
        });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
        });
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": template["spec"],
        });
        [deployment, pod]
    }

    fn hpa(name: &str, target: &str) -> Value {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
                "minReplicas": 1, "maxReplicas": 4,
                "metrics": [{"type": "External", "external": {
                    "metric": {"name": "queue_length"},
                    "target": {"type": "AverageValue", "averageValue": "20"},
                }}],
            },
        })
    }

    /// Reason of condition ScalingActive.
    fn scaling_active_reason(cluster: &Cluster, name: &str) -> Option<String> {
        let hpa = cluster.autoscalers.get("default", name)?;
        let conditions = hpa.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|condition| condition.type_ == "ScalingActive")?.reason.clone()
    }

    #[tokio::test]
    async fn syncs_of_many_hpas_list_no_pods() {
        const HPAS: usize = 30;
        let (cluster, counts) = start_controller().await;
        let names: Vec<String> = (0..HPAS).map(|number| format!("app-{number}")).collect();
        let mut objects: Vec<Value> = names.iter().flat_map(|name| deployment_and_pod(name)).collect();
        objects.extend(names.iter().map(|name| hpa(name, name)));
        manifests::apply(&cluster.client, "default", &objects).await.unwrap();
        let three_rounds = async || (counts.scale_reads.load(Ordering::Relaxed) >= 3 * HPAS).then_some(());
        wait::until("three syncs of each HPA", three_rounds).await;
        assert_eq!(counts.pod_lists.load(Ordering::Relaxed), 0);
        for name in &names {
            wait::until("a sync that reads the metric", async || {
                let reason = scaling_active_reason(&cluster, name)?;
                (reason == "FailedGetExternalMetric").then_some(())
            })
            .await;
        }
        cluster.tasks.shut_down().await;
    }

    #[tokio::test]
    async fn hpas_that_select_the_same_pods_are_ambiguous() {
        let (cluster, _) = start_controller().await;
        let mut objects = Vec::from(deployment_and_pod("web"));
        objects.extend(deployment_and_pod("other"));
        objects.extend([hpa("first", "web"), hpa("second", "web"), hpa("third", "other")]);
        manifests::apply(&cluster.client, "default", &objects).await.unwrap();
        for (name, expected) in [
            ("first", "AmbiguousSelector"),
            ("second", "AmbiguousSelector"),
            ("third", "FailedGetExternalMetric"),
        ] {
            wait::until(name, async || {
                (scaling_active_reason(&cluster, name).as_deref() == Some(expected)).then_some(())
            })
            .await;
        }
        cluster.tasks.shut_down().await;
    }
}
