//! Plays all scripts on a cluster at the same time and records the inputs and outputs of its controller.

use std::time::{Duration, SystemTime};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use testkit::wait;

use crate::recorder::{LoggedSync, Recorder};
use crate::script::Script;
use crate::world::Sizes;
use hpa::recorded::{RecordedHpa, RecordedSync, Recording, without_times};

/// Minimum age of a size at a sync; the controller may not have seen a younger one.
const MIN_SIZE_AGE: Duration = Duration::from_millis(300);

/// The cluster of the scripts.
pub(crate) struct Stage<'a> {
    pub(crate) client: &'a Client,
    pub(crate) namespace: &'a str,
    /// Image of the idle pods.
    pub(crate) image: &'a str,
    pub(crate) period_seconds: u32,
}

/// Plays the scripts. `recorder` must be the cluster's external metrics API.
pub(crate) async fn play(stage: &Stage<'_>, scripts: &[Script], recorder: &Recorder) -> Vec<RecordedHpa> {
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), stage.namespace);
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(stage.client.clone(), stage.namespace);
    for script in scripts {
        let object = serde_json::from_value(script.deployment(stage.image)).unwrap();
        deployments.create(&PostParams::default(), &object).await.unwrap();
    }
    for script in scripts {
        wait::until_within(2 * wait::DEADLINE, "the first pods", || async {
            let status = deployments.get(&script.name).await.unwrap().status?;
            (status.replicas == Some(script.start)).then_some(())
        })
        .await;
        recorder.wait_for(&script.name, Sizes { spec: script.start, status: script.start }).await;
    }
    for script in scripts {
        let object = serde_json::from_value(script.autoscaler()).unwrap();
        autoscalers.create(&PostParams::default(), &object).await.unwrap();
    }
    let played = scripts.iter().map(|script| follow(stage, script, recorder, &deployments, &autoscalers));
    futures::future::join_all(played).await
}

/// Plays one script.
async fn follow(
    stage: &Stage<'_>,
    script: &Script,
    recorder: &Recorder,
    deployments: &Api<Deployment>,
    autoscalers: &Api<HorizontalPodAutoscaler>,
) -> RecordedHpa {
    let name = script.name.as_str();
    let mut syncs: Vec<RecordedSync> = Vec::new();
    let mut first = None;
    // The size before the script changed it by hand.
    let mut size_before_resize = None;
    for index in 0..=script.syncs.len() {
        let deadline = Duration::from_secs(u64::from(stage.period_seconds)) * 2 + wait::DEADLINE;
        let what = format!("sync {index} of {name}");
        let recorded =
            wait::until_within(deadline, &what, || async { recorder.syncs(name).get(index).cloned() }).await;
        if let Some(sync) = syncs.last_mut() {
            let before: usize = recorder.syncs(name)[index - 1].observed.events.len();
            sync.size = size_before_resize.take().unwrap_or(recorded.observed.sizes.spec);
            sync.status = without_times(&recorded.observed.status);
            sync.events = recorded.observed.events[before..].to_vec();
        }
        let Some(step) = script.syncs.get(index) else { break };
        assert!(
            recorded.observed.size_age >= MIN_SIZE_AGE,
            "{name}: the sizes changed {:?} before sync {index}; the controller may have seen older ones",
            recorded.observed.size_age
        );
        let first = *first.get_or_insert(recorded.answered);
        // The response for the last metric may still be under way.
        let answered = last_answer(recorder, name, index).await;
        syncs.push(RecordedSync {
            at_ms: millis(first, answered),
            spec_replicas: recorded.observed.sizes.spec,
            status_replicas: recorded.observed.sizes.status,
            responses: step.read.clone(),
            size: 0,
            status: json!(null),
            events: Vec::new(),
        });
        if let Some(size) = step.resize {
            // Waits for the controller's own write.
            wait::until("the end of the sync", || async {
                (answered.elapsed().unwrap_or_default() > MIN_SIZE_AGE * 6).then_some(())
            })
            .await;
            size_before_resize = Some(deployments.get(name).await.unwrap().spec.unwrap().replicas.unwrap());
            let change = json!({"spec": {"replicas": size}});
            deployments.patch_scale(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
        }
    }
    let stored = autoscalers.get(name).await.unwrap();
    RecordedHpa {
        name: name.to_owned(),
        namespace: stage.namespace.to_owned(),
        spec: json!(stored.spec),
        syncs,
    }
}

/// The time of a sync's last response: no request follows within a third of a second.
async fn last_answer(recorder: &Recorder, name: &str, index: usize) -> SystemTime {
    wait::until("the last response of a sync", || async {
        let sync: LoggedSync = recorder.syncs(name)[index].clone();
        let quiet = sync.answered.elapsed().unwrap_or_default() > Duration::from_millis(333);
        quiet.then_some(sync.answered)
    })
    .await
}

fn millis(from: SystemTime, to: SystemTime) -> i64 {
    i64::try_from(to.duration_since(from).unwrap_or_default().as_millis()).unwrap()
}

/// The recording for the file.
pub(crate) fn recording(kubernetes: String, period_seconds: u32, autoscalers: Vec<RecordedHpa>) -> Recording {
    Recording {
        about: "Syncs of a real kube-controller-manager. crates/sandbox/tests/cluster was the external metrics API and \
                answered from scripts.yaml; sizes, statuses and events come from watches. To record again: \
                SURGE_UPDATE_GOLDENS=1 cargo test -p sandbox --test cluster -- --ignored predicts."
            .to_owned(),
        kubernetes,
        period_seconds: i64::from(period_seconds),
        autoscalers,
    }
}

/// The recording as JSON, with one line for each sync.
pub(crate) fn text(recording: &Recording) -> String {
    let mut whole = json!(recording);
    let mut lines = Vec::new();
    for autoscaler in whole["autoscalers"].as_array_mut().unwrap() {
        for sync in autoscaler["syncs"].as_array_mut().unwrap() {
            let placeholder = json!(format!("<{}>", lines.len()));
            lines.push(std::mem::replace(sync, placeholder));
        }
    }
    let mut text = serde_json::to_string_pretty(&whole).unwrap();
    for (index, sync) in lines.iter().enumerate() {
        text = text.replacen(&format!("\"<{index}>\""), &sync.to_string(), 1);
    }
    text + "\n"
}
