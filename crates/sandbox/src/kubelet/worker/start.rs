//! Bringing containers up, and up again.

use std::time::Duration;

use k8s_openapi::api::core::v1::ContainerStateTerminated;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use tokio::time::Instant;

use super::super::container::{Run, State};
use super::super::environment::{self, Given};
use super::super::log::Log;
use super::super::probe::Purpose;
use super::super::{process, status};
use super::{CRASH_LOOP, LAST_WORDS, News, SAY_AGAIN, What, Worker, seconds};
use crate::{meta, network, runtime_dir};

impl Worker {
    /// Starts what can start.
    pub(super) async fn advance(&mut self) {
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
    pub(super) async fn bring_up(&mut self, index: usize) {
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
    pub(super) fn say_held_back(&mut self, index: usize) {
        self.containers[index].say_again = Some(Instant::now() + SAY_AGAIN);
        let name = &self.containers[index].spec.name;
        let pod = format!("{}_{}({})", self.pod.name_any(), self.namespace(), self.uid);
        self.warn(index, "BackOff", format!("Back-off restarting failed container {name} in pod {pod}"));
    }

    pub(super) async fn start(&mut self, index: usize) {
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

    pub(super) fn running(&mut self, index: usize, started: process::Started) {
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
    pub(super) fn await_exit(&self, index: usize, run: u64, started: process::Started, log: Log) {
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

    /// No program stands for the image. As with a registry: one attempt, a word about it, a wait, the next attempt.
    pub(super) fn image_missing(&mut self, index: usize, image: &str) {
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

    pub(super) fn image_problem(&self, image: &str) -> String {
        let known = self.node.images.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("no program stands for image \"{image}\" in this sandbox; it knows {known}")
    }

    /// The process could not be made: counts as a run that failed at once.
    pub(super) fn failed_to_start(&mut self, index: usize, problem: String) {
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
            started_at: Some(Time(Timestamp::UNIX_EPOCH)),
            finished_at: Some(now),
            ..ContainerStateTerminated::default()
        };
        container.state = State::Ended { how, at: Instant::now() };
    }
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
        (Some(from), Some(to)) if from.0 != Timestamp::UNIX_EPOCH => {
            seconds(to.0.as_second() - from.0.as_second())
        }
        _ => Duration::ZERO,
    }
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
