//! The health of each source: starting, live, stale or failed.
//!
//! A starting chain is empty for some seconds: no queue, no sample, no metric. That is not reported as a
//! failure while a source that has never delivered is still new.

use std::time::Duration;

use crate::clock::At;
use crate::reported::{Source, SourceState};

/// Time in which a source that has never delivered counts as starting: a few scrapes, and a first poll of
/// each.
pub const STARTING_TIME: Duration = Duration::from_secs(10);

/// The state of a source, and its history.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatus {
    /// The state that it reports.
    pub state: SourceState,
    /// The time of that state.
    pub since: At,
    /// The time of its first report.
    pub first: At,
    /// True if it was live at any time before this state.
    pub was_live: bool,
    /// The time of its last delivery.
    pub last_delivery: Option<At>,
    /// The times of its last loss and return.
    pub away: Option<(At, At)>,
}

/// The health of a source, for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceHealth<'a> {
    /// It has not delivered yet and need not have; the problem, if there is one.
    Starting(Option<&'a str>),
    /// It delivers.
    Live,
    /// It has delivered before and does not now.
    Stale {
        /// The time of its last delivery.
        last_delivery: At,
        /// The cause.
        cause: &'a str,
    },
    /// It has never delivered, with the cause.
    Failed(&'a str),
}

impl SourceHealth<'_> {
    /// The cause for which it does not deliver, if it should.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Stale { cause, .. } | Self::Failed(cause) => Some(cause),
            Self::Starting(_) | Self::Live => None,
        }
    }

    /// Returns true if it has not delivered yet and need not have.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        matches!(self, Self::Starting(_))
    }
}

impl SourceStatus {
    /// The health at `now`; this is the status of `source`.
    #[must_use]
    pub fn health(&self, source: Source, now: At) -> SourceHealth<'_> {
        // Only these fill one after the other at the start.
        let limit = match source {
            Source::Broker | Source::Prometheus | Source::ExternalMetric | Source::Producer => STARTING_TIME,
            _ => Duration::ZERO,
        };
        match (&self.state, self.last_delivery) {
            (SourceState::Connecting, _) => SourceHealth::Starting(None),
            (SourceState::Live, _) => SourceHealth::Live,
            (SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause), Some(last_delivery)) => {
                SourceHealth::Stale { last_delivery, cause }
            }
            (SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause), None) => {
                if now.since(self.first) < limit {
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
    fn a_new_source_is_starting_for_a_while() {
        let at = |s| At(Duration::from_secs(s));
        let cause = "no queue";
        let retrying = SourceState::Retrying { cause: cause.to_owned(), next: at(9) };
        let gone = SourceState::Unavailable(cause.to_owned());
        for (state, last_delivery, now, expected) in [
            (SourceState::Connecting, None, 1, SourceHealth::Starting(None)),
            (SourceState::Live, None, 1, SourceHealth::Live),
            (retrying.clone(), None, 10, SourceHealth::Starting(Some(cause))),
            (gone.clone(), None, 10, SourceHealth::Starting(Some(cause))),
            (gone, None, 11, SourceHealth::Failed(cause)),
            (retrying.clone(), None, 11, SourceHealth::Failed(cause)),
            // A source that has delivered and stops has failed at once.
            (retrying, Some(at(2)), 3, SourceHealth::Stale { last_delivery: at(2), cause }),
        ] {
            let was_live = last_delivery.is_some();
            let (since, first) = (at(1), at(1));
            let status = SourceStatus { state, since, first, was_live, last_delivery, away: None };
            assert_eq!(status.health(Source::Broker, at(now)), expected, "at {now}");
        }
        // The API server answers a watch at once.
        let status = SourceStatus {
            state: SourceState::Unavailable(cause.to_owned()),
            since: at(1),
            first: at(1),
            was_live: false,
            last_delivery: None,
            away: None,
        };
        assert_eq!(status.health(Source::Pods, at(1)), SourceHealth::Failed(cause));
    }
}
