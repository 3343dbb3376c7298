//! Paths of the HTTP endpoints and the limits of their parameters.

/// Publishes jobs: `GET` or `POST /generate[?count=N][&burst=ID]`.
pub const GENERATE: &str = "/generate";
/// Prometheus text exposition.
pub const METRICS: &str = "/metrics";
/// Liveness: answers 200 while the process can answer.
pub const HEALTHZ: &str = "/healthz";
/// Readiness: answers 200 while the broker is connected, else 503 with the reason.
pub const READYZ: &str = "/readyz";

/// Maximum number of jobs per request.
pub const MAX_COUNT: u32 = 10_000;
/// Maximum number of ids in one answer.
pub const MAX_IDS: usize = 100;
/// Time limit for a confirm; without one the request fails with the cause `slow`.
pub const CONFIRM_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);
