//! Which pods' readings count.
//!
//! Source: `groupPods` in `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use crate::compat::Config;
use crate::input::Pod;
use crate::number::Time;
use crate::status::ConditionStatus;

/// A pod's reading, summed over its containers or taken from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Thousandths.
    pub milli: i64,
    /// When it was measured.
    pub at: Time,
    /// Seconds over which it was measured.
    pub window_seconds: i64,
}

/// Readings by pod name.
pub type Samples<'a> = BTreeMap<&'a str, Sample>;

/// The pods by what becomes of their readings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups<'a> {
    /// Pods that are ready and have a reading.
    pub ready: usize,
    /// Not ready: their readings are dropped; when growing they count as 0.
    pub unready: Vec<&'a str>,
    /// Without a reading.
    pub missing: Vec<&'a str>,
    /// Gone or going: dropped.
    pub ignored: Vec<&'a str>,
}

enum Group {
    Ready,
    Unready,
    Missing,
    Ignored,
}

/// Sorts the pods. Only for resource `cpu` does a running pod's own readiness matter, because a pod that is starting
/// uses CPU that says nothing about its load.
#[must_use]
pub fn group<'a>(
    pods: &'a [Pod],
    samples: &Samples<'_>,
    resource: &str,
    config: &Config,
    now: Time,
) -> Groups<'a> {
    let mut groups = Groups::default();
    for pod in pods {
        match group_of(pod, samples.get(pod.name.as_str()), resource, config, now) {
            Group::Ready => groups.ready += 1,
            Group::Unready => groups.unready.push(&pod.name),
            Group::Missing => groups.missing.push(&pod.name),
            Group::Ignored => groups.ignored.push(&pod.name),
        }
    }
    groups
}

fn group_of(pod: &Pod, sample: Option<&Sample>, resource: &str, config: &Config, now: Time) -> Group {
    let succeeded = config.compat.ignore_succeeded_pods && pod.phase == "Succeeded";
    if pod.deleted || pod.phase == "Failed" || succeeded {
        return Group::Ignored;
    }
    if pod.phase == "Pending" {
        return Group::Unready;
    }
    let Some(sample) = sample else { return Group::Missing };
    if resource != "cpu" {
        return Group::Ready;
    }
    let (Some(ready), Some(started)) = (pod.ready, pod.started_at) else { return Group::Unready };
    let is_false = ready.status == ConditionStatus::False;
    let unready = if started.plus_secs(config.cpu_initialization_period_seconds) > now {
        // Starting: the reading must be wholly from the time in which the pod was ready.
        is_false || sample.at < ready.since.plus_secs(sample.window_seconds)
    } else {
        // Long started: only a pod that has never been ready is left out.
        is_false && started.plus_secs(config.initial_readiness_delay_seconds) > ready.since
    };
    if unready { Group::Unready } else { Group::Ready }
}
