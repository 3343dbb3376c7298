//! Telling the API how the pod is, and that it is over.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, PodStatus};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::container::{Container, State};
use super::super::status::{self, Whole};
use super::{Next, WRITE_AGAIN, Worker};
use crate::meta;

impl Worker {
    /// Writes the status if it is another one, and removes the object when the pod's end is complete.
    pub(super) async fn publish(&mut self) -> Next {
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
    pub(super) fn tell_waiting(&self) {
        for container in &self.containers {
            if let State::Waiting { reason, .. } = &container.state {
                self.logs.wait(&container.spec.name, reason);
            }
        }
    }

    pub(super) async fn write(&mut self, status: &PodStatus) -> Result<Next, kube::Error> {
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

    pub(super) async fn remove_object(&self) -> Result<(), kube::Error> {
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
