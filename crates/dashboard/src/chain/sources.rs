//! How each source is: not heard of yet, delivering, lost, or not to be had.
//!
//! A chain that is being started is empty for some seconds: no queue yet, no sample of it, no metric. That is no failure, and
//! is not told as one while a source that has never delivered is still new.

use std::time::Duration;

use crate::clock::At;
use crate::reported::{Source, SourceState};

/// So long a source that has never delivered counts as starting: some scrapes, and a first look of everybody.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How a source is, and since when.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatus {
    /// How it is, in its own words.
    pub state: SourceState,
    /// Since when.
    pub since: At,
    /// When it first said how it is.
    pub first: At,
    /// Whether it was live at any time before this state.
    pub was_live: bool,
    /// When it last delivered.
    pub last_heard: Option<At>,
    /// When it was lost and when it came back, the last time.
    pub away: Option<(At, At)>,
}

/// How a source is, for whoever reads the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceHealth<'a> {
    /// It has not delivered yet and need not have; what it met instead, if something.
    Starting(Option<&'a str>),
    /// It delivers.
    Live,
    /// It did deliver, at that time for the last time, and does not now, for that cause.
    Stale {
        /// When it last delivered.
        heard: At,
        /// Why it does not now.
        cause: &'a str,
    },
    /// It has never delivered, for that cause.
    Failed(&'a str),
}

impl SourceHealth<'_> {
    /// Why it does not deliver, if it should.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Stale { cause, .. } | Self::Failed(cause) => Some(cause),
            Self::Starting(_) | Self::Live => None,
        }
    }

    /// Whether it has not delivered yet and need not have.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        matches!(self, Self::Starting(_))
    }
}

impl SourceStatus {
    /// How it is at `now`, being the status of `source`.
    #[must_use]
    pub fn standing(&self, source: Source, now: At) -> SourceHealth<'_> {
        // Only these are filled one after the other when everything is started.
        let patience = match source {
            Source::Broker | Source::Prometheus | Source::ExternalMetric | Source::Producer => PATIENCE,
            _ => Duration::ZERO,
        };
        match (&self.state, self.last_heard) {
            (SourceState::Connecting, _) => SourceHealth::Starting(None),
            (SourceState::Live, _) => SourceHealth::Live,
            (SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause), Some(heard)) => {
                SourceHealth::Stale { heard, cause }
            }
            (SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause), None) => {
                if now.since(self.first) < patience {
                    SourceHealth::Starting(Some(cause))
                } else {
                    SourceHealth::Failed(cause)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_never_delivered_is_starting_until_patience_ends() {
        let at = |s| At(Duration::from_secs(s));
        let cause = "no queue";
        let retrying = SourceState::Retrying { cause: cause.to_owned(), next: at(9) };
        let gone = SourceState::Unavailable(cause.to_owned());
        for (state, heard, now, expected) in [
            (SourceState::Connecting, None, 1, SourceHealth::Starting(None)),
            (SourceState::Live, None, 1, SourceHealth::Live),
            (retrying.clone(), None, 10, SourceHealth::Starting(Some(cause))),
            (gone.clone(), None, 10, SourceHealth::Starting(Some(cause))),
            (gone, None, 11, SourceHealth::Failed(cause)),
            (retrying.clone(), None, 11, SourceHealth::Failed(cause)),
            // Who has delivered and ceases has failed at once.
            (retrying, Some(at(2)), 3, SourceHealth::Stale { heard: at(2), cause }),
        ] {
            let was_live = heard.is_some();
            let (since, first) = (at(1), at(1));
            let status = SourceStatus { state, since, first, was_live, last_heard: heard, away: None };
            assert_eq!(status.standing(Source::Broker, at(now)), expected, "at {now}");
        }
        // The API server answers a watch at once.
        let status = SourceStatus {
            state: SourceState::Unavailable(cause.to_owned()),
            since: at(1),
            first: at(1),
            was_live: false,
            last_heard: None,
            away: None,
        };
        assert_eq!(status.standing(Source::Pods, at(1)), SourceHealth::Failed(cause));
    }
}
