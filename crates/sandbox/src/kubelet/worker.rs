//! The worker of one pod: brings its containers up, watches over them, and takes them down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ObjectReference, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::container::{Container, Limits, Run, State};
use super::environment::{self, Given};
use super::log::Log;
use super::probe::{self, Answer, Place, Plan, Purpose, Report};
use super::status::{self, Whole};
use super::{Logs, Node, Update, hook, process, shown_address};
use crate::meta;
use crate::network;
use crate::runtime_dir;

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

    /// Starts what can start.
    async fn advance(&mut self) {
        for index in 0..self.init {
            let code = self.containers[index].exit_code();
            match code {
                Some(0) => continue,
                Some(code) if !status::comes_again(&self.pod, code) => return,
                _ => {}
            }
            self.bring_up(index).await;
            return;
        }
        for index in self.init..self.containers.len() {
            self.bring_up(index).await;
        }
    }

    /// Starts one container if it is time.
    async fn bring_up(&mut self, index: usize) {
        let limits = self.limits();
        match &self.containers[index].state {
            State::Running(_) => {}
            State::Waiting { due: Some(due), reason, .. } if *due > Instant::now() => {
                let said = self.containers[index].say_again;
                if reason == CRASH_LOOP && said.is_some_and(|again| again <= Instant::now()) {
                    self.say_held_back(index);
                }
            }
            State::Waiting { .. } => self.start(index).await,
            State::Ended { how, at } => {
                if !status::comes_again(&self.pod, how.exit_code) {
                    return;
                }
                let (how, at) = (how.clone(), *at);
                let ran = duration_between(how.started_at.as_ref(), how.finished_at.as_ref());
                let container = &mut self.containers[index];
                let wait = container.crashes.after(ran, limits);
                container.last = Some(how);
                let due = at + wait;
                if wait.is_zero() || due <= Instant::now() {
                    self.start(index).await;
                    return;
                }
                let name = container.spec.name.clone();
                let pod = format!("{}_{}({})", self.pod.name_any(), self.namespace(), self.uid);
                let message =
                    format!("back-off {} restarting failed container={name} pod={pod}", shown_wait(wait));
                self.wait(index, CRASH_LOOP, Some(message), Some(due));
                self.say_held_back(index);
            }
        }
    }

    /// Said at each look of a kubelet at a pod whose container is held back.
    fn say_held_back(&mut self, index: usize) {
        self.containers[index].say_again = Some(Instant::now() + SAY_AGAIN);
        let name = &self.containers[index].spec.name;
        let pod = format!("{}_{}({})", self.pod.name_any(), self.namespace(), self.uid);
        self.warn(index, "BackOff", format!("Back-off restarting failed container {name} in pod {pod}"));
    }

    async fn start(&mut self, index: usize) {
        let spec = self.containers[index].spec.clone();
        let image = spec.image.clone().unwrap_or_default();
        let Some(argv) = self.node.images.get(&image).cloned() else {
            return self.image_missing(index, &image);
        };
        if !self.containers[index].delayed && !self.node.settings.image_start_delay.is_zero() {
            self.containers[index].delayed = true;
            let due = Instant::now() + self.node.settings.image_start_delay;
            return self.wait(index, "ContainerCreating", None, Some(due));
        }
        if !self.containers[index].image_known || self.containers[index].run > 0 {
            self.containers[index].image_known = true;
            self.say(index, "Pulled", format!("Container image \"{image}\" already present on machine"));
        }
        let services = if self.pod.spec.as_ref().and_then(|spec| spec.enable_service_links) == Some(false) {
            Vec::new()
        } else {
            network::variables(&self.node.services.fronts(&self.namespace()))
        };
        let given = Given { services: &services, pod_ip: &self.ip, kubeconfig: &self.node.kubeconfig };
        let prepared = match environment::prepare(&self.node.cluster.client, &self.pod, &spec, &given).await {
            Ok(prepared) => prepared,
            Err(problem) => {
                self.warn(index, "Failed", format!("Error: {problem}"));
                let due = Instant::now() + self.node.settings.back_off_base;
                return self.wait(index, "CreateContainerConfigError", Some(problem), Some(due));
            }
        };
        let ports = spec.ports.clone().unwrap_or_default();
        let started = runtime_dir::make_private(&self.folder)
            .and_then(|()| process::start(&argv, &prepared, &ports, &self.folder, &self.node.lifeline));
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                let problem = format!("starting the process of container {} failed: {error}", spec.name);
                self.say(index, "Created", format!("Created container: {}", spec.name));
                self.warn(index, "Failed", format!("Error: {problem}"));
                return self.failed_to_start(index, problem);
            }
        };
        self.say(index, "Created", format!("Created container: {}", spec.name));
        self.say(index, "Started", format!("Started container {}", spec.name));
        self.running(index, started);
    }

    fn running(&mut self, index: usize, started: process::Started) {
        let over = self.node.cluster.tasks.token().child_token();
        for (declared, real) in &started.ports {
            self.node.ports.open(&self.uid, *declared, *real);
        }
        let container = &mut self.containers[index];
        if container.run > 0 {
            container.restarts += 1;
        }
        container.run += 1;
        container.pid = Some(started.pid);
        let probes = [
            (Purpose::Startup, container.spec.startup_probe.clone()),
            (Purpose::Liveness, container.spec.liveness_probe.clone()),
            (Purpose::Readiness, container.spec.readiness_probe.clone()),
        ];
        container.started = probes[0].1.is_none();
        container.ready = container.started && probes[2].1.is_none();
        container.state = State::Running(Run {
            pid: started.pid,
            since: meta::now(),
            started: Instant::now(),
            ports: started.ports.iter().map(|(declared, _)| *declared).collect(),
            over: over.clone(),
            terminating: false,
        });
        let log = Log::new(self.node.settings.log_bytes, self.node.settings.log_line_bytes);
        self.logs.begin(&container.spec.name, log.clone());
        let run = container.run;
        let is_started = container.started;
        self.await_exit(index, run, started, log);
        for (purpose, probe) in probes {
            // The others wait for the startup probe.
            if purpose == Purpose::Startup || is_started {
                self.probe(index, purpose, probe.as_ref(), Duration::ZERO);
            }
        }
    }

    /// Waits for the process in the background, and reads what it says.
    fn await_exit(&self, index: usize, run: u64, started: process::Started, log: Log) {
        let (news, lifeline) = (self.news.clone(), self.node.lifeline.clone());
        let process::Started { mut child, pid, output, .. } = started;
        self.node.cluster.tasks.spawn(async move {
            let reading = log.take(output);
            tokio::pin!(reading);
            let mut silent = false;
            let ended = loop {
                tokio::select! {
                    ended = child.wait() => break ended,
                    () = &mut reading, if !silent => silent = true,
                }
            };
            // What the process started goes with it, as a container's processes do.
            process::kill(pid);
            lifeline.forget(pid);
            if !silent {
                let _late = tokio::time::timeout(LAST_WORDS, &mut reading).await;
            }
            log.end();
            let code = ended.map_or(255, process::exit_code);
            let _pod_gone = news.send(News { index, run, what: What::Exited(code) }).await;
        });
    }

    /// Starts a probe's task, which ends with the run.
    fn probe(
        &mut self,
        index: usize,
        purpose: Purpose,
        probe: Option<&k8s_openapi::api::core::v1::Probe>,
        already: Duration,
    ) {
        let Some(probe) = probe else { return };
        let mut plan = Plan::new(purpose, probe, self.node.settings.first_ready_probe);
        plan.initial_delay = plan.initial_delay.saturating_sub(already);
        let place = self.place();
        let (news, run) = (self.news.clone(), self.containers[index].run);
        let Some(over) = self.containers[index].running().map(|run| run.over.clone()) else { return };
        let (reports, mut heard) = mpsc::channel(1);
        self.node.cluster.tasks.spawn(async move {
            let forward = async {
                while let Some((purpose, report)) = heard.recv().await {
                    if news.send(News { index, run, what: What::Probed(purpose, report) }).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = over.cancelled() => {}
                ((), ()) = async { tokio::join!(probe::run(plan, place, reports), forward) } => {}
            }
        });
    }

    fn place(&self) -> Place {
        Place {
            ports: self.node.ports.clone(),
            client: self.node.http.clone(),
            uid: self.uid.clone(),
            ip: self.ip.clone(),
            pod: Arc::clone(&self.pod),
        }
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

    fn probed(&mut self, index: usize, purpose: Purpose, report: Report) {
        let container = &mut self.containers[index];
        let Some(run) = container.running() else { return };
        let (ran, terminating) = (run.started.elapsed(), run.terminating);
        match report {
            Report::Said(Answer::Failure(text)) => {
                self.warn(index, "Unhealthy", format!("{} probe failed: {text}", purpose.name()));
            }
            Report::Said(Answer::Error(text)) => {
                let message =
                    format!("{} probe errored and resulted in unknown state: {text}", purpose.name());
                self.warn(index, "Unhealthy", message);
            }
            Report::Said(Answer::Success) => {}
            Report::Turned(good) => match purpose {
                Purpose::Readiness => self.containers[index].ready = good,
                Purpose::Startup if good => {
                    container.started = true;
                    let spec = container.spec.clone();
                    container.ready = spec.readiness_probe.is_none();
                    self.probe(index, Purpose::Liveness, spec.liveness_probe.as_ref(), ran);
                    self.probe(index, Purpose::Readiness, spec.readiness_probe.as_ref(), ran);
                }
                Purpose::Liveness if good => {}
                Purpose::Liveness | Purpose::Startup if terminating || self.ending.is_some() => {}
                Purpose::Liveness | Purpose::Startup => {
                    let spec = &container.spec;
                    let probe = match purpose {
                        Purpose::Startup => spec.startup_probe.as_ref(),
                        _ => spec.liveness_probe.as_ref(),
                    };
                    let own = probe.and_then(|probe| probe.termination_grace_period_seconds);
                    let (name, what) = (spec.name.clone(), purpose.name().to_lowercase());
                    let grace = seconds(own.unwrap_or_else(|| self.spec_grace()));
                    let message = format!("Container {name} failed {what} probe, will be restarted");
                    self.say(index, "Killing", message);
                    self.terminate(index, grace);
                }
            },
        }
    }

    /// The pod's end was asked for, or is asked for with less grace than before.
    fn begin_end(&mut self) {
        let grace = self.pod.metadata.deletion_grace_period_seconds.unwrap_or_else(|| self.spec_grace());
        let first = self.ending.is_none();
        if self.ending.is_some_and(|before| before <= grace) {
            return;
        }
        self.ending = Some(grace);
        for index in 0..self.containers.len() {
            if self.containers[index].running().is_some() {
                if first {
                    let name = self.containers[index].spec.name.clone();
                    self.say(index, "Killing", format!("Stopping container {name}"));
                }
                self.terminate(index, seconds(grace));
            }
        }
    }

    /// The hook before the end, SIGTERM, and SIGKILL when the grace is over.
    fn terminate(&mut self, index: usize, grace: Duration) {
        let spec = &self.containers[index].spec;
        let hook = spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.clone());
        let Some(run) = self.containers[index].running() else { return };
        let again = std::mem::replace(&mut run.terminating, true);
        let (pid, over) = (run.pid, run.over.clone());
        if grace.is_zero() {
            return process::kill(pid);
        }
        self.node.cluster.tasks.spawn(kill_later(pid, grace, over.clone()));
        let Some(hook) = hook.filter(|_| !again) else { return process::terminate(pid) };
        let (place, recorder) = (self.place(), self.node.cluster.recorder.clone());
        let (source, about) = (self.node.source.clone(), self.reference(index));
        self.node.cluster.tasks.spawn(async move {
            let hooked = async {
                if let Err(problem) = hook::run(&hook, &place).await {
                    recorder.warning(
                        &source,
                        about,
                        "FailedPreStopHook",
                        format!("PreStopHook failed: {problem}"),
                    );
                }
                process::terminate(pid);
            };
            tokio::select! {
                () = over.cancelled() => {}
                () = hooked => {}
            }
        });
    }

    /// The object is gone: nothing may be left of the pod.
    fn drop_everything(&mut self) {
        for container in &mut self.containers {
            if let Some(run) = container.running() {
                run.over.cancel();
                process::kill(run.pid);
                for port in std::mem::take(&mut run.ports) {
                    self.node.ports.close(&self.uid, port);
                }
            }
        }
    }

    /// Writes the status if it is another one, and removes the object when the pod's end is complete.
    async fn publish(&mut self) -> Next {
        let over = self.containers.iter_mut().all(|container| container.running().is_none());
        let ended = self.ending.is_some() && over;
        let mut views: Vec<_> = self.containers.iter().map(Container::view).collect();
        if ended {
            // A container that never ran has nothing to tell of its end.
            for view in &mut views {
                if view.state.waiting.is_some() {
                    let last = view.last.take().and_then(|last| last.terminated);
                    let how = last.unwrap_or_else(never_ran);
                    view.state = ContainerState { terminated: Some(how), ..ContainerState::default() };
                }
            }
        }
        let main = views.split_off(self.init);
        let whole = Whole {
            pod: &self.pod,
            ip: &self.ip,
            init: views,
            main,
            start: self.start.clone(),
            ending: ended,
        };
        let is_over = status::is_over(&whole);
        let next = status::of(&whole, &meta::now());
        self.tell_waiting();
        if !same(self.written.as_ref(), &next) {
            match self.write(&next).await {
                Ok(Next::Finished) => return Next::Finished,
                Ok(Next::GoOn) => {
                    self.written = Some(next);
                    self.write_again = None;
                }
                Err(error) => {
                    tracing::debug!(pod = %self.pod.name_any(), %error, "writing the pod's status failed");
                    self.write_again = Some(Instant::now() + WRITE_AGAIN);
                    return Next::GoOn;
                }
            }
        } else {
            self.write_again = None;
        }
        if is_over && over {
            self.logs.end();
        }
        if !ended {
            return Next::GoOn;
        }
        match self.remove_object().await {
            Ok(()) => Next::Finished,
            Err(error) => {
                tracing::debug!(pod = %self.pod.name_any(), %error, "removing the pod failed");
                self.write_again = Some(Instant::now() + WRITE_AGAIN);
                Next::GoOn
            }
        }
    }

    /// Readers of logs are told why there is none yet.
    fn tell_waiting(&self) {
        for container in &self.containers {
            if let State::Waiting { reason, .. } = &container.state {
                self.logs.wait(&container.spec.name, reason);
            }
        }
    }

    async fn write(&mut self, status: &PodStatus) -> Result<Next, kube::Error> {
        let mut status = json!(status);
        // An absent list would leave the old one.
        for field in ["initContainerStatuses", "reason", "message"] {
            if status.get(field).is_none() {
                status[field] = Value::Null;
            }
        }
        let change = json!({"metadata": {"uid": self.uid}, "status": status});
        match self
            .api()
            .patch_status(&self.pod.name_any(), &PatchParams::default(), &Patch::Merge(&change))
            .await
        {
            Ok(pod) if pod.uid().as_ref() == Some(&self.uid) => {
                self.node.cluster.pods.observe(pod);
                Ok(Next::GoOn)
            }
            Ok(_) => Ok(Next::Finished),
            Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => {
                // 409: a successor has the name. A mere race is tried again by the next change.
                let there = self.api().get_opt(&self.pod.name_any()).await?;
                let ours = there.is_some_and(|pod| pod.uid().as_ref() == Some(&self.uid));
                if ours { Err(kube::Error::Api(answer)) } else { Ok(Next::Finished) }
            }
            Err(error) => Err(error),
        }
    }

    async fn remove_object(&self) -> Result<(), kube::Error> {
        let parameters = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions { uid: Some(self.uid.clone()), resource_version: None }),
            ..DeleteParams::default()
        };
        match self.api().delete(&self.pod.name_any(), &parameters).await {
            Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    /// No program stands for the image. As with a registry: one attempt, a word about it, a wait, the next attempt.
    fn image_missing(&mut self, index: usize, image: &str) {
        let now = Instant::now();
        let container = &mut self.containers[index];
        if let Some(again) = container.pull_again.filter(|again| *again > now) {
            self.say(index, "BackOff", format!("Back-off pulling image \"{image}\""));
            self.warn(index, "Failed", "Error: ImagePullBackOff".to_owned());
            let problem = self.image_problem(image);
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {problem}");
            return self.wait(index, "ImagePullBackOff", Some(message), Some(again));
        }
        let limits = self.limits();
        let container = &mut self.containers[index];
        let wait = container.pulls.next(limits);
        container.pull_again = Some(now + wait);
        let problem = self.image_problem(image);
        self.say(index, "Pulling", format!("Pulling image \"{image}\""));
        self.warn(index, "Failed", format!("Failed to pull image \"{image}\": {problem}"));
        self.warn(index, "Failed", "Error: ErrImagePull".to_owned());
        self.wait(index, "ErrImagePull", Some(problem), Some(now + wait / 4));
    }

    fn image_problem(&self, image: &str) -> String {
        let known = self.node.images.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("no program stands for image \"{image}\" in this sandbox; it knows {known}")
    }

    /// The process could not be made: counts as a run that failed at once.
    fn failed_to_start(&mut self, index: usize, problem: String) {
        let container = &mut self.containers[index];
        if container.run > 0 {
            container.restarts += 1;
        }
        container.run += 1;
        let now = meta::now();
        let how = ContainerStateTerminated {
            exit_code: 128,
            reason: Some("StartError".to_owned()),
            message: Some(problem),
            started_at: Some(Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH)),
            finished_at: Some(now),
            ..ContainerStateTerminated::default()
        };
        container.state = State::Ended { how, at: Instant::now() };
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

async fn kill_later(pid: i32, grace: Duration, over: CancellationToken) {
    tokio::select! {
        () = over.cancelled() => {}
        () = tokio::time::sleep(grace) => process::kill(pid),
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// As Go prints it: `10s`, `1m20s`, `5m0s`; below a second in milliseconds.
fn shown_wait(wait: Duration) -> String {
    let total = wait.as_secs();
    match (total / 60, total % 60) {
        (0, 0) => format!("{}ms", wait.as_millis()),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

fn duration_between(from: Option<&Time>, to: Option<&Time>) -> Duration {
    match (from, to) {
        (Some(from), Some(to)) if from.0 != k8s_openapi::jiff::Timestamp::UNIX_EPOCH => {
            seconds(to.0.as_second() - from.0.as_second())
        }
        _ => Duration::ZERO,
    }
}

fn never_ran() -> ContainerStateTerminated {
    ContainerStateTerminated {
        exit_code: 137,
        reason: Some("ContainerStatusUnknown".to_owned()),
        message: Some("The container could not be located when the pod was terminated".to_owned()),
        ..ContainerStateTerminated::default()
    }
}

/// Whether nothing differs but the times at which conditions would have changed.
fn same(written: Option<&PodStatus>, next: &PodStatus) -> bool {
    let Some(written) = written else { return false };
    let bare = |status: &PodStatus| {
        let mut status = status.clone();
        for condition in status.conditions.iter_mut().flatten() {
            condition.last_transition_time = None;
        }
        status
    };
    bare(written) == bare(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_shown_as_kubernetes_shows_them() {
        for (seconds, expected) in [(10, "10s"), (80, "1m20s"), (300, "5m0s")] {
            assert_eq!(shown_wait(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(shown_wait(Duration::from_millis(50)), "50ms");
    }
}
