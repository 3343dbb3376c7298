//! Selection of the pods whose samples count.
//!
//! Source: `groupPods` in `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compat::Config;
use crate::input::Pod;
use crate::status::ConditionStatus;
use crate::time::Time;

/// The sample of one pod: the sum over its containers, or the value of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodSample {
    /// Thousandths.
    pub milli: i64,
    /// Time of the measurement.
    pub at: Time,
    /// Seconds over which it was measured.
    pub window_seconds: i64,
}

/// Samples by pod name.
pub type PodSamples<'a> = BTreeMap<&'a str, PodSample>;

/// The pods, grouped by the use of their samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodGroups<'a> {
    /// Number of ready pods with a sample.
    pub ready: usize,
    /// Pods that are not ready. The calculation drops their samples; on scale-up they count as 0.
    pub unready: Vec<&'a str>,
    /// Pods without a sample.
    pub missing: Vec<&'a str>,
    /// Failed, deleted or (1.38) succeeded pods. The calculation drops them.
    pub ignored: Vec<&'a str>,
}

/// The part of a pod in the calculation of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPart {
    /// Its sample counts.
    Counted,
    /// It is not ready; see [`PodGroups::unready`].
    Unready(Unready),
    /// It has no sample.
    Missing,
    /// It does not count at all.
    Ignored(Ignored),
}

/// The reason why a pod counts as not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unready {
    /// Its phase is `Pending`.
    Pending,
    /// It has no condition `Ready` or no start time.
    NoStatus,
    /// It is not ready, within the CPU initialisation period.
    Starting,
    /// Its sample began before it was ready, within the CPU initialisation period.
    EarlySample,
    /// It has never been ready.
    NeverReady,
}

/// The reason why a pod does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ignored {
    /// Its deletion was requested.
    Deleted,
    /// Its phase is `Failed`.
    Failed,
    /// Its phase is `Succeeded` (from 1.38 on).
    Succeeded,
}

/// Groups the pods.
///
/// Readiness of a running pod matters for resource `cpu` only: a starting pod uses CPU that does not reflect its load.
#[must_use]
pub fn group_pods<'a>(
    pods: &'a [Pod],
    samples: &PodSamples<'_>,
    resource: &str,
    config: &Config,
    now: Time,
) -> PodGroups<'a> {
    let mut groups = PodGroups::default();
    for pod in pods {
        match part_of(pod, samples.get(pod.name.as_str()), resource, config, now) {
            PodPart::Counted => groups.ready += 1,
            PodPart::Unready(_) => groups.unready.push(&pod.name),
            PodPart::Missing => groups.missing.push(&pod.name),
            PodPart::Ignored(_) => groups.ignored.push(&pod.name),
        }
    }
    groups
}

/// The part of one pod, with the reason.
#[must_use]
pub fn part_of(pod: &Pod, sample: Option<&PodSample>, resource: &str, config: &Config, now: Time) -> PodPart {
    if pod.deleted {
        return PodPart::Ignored(Ignored::Deleted);
    }
    match pod.phase.as_str() {
        "Failed" => return PodPart::Ignored(Ignored::Failed),
        "Succeeded" if config.compat.ignore_succeeded_pods => return PodPart::Ignored(Ignored::Succeeded),
        "Pending" => return PodPart::Unready(Unready::Pending),
        _ => {}
    }
    let Some(sample) = sample else { return PodPart::Missing };
    if resource != "cpu" {
        return PodPart::Counted;
    }
    let (Some(ready), Some(started)) = (pod.ready, pod.started_at) else {
        return PodPart::Unready(Unready::NoStatus);
    };
    let is_false = ready.status == ConditionStatus::False;
    if started.plus_secs(config.cpu_initialization_period_seconds) > now {
        // Starting: the whole window of the sample must lie after the pod became ready.
        if is_false {
            return PodPart::Unready(Unready::Starting);
        }
        if sample.at < ready.since.plus_secs(sample.window_seconds) {
            return PodPart::Unready(Unready::EarlySample);
        }
    } else if is_false && started.plus_secs(config.initial_readiness_delay_seconds) > ready.since {
        // Started: drop only a pod that has never been ready.
        return PodPart::Unready(Unready::NeverReady);
    }
    PodPart::Counted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::Release;
    use crate::input::Ready;

    const NOW: Time = Time::from_secs(100_000);

    /// The group of a running pod. `started` and `since` are seconds ago; the sample covers the last 30 s.
    fn grouped(status: ConditionStatus, started: i64, since: i64, resource: &str) -> &'static str {
        let pod = Pod {
            name: "p".to_owned(),
            phase: "Running".to_owned(),
            ready: Some(Ready { status, since: NOW.minus_secs(since) }),
            started_at: Some(NOW.minus_secs(started)),
            ..Pod::default()
        };
        of(&pod, resource, &Config::default())
    }

    fn of(pod: &Pod, resource: &str, config: &Config) -> &'static str {
        let sample = PodSample { milli: 1, at: NOW, window_seconds: 30 };
        match part_of(pod, Some(&sample), resource, config, NOW) {
            PodPart::Counted => "ready",
            PodPart::Unready(_) => "unready",
            PodPart::Missing => "missing",
            PodPart::Ignored(_) => "ignored",
        }
    }

    #[test]
    fn starting_pods_need_a_sample_from_their_ready_time() {
        use ConditionStatus::{False, True, Unknown};
        for (status, started, since, group) in [
            (True, 299, 31, "ready"),
            (True, 299, 30, "ready"),
            (True, 299, 29, "unready"),
            (False, 299, 31, "unready"),
            (Unknown, 299, 31, "ready"),
            // At the end of the period the pod counts as started.
            (True, 300, 0, "ready"),
        ] {
            assert_eq!(grouped(status, started, since, "cpu"), group, "{status:?} {started} {since}");
        }
    }

    #[test]
    fn started_pods_are_dropped_only_if_never_ready() {
        use ConditionStatus::{False, True};
        for (status, started, since, group) in [
            (False, 400, 400, "unready"),
            (False, 400, 371, "unready"),
            // At the delay the pod counts as ready before.
            (False, 400, 370, "ready"),
            (False, 400, 100, "ready"),
            (True, 400, 400, "ready"),
        ] {
            assert_eq!(grouped(status, started, since, "cpu"), group, "{status:?} {started} {since}");
        }
    }

    #[test]
    fn readiness_matters_for_cpu_only() {
        for resource in ["", "memory", "example.com/gpu"] {
            assert_eq!(grouped(ConditionStatus::False, 1, 1, resource), "ready", "{resource:?}");
        }
    }

    #[test]
    fn the_phase_is_checked_first() {
        let config = |minor| Config::release(Release(minor));
        let pod = |phase: &str, deleted| Pod { phase: phase.to_owned(), deleted, ..Pod::default() };
        for (phase, deleted, minor, group) in [
            ("Running", true, 38, "ignored"),
            ("Pending", true, 38, "ignored"),
            ("Failed", false, 34, "ignored"),
            ("Succeeded", false, 38, "ignored"),
            ("Succeeded", false, 37, "ready"),
            ("Pending", false, 38, "unready"),
            ("Running", false, 38, "ready"),
        ] {
            assert_eq!(of(&pod(phase, deleted), "memory", &config(minor)), group, "{phase} at 1.{minor}");
        }
        // A running pod without start time or without the condition Ready is unready.
        assert_eq!(of(&pod("Running", false), "cpu", &config(38)), "unready");
        let group = part_of(&pod("Running", false), None, "cpu", &config(38), NOW);
        assert_eq!(group, PodPart::Missing, "the missing sample is checked first");
    }
}
