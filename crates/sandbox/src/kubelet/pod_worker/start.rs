//! Starts and restarts of containers.

use std::time::Duration;

use k8s_openapi::api::core::v1::ContainerStateTerminated;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use tokio::time::Instant;

use super::super::container::{RunState, RunningProcess};
use super::super::environment::{self, NodeContext};
use super::super::log::Log;
use super::super::probe::ProbeType;
use super::super::process::StartedProcess;
use super::super::{process, status};
use super::{
    BACK_OFF_EVENT_INTERVAL, CRASH_LOOP_BACK_OFF, ContainerChange, ContainerUpdate, OUTPUT_DRAIN_TIMEOUT,
    PodWorker, seconds,
};
use crate::{go_duration, meta, network, runtime_dir};

impl PodWorker {
    /// Starts the containers that are due: init containers one after another, then all others.
    pub(super) async fn start_containers(&mut self) {
        for index in 0..self.init_count {
            let code = self.containers[index].exit_code();
            match code {
                Some(0) => continue,
                Some(code) if !status::will_restart(&self.pod, code) => return,
                _ => {}
            }
            self.start_if_due(index).await;
            return;
        }
        for index in self.init_count..self.containers.len() {
            self.start_if_due(index).await;
        }
    }

    /// Starts a container that is due; begins the back-off of a terminated one.
    async fn start_if_due(&mut self, index: usize) {
        let limits = self.back_off_limits();
        match &self.containers[index].state {
            RunState::Running(_) => {}
            RunState::Waiting { due: Some(due), reason, .. } if *due > Instant::now() => {
                let event_at = self.containers[index].repeat_backoff_event_at;
                if reason == CRASH_LOOP_BACK_OFF && event_at.is_some_and(|at| at <= Instant::now()) {
                    self.record_back_off_event(index);
                }
            }
            RunState::Waiting { .. } => self.start(index).await,
            RunState::Terminated { status, at } => {
                if !status::will_restart(&self.pod, status.exit_code) {
                    return;
                }
                let (status, at) = (status.clone(), *at);
                let ran = duration_between(status.started_at.as_ref(), status.finished_at.as_ref());
                let container = &mut self.containers[index];
                let delay = container.crashes.restart_delay(ran, limits);
                container.last = Some(status);
                let due = at + delay;
                if delay.is_zero() || due <= Instant::now() {
                    self.start(index).await;
                    return;
                }
                let name = container.spec.name.clone();
                let pod = self.qualified_name();
                let delay = go_duration::format(delay);
                let message = format!("back-off {delay} restarting failed container={name} pod={pod}");
                self.set_waiting(index, CRASH_LOOP_BACK_OFF, Some(message), Some(due));
                self.record_back_off_event(index);
            }
        }
    }

    fn qualified_name(&self) -> String {
        format!("{}_{}({})", self.pod.name_any(), self.namespace(), self.uid)
    }

    /// Records the event that a kubelet repeats at each sync of a pod in back-off.
    fn record_back_off_event(&mut self, index: usize) {
        self.containers[index].repeat_backoff_event_at = Some(Instant::now() + BACK_OFF_EVENT_INTERVAL);
        let name = &self.containers[index].spec.name;
        let pod = self.qualified_name();
        self.warning_event(
            index,
            "BackOff",
            format!("Back-off restarting failed container {name} in pod {pod}"),
        );
    }

    async fn start(&mut self, index: usize) {
        let spec = self.containers[index].spec.clone();
        let image = spec.image.clone().unwrap_or_default();
        let Some(program) = self.node.images.get(&image).cloned() else {
            return self.image_missing(index, &image);
        };
        if !self.containers[index].delayed && !self.node.config.image_start_delay.is_zero() {
            self.containers[index].delayed = true;
            let due = Instant::now() + self.node.config.image_start_delay;
            return self.set_waiting(index, "ContainerCreating", None, Some(due));
        }
        if !self.containers[index].image_known || self.containers[index].run > 0 {
            self.containers[index].image_known = true;
            self.normal_event(
                index,
                "Pulled",
                format!("Container image \"{image}\" already present on machine"),
            );
        }
        let services = if self.pod.spec.as_ref().and_then(|spec| spec.enable_service_links) == Some(false) {
            Vec::new()
        } else {
            network::variables(&self.node.services.service_env(&self.namespace()))
        };
        let context =
            NodeContext { services: &services, pod_ip: &self.ip, kubeconfig: &self.node.kubeconfig };
        let resolved = match environment::resolve(&self.node.cluster.client, &self.pod, &spec, &context).await
        {
            Ok(resolved) => resolved,
            Err(problem) => {
                self.warning_event(index, "Failed", format!("Error: {problem}"));
                let due = Instant::now() + self.node.config.back_off_base;
                return self.set_waiting(index, "CreateContainerConfigError", Some(problem), Some(due));
            }
        };
        let ports = process::ports(&spec, &program);
        let started = runtime_dir::create_private(&self.folder)
            .and_then(|()| process::start(&program, &resolved, &ports, &self.folder, &self.node.lifeline));
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                let problem = format!("starting the process of container {} failed: {error}", spec.name);
                self.normal_event(index, "Created", format!("Created container: {}", spec.name));
                self.warning_event(index, "Failed", format!("Error: {problem}"));
                return self.failed_to_start(index, problem);
            }
        };
        self.normal_event(index, "Created", format!("Created container: {}", spec.name));
        self.normal_event(index, "Started", format!("Started container {}", spec.name));
        self.set_running(index, started);
    }

    fn set_running(&mut self, index: usize, started: StartedProcess) {
        let ended = self.node.cluster.tasks.token().child_token();
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
            (ProbeType::Startup, container.spec.startup_probe.clone()),
            (ProbeType::Liveness, container.spec.liveness_probe.clone()),
            (ProbeType::Readiness, container.spec.readiness_probe.clone()),
        ];
        container.started = probes[0].1.is_none();
        container.ready = container.started && probes[2].1.is_none();
        container.state = RunState::Running(RunningProcess {
            pid: started.pid,
            started_at: meta::now(),
            started: Instant::now(),
            ports: started.ports.iter().map(|(declared, _)| *declared).collect(),
            ended,
            terminating: false,
        });
        let log = Log::new(self.node.config.log_bytes, self.node.config.log_line_bytes);
        self.logs.begin(&container.spec.name, log.clone());
        let run = container.run;
        let is_started = container.started;
        self.await_exit(index, run, started, log);
        for (probe_type, probe) in probes {
            // The other probes start after the startup probe has succeeded.
            if probe_type == ProbeType::Startup || is_started {
                self.start_probe(index, probe_type, probe.as_ref(), Duration::ZERO);
            }
        }
    }

    /// Reads the process' output and waits for its exit in the background.
    fn await_exit(&self, index: usize, run: u64, started: StartedProcess, log: Log) {
        let (updates, lifeline) = (self.updates.clone(), self.node.lifeline.clone());
        let StartedProcess { mut child, pid, output, .. } = started;
        self.node.cluster.tasks.spawn(async move {
            let reading = log.append_from(output);
            tokio::pin!(reading);
            let mut output_ended = false;
            let ended = loop {
                tokio::select! {
                    ended = child.wait() => break ended,
                    () = &mut reading, if !output_ended => output_ended = true,
                }
            };
            // Kills the processes that it started, as the end of a container does.
            process::kill(pid);
            lifeline.forget(pid);
            if !output_ended {
                let _late = tokio::time::timeout(OUTPUT_DRAIN_TIMEOUT, &mut reading).await;
            }
            log.close();
            let code = ended.map_or(255, process::exit_code);
            let _pod_gone =
                updates.send(ContainerUpdate { index, run, change: ContainerChange::Exited(code) }).await;
        });
    }

    /// Handles an image without a command line as a failed pull: events, back-off, next attempt.
    fn image_missing(&mut self, index: usize, image: &str) {
        let now = Instant::now();
        let container = &mut self.containers[index];
        if let Some(next) = container.next_pull_at.filter(|next| *next > now) {
            self.normal_event(index, "BackOff", format!("Back-off pulling image \"{image}\""));
            self.warning_event(index, "Failed", "Error: ImagePullBackOff".to_owned());
            let problem = self.image_problem(image);
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {problem}");
            return self.set_waiting(index, "ImagePullBackOff", Some(message), Some(next));
        }
        let limits = self.back_off_limits();
        let container = &mut self.containers[index];
        let delay = container.pulls.retry_delay(limits);
        container.next_pull_at = Some(now + delay);
        let problem = self.image_problem(image);
        self.normal_event(index, "Pulling", format!("Pulling image \"{image}\""));
        self.warning_event(index, "Failed", format!("Failed to pull image \"{image}\": {problem}"));
        self.warning_event(index, "Failed", "Error: ErrImagePull".to_owned());
        self.set_waiting(index, "ErrImagePull", Some(problem), Some(now + delay / 4));
    }

    fn image_problem(&self, image: &str) -> String {
        let known = self.node.images.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("the sandbox has no program for image \"{image}\"; known images: {known}")
    }

    /// Handles a process that could not start as a run that failed at once.
    fn failed_to_start(&mut self, index: usize, problem: String) {
        let container = &mut self.containers[index];
        if container.run > 0 {
            container.restarts += 1;
        }
        container.run += 1;
        let now = meta::now();
        let status = ContainerStateTerminated {
            exit_code: 128,
            reason: Some("StartError".to_owned()),
            message: Some(problem),
            started_at: Some(Time(Timestamp::UNIX_EPOCH)),
            finished_at: Some(now),
            ..ContainerStateTerminated::default()
        };
        container.state = RunState::Terminated { status, at: Instant::now() };
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
