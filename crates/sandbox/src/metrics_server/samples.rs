//! The last two measurements of each container, and the usage that follows from them. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::informer::Key;

/// Age from which the start of a container may serve as its first measurement, for it has used no CPU before.
const MIN_AGE_OF_FRESH_CONTAINER: Duration = Duration::from_secs(10);

/// One measurement of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Start of the container.
    pub(super) started: Timestamp,
    /// Time of the measurement.
    pub(super) at: Timestamp,
    /// CPU time since the start.
    pub(super) cpu: Duration,
    /// Memory in bytes.
    pub(super) memory: u64,
}

/// The usage of a container between two measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// CPU in billionths of a core.
    pub(super) cpu_nanos: u64,
    /// Memory in bytes.
    pub(super) memory: u64,
    /// Time of the later measurement.
    pub(super) at: Timestamp,
    /// Time between the two.
    pub(super) window: Duration,
}

/// One measurement of all pods: points by pod and container.
pub(super) type Batch = HashMap<Key, BTreeMap<String, Point>>;

/// The last two measurements.
#[derive(Debug)]
pub(super) struct Samples {
    resolution: Duration,
    last: Batch,
    previous: Batch,
}

impl Samples {
    pub(super) fn new(resolution: Duration) -> Self {
        Self { resolution, last: Batch::new(), previous: Batch::new() }
    }

    /// Adds a measurement. Pods that are not in it are forgotten.
    pub(super) fn store(&mut self, batch: Batch) {
        let previous = batch.iter().map(|(pod, containers)| {
            let before = self.last.get(pod);
            let points = containers.iter().filter_map(|(name, point)| {
                let before = before.and_then(|containers| containers.get(name));
                Some((name.clone(), self.point_before(point, before)?))
            });
            (pod.clone(), points.collect())
        });
        self.previous = previous.collect();
        self.last = batch;
    }

    fn point_before(&self, point: &Point, before: Option<&Point>) -> Option<Point> {
        let age = elapsed(point.started, point.at);
        if age >= MIN_AGE_OF_FRESH_CONTAINER && age < self.resolution {
            return Some(Point { at: point.started, cpu: Duration::ZERO, ..*point });
        }
        // A container that restarted since then has a new count.
        before.filter(|before| point.started < before.at && before.at < point.at).copied()
    }

    /// The usage of each container of a pod, by name. `None` while a container has only one measurement.
    pub(super) fn usage(&self, pod: &Key) -> Option<BTreeMap<&str, Usage>> {
        let (last, previous) = (self.last.get(pod)?, self.previous.get(pod)?);
        let mut usages = BTreeMap::new();
        for (name, point) in last {
            let before = previous.get(name)?;
            if let Some(usage) = usage(point, before) {
                usages.insert(name.as_str(), usage);
            }
        }
        Some(usages).filter(|usages| !usages.is_empty())
    }
}

/// The usage between two measurements; `None` if the CPU time decreased.
fn usage(last: &Point, previous: &Point) -> Option<Usage> {
    let window = elapsed(previous.at, last.at);
    let cpu = last.cpu.checked_sub(previous.cpu)?;
    let rate = cpu.as_nanos().saturating_mul(1_000_000_000).checked_div(window.as_nanos())?;
    Some(Usage {
        cpu_nanos: u64::try_from(rate).unwrap_or(u64::MAX),
        memory: last.memory,
        at: last.at,
        window,
    })
}

/// The time from `start` to `end`; zero if `end` is not later.
fn elapsed(start: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(start)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn point(started: i64, now: i64, cpu_millis: u64) -> Point {
        Point { started: at(started), at: at(now), cpu: Duration::from_millis(cpu_millis), memory: 4096 }
    }

    fn pod() -> Key {
        ("demo".to_owned(), "web".to_owned())
    }

    /// Stores measurements of containers `a` and, if given, `b`; returns `name=millicores/window` of each.
    fn after(measurements: &[(Point, Option<Point>)]) -> Option<String> {
        let mut samples = Samples::new(Duration::from_secs(15));
        for (a, b) in measurements {
            let b = b.map(|point| ("b".to_owned(), point));
            let containers = std::iter::once(("a".to_owned(), *a)).chain(b).collect();
            samples.store(HashMap::from([(pod(), containers)]));
        }
        let usage = samples.usage(&pod())?;
        let texts = usage.iter().map(|(name, usage)| {
            format!("{name}={}m/{}s", usage.cpu_nanos / 1_000_000, usage.window.as_secs())
        });
        Some(texts.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn usage_is_the_rate_between_two_measurements() {
        let single = |points: &[Point]| after(&points.iter().map(|point| (*point, None)).collect::<Vec<_>>());
        // A new container has no usage before its second measurement.
        assert_eq!(single(&[point(0, 5, 1000)]), None);
        assert_eq!(single(&[point(0, 5, 1000), point(0, 20, 4000)]).as_deref(), Some("a=200m/15s"));
        // From 10 s on, its start counts as a measurement.
        assert_eq!(single(&[point(0, 12, 6000)]).as_deref(), Some("a=500m/12s"));
        assert_eq!(single(&[point(0, 15, 6000)]), None, "as old as the resolution");
        // A restart begins again.
        assert_eq!(single(&[point(0, 30, 9000), point(40, 45, 100)]), None);
        // The CPU time of a child that nothing waited for can vanish.
        assert_eq!(single(&[point(0, 30, 9000), point(0, 45, 100)]), None);
    }

    #[test]
    fn a_pod_has_metrics_when_all_its_containers_do() {
        let both = |b: Point| [(point(0, 5, 0), None), (point(0, 20, 3000), Some(b))];
        assert_eq!(after(&both(point(18, 20, 1000))), None);
        assert_eq!(after(&both(point(8, 20, 6000))).as_deref(), Some("a=200m/15s b=500m/12s"));
    }

    #[test]
    fn a_pod_that_ended_is_forgotten() {
        let mut samples = Samples::new(Duration::from_secs(15));
        for now in [30, 45] {
            samples.store(HashMap::from([(pod(), BTreeMap::from([("a".to_owned(), point(0, now, 0))]))]));
        }
        assert!(samples.usage(&pod()).is_some());
        samples.store(Batch::new());
        assert_eq!(samples.usage(&pod()), None);
    }
}
