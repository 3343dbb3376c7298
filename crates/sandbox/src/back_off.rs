//! Exponential back-off without jitter, as kubelets and controllers use it.
//!
//! `backon` yields the delays of one retried call. Here the number of failures is kept for each key or container and may
//! be reset, so a function of that number is simpler.

use std::time::Duration;

/// Returns `first` doubled `doublings` times, at most `max`.
pub(crate) fn exponential(first: Duration, max: Duration, doublings: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(max)
}
