//! The load that the keys control: the size of a burst, and the rate of the continuous load.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::At;

/// The sizes of the number keys, `1` to `6`.
pub const SIZES: [u32; 6] = [1, 10, 50, 100, 500, 1_000];

/// The largest burst that the keys can choose.
pub const MAX_SIZE: u32 = 10_000;

/// Bursts above this need a confirmation.
pub const CONFIRM_ABOVE: u32 = 1_000;

/// The rates that `<` and `>` step through, in requests per second.
const RATES: [f64; 10] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Time after which the continuous load switches itself off, so that it does not run overnight.
pub const MAX_TIME: Duration = Duration::from_secs(600);

/// The state of the continuous load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadState {
    /// It is off.
    #[default]
    Off,
    /// It has run since then.
    Since(At),
}

/// Requests of the continuous load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Jobs accepted.
    pub accepted: u64,
    /// Requests that failed.
    pub failed: u64,
}

/// The settings of the next burst and of the continuous load.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Requests of the next burst.
    pub size: u32,
    /// Requests per second, also while it is off.
    pub rate: f64,
    /// The state of the continuous load.
    pub running: LoadState,
    /// Jobs accepted since it was switched on.
    pub accepted: u64,
    /// Requests that failed since then, by cause.
    pub failed: BTreeMap<String, u64>,
    /// The requests since the target was opened.
    pub all: Totals,
    /// The Service that gets the requests; `None` for the demo's producer.
    pub to: Option<String>,
    /// True once the user has agreed to put load on this target.
    pub agreed: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            size: 50,
            rate: 5.0,
            running: LoadState::Off,
            accepted: 0,
            failed: BTreeMap::new(),
            all: Totals::default(),
            to: None,
            agreed: false,
        }
    }
}

impl Load {
    /// Returns true while the load runs.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.running != LoadState::Off
    }

    /// Requests that failed since it was switched on.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The burst's size one step larger or smaller: steps of a tenth of the size, rounded to a power of ten.
    #[must_use]
    pub fn next_size(&self, up: bool) -> u32 {
        let step = |size: u32| 10_u32.pow((size.max(1)).ilog10().saturating_sub(u32::from(size >= 100)));
        let size = if up {
            let step = if self.size < 10 { 1 } else { step(self.size) };
            (self.size + step) / step * step
        } else {
            let below = self.size.saturating_sub(1).max(1);
            let step = if below < 10 { 1 } else { step(below) };
            below / step * step
        };
        size.clamp(1, MAX_SIZE)
    }

    /// The rate one step faster or slower.
    #[must_use]
    pub fn next_rate(&self, faster: bool) -> f64 {
        let next = if faster {
            RATES.into_iter().find(|rate| *rate > self.rate)
        } else {
            RATES.into_iter().rev().find(|rate| *rate < self.rate)
        };
        next.unwrap_or(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_change_in_round_steps() {
        for (size, up, down) in [
            (1, 2, 1),
            (9, 10, 8),
            (10, 20, 9),
            (50, 60, 40),
            (100, 110, 90),
            (500, 510, 490),
            (1_000, 1_100, 990),
            (10_000, 10_000, 9_900),
        ] {
            let with = |is_up| Load { size, ..Load::default() }.next_size(is_up);
            assert_eq!((with(true), with(false)), (up, down), "{size}");
        }
    }

    #[test]
    fn rates_stop_at_both_ends() {
        let mut load = Load::default();
        for _ in 0..20 {
            load.rate = load.next_rate(true);
        }
        assert_eq!(load.rate, 500.0);
        for _ in 0..20 {
            load.rate = load.next_rate(false);
        }
        assert_eq!(load.rate, 0.5);
    }
}
