//! The worker's metrics.

use podkit::metrics::{RegisterError, register};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// Upper bounds of the buckets of the time spent on a job, in seconds.
const WORK: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds of the buckets of a job's waiting time, in seconds: milliseconds with an idle worker, minutes with a long
/// queue.
const WAIT: [f64; 11] = [0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0];

/// The worker's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) processed: IntCounter,
    pub(crate) redelivered: IntCounter,
    pub(crate) failed: IntCounter,
    pub(crate) requeued: IntCounter,
    pub(crate) wait: Histogram,
    pub(crate) duration: Histogram,
    busy: IntGauge,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let counter = |name: &str, help: &str| register(registry, name, IntCounter::new(name, help));
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            register(registry, name, Histogram::with_opts(opts))
        };
        let busy = "worker_busy";
        Ok(Self {
            processed: counter("jobs_processed_total", "Jobs done and acknowledged.")?,
            redelivered: counter(
                "jobs_redelivered_total",
                "Jobs that the broker delivered with the redelivered flag.",
            )?,
            failed: counter(
                "jobs_failed_total",
                "Invalid messages that were moved to the dead-letter queue.",
            )?,
            requeued: counter(
                "jobs_requeued_total",
                "Jobs whose acknowledgement could not be sent; the broker redelivers them.",
            )?,
            wait: histogram(
                "job_wait_seconds",
                "Time between the creation of a job and the start of its work.",
                &WAIT,
            )?,
            duration: histogram("job_duration_seconds", "Time spent on a job.", &WORK)?,
            busy: register(
                registry,
                busy,
                IntGauge::new(busy, "Worker state: 1 while it processes a job, else 0."),
            )?,
        })
    }

    /// Sets `worker_busy` to 1 until the guard is dropped.
    pub(crate) fn busy(&self) -> Busy {
        self.busy.set(1);
        Busy(self.busy.clone())
    }
}

/// Guard that sets `worker_busy` to 0 when it is dropped.
pub(crate) struct Busy(IntGauge);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(0);
    }
}
