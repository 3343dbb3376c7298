//! The reason why a step of a burst has no time.

use crate::reported::Source;

/// The reason why a step has no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingReason {
    /// The chain has no such step: no queue, or no jobs with IDs.
    NotInChain,
    /// The burst did not make the autoscaler scale.
    NotNeeded,
    /// It came and went between two polls.
    BetweenPolls,
    /// Its source could not be read, with the cause.
    Unread(Source, String),
    /// It may be in the log of a worker whose log is not read.
    NotSampled,
    /// A worker's log has a gap.
    LogGap,
    /// No request was accepted.
    NothingAccepted,
    /// The messages were lost with the broker.
    Lost,
    /// No new pod was created.
    NoNewPod,
}
