//! Waits for a condition, with a deadline and a sentence for the failure.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits unless it says otherwise; generous, because the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);

/// Polls `condition` until it gives a value.
///
/// # Panics
/// When [`DEADLINE`] passes first; `what` completes the sentence "waited for …".
pub async fn until<T, F, Fut>(what: &str, condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    until_within(DEADLINE, what, condition).await
}

/// As [`until`], with a deadline of its own.
///
/// # Panics
/// When `deadline` passes first.
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
        assert!(start.elapsed() < deadline, "waited {deadline:?} for {what}, in vain");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Polls `condition` on a thread without a runtime.
///
/// # Panics
/// When [`DEADLINE`] passes first.
pub fn until_blocking<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}, in vain");
        std::thread::sleep(PAUSE);
    }
}
