//! The worker of one pod: brings its containers up, watches over them, and takes them down.

mod end;
mod probes;
mod report;
mod start;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ObjectReference, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::Api;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::container::{Container, Limits, State};
use super::probe::{Purpose, Report};
use super::{Logs, Node, Update, shown_address};
use crate::meta;

/// News that may wait; their senders wait when it is full.
const INBOX: usize = 64;
/// Until a failed write of the status is tried again.
const WRITE_AGAIN: Duration = Duration::from_millis(500);
/// How long the output of an ended process is still read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Reason of a container that is held back because it failed.
const CRASH_LOOP: &str = "CrashLoopBackOff";
/// How often that is said; a kubelet looks about as often.
const SAY_AGAIN: Duration = Duration::from_secs(12);
/// Grace of a pod that does not say one.
const GRACE_SECONDS: i64 = 30;

/// News about a container; `run` tells of which of its processes.
struct News {
    index: usize,
    run: u64,
    what: What,
}

enum What {
    Exited(i32),
    Probed(Purpose, Report),
}

/// Runs `pod` until it is gone.
pub(super) async fn run(
    node: Arc<Node>,
    pod: Arc<Pod>,
    mut updates: watch::Receiver<Update>,
    logs: Arc<Logs>,
) {
    let number = node.addresses().take();
    let (sender, mut inbox) = mpsc::channel(INBOX);
    let mut worker = Worker::new(&node, pod, number, logs, sender);
    worker.work(&mut updates, &mut inbox).await;
    worker.logs.end();
    let _never_made = std::fs::remove_dir_all(&worker.folder);
    node.addresses().give_back(number);
}

struct Worker {
    node: Arc<Node>,
    pod: Arc<Pod>,
    uid: String,
    ip: String,
    folder: PathBuf,
    start: Time,
    containers: Vec<Container>,
    /// The first so many are init containers.
    init: usize,
    logs: Arc<Logs>,
    news: mpsc::Sender<News>,
    written: Option<PodStatus>,
    write_again: Option<Instant>,
    /// Its end was asked for, with so many seconds of grace.
    ending: Option<i64>,
}

/// Whether the worker has more to do.
#[derive(PartialEq)]
enum Next {
    GoOn,
    Finished,
}

impl Worker {
    fn new(node: &Arc<Node>, pod: Arc<Pod>, number: u32, logs: Arc<Logs>, news: mpsc::Sender<News>) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let init_specs = spec.init_containers.unwrap_or_default();
        let init = init_specs.len();
        let reason = if init == 0 { "ContainerCreating" } else { "PodInitializing" };
        let mut containers: Vec<Container> =
            init_specs.into_iter().map(|spec| Container::new(spec, "PodInitializing")).collect();
        containers.extend(spec.containers.into_iter().map(|spec| Container::new(spec, reason)));
        for container in &containers {
            logs.wait(&container.spec.name, reason);
        }
        let uid = pod.uid().unwrap_or_default();
        Self {
            node: Arc::clone(node),
            ip: shown_address(number),
            folder: node.folder.join(&uid),
            uid,
            pod,
            start: meta::now(),
            containers,
            init,
            logs,
            news,
            written: None,
            write_again: None,
            ending: None,
        }
    }

    async fn work(&mut self, updates: &mut watch::Receiver<Update>, inbox: &mut mpsc::Receiver<News>) {
        loop {
            let update = updates.borrow_and_update().clone();
            match update {
                Update::Gone => return self.drop_everything(),
                Update::Object(pod) => self.pod = pod,
            }
            if meta::is_deleting(&*self.pod) {
                self.begin_end();
            }
            if self.ending.is_none() {
                self.advance().await;
            }
            if self.publish().await == Next::Finished {
                return self.drop_everything();
            }
            let due = self.due();
            let alarm = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = updates.changed() => if changed.is_err() { return self.drop_everything() },
                news = inbox.recv() => if let Some(news) = news { self.hear(news) },
                () = alarm => {}
            }
            // One status for what happens at the same time.
            while let Ok(news) = inbox.try_recv() {
                self.hear(news);
            }
        }
    }

    /// When something waits for its time.
    fn due(&self) -> Option<Instant> {
        let containers = self.containers.iter().filter_map(|container| match &container.state {
            State::Waiting { due, reason, .. } if self.ending.is_none() => {
                let again = container.say_again.filter(|_| reason == CRASH_LOOP);
                (*due).into_iter().chain(again).min()
            }
            _ => None,
        });
        containers.chain(self.write_again).min()
    }

    fn hear(&mut self, news: News) {
        if self.containers[news.index].run != news.run {
            return;
        }
        match news.what {
            What::Exited(code) => self.exited(news.index, code),
            What::Probed(purpose, report) => self.probed(news.index, purpose, report),
        }
    }

    fn exited(&mut self, index: usize, code: i32) {
        let container = &mut self.containers[index];
        let State::Running(run) = &container.state else { return };
        run.over.cancel();
        for port in &run.ports {
            self.node.ports.close(&self.uid, *port);
        }
        let how = ContainerStateTerminated {
            exit_code: code,
            reason: Some(if code == 0 { "Completed" } else { "Error" }.to_owned()),
            started_at: Some(run.since.clone()),
            finished_at: Some(meta::now()),
            container_id: Some(format!("process://{}", run.pid)),
            ..ContainerStateTerminated::default()
        };
        container.state = State::Ended { how, at: Instant::now() };
        container.ready = false;
        container.started = false;
    }

    fn wait(&mut self, index: usize, reason: &str, message: Option<String>, due: Option<Instant>) {
        self.containers[index].state = State::Waiting { reason: reason.to_owned(), message, due };
    }

    fn limits(&self) -> Limits {
        let settings = &self.node.settings;
        Limits { base: settings.back_off_base, max: settings.back_off_max, reset: settings.back_off_reset }
    }

    fn spec_grace(&self) -> i64 {
        let spec = self.pod.spec.as_ref();
        spec.and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(GRACE_SECONDS)
    }

    fn namespace(&self) -> String {
        self.pod.namespace().unwrap_or_default()
    }

    fn api(&self) -> Api<Pod> {
        Api::namespaced(self.node.cluster.client.clone(), &self.namespace())
    }

    fn reference(&self, index: usize) -> ObjectReference {
        let list = if index < self.init { "initContainers" } else { "containers" };
        let path = format!("spec.{list}{{{}}}", self.containers[index].spec.name);
        ObjectReference { field_path: Some(path), ..meta::reference(&*self.pod) }
    }

    fn say(&self, index: usize, reason: &str, message: String) {
        self.node.cluster.recorder.normal(&self.node.source, self.reference(index), reason, message);
    }

    fn warn(&self, index: usize, reason: &str, message: String) {
        self.node.cluster.recorder.warning(&self.node.source, self.reference(index), reason, message);
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}
