//! Termination of containers: `preStop` hook, SIGTERM, and SIGKILL after the grace period.

use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;
use tokio_util::sync::CancellationToken;

use super::super::probe::{self, ProbeResult, ProbeTarget};
use super::super::process;
use super::{PodWorker, seconds};

/// Time limit of a hook's request. The grace period ends a hook earlier.
const HOOK_TIMEOUT: Duration = Duration::from_secs(3600);

impl PodWorker {
    /// Terminates all containers. Does nothing when termination is under way with the same or a shorter grace period.
    pub(super) fn begin_termination(&mut self) {
        let grace =
            self.pod.metadata.deletion_grace_period_seconds.unwrap_or_else(|| self.spec_grace_seconds());
        let first = self.grace_seconds.is_none();
        if self.grace_seconds.is_some_and(|before| before <= grace) {
            return;
        }
        self.grace_seconds = Some(grace);
        for index in 0..self.containers.len() {
            if self.containers[index].running().is_some() {
                if first {
                    let name = self.containers[index].spec.name.clone();
                    self.normal_event(index, "Killing", format!("Stopping container {name}"));
                }
                self.terminate(index, seconds(grace));
            }
        }
    }

    /// Runs the container's `preStop` hook, then sends SIGTERM; sends SIGKILL after `grace`.
    pub(super) fn terminate(&mut self, index: usize, grace: Duration) {
        let spec = &self.containers[index].spec;
        let hook = spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.clone());
        let Some(process) = self.containers[index].running() else { return };
        let already = std::mem::replace(&mut process.terminating, true);
        let (pid, ended) = (process.pid, process.ended.clone());
        if grace.is_zero() {
            return process::kill(pid);
        }
        self.node.cluster.tasks.spawn(kill_after(pid, grace, ended.clone()));
        let Some(hook) = hook.filter(|_| !already) else { return process::terminate(pid) };
        let (target, recorder) = (self.probe_target(), self.node.cluster.recorder.clone());
        let (source, about) = (self.node.source.clone(), self.reference(index));
        self.node.cluster.tasks.spawn(async move {
            let hook_and_signal = async {
                if let Err(error) = run_hook(&hook, &target).await {
                    recorder.warning(
                        &source,
                        about,
                        "FailedPreStopHook",
                        format!("PreStopHook failed: {error}"),
                    );
                }
                process::terminate(pid);
            };
            tokio::select! {
                () = ended.cancelled() => {}
                () = hook_and_signal => {}
            }
        });
    }

    /// Kills all processes and closes their ports at once.
    pub(super) fn kill_all(&mut self) {
        for container in &mut self.containers {
            if let Some(process) = container.running() {
                process.ended.cancel();
                process::kill(process.pid);
                for port in std::mem::take(&mut process.ports) {
                    self.node.ports.close(&self.uid, port);
                }
            }
        }
    }
}

async fn kill_after(pid: i32, grace: Duration, ended: CancellationToken) {
    tokio::select! {
        () = ended.cancelled() => {}
        () = tokio::time::sleep(grace) => process::kill(pid),
    }
}

/// Runs a hook to its end.
///
/// # Errors
/// Returns the cause of the failure, or an explanation for an unsupported kind of hook.
async fn run_hook(hook: &LifecycleHandler, target: &ProbeTarget) -> Result<(), String> {
    if let Some(sleep) = &hook.sleep {
        tokio::time::sleep(Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0))).await;
        return Ok(());
    }
    let Some(get) = &hook.http_get else {
        return Err(
            "the sandbox supports only hooks of kind sleep and httpGet, because pods are processes without a container"
                .to_owned(),
        );
    };
    match probe::http_get(HOOK_TIMEOUT, target, get).await {
        ProbeResult::Success => Ok(()),
        ProbeResult::Failure(error) | ProbeResult::Error(error) => Err(error),
    }
}
