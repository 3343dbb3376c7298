//! CPU time of the calling thread.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Steps of arithmetic between two looks at the clock, about 50 µs.
const STEPS: u64 = 50_000;

/// Uses `wanted` of CPU time on this thread. On a busy machine this takes longer than `wanted`.
pub(crate) fn cpu_time(wanted: Duration) {
    let end = used() + wanted;
    let mut number = 1_u64;
    while used() < end {
        for step in 0..STEPS {
            number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step));
        }
    }
}

/// CPU time that this thread has used.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_time_is_used() {
        let before = used();
        cpu_time(Duration::from_millis(20));
        let spent = used() - before;
        assert!((Duration::from_millis(20)..Duration::from_secs(1)).contains(&spent), "{spent:?}");
    }
}
