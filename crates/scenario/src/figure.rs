//! Numbers that may be missing, and the functions over several of them.

/// A measured number, or the reason why there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known {
    /// Not known yet.
    Open,
    /// A value.
    Is(f64),
    /// An estimate, or a value so far.
    About(f64),
    /// Not available, with the reason in a few words.
    Never(&'static str),
}

impl Known {
    /// The number, if there is one.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Is(number) | Self::About(number) => Some(number),
            Self::Open | Self::Never(_) => None,
        }
    }

    /// The same with another number.
    #[must_use]
    pub fn map(self, change: impl FnOnce(f64) -> f64) -> Self {
        match self {
            Self::Is(number) => Self::Is(change(number)),
            Self::About(number) => Self::About(change(number)),
            other => other,
        }
    }
}

impl From<Option<f64>> for Known {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Open, Self::Is)
    }
}

/// A function over the values of several bursts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The percentile by the nearest rank.
    Percentile(u8),
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The arithmetic mean.
    Mean,
}

impl Function {
    /// All of them with their words, in the order of the documentation.
    pub const ALL: [(&'static str, Self); 7] = [
        ("min", Self::Min),
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("p50", Self::Percentile(50)),
        ("p90", Self::Percentile(90)),
        ("p95", Self::Percentile(95)),
        ("p99", Self::Percentile(99)),
    ];

    /// The word in a condition.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("max", |(word, _)| word)
    }

    /// The result over some values; `None` without a value.
    #[must_use]
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        match self {
            Self::Min => sorted.first().copied(),
            Self::Max => sorted.last().copied(),
            Self::Mean => (!sorted.is_empty()).then(|| sorted.iter().sum::<f64>() / sorted.len() as f64),
            Self::Percentile(percent) => {
                let rank = (sorted.len() * usize::from(percent)).div_ceil(100);
                sorted.get(rank.max(1) - 1).copied()
            }
        }
    }
}

/// Replicas that a queue of `depth` needs at a target of `per_pod`, within minimum and maximum.
#[must_use]
pub fn needed(depth: f64, per_pod: f64, min: i32, max: i32) -> f64 {
    let (min, max) = (f64::from(min), f64::from(max));
    (depth / per_pod).ceil().max(min).min(max.max(min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        for (function, expected) in [
            (Function::Percentile(50), 10.0),
            (Function::Percentile(95), 19.0),
            (Function::Percentile(99), 20.0),
            (Function::Min, 1.0),
            (Function::Max, 20.0),
            (Function::Mean, 10.5),
        ] {
            assert_eq!(function.of(&values), Some(expected), "{function:?}");
            assert_eq!(function.of(&[]), None);
            assert_eq!(function.of(&[7.0]), Some(7.0));
        }
    }

    #[test]
    fn the_need_has_bounds() {
        for (depth, expected) in [(0.0, 2.0), (100.0, 5.0), (101.0, 6.0), (9_999.0, 10.0)] {
            assert_eq!(needed(depth, 20.0, 2, 10), expected, "{depth}");
        }
    }
}
