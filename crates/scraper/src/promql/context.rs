//! Inputs, limits and errors of an evaluation.

use std::time::Instant;

use crate::sample::Millis;

/// The reason why a query has no result; the kinds are those of Prometheus' HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The text is not PromQL.
    #[error("{0}")]
    Parse(String),
    /// The query has no result, or this server does not support it.
    #[error("{0}")]
    Execution(String),
    /// The query took too long.
    #[error("the query took longer than its timeout")]
    Timeout,
}

/// The times that an evaluation needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instants {
    /// The time of the evaluation.
    pub(crate) time: Millis,
    /// The values of `@ start()` and `@ end()`; equal to `time` in an instant query.
    pub(crate) start: Millis,
    pub(crate) end: Millis,
    /// Maximum age of a sample that an instant selector returns.
    pub(crate) lookback: Millis,
}

impl Instants {
    /// The times of an instant query.
    pub(crate) fn at(time: Millis, lookback: Millis) -> Self {
        Self { time, start: time, end: time, lookback }
    }
}

/// The samples and the time that a query may still use.
#[derive(Debug)]
pub(crate) struct Budget {
    samples: usize,
    limit: usize,
    deadline: Instant,
}

impl Budget {
    /// A budget of `samples` samples until `deadline`.
    pub(crate) fn new(samples: usize, deadline: Instant) -> Self {
        Self { samples, limit: samples, deadline }
    }

    /// Uses `samples` of the budget.
    pub(super) fn spend(&mut self, samples: usize) -> Result<(), Error> {
        if Instant::now() > self.deadline {
            return Err(Error::Timeout);
        }
        self.samples = self.samples.checked_sub(samples).ok_or_else(|| {
            Error::Execution(format!(
                "the query would read more than {} samples; select fewer series",
                self.limit
            ))
        })?;
        Ok(())
    }
}
