//! A queue, its consumers and its metric, made up: the closed loop of a queue that an HPA drains.
//!
//! # What is assumed
//!
//! - Time is in whole milliseconds, and everything that is not named here takes none.
//! - The metric is one External metric: the depth, which is all jobs that are not done (waiting and held by a consumer),
//!   or only the waiting ones (see [`Counted`]). A scrape reads the depth as it is at that moment; a sync sees the last
//!   scrape. Before the first scrape there is no reading, and the sync fails as a real one does.
//! - Syncs and scrapes keep an exact rhythm from their phase on. Real syncs are a little more than their period apart;
//!   with an exact rhythm they meet the edges of windows exactly.
//! - A pod holds up to `prefetch` jobs and works at one at a time; each job takes exactly `work_ms`. Jobs go to the pods
//!   in the order in which these have room, and no job fails.
//! - A new pod is ready `pod_start_ms` after the sync that asked for it, however many start. Pods of the start size are
//!   ready from the beginning. The scale's `status.replicas` is always its `spec.replicas`.
//! - A surplus pod goes at once: starting pods first, then those that became ready last. It does not count as ready any
//!   more, puts back the jobs that it only holds, and finishes the one that it works at.
//! - At equal times the order is: jobs done, pods ready, jobs arriving, scrape, sync.

mod world;

use super::{SimulateError, Simulator, Step};

/// Most steps of one run by default; a day with a hundred jobs a second is within.
pub const MOST_STEPS: u64 = 20_000_000;

/// Most pods at one time.
pub const MOST_PODS: i32 = 10_000;

/// The made-up world around an HPA. Times are milliseconds from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// What arrives.
    pub arrivals: Vec<Arrivals>,
    /// How long one job takes.
    pub work_ms: i64,
    /// How many jobs a pod holds, at least 1.
    pub prefetch: u32,
    /// From the decision to a ready pod.
    pub pod_start_ms: i64,
    /// From scrape to scrape.
    pub scrape_interval_ms: i64,
    /// The first scrape.
    pub scrape_phase_ms: i64,
    /// The first sync; from sync to sync it is the controller's period.
    pub sync_phase_ms: i64,
    /// Which jobs the metric counts.
    pub counted: Counted,
    /// How long to run.
    pub duration_ms: i64,
    /// How many steps may be made: arrivals, jobs done, pods made and ready, scrapes and syncs.
    pub most_steps: u64,
}

impl Default for Queue {
    /// Jobs of 5 s, one at a time, pods ready after 3 s, scrapes each 5 s, ten minutes; nothing arrives.
    fn default() -> Self {
        Self {
            arrivals: Vec::new(),
            work_ms: 5_000,
            prefetch: 1,
            pod_start_ms: 3_000,
            scrape_interval_ms: 5_000,
            scrape_phase_ms: 0,
            sync_phase_ms: 0,
            counted: Counted::All,
            duration_ms: 600_000,
            most_steps: MOST_STEPS,
        }
    }
}

/// What arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// So many jobs at once.
    Burst {
        /// When.
        at_ms: i64,
        /// How many.
        jobs: u32,
    },
    /// Evenly spaced jobs, the first one at the start.
    Rate {
        /// From when.
        from_ms: i64,
        /// Until before when.
        until_ms: i64,
        /// How many in a second.
        per_second: f64,
    },
}

/// Which jobs the metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Waiting jobs and those that consumers hold.
    All,
    /// Waiting jobs only.
    Waiting,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Each sync.
    pub steps: Vec<Step>,
    /// The queue at each sync, just before it.
    pub samples: Vec<Sample>,
    /// Jobs that arrived.
    pub arrived: u64,
    /// Jobs that were done.
    pub done: u64,
    /// When the last job was done that left nothing to do, if the queue was empty at the end and some job arrived.
    pub drained_at_ms: Option<i64>,
    /// The highest depth.
    pub peak_depth: u64,
    /// Ready pods times milliseconds: what the run cost.
    pub pod_ms: i64,
}

/// The queue at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When, in milliseconds from the start.
    pub at_ms: i64,
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that pods hold, those being worked at included.
    pub held: u64,
    /// The size that is asked for.
    pub size: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// The depth as of the last scrape.
    pub scraped: Option<u64>,
}

/// Runs the queue against the HPA.
///
/// # Errors
/// [`SimulateError::Setting`] for a setting out of range, [`SimulateError::TooLong`] after `most_steps` steps.
pub fn run(simulator: &mut Simulator, queue: &Queue) -> Result<Run, SimulateError> {
    check(queue, simulator)?;
    world::World::new(queue, simulator).run()
}

fn check(queue: &Queue, simulator: &Simulator) -> Result<(), SimulateError> {
    let setting = |field, value: String, rule| Err(SimulateError::Setting { field, value, rule });
    let positive = [
        ("work_ms", queue.work_ms),
        ("scrape_interval_ms", queue.scrape_interval_ms),
        ("the sync period in seconds", simulator.config().sync_period_seconds),
    ];
    let not_negative = [
        ("pod_start_ms", queue.pod_start_ms),
        ("scrape_phase_ms", queue.scrape_phase_ms),
        ("sync_phase_ms", queue.sync_phase_ms),
        ("duration_ms", queue.duration_ms),
    ];
    const MOST: i64 = i64::MAX / 4;
    for (field, value) in positive {
        if !(1..MOST).contains(&value) {
            return setting(field, value.to_string(), "above 0");
        }
    }
    for (field, value) in not_negative {
        if !(0..MOST).contains(&value) {
            return setting(field, value.to_string(), "0 or more");
        }
    }
    for (field, size) in
        [("maxReplicas", simulator.spec().max_replicas), ("the start size", simulator.size())]
    {
        if size > MOST_PODS {
            return setting(field, size.to_string(), "10000 or less to be simulated");
        }
    }
    if queue.prefetch == 0 {
        return setting("prefetch", "0".to_owned(), "1 or more");
    }
    for arrivals in &queue.arrivals {
        match *arrivals {
            Arrivals::Burst { at_ms, .. } if !(0..MOST).contains(&at_ms) => {
                return setting("at_ms of a burst", at_ms.to_string(), "0 or more");
            }
            Arrivals::Rate { from_ms, .. } if !(0..MOST).contains(&from_ms) => {
                return setting("from_ms of a rate", from_ms.to_string(), "0 or more");
            }
            Arrivals::Rate { per_second, .. } if !(per_second.is_finite() && per_second >= 0.0) => {
                return setting("per_second of a rate", per_second.to_string(), "a number of 0 or more");
            }
            _ => {}
        }
    }
    Ok(())
}
