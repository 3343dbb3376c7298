//! A measured value with its time, and the marker that ends a series.

/// Milliseconds since the Unix epoch: the resolution of Prometheus' samples.
pub(crate) type Millis = i64;

/// One value at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time: Millis,
    pub(crate) value: f64,
}

/// The NaN that ends a series. It is Prometheus' bit pattern (`model/value/value.go`), so that a target's own NaN
/// stays a value.
const STALE: u64 = 0x7ff0_0000_0000_0002;

impl Sample {
    /// The marker that ends a series at `time`.
    pub(crate) fn stale(time: Millis) -> Self {
        Self { time, value: f64::from_bits(STALE) }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.value.to_bits() == STALE
    }
}

/// A time in seconds, as PromQL sees it.
pub(crate) fn seconds(time: Millis) -> f64 {
    time as f64 / 1000.0
}

/// The wall clock in milliseconds.
pub(crate) fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_targets_own_nan_is_not_the_stale_marker() {
        assert!(Sample::stale(1).is_stale());
        assert!(!Sample { time: 1, value: f64::NAN }.is_stale());
        assert!(Sample::stale(1).value.is_nan());
    }
}
