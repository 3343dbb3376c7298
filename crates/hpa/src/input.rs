//! Everything that one decision is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compat::Config;
use crate::number::Time;
use crate::spec::Spec;
use crate::status::{ConditionStatus, Status};

/// One sync's view of the world.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// When the sync is made.
    pub now: Time,
    /// Namespace of the HPA; it appears in messages.
    pub namespace: &'a str,
    /// `metadata.generation` of the HPA, copied into the status if the gate is on.
    pub generation: Option<i64>,
    /// The HPA's specification, with the API's defaults (see [`crate::defaults::default_spec`]).
    pub spec: &'a Spec,
    /// The HPA's status as the last sync left it.
    pub status: &'a Status,
    /// The target's scale subresource, or why it cannot be read.
    pub scale: Result<&'a Scale, &'a str>,
    /// The pods that the scale's selector matches, whatever their state.
    pub pods: &'a [Pod],
    /// The HPAs whose target these pods belong to, this one among them, as `namespace/name`. More than one stops all of
    /// them. The list may be empty if the caller does not look.
    pub selected_by: &'a [String],
    /// The answer of the metrics API for each entry of `spec.metrics`, in that order.
    pub readings: &'a [Reading],
    /// The controller's settings.
    pub config: &'a Config,
}

/// The scale subresource of the target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scale {
    /// `spec.replicas`: the size that is asked for.
    pub spec_replicas: i32,
    /// `status.replicas`: the pods that exist, which a rolling update can make more than those asked for.
    pub status_replicas: i32,
    /// `status.selector`, in the text form such as `app=worker`.
    pub selector: String,
}

/// What a metrics API answered for one metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// External: the value of each series, in thousandths.
    External(Vec<i64>),
    /// Object: the value, in thousandths.
    Object(i64),
    /// Pods: one value per pod.
    Pods(Vec<PodReading>),
    /// Resource and ContainerResource: usage of each container of each pod.
    Resource(Vec<PodUsage>),
    /// The API gave an error, with this text.
    Failed(String),
}

/// A custom metric's value of one pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodReading {
    /// Name of the pod.
    pub pod: String,
    /// The value, in thousandths.
    pub milli: i64,
    /// When it was measured.
    pub at: Time,
    /// Seconds over which it was measured.
    pub window_seconds: i64,
}

/// What the containers of one pod use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodUsage {
    /// Name of the pod.
    pub pod: String,
    /// When it was measured.
    pub at: Time,
    /// Seconds over which it was measured.
    pub window_seconds: i64,
    /// The containers.
    pub containers: Vec<ContainerUsage>,
}

/// What one container uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerUsage {
    /// Its name.
    pub name: String,
    /// Thousandths by resource name.
    pub milli: BTreeMap<String, i64>,
}

/// A pod, as far as the decision looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// `status.phase`, such as `Running`.
    pub phase: String,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleted: bool,
    /// The condition `Ready`, if there is one.
    pub ready: Option<Ready>,
    /// `status.startTime`.
    pub started_at: Option<Time>,
    /// `spec.containers`.
    pub containers: Vec<Container>,
    /// `spec.initContainers` with `restartPolicy: Always` (sidecars); others do not count.
    pub sidecars: Vec<Container>,
    /// Requests of the pod as a whole, thousandths by resource name, if it states any.
    pub requests_milli: Option<BTreeMap<String, i64>>,
}

impl Pod {
    /// Whether the pod counts as ready for metrics with one total: running and ready, even if it is being deleted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == "Running" && self.ready.is_some_and(|r| r.status == ConditionStatus::True)
    }
}

/// A pod's condition `Ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Whether it is.
    pub status: ConditionStatus,
    /// Since when.
    pub since: Time,
}

/// A container, as far as the decision looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its requests, thousandths by resource name.
    pub requests_milli: BTreeMap<String, i64>,
}
