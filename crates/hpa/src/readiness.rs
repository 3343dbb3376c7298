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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::Release;
    use crate::input::Ready;

    const NOW: Time = Time::from_secs(100_000);

    /// A running pod that started and last changed its readiness so many seconds ago, measured over 30 s just now.
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
        let sample = Sample { milli: 1, at: NOW, window_seconds: 30 };
        match group_of(pod, Some(&sample), resource, config, NOW) {
            Group::Ready => "ready",
            Group::Unready => "unready",
            Group::Missing => "missing",
            Group::Ignored => "ignored",
        }
    }

    #[test]
    fn while_a_pod_starts_its_reading_must_be_from_its_ready_time() {
        use ConditionStatus::{False, True, Unknown};
        for (status, started, since, group) in [
            (True, 299, 31, "ready"),
            (True, 299, 30, "ready"),
            (True, 299, 29, "unready"),
            (False, 299, 31, "unready"),
            (Unknown, 299, 31, "ready"),
            // Exactly at the end of the period it counts as started.
            (True, 300, 0, "ready"),
        ] {
            assert_eq!(grouped(status, started, since, "cpu"), group, "{status:?} {started} {since}");
        }
    }

    #[test]
    fn later_only_a_pod_that_was_never_ready_is_left_out() {
        use ConditionStatus::{False, True};
        for (status, started, since, group) in [
            (False, 400, 400, "unready"),
            (False, 400, 371, "unready"),
            // Exactly at the delay it counts as having been ready before.
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
    fn phases_come_first() {
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
        // A running pod without start time or without the condition has not begun.
        assert_eq!(of(&pod("Running", false), "cpu", &config(38)), "unready");
        let group = group_of(&pod("Running", false), None, "cpu", &config(38), NOW);
        assert!(matches!(group, Group::Missing), "that it has no reading is looked at before");
    }
}
