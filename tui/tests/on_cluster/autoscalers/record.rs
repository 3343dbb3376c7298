//! A recording of an autoscaler during a burst, by watches alone, so that nothing on the cluster is replaced for it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use hpa::recorded::RecordedHpa;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use k8s_openapi::api::core::v1::Event;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use testkit::wait;
use tokio::task::JoinSet;

use super::syncs::{self, Seen, Sizes};
use crate::scenarios::site::LONG;

const HPA: &str = contract::names::HPA;

/// A cluster with the demo at rest, and the task.
pub(crate) struct Side {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// The specification of the new HPA.
    pub(crate) spec: HorizontalPodAutoscalerSpec,
    /// Time between two syncs of the controller.
    pub(crate) period: Duration,
    /// Jobs of the burst.
    pub(crate) jobs: u32,
}

/// Makes a new HPA, fires the burst a third of a period after a sync, and follows until all is at rest.
pub(crate) async fn follow(side: Side) -> RecordedHpa {
    let uid = made_again(&side).await;
    let (seen, watches) = watch(&side, uid);
    let last = async || {
        let seen = seen.lock().unwrap();
        seen.statuses.last().cloned()
    };
    let (first, _) = wait::until_within(LONG, "the first sync of the new HPA", last).await;
    let due = first + side.period / 3;
    tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
    fire(&side).await;
    let fired = Instant::now();
    let rests = async || {
        let (at, status) = last().await?;
        (at > fired && scaled(&seen.lock().unwrap()) && is_at_rest(&status)).then_some(())
    };
    // The slowest burst, its window, and time for a machine with other work.
    wait::until_within(3 * LONG, "the autoscaler to be at rest again", rests).await;
    let settled = Instant::now();
    wait::until_within(LONG, "what is reported late", async || {
        (settled.elapsed() > side.period).then_some(())
    })
    .await;
    drop(watches);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    RecordedHpa {
        name: HPA.to_owned(),
        namespace: side.namespace.clone(),
        spec: json!(side.spec),
        syncs: syncs::of(&seen, side.period),
    }
}

/// Deletes the HPA and makes one with the same labels. Its controller starts with an empty memory: it drops the memory of a
/// name when a sync finds no HPA, which takes at most a period.
async fn made_again(side: &Side) -> String {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(side.client.clone(), &side.namespace);
    let before = api.get(HPA).await.unwrap();
    api.delete(HPA, &DeleteParams::default()).await.unwrap();
    tokio::time::sleep(side.period + side.period / 3).await;
    let labels = (&before.metadata.labels, &before.metadata.annotations);
    let metadata = json!({"name": HPA, "labels": labels.0, "annotations": labels.1});
    let object = HorizontalPodAutoscaler {
        metadata: serde_json::from_value(metadata).unwrap(),
        spec: Some(side.spec.clone()),
        status: None,
    };
    api.create(&PostParams::default(), &object).await.unwrap().uid().unwrap()
}

/// Sends all jobs with one request, through the API server's proxy to the producer.
async fn fire(side: &Side) {
    let (service, port) = (contract::names::PRODUCER, contract::names::PRODUCER_HTTP.name);
    let path = format!(
        "/api/v1/namespaces/{}/services/{service}:{port}/proxy{}?count={}",
        side.namespace,
        contract::routes::GENERATE,
        side.jobs
    );
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    side.client.request_text(request).await.unwrap();
}

/// Returns true if the target had more than its first size.
fn scaled(seen: &Seen) -> bool {
    let first = seen.sizes.first().map(|(_, sizes)| sizes.spec);
    seen.sizes.iter().any(|(_, sizes)| Some(sizes.spec) > first)
}

/// Returns true if nothing will change: the queue is empty, and the minimum holds the size.
fn is_at_rest(status: &Value) -> bool {
    let condition = |kind: &str, reason: &str| {
        let mut all = status["conditions"].as_array().into_iter().flatten();
        all.any(|condition| condition["type"] == kind && condition["reason"] == reason)
    };
    condition("ScalingLimited", "TooFewReplicas") && condition("AbleToScale", "ReadyForNewScale")
}

/// Watches the HPA of that UID, its target and its events until the set is dropped.
fn watch(side: &Side, uid: String) -> (Arc<Mutex<Seen>>, JoinSet<()>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut tasks = JoinSet::new();
    let all = watcher::Config::default;
    let named = |name: &str| all().fields(&format!("metadata.name={name}"));

    let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(side.client.clone(), &side.namespace);
    let (kept, own) = (Arc::clone(&seen), uid.clone());
    each(&mut tasks, hpas, named(HPA), move |hpa| {
        let status = json!(hpa.status);
        if hpa.uid().as_deref() == Some(&own) && status["conditions"].is_array() {
            kept.lock().unwrap().wrote(Instant::now(), status);
        }
    });
    let deployments: Api<Deployment> = Api::namespaced(side.client.clone(), &side.namespace);
    let kept = Arc::clone(&seen);
    each(&mut tasks, deployments, named(contract::names::WORKER), move |target| {
        let sizes = Sizes {
            spec: target.spec.and_then(|spec| spec.replicas).unwrap_or(1),
            status: target.status.and_then(|status| status.replicas).unwrap_or(0),
        };
        kept.lock().unwrap().sizes.push((Instant::now(), sizes));
    });
    let events: Api<Event> = Api::namespaced(side.client.clone(), &side.namespace);
    let kept = Arc::clone(&seen);
    each(&mut tasks, events, all(), move |event| {
        if event.involved_object.uid.as_deref() != Some(&uid) {
            return;
        }
        let version = (event.uid().unwrap_or_default(), event.resource_version().unwrap_or_default());
        let words = [event.type_, event.reason, event.message].map(Option::unwrap_or_default).join(" ");
        kept.lock().unwrap().reported(Instant::now(), version, words);
    });
    (seen, tasks)
}

/// Passes on every version of every object that a watch reports; a watch that ends is resumed.
fn each<K>(
    tasks: &mut JoinSet<()>,
    api: Api<K>,
    config: watcher::Config,
    mut take: impl FnMut(K) + Send + 'static,
) where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let objects = watcher(api, config).default_backoff().applied_objects();
    tasks.spawn(async move {
        let mut objects = std::pin::pin!(objects);
        while let Some(object) = objects.next().await {
            // The watcher logs the error, waits and continues by itself.
            if let Ok(object) = object {
                take(object);
            }
        }
    });
}
