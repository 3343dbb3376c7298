//! The worker's metrics, by the contract's names.

use podkit::metrics::{RegisterError, register};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// Upper bounds of the time spent on a job, in seconds.
const WORK: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds of the time a job waited, in seconds: from an idle worker's milliseconds to a long queue.
const WAIT: [f64; 11] = [0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0];

/// What the worker counts.
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
                "Jobs that came with the broker's redelivered mark.",
            )?,
            failed: counter("jobs_failed_total", "Poison jobs that were moved to the dead-letter queue.")?,
            requeued: counter(
                "jobs_requeued_total",
                "Jobs whose acknowledgement could not be sent: redeliveries to come.",
            )?,
            wait: histogram("job_wait_seconds", "Time from a job's making to the start of its work.", &WAIT)?,
            duration: histogram("job_duration_seconds", "Time spent on a job.", &WORK)?,
            busy: register(registry, busy, IntGauge::new(busy, "Whether a job is in hand: 1 or 0."))?,
        })
    }

    /// Busy until the guard is dropped, however the job ends.
    pub(crate) fn busy(&self) -> Busy {
        self.busy.set(1);
        Busy(self.busy.clone())
    }
}

/// A job is in hand.
pub(crate) struct Busy(IntGauge);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(0);
    }
}
