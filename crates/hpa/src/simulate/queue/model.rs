//! The settings and the result of a run.

use crate::simulate::{SimulateError, Simulator, Step};

/// Default maximum number of steps of one run: enough for a day with a hundred jobs a second.
pub const MAX_STEPS: u64 = 20_000_000;

/// Maximum number of pods at one time.
pub const MAX_PODS: i32 = 10_000;

/// The queue and the consumers that an HPA scales. Times are milliseconds from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// The arriving jobs.
    pub arrivals: Vec<Arrivals>,
    /// Duration of one job.
    pub work_ms: i64,
    /// Maximum number of unacked jobs of a pod, at least 1.
    pub prefetch: u32,
    /// Time from the decision to a ready pod.
    pub pod_start_ms: i64,
    /// Time between two scrapes.
    pub scrape_interval_ms: i64,
    /// Time of the first scrape.
    pub scrape_phase_ms: i64,
    /// Time of the first sync. The controller's period separates the syncs.
    pub sync_phase_ms: i64,
    /// The jobs that the metric counts.
    pub counted: Counted,
    /// Duration of the run.
    pub duration_ms: i64,
    /// Maximum number of steps: arrivals, finished jobs, pods created and ready, scrapes and syncs.
    pub max_steps: u64,
}

impl Default for Queue {
    /// Jobs of 5 s, one at a time; pods ready after 3 s; a scrape every 5 s; ten minutes; no arrivals.
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
            max_steps: MAX_STEPS,
        }
    }
}

/// Arriving jobs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// Jobs that arrive at the same time.
    Burst {
        /// Time of arrival.
        at_ms: i64,
        /// Number of jobs.
        jobs: u32,
    },
    /// Evenly spaced jobs, the first one at `from_ms`.
    Rate {
        /// Start.
        from_ms: i64,
        /// End, exclusive.
        until_ms: i64,
        /// Jobs per second.
        per_second: f64,
    },
}

/// The jobs that the metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Ready and unacked jobs.
    All,
    /// Ready jobs only.
    Ready,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The syncs.
    pub steps: Vec<Step>,
    /// The queue before each sync.
    pub samples: Vec<QueueSample>,
    /// Number of arrived jobs.
    pub arrived: u64,
    /// Number of finished jobs.
    pub done: u64,
    /// Time at which the last job finished. `None` if the queue is not empty at the end, or if no job arrived.
    pub drained_at_ms: Option<i64>,
    /// The largest depth.
    pub peak_depth: u64,
    /// The longest time of a job from its arrival to its delivery.
    pub longest_wait_ms: i64,
    /// Number of deliveries beyond the first.
    pub redelivered: u64,
    /// The cost of the run: ready pods times milliseconds.
    pub pod_ms: i64,
}

/// The queue at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSample {
    /// Milliseconds from the start.
    pub at_ms: i64,
    /// Ready jobs.
    pub ready_jobs: u64,
    /// Unacked jobs.
    pub unacked_jobs: u64,
    /// `spec.replicas`.
    pub size: i32,
    /// Number of ready pods.
    pub ready_pods: i32,
    /// The depth at the last scrape.
    pub scraped: Option<u64>,
}

/// Checks the ranges of the settings.
pub(super) fn check(queue: &Queue, simulator: &Simulator) -> Result<(), SimulateError> {
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
    const LIMIT: i64 = i64::MAX / 4;
    for (field, value) in positive {
        if !(1..LIMIT).contains(&value) {
            return setting(field, value.to_string(), "above 0");
        }
    }
    for (field, value) in not_negative {
        if !(0..LIMIT).contains(&value) {
            return setting(field, value.to_string(), "0 or more");
        }
    }
    for (field, size) in
        [("maxReplicas", simulator.spec().max_replicas), ("the initial size", simulator.size())]
    {
        if size > MAX_PODS {
            return setting(field, size.to_string(), "at most 10000");
        }
    }
    if queue.prefetch == 0 {
        return setting("prefetch", "0".to_owned(), "1 or more");
    }
    for arrivals in &queue.arrivals {
        match *arrivals {
            Arrivals::Burst { at_ms, .. } if !(0..LIMIT).contains(&at_ms) => {
                return setting("at_ms of a burst", at_ms.to_string(), "0 or more");
            }
            Arrivals::Rate { from_ms, .. } if !(0..LIMIT).contains(&from_ms) => {
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
