//! The producer's metrics.

use std::time::Duration;

use axum::http::Method;
use contract::Cause;
use podkit::metrics::{RegisterError, register};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Upper bounds of the duration buckets, in seconds: a confirm takes about a millisecond, a timeout two seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// The producer's metrics.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    requests: IntCounterVec,
    statuses: IntCounterVec,
    in_flight: IntGauge,
    durations: Histogram,
    /// Counter of confirmed jobs.
    pub(crate) published: IntCounter,
    /// Counter of confirmed jobs that were reported as failed before.
    pub(crate) late: IntCounter,
    failed: IntCounterVec,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, name, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let duration = "http_request_duration_seconds";
        let buckets = HistogramOpts::new(duration, "Time from a request's arrival to its answer.")
            .buckets(BUCKETS.to_vec());
        let counter = |name: &str, help: &str| register(registry, name, IntCounter::new(name, help));
        let failed =
            counters("messages_failed_total", "Jobs that the producer reported as failed.", &["cause"])?;
        // A series that begins with its first failure has no rate for that failure
        // (https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
        for cause in Cause::ALL {
            failed.with_label_values(&[cause.as_str()]);
        }
        Ok(Self {
            requests: counters("http_request_total", "Requests answered.", &["method", "path", "status"])?,
            statuses: counters(
                "request_status",
                "Requests answered, under the name of the original demo.",
                &["path", "status"],
            )?,
            in_flight: register(
                registry,
                "http_requests_in_flight",
                IntGauge::new("http_requests_in_flight", "Requests to /generate without an answer yet."),
            )?,
            durations: register(registry, duration, Histogram::with_opts(buckets))?,
            published: counter("messages_published_total", "Jobs that the broker confirmed.")?,
            late: counter(
                "messages_late_total",
                "Jobs that the broker confirmed after the producer had reported them as failed.",
            )?,
            failed,
        })
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts one answered request. `path` is one of the routes or `other`.
    pub(crate) fn request(&self, method: &Method, path: &str, status: u16, took: Duration) {
        let method = match method.as_str() {
            known @ ("GET" | "POST" | "HEAD" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => known,
            _ => "other",
        };
        let mut digits = [0; 3];
        let status = three_digits(status, &mut digits);
        self.requests.with_label_values(&[method, path, status]).inc();
        self.statuses.with_label_values(&[path, status]).inc();
        self.durations.observe(took.as_secs_f64());
    }

    /// Counts the jobs of one request that were reported as failed.
    pub(crate) fn failed(&self, failed: u32, cause: Cause) {
        self.failed.with_label_values(&[cause.as_str()]).inc_by(failed.into());
    }
}

/// Guard for a request in flight.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Formats a status code without an allocation.
fn three_digits(status: u16, digits: &mut [u8; 3]) -> &str {
    for (digit, divisor) in digits.iter_mut().zip([100, 10, 1]) {
        *digit = b'0' + u8::try_from(status / divisor % 10).unwrap_or(0);
    }
    std::str::from_utf8(digits).unwrap_or("000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_share_a_label() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        for method in ["BREW", "MOVE"] {
            metrics.request(&method.parse().unwrap(), "other", 405, Duration::ZERO);
        }
        metrics.failed(2, Cause::Nacked);
        let text = String::from_utf8(podkit::metrics::text(&registry)).unwrap();
        for line in [
            r#"http_request_total{method="other",path="other",status="405"} 2"#,
            r#"request_status{path="other",status="405"} 2"#,
            r#"messages_failed_total{cause="nacked"} 2"#,
            r#"messages_failed_total{cause="slow"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is missing from\n{text}");
        }
    }
}
