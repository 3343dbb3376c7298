//! The forecast: when the queue is empty, how many pods that takes, and whether the next burst makes the HPA
//! scale. All of it is an estimate based on the work time per job.

pub mod pace;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::pace::{JobDuration, Pace, PaceBasis};
use crate::autoscaler::decision;
use crate::data::Data;
use observed::Hpa;

/// The drain times for which the forecast computes the fewest pods.
pub const DRAIN_TIMES: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
    Duration::from_secs(600),
];

/// The time at which a queue is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// It is empty now.
    Already,
    /// After this duration.
    In(Duration),
    /// Never with these pods: jobs arrive as fast as they finish, or there are no pods.
    Never,
}

/// Time until `depth` jobs are drained by `pods` workers at `work` per job, with `arriving` new jobs per
/// second.
#[must_use]
pub fn drained(depth: u64, pods: u32, work: Duration, arriving: f64) -> Drained {
    if depth == 0 {
        return Drained::Already;
    }
    if pods == 0 || work.is_zero() {
        return if pods == 0 { Drained::Never } else { Drained::In(Duration::ZERO) };
    }
    if arriving <= 0.0 {
        // In rounds: the last round takes as long as any other, however few jobs it has.
        let rounds = u32::try_from(depth.div_ceil(pods.into())).unwrap_or(u32::MAX);
        return Drained::In(work.saturating_mul(rounds));
    }
    let net = f64::from(pods) / work.as_secs_f64() - arriving;
    let seconds = depth as f64 / net;
    if net <= 0.0 || seconds > 1e9 {
        return Drained::Never;
    }
    Drained::In(Duration::from_secs_f64(seconds).max(work))
}

/// The fewest pods that finish `depth` jobs within `time`; `None` if one job alone takes longer.
#[must_use]
pub fn fewest(depth: u64, time: Duration, work: Duration, arriving: f64) -> Option<u32> {
    if depth == 0 {
        return Some(0);
    }
    if time < work {
        return None;
    }
    if work.is_zero() {
        return Some(1);
    }
    if arriving <= 0.0 {
        let rounds = u64::try_from(time.as_nanos() / work.as_nanos()).unwrap_or(u64::MAX).max(1);
        return u32::try_from(depth.div_ceil(rounds)).ok();
    }
    let pods = (depth as f64 / time.as_secs_f64() + arriving) * work.as_secs_f64();
    // A value barely above a whole number is that number: floating point rounded it up.
    let pods = (pods - 1e-9).ceil().max(1.0);
    (pods < f64::from(u32::MAX)).then_some(pods as u32)
}

/// The forecast for the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Jobs in the queue, including unacknowledged ones.
    pub depth: u64,
    /// The work time per job, and its origin.
    pub work: JobDuration,
    /// Jobs per second from the continuous load.
    pub arriving: f64,
    /// Ready workers, and when they finish.
    pub current: (u32, Drained),
    /// Workers that the HPA wants, and when that many would finish.
    pub desired: (u32, Drained),
    /// The fewest pods for each of [`DRAIN_TIMES`].
    pub fewest: [Option<u32>; DRAIN_TIMES.len()],
}

/// Computes the forecast; `None` while the depth or the work time is unknown.
#[must_use]
pub fn outlook(data: &Data) -> Option<Outlook> {
    let depth = data.depth?.total();
    let work = data.pace.work()?;
    let arriving = if data.load.is_on() { data.load.rate } else { 0.0 };
    let count = |replicas: i32| u32::try_from(replicas).unwrap_or(0);
    let ready = data.workload.get().map_or(0, |workload| count(workload.ready));
    let desired = data.hpa.get().and_then(Hpa::wanted).map_or(ready, count);
    let when = |pods| (pods, drained(depth, pods, work.time, arriving));
    Some(Outlook {
        depth,
        work,
        arriving,
        current: when(ready),
        desired: when(desired),
        fewest: DRAIN_TIMES.map(|time| fewest(depth, time, work.time, arriving)),
    })
}

/// The HPA's reaction to a burst of the chosen size.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// It would want more workers at the next sync.
    Scales {
        /// Workers now.
        from: i32,
        /// Workers that it would want.
        to: i32,
        /// True if the workers may finish too many jobs before that sync.
        may_be_gone: bool,
    },
    /// No reaction: the metric stays within tolerance, or below the target.
    TooSmall {
        /// The metric divided by the target.
        ratio: f64,
        /// The ratio up to which the HPA does not scale.
        upper: f64,
        /// The smallest burst that scales.
        smallest: u64,
    },
    /// The workers are at their maximum.
    AtMax(i32),
    /// A recommendation, a policy or a limit holds the size, whatever the metric reports.
    Held,
}

/// Predicts the HPA's reaction to a burst of `size`; `None` while it is unknown.
#[must_use]
pub fn trigger(data: &Data, size: u32) -> Option<Trigger> {
    let next = data.estimate.next.as_ref()?;
    let (hpa, workload) = (data.hpa.get()?, data.workload.get()?);
    if workload.spec_replicas >= hpa.max {
        return Some(Trigger::AtMax(hpa.max));
    }
    let edge = Edge::of(data)?;
    if let Some(too_small) = edge.too_small(size) {
        return Some(too_small);
    }
    let after = edge.after(size);
    let to = decision::what_if(data, after)?.trace.desired;
    let from = workload.spec_replicas;
    if to <= from {
        return Some(Trigger::Held);
    }
    let may_be_gone = data.pace.work().is_some_and(|work| {
        let wait = next.due.map_or(next.period.0, |due| due.since(data.now));
        let done = wait.as_secs_f64() / work.time.as_secs_f64().max(1e-3) * f64::from(workload.ready.max(0));
        (after as f64) - done.floor() * 1_000.0 <= edge.most
    });
    Some(Trigger::Scales { from, to, may_be_gone })
}

/// The smallest burst that scales, if one of `size` is too small: cheap enough for every frame.
#[must_use]
pub fn smallest_instead(data: &Data, size: u32) -> Option<u64> {
    let (hpa, workload) = (data.hpa.get()?, data.workload.get()?);
    match Edge::of(data)?.too_small(size)? {
        Trigger::TooSmall { smallest, .. } if workload.spec_replicas < hpa.max => Some(smallest),
        _ => None,
    }
}

/// The metric, and the value from which the HPA would want more; in thousandths.
struct Edge {
    total: i64,
    target: f64,
    upper: f64,
    most: f64,
}

impl Edge {
    fn of(data: &Data) -> Option<Self> {
        // A burst changes the followed metric, whichever decides now.
        let followed = data.hpa.get()?.followed()?;
        let measured = data.estimate.next.as_ref()?.decision.trace.metrics.get(followed)?.measured?;
        // An average has its target per existing pod, a total has one target.
        let pods = match measured.target_type {
            hpa::trace::TargetType::AverageValue => f64::from(measured.replicas.max(1)),
            hpa::trace::TargetType::Value => 1.0,
            // Percent of requests: messages do not change it.
            hpa::trace::TargetType::Utilization => return None,
        };
        let (target, upper) = (measured.target as f64 * pods, measured.band.1);
        if target <= 0.0 {
            return None;
        }
        let total = measured.total_milli.unwrap_or(measured.usage);
        Some(Self { total, target, upper, most: target * upper })
    }

    /// The metric with a burst in the queue.
    fn after(&self, size: u32) -> i64 {
        self.total.saturating_add(i64::from(size) * 1_000)
    }

    fn too_small(&self, size: u32) -> Option<Trigger> {
        let after = self.after(size) as f64;
        if after > self.most {
            return None;
        }
        let room = ((self.most - self.total as f64) / 1_000.0).max(0.0);
        let smallest = room.floor() as u64 + 1;
        Some(Trigger::TooSmall { ratio: after / self.target, upper: self.upper, smallest })
    }
}
