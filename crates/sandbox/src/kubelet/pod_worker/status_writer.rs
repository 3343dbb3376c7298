//! Writes the pod status, and removes the pod object after its termination.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, PodStatus};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::container::{Container, RunState};
use super::super::status::{self, PodView};
use super::{Next, PodWorker, STATUS_RETRY_DELAY};
use crate::error::has_code;
use crate::meta;

impl PodWorker {
    /// Writes a changed status, and removes the object when the pod's termination is complete.
    pub(super) async fn sync_status(&mut self) -> Next {
        let all_ended = self.containers.iter_mut().all(|container| container.running().is_none());
        let terminated = self.grace_seconds.is_some() && all_ended;
        let mut views: Vec<_> = self.containers.iter().map(Container::view).collect();
        if terminated {
            // A container that never ran has no exit code.
            for view in &mut views {
                if view.state.waiting.is_some() {
                    let last = view.last.take().and_then(|last| last.terminated);
                    let status = last.unwrap_or_else(never_ran);
                    view.state = ContainerState { terminated: Some(status), ..ContainerState::default() };
                }
            }
        }
        let main = views.split_off(self.init_count);
        let view = PodView {
            pod: &self.pod,
            ip: &self.ip,
            init: views,
            main,
            start: self.start.clone(),
            deleted: terminated,
        };
        let is_terminal = status::is_terminal(&view);
        let next = status::pod_status(&view, &meta::now());
        self.update_waiting_reasons();
        if !same(self.written.as_ref(), &next) {
            match self.write(&next).await {
                Ok(Next::Finish) => return Next::Finish,
                Ok(Next::Continue) => {
                    self.written = Some(next);
                    self.retry_status_at = None;
                }
                Err(error) => {
                    tracing::debug!(pod = %self.pod.name_any(), %error, "writing the pod's status failed");
                    self.retry_status_at = Some(Instant::now() + STATUS_RETRY_DELAY);
                    return Next::Continue;
                }
            }
        } else {
            self.retry_status_at = None;
        }
        if is_terminal && all_ended {
            self.logs.close();
        }
        if !terminated {
            return Next::Continue;
        }
        match self.remove_object().await {
            Ok(()) => Next::Finish,
            Err(error) => {
                tracing::debug!(pod = %self.pod.name_any(), %error, "removing the pod failed");
                self.retry_status_at = Some(Instant::now() + STATUS_RETRY_DELAY);
                Next::Continue
            }
        }
    }

    /// Updates the reasons that log requests report for waiting containers.
    fn update_waiting_reasons(&self) {
        for container in &self.containers {
            if let RunState::Waiting { reason, .. } = &container.state {
                self.logs.set_waiting_reason(&container.spec.name, reason);
            }
        }
    }

    async fn write(&mut self, status: &PodStatus) -> Result<Next, kube::Error> {
        let mut status = json!(status);
        // A merge patch keeps fields that are absent.
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
                Ok(Next::Continue)
            }
            Ok(_) => Ok(Next::Finish),
            Err(error) if has_code(&error, 404) || has_code(&error, 409) => {
                // 409: another pod has this name now. After a plain conflict the next change writes again.
                let found = self.api().get_opt(&self.pod.name_any()).await?;
                let ours = found.is_some_and(|pod| pod.uid().as_ref() == Some(&self.uid));
                if ours { Err(error) } else { Ok(Next::Finish) }
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
            Err(error) if has_code(&error, 404) || has_code(&error, 409) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
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

/// Returns true when the statuses differ at most in transition times.
fn same(written: Option<&PodStatus>, next: &PodStatus) -> bool {
    let Some(written) = written else { return false };
    let without_times = |status: &PodStatus| {
        let mut status = status.clone();
        for condition in status.conditions.iter_mut().flatten() {
            condition.last_transition_time = None;
        }
        status
    };
    without_times(written) == without_times(next)
}
