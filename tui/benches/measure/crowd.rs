//! Thousands of pods in addition to the demo's: made from the worker's template, so that they are as large as real ones, and
//! bound to no node, so that none of them runs.

use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The label that finds them.
const LABEL: &str = "surge-bench=crowd";
/// Requests at the same time.
const AT_ONCE: usize = 16;

/// The pods that this benchmark made in a namespace. Dropping it removes them.
pub(crate) struct Crowd {
    runtime: Runtime,
    pods: Api<Pod>,
    template: Value,
    size: usize,
}

/// Changes that continue until this is dropped.
pub(crate) struct Changes(JoinHandle<()>);

impl Drop for Changes {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Crowd {
    /// None yet, in a namespace with the demo.
    pub(crate) fn new(kubeconfig: &Path, namespace: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let (pods, template) = runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config =
                Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a usable kubeconfig");
            let client = Client::try_from(config).expect("a client");
            let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
            let worker =
                deployments.get(contract::names::WORKER).await.expect("the demo's Deployment worker");
            let spec = worker.spec.and_then(|spec| spec.template.spec).expect("it has pods");
            (Api::<Pod>::namespaced(client, namespace), serde_json::to_value(spec).expect("a spec is data"))
        });
        let crowd = Self { runtime, pods, template, size: 0 };
        crowd.remove();
        crowd
    }

    /// Makes pods up to `count`.
    pub(crate) fn grow(&mut self, size: usize) {
        let new: Vec<(usize, Pod)> = (self.size..size).map(|number| (number, self.pod(number))).collect();
        let pods = &self.pods;
        self.runtime.block_on(stream::iter(new).for_each_concurrent(AT_ONCE, |(number, pod)| async move {
            pods.create(&PostParams::default(), &pod).await.expect("a pod is created");
            set(pods, number, "Running", "crowd").await;
        }));
        self.size = size;
    }

    fn pod(&self, number: usize) -> Pod {
        let mut spec = self.template.clone();
        // No scheduler takes it.
        spec["schedulerName"] = json!("none");
        serde_json::from_value(json!({
            "metadata": {"name": name(number), "labels": {"surge-bench": "crowd", "app": "crowd"},
                "annotations": {"example.com/why": "as large as the annotations of a pod usually are, no more"}},
            "spec": spec,
        }))
        .expect("a pod")
    }

    /// Changes `each_second` pods every second.
    pub(crate) fn change(&self, every_second: u32) -> Changes {
        let (pods, size) = (self.pods.clone(), self.size);
        Changes(self.runtime.spawn(async move {
            let mut due = tokio::time::interval(Duration::from_secs(1) / every_second);
            for change in 0_usize.. {
                due.tick().await;
                let pods = pods.clone();
                // In parallel: a slow answer must not reduce the changes.
                tokio::spawn(
                    async move { set(&pods, change % size, "Running", &format!("Seen{change}")).await },
                );
            }
        }))
    }

    fn remove(&self) {
        self.runtime.block_on(async {
            let (delete, list) =
                (DeleteParams::default().grace_period(0), ListParams::default().labels(LABEL));
            self.pods.delete_collection(&delete, &list).await.expect("the pods are deleted");
        });
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.remove();
    }
}

fn name(number: usize) -> String {
    format!("crowd-6f7d9c8b5-{number:05}")
}

/// A status as large as that of a pod that runs.
async fn set(pods: &Api<Pod>, number: usize, phase: &str, reason: &str) {
    let since = "2026-01-01T00:00:00Z";
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": since});
    let kinds = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let conditions = kinds.map(condition);
    let status = json!({"status": {
        "phase": phase, "reason": reason, "hostIP": "10.200.0.1", "podIP": "10.244.0.9", "qosClass": "Burstable",
        "startTime": since,
        "conditions": conditions,
        "containerStatuses": [{"name": "worker", "ready": true, "started": true, "restartCount": 0,
            "image": "surge/worker:0.1.0", "imageID": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "containerID": "containerd://0000000000000000000000000000000000000000000000000000000000000000",
            "state": {"running": {"startedAt": since}}, "lastState": {}}],
    }});
    let changed = pods.patch_status(&name(number), &PatchParams::default(), &Patch::Merge(&status)).await;
    changed.expect("a pod's status is changed");
}
