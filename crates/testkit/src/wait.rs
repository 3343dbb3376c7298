//! Waits for a condition with a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

/// Default deadline, generous because the machine can be busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls `condition` until it returns a value. `what` names the condition in the panic message.
///
/// # Panics
/// Panics after [`DEADLINE`].
pub async fn until<T, F, Fut>(what: &str, condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    until_within(DEADLINE, what, condition).await
}

/// Like [`until`], with another deadline.
///
/// # Panics
/// Panics after `deadline`.
pub async fn until_within<T, F, Fut>(deadline: Duration, what: &str, mut condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(start.elapsed() < deadline, "timed out after {deadline:?} waiting for {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Like [`until`], on a thread without a runtime.
///
/// # Panics
/// Panics after [`DEADLINE`].
pub fn until_blocking<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "timed out after {DEADLINE:?} waiting for {what}");
        std::thread::sleep(POLL_INTERVAL);
    }
}
