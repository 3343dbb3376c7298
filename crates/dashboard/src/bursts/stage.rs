//! The steps of a burst, each with the step that it depends on and the source that reports it.

use crate::reported::Source;

/// The steps of one burst, in their usual order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The key was pressed.
    KeyPress,
    /// The first answer with a confirm arrived.
    FirstAccepted,
    /// The last answer with a confirm arrived.
    LastAccepted,
    /// The broker shows the jobs.
    InBroker,
    /// A sample that Prometheus scraped shows them.
    Scraped,
    /// The external metrics API shows them.
    ExternalApi,
    /// The HPA wants more replicas.
    Desired,
    /// The Deployment asks for more pods.
    Deployment,
    /// The first new pod has a node.
    Scheduled,
    /// The first new pod's container runs.
    Started,
    /// The first new pod is ready.
    PodReady,
    /// The first job of the burst is done.
    FirstAck,
    /// The last job of the burst is done.
    Drained,
    /// The workers are back at the minimum.
    BackAtMin,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::KeyPress,
        Self::FirstAccepted,
        Self::LastAccepted,
        Self::InBroker,
        Self::Scraped,
        Self::ExternalApi,
        Self::Desired,
        Self::Deployment,
        Self::Scheduled,
        Self::Started,
        Self::PodReady,
        Self::FirstAck,
        Self::Drained,
        Self::BackAtMin,
    ];

    /// The step that it depends on: "since the step before" is the time from there.
    #[must_use]
    pub fn after(self) -> Option<Self> {
        Some(match self {
            Self::KeyPress => return None,
            Self::FirstAccepted => Self::KeyPress,
            Self::LastAccepted | Self::InBroker => Self::FirstAccepted,
            Self::Scraped | Self::FirstAck => Self::InBroker,
            Self::ExternalApi => Self::Scraped,
            Self::Desired => Self::ExternalApi,
            Self::Deployment => Self::Desired,
            Self::Scheduled => Self::Deployment,
            Self::Started => Self::Scheduled,
            Self::PodReady => Self::Started,
            Self::Drained => Self::FirstAck,
            Self::BackAtMin => Self::Drained,
        })
    }

    /// The source that reports it; `None` for local steps.
    #[must_use]
    pub fn source(self) -> Option<Source> {
        Some(match self {
            Self::KeyPress => return None,
            Self::FirstAccepted | Self::LastAccepted => Source::Producer,
            Self::InBroker | Self::Drained => Source::Broker,
            Self::Scraped => Source::Prometheus,
            Self::ExternalApi => Source::ExternalMetric,
            Self::Desired => Source::Hpa,
            Self::Deployment | Self::BackAtMin => Source::Workload,
            Self::Scheduled | Self::Started | Self::PodReady => Source::Pods,
            Self::FirstAck => Source::Logs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_depends_on_an_earlier_one() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
            assert!(stage.after().is_none_or(|before| before < stage), "{stage:?}");
            assert!(stage.short().chars().count() <= 12 && stage.title().chars().count() <= 19, "{stage:?}");
        }
    }
}
