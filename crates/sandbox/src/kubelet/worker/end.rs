//! Taking containers down.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::{hook, process};
use super::{Worker, seconds};

impl Worker {
    /// The pod's end was asked for, or is asked for with less grace than before.
    pub(super) fn begin_end(&mut self) {
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
    pub(super) fn terminate(&mut self, index: usize, grace: Duration) {
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
    pub(super) fn drop_everything(&mut self) {
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
}

async fn kill_later(pid: i32, grace: Duration, over: CancellationToken) {
    tokio::select! {
        () = over.cancelled() => {}
        () = tokio::time::sleep(grace) => process::kill(pid),
    }
}
