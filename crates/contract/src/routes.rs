//! Paths of the HTTP endpoints, and the bounds of their parameters.

/// Publishes jobs: `GET` or `POST /generate[?count=N][&burst=ID]`.
pub const GENERATE: &str = "/generate";
/// Prometheus text exposition.
pub const METRICS: &str = "/metrics";
/// Alive: answers 200 as long as the process can answer at all.
pub const HEALTHZ: &str = "/healthz";
/// Ready: answers 200 while the broker is connected, else 503 with the reason.
pub const READYZ: &str = "/readyz";

/// The most jobs that one request may ask for.
pub const MAX_COUNT: u32 = 10_000;
/// The most ids that one answer lists.
pub const MAX_IDS: usize = 100;
/// Confirms later than this are reported as the cause `slow`.
pub const CONFIRM_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);
