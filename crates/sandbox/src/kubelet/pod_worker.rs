//! The worker of one pod: starts its containers, probes and restarts them, and terminates them.

mod probes;
mod start;
mod status_writer;
mod termination;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ObjectReference, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::Api;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::container::{BackOffLimits, Container, RunState};
use super::log::PodLogs;
use super::node::{Node, PodUpdate, format_address};
use super::probe::{ProbeReport, ProbeType};
use crate::meta;

/// Container updates that may wait; then their senders wait.
const UPDATE_QUEUE_CAPACITY: usize = 64;
/// Delay before a failed write of the status is retried.
const STATUS_RETRY_DELAY: Duration = Duration::from_millis(500);
/// Time limit for reading the rest of the output after a process has ended.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// Reason of a container that waits for its restart after failures.
const CRASH_LOOP_BACK_OFF: &str = "CrashLoopBackOff";
/// Interval of repeated `BackOff` events, about the interval at which a kubelet syncs such a pod.
const BACK_OFF_EVENT_INTERVAL: Duration = Duration::from_secs(12);
/// Grace period of a pod that does not set one.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// An update about one run of a container.
struct ContainerUpdate {
    index: usize,
    run: u64,
    change: ContainerChange,
}

enum ContainerChange {
    /// The process ended with this exit code.
    Exited(i32),
    Probed(ProbeType, ProbeReport),
}

/// Runs `pod` until it is gone.
pub(super) async fn run(
    node: Arc<Node>,
    pod: Arc<Pod>,
    mut pod_updates: watch::Receiver<PodUpdate>,
    logs: Arc<PodLogs>,
) {
    let number = node.addresses().allocate();
    let (sender, mut container_updates) = mpsc::channel(UPDATE_QUEUE_CAPACITY);
    let mut worker = PodWorker::new(&node, pod, number, logs, sender);
    worker.work(&mut pod_updates, &mut container_updates).await;
    worker.logs.close();
    let _never_created = std::fs::remove_dir_all(&worker.folder);
    node.addresses().release(number);
}

struct PodWorker {
    node: Arc<Node>,
    pod: Arc<Pod>,
    uid: String,
    ip: String,
    folder: PathBuf,
    start: Time,
    /// Init containers first.
    containers: Vec<Container>,
    /// Number of init containers.
    init_count: usize,
    logs: Arc<PodLogs>,
    updates: mpsc::Sender<ContainerUpdate>,
    written: Option<PodStatus>,
    retry_status_at: Option<Instant>,
    /// Grace period in seconds, once the pod's deletion was requested.
    grace_seconds: Option<i64>,
}

/// The worker's next step.
#[derive(PartialEq)]
enum Next {
    Continue,
    Finish,
}

impl PodWorker {
    fn new(
        node: &Arc<Node>,
        pod: Arc<Pod>,
        number: u32,
        logs: Arc<PodLogs>,
        updates: mpsc::Sender<ContainerUpdate>,
    ) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let init_specs = spec.init_containers.unwrap_or_default();
        let init_count = init_specs.len();
        let reason = if init_count == 0 { "ContainerCreating" } else { "PodInitializing" };
        let mut containers: Vec<Container> =
            init_specs.into_iter().map(|spec| Container::new(spec, "PodInitializing")).collect();
        containers.extend(spec.containers.into_iter().map(|spec| Container::new(spec, reason)));
        for container in &containers {
            logs.set_waiting_reason(&container.spec.name, reason);
        }
        let uid = pod.uid().unwrap_or_default();
        Self {
            node: Arc::clone(node),
            ip: format_address(number),
            folder: node.folder.join(&uid),
            uid,
            pod,
            start: meta::now(),
            containers,
            init_count,
            logs,
            updates,
            written: None,
            retry_status_at: None,
            grace_seconds: None,
        }
    }

    async fn work(
        &mut self,
        pod_updates: &mut watch::Receiver<PodUpdate>,
        container_updates: &mut mpsc::Receiver<ContainerUpdate>,
    ) {
        loop {
            let update = pod_updates.borrow_and_update().clone();
            match update {
                PodUpdate::Deleted => return self.kill_all(),
                PodUpdate::Object(pod) => self.pod = pod,
            }
            if meta::is_deleting(&*self.pod) {
                self.begin_termination();
            }
            if self.grace_seconds.is_none() {
                self.start_containers().await;
            }
            if self.sync_status().await == Next::Finish {
                return self.kill_all();
            }
            let due = self.next_due();
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = pod_updates.changed() => if changed.is_err() { return self.kill_all() },
                update = container_updates.recv() => if let Some(update) = update { self.handle_update(update) },
                () = timer => {}
            }
            // Writes one status for updates that arrive together.
            while let Ok(update) = container_updates.try_recv() {
                self.handle_update(update);
            }
        }
    }

    /// The earliest time at which a container or the status is due.
    fn next_due(&self) -> Option<Instant> {
        let containers = self.containers.iter().filter_map(|container| match &container.state {
            RunState::Waiting { due, reason, .. } if self.grace_seconds.is_none() => {
                let event = container.repeat_backoff_event_at.filter(|_| reason == CRASH_LOOP_BACK_OFF);
                (*due).into_iter().chain(event).min()
            }
            _ => None,
        });
        containers.chain(self.retry_status_at).min()
    }

    fn handle_update(&mut self, update: ContainerUpdate) {
        if self.containers[update.index].run != update.run {
            return;
        }
        match update.change {
            ContainerChange::Exited(code) => self.handle_exit(update.index, code),
            ContainerChange::Probed(probe_type, report) => {
                self.handle_probe(update.index, probe_type, report);
            }
        }
    }

    fn handle_exit(&mut self, index: usize, code: i32) {
        let container = &mut self.containers[index];
        let RunState::Running(process) = &container.state else { return };
        process.ended.cancel();
        for port in &process.ports {
            self.node.ports.close(&self.uid, *port);
        }
        let status = ContainerStateTerminated {
            exit_code: code,
            reason: Some(if code == 0 { "Completed" } else { "Error" }.to_owned()),
            started_at: Some(process.started_at.clone()),
            finished_at: Some(meta::now()),
            container_id: Some(format!("process://{}", process.pid)),
            ..ContainerStateTerminated::default()
        };
        container.state = RunState::Terminated { status, at: Instant::now() };
        container.ready = false;
        container.started = false;
    }

    fn set_waiting(&mut self, index: usize, reason: &str, message: Option<String>, due: Option<Instant>) {
        self.containers[index].state = RunState::Waiting { reason: reason.to_owned(), message, due };
    }

    fn back_off_limits(&self) -> BackOffLimits {
        let config = &self.node.config;
        BackOffLimits { first: config.back_off_base, max: config.back_off_max, reset: config.back_off_reset }
    }

    fn spec_grace_seconds(&self) -> i64 {
        let spec = self.pod.spec.as_ref();
        spec.and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(DEFAULT_GRACE_SECONDS)
    }

    fn namespace(&self) -> String {
        self.pod.namespace().unwrap_or_default()
    }

    fn api(&self) -> Api<Pod> {
        Api::namespaced(self.node.cluster.client.clone(), &self.namespace())
    }

    fn reference(&self, index: usize) -> ObjectReference {
        let list = if index < self.init_count { "initContainers" } else { "containers" };
        let path = format!("spec.{list}{{{}}}", self.containers[index].spec.name);
        ObjectReference { field_path: Some(path), ..meta::reference(&*self.pod) }
    }

    fn normal_event(&self, index: usize, reason: &str, message: String) {
        self.node.cluster.recorder.normal(&self.node.source, self.reference(index), reason, message);
    }

    fn warning_event(&self, index: usize, reason: &str, message: String) {
        self.node.cluster.recorder.warning(&self.node.source, self.reference(index), reason, message);
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}
