//! The inputs of one decision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compat::Config;
use crate::condition::SCALED_TO_ZERO;
use crate::spec::Spec;
use crate::status::{ConditionStatus, Status};
use crate::time::Time;

/// The inputs of one sync.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Time of the sync.
    pub now: Time,
    /// Namespace of the HPA, for messages.
    pub namespace: &'a str,
    /// `metadata.generation` of the HPA; the status repeats it if the gate is on.
    pub generation: Option<i64>,
    /// Specification of the HPA, with the API's defaults (see [`crate::defaults::default_spec`]).
    pub spec: &'a Spec,
    /// Status of the HPA after the last sync.
    pub status: &'a Status,
    /// Scale subresource of the target, or the error of the read.
    pub scale: Result<&'a Scale, &'a str>,
    /// All pods that the scale's selector matches, in any state.
    pub pods: &'a [Pod],
    /// The HPAs whose targets select these pods, including this one, as `namespace/name`. With more than one, each of them
    /// stops. A caller that does not check leaves the list empty.
    pub selected_by: &'a [String],
    /// Response of the metrics API for each entry of `spec.metrics`, in that order.
    pub readings: &'a [Reading],
    /// The controller's settings.
    pub config: &'a Config,
}

impl Input<'_> {
    /// Returns whether the HPA itself scaled the workload to 0, according to the condition `ScaledToZero`.
    pub(crate) fn was_scaled_to_zero(&self) -> bool {
        self.config.gates.scale_to_zero && self.status.is_true(SCALED_TO_ZERO)
    }

    /// The target's name in the controller's errors.
    pub(crate) fn target_name(&self) -> String {
        let target = &self.spec.scale_target_ref;
        format!("{}/{}/{}", target.kind, self.namespace, target.name)
    }
}

/// The scale subresource of the target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scale {
    /// `spec.replicas`: the desired size.
    pub spec_replicas: i32,
    /// `status.replicas`: the existing pods. During a rolling update there can be more than `spec.replicas`.
    pub status_replicas: i32,
    /// `status.selector` as text, such as `app=worker`.
    pub selector: String,
}

/// Response of a metrics API for one metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// External: the value of each series in thousandths.
    External(Vec<i64>),
    /// Object: the value in thousandths.
    Object(i64),
    /// Pods: one value per pod.
    Pods(Vec<PodReading>),
    /// Resource and ContainerResource: usage of each container of each pod.
    Resource(Vec<PodUsage>),
    /// The API returned an error with this text.
    Failed(String),
}

/// The value of a custom metric for one pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodReading {
    /// Name of the pod.
    pub pod: String,
    /// The value in thousandths.
    pub milli: i64,
    /// Time of the measurement.
    pub at: Time,
    /// Length of the measurement in seconds.
    pub window_seconds: i64,
}

/// Resource usage of the containers of one pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodUsage {
    /// Name of the pod.
    pub pod: String,
    /// Time of the measurement.
    pub at: Time,
    /// Length of the measurement in seconds.
    pub window_seconds: i64,
    /// The containers.
    pub containers: Vec<ContainerUsage>,
}

/// Resource usage of one container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerUsage {
    /// Its name.
    pub name: String,
    /// Usage in thousandths by resource name.
    pub milli: BTreeMap<String, i64>,
}

/// The part of a pod that the decision uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// `status.phase`, such as `Running`.
    pub phase: String,
    /// `true` if `metadata.deletionTimestamp` is set.
    pub deleted: bool,
    /// The condition `Ready`, if present.
    pub ready: Option<Ready>,
    /// `status.startTime`.
    pub started_at: Option<Time>,
    /// `spec.containers`.
    pub containers: Vec<Container>,
    /// `spec.initContainers` with `restartPolicy: Always` (sidecars). Other init containers do not count.
    pub sidecars: Vec<Container>,
    /// Pod-level requests in thousandths by resource name, if the pod sets any.
    pub requests_milli: Option<BTreeMap<String, i64>>,
}

impl Pod {
    /// Returns whether the pod counts as ready for metrics with one total: running and ready, even during deletion.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == "Running" && self.ready.is_some_and(|r| r.status == ConditionStatus::True)
    }
}

/// The condition `Ready` of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its status.
    pub status: ConditionStatus,
    /// Time of the last transition.
    pub since: Time,
}

/// The part of a container that the decision uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its requests in thousandths by resource name.
    pub requests_milli: BTreeMap<String, i64>,
}
