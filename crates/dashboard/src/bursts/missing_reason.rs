//! The reason why a step of a burst has no time.

use crate::reported::Source;

/// The cause if there is no HPA.
pub const NO_HPA: &str = "there is no such HorizontalPodAutoscaler";

/// The cause if the scale target is missing.
pub const NO_WORKLOAD: &str = "what the HPA scales is not there";

/// The reason why a step has no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingReason {
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

impl MissingReason {
    /// The reason in at most 21 columns.
    #[must_use]
    pub fn short(&self) -> &'static str {
        match self {
            Self::NotNeeded => "not needed",
            Self::BetweenPolls => "between two looks",
            Self::Unread(source, _) => match source {
                Source::Hpa => "HPA not read",
                Source::Workload => "Deployment not read",
                Source::Pods => "pods not read",
                Source::Events => "events not read",
                Source::ExternalMetric => "API not read",
                Source::Broker => "broker not read",
                Source::Prometheus => "Prometheus not read",
                Source::Producer => "producer not reached",
                Source::Logs => "logs not read",
            },
            Self::NotSampled => "workers not sampled",
            Self::LogGap => "a log has a gap",
            Self::NothingAccepted => "nothing accepted",
            Self::Lost => "lost",
            Self::NoNewPod => "no new pod",
        }
    }

    /// The reason as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotNeeded => "the autoscaler had nothing to do for this burst".to_owned(),
            Self::BetweenPolls => "it came and went between two looks".to_owned(),
            Self::Unread(_, cause) => cause.clone(),
            Self::NotSampled => "the worker is beyond the 32 whose logs are read".to_owned(),
            Self::LogGap => "the log of a worker has a gap, and it may stand there".to_owned(),
            Self::NothingAccepted => "none of the requests was accepted".to_owned(),
            Self::Lost => "the broker came back without the messages".to_owned(),
            Self::NoNewPod => "no new pod came before all was quiet again".to_owned(),
        }
    }
}
