//! Names of steps, figures, curves and screens, and the words for times and for missing values.

use crate::autoscaler::form::Name;
use crate::bursts::job_outcomes::LogGap;
use crate::bursts::missing_reason::MissingReason;
use crate::bursts::runs::Figure;
use crate::bursts::stage::Stage;
use crate::bursts::stage_time::{Caveat, Provenance};
use crate::chain::beliefs::ChainHop;
use crate::chart::curves::Curve;
use crate::chart::history::MarkKind;
use crate::reported::Source;
use crate::ui::screen::Screen;
use crate::workers::timelines::WorkerState;

impl Screen {
    /// The title in the header.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Pods => "Pods",
            Self::Decision => "Decision",
            Self::Runs => "Runs",
            Self::Doctor => "Doctor",
            Self::Logs => "Logs",
            Self::Fleet => "Fleet",
        }
    }
}

impl Curve {
    /// The name of the curve.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Messages => "messages, ready + unacked",
            Self::InWork => "messages unacked",
            Self::Target => "target",
            Self::Believed => "HPA's reading",
            Self::Metric => "external metric",
            Self::Desired => "replicas desired",
            Self::Current => "replicas current",
            Self::Ready => "replicas ready",
            Self::Raw => "replicas wanted by the metric",
            Self::Shadow => "replicas of the shadow",
        }
    }

    /// The name in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::InWork => "unacked",
            Self::Target => "target",
            Self::Believed => "HPA read",
            Self::Metric => "metric",
            Self::Desired => "desired",
            Self::Current => "current",
            Self::Ready => "ready",
            Self::Raw => "wanted",
            Self::Shadow => "shadow",
        }
    }
}

impl MarkKind {
    /// The meaning in a word or two.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PodGone => "worker gone",
            Self::PodReady => "worker ready",
            Self::ScaleDown => "scaled down",
            Self::ScaleUp => "scaled up",
            Self::Redelivery => "job redelivered",
            Self::Burst => "burst fired",
            Self::DrillOver => "drill ended",
            Self::Drill => "drill started",
            Self::Tuned => "HPA changed",
            Self::Error => "error",
            Self::Note => "mark",
            Self::BrokerLost => "broker lost",
        }
    }

    /// The symbol on the row of marks.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::PodGone => '◦',
            Self::PodReady => '•',
            Self::ScaleDown => '↓',
            Self::ScaleUp => '↑',
            Self::Redelivery => '←',
            Self::Burst => '▼',
            Self::DrillOver => '□',
            Self::Drill => '■',
            Self::Tuned => '◊',
            Self::Error => '!',
            Self::Note => '◆',
            Self::BrokerLost => '×',
        }
    }
}

impl ChainHop {
    /// The name of the hop.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Prometheus => "Prometheus",
            Self::ExternalApi => "external API",
            Self::Hpa => "HPA status",
        }
    }
}

impl WorkerState {
    /// The state in a word or two.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::NotSampled => "not sampled",
            Self::Finishing => "finishing",
            Self::Terminating => "terminating",
            Self::Failed => "failed",
            Self::Gone => "gone",
        }
    }
}

impl Stage {
    /// The title on the screen, in at most 19 columns.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::KeyPress => "key press",
            Self::FirstAccepted => "first accepted",
            Self::LastAccepted => "last accepted",
            Self::InBroker => "in the broker",
            Self::Scraped => "scraped sample",
            Self::ExternalApi => "external API",
            Self::Desired => "desired changed",
            Self::Deployment => "Deployment changed",
            Self::Scheduled => "first pod scheduled",
            Self::Started => "first pod started",
            Self::PodReady => "first pod ready",
            Self::FirstAck => "first ack",
            Self::Drained => "drained",
            Self::BackAtMin => "back at min",
        }
    }

    /// The title in a narrow panel, in at most 12 columns.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::KeyPress => "key press",
            Self::FirstAccepted => "1st accepted",
            Self::LastAccepted => "all accepted",
            Self::InBroker => "in broker",
            Self::Scraped => "scraped",
            Self::ExternalApi => "external API",
            Self::Desired => "desired",
            Self::Deployment => "Deployment",
            Self::Scheduled => "pod placed",
            Self::Started => "pod started",
            Self::PodReady => "pod ready",
            Self::FirstAck => "first ack",
            Self::Drained => "drained",
            Self::BackAtMin => "back at min",
        }
    }
}

impl Provenance {
    /// The provenance in a word or two.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Answer => "answer",
            Self::Polled => "polled",
            Self::Statistics => "statistics",
            Self::Sample => "sample time",
            Self::Watch => "watch",
            Self::Listed => "listed late",
            Self::ObjectTime => "object time",
            Self::Log => "log line",
            Self::LogTime => "log time",
        }
    }

    /// The provenance in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Key => "key press, exact",
            Self::Answer => "the producer's answer, exact",
            Self::Polled => "polled: it happened since the poll before",
            Self::Statistics => "from the broker's statistics, which lag",
            Self::Sample => "time of the sample, from its age in Prometheus",
            Self::Watch => "watch event, exact",
            Self::Listed => "listed after the watch was down: it happened meanwhile",
            Self::ObjectTime => "the object's own timestamp, because the watch was down",
            Self::Log => "a worker's log line, exact",
            Self::LogTime => "timestamp in a worker's log line that was read late",
        }
    }
}

impl Caveat {
    /// The caveat in at most eight columns, such as `by #2`.
    #[must_use]
    pub fn short(self) -> String {
        match self {
            Self::OtherBurst(number) => format!("by #{number}"),
            Self::Load => "by load".to_owned(),
            Self::NothingBefore => "1st poll".to_owned(),
            Self::NotSampled => "sampled".to_owned(),
            Self::CauseUnseen => "unsure".to_owned(),
        }
    }

    /// The caveat in a few words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::OtherBurst(number) => format!("by #{number}: that burst is the likelier cause"),
            Self::Load => "by the load: the continuous load is the likelier cause".to_owned(),
            Self::NothingBefore => "no value was read before the key press".to_owned(),
            Self::NotSampled => "some workers are not sampled; it may have happened earlier".to_owned(),
            Self::CauseUnseen => "the step before it was not observed".to_owned(),
        }
    }
}

impl MissingReason {
    /// The reason in at most 21 columns.
    #[must_use]
    pub fn short(&self) -> &'static str {
        match self {
            Self::NotNeeded => "not needed",
            Self::BetweenPolls => "between two polls",
            Self::Unread(source, _) => match source {
                Source::Hpa => "HPA not read",
                Source::Workload => "Deployment not read",
                Source::Pods => "pods not read",
                Source::Events => "events not read",
                Source::ExternalMetric | Source::Metrics => "API not read",
                Source::Broker => "broker not read",
                Source::Prometheus => "Prometheus not read",
                Source::Producer => "producer not reached",
                Source::Logs => "logs not read",
                Source::Fleet => "HPAs not read",
            },
            Self::NotSampled => "workers not sampled",
            Self::LogGap => "gap in a log",
            Self::NothingAccepted => "nothing accepted",
            Self::Lost => "lost",
            Self::NoNewPod => "no new pod",
            Self::NotInChain => "not in this chain",
        }
    }

    /// The reason as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotNeeded => "the autoscaler did not need to scale for this burst".to_owned(),
            Self::BetweenPolls => "it came and went between two polls".to_owned(),
            Self::Unread(_, cause) => cause.clone(),
            Self::NotSampled => "the worker's log is not among the 32 that Surge reads".to_owned(),
            Self::LogGap => "a worker's log has a gap, which may contain it".to_owned(),
            Self::NothingAccepted => "no request was accepted".to_owned(),
            Self::Lost => "the broker came back without the messages".to_owned(),
            Self::NoNewPod => "no new pod was created before the burst ended".to_owned(),
            Self::NotInChain => "this chain has no such step".to_owned(),
        }
    }
}

impl LogGap {
    /// The gap in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Log => "a worker's log has a gap",
            Self::Pods => "the pods could not be read",
            Self::NotSampled => "not all workers are sampled",
            Self::TooMany => "too many jobs to remember",
            Self::NoIds => "the producer named no IDs",
        }
    }
}

impl Figure {
    /// The title in the table's head, at most seven columns, and in a row of its own, at most 13.
    #[must_use]
    pub fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Size => ("jobs", "confirmed"),
            Self::Reaction(Stage::InBroker) => ("broker", "in broker"),
            Self::Reaction(Stage::Scraped) => ("scraped", "scraped"),
            Self::Reaction(Stage::ExternalApi) => ("API", "external API"),
            Self::Reaction(Stage::Desired) => ("desired", "desired"),
            Self::Reaction(Stage::PodReady) => ("ready", "pod ready"),
            Self::Reaction(Stage::Drained) => ("drained", "drained in"),
            Self::Reaction(stage) => (stage.short(), stage.short()),
            Self::LongestWait => ("wait", "longest wait"),
            Self::Peak => ("peak", "peak replicas"),
            Self::Overshoot => ("over", "overshoot"),
            Self::PodSeconds => ("pod s", "pod-seconds"),
            Self::Idle => ("idle", "idle share"),
            Self::Redelivered => ("redel.", "redeliveries"),
            Self::Lost => ("lost", "lost"),
        }
    }
}

impl Name {
    /// The title on the screen.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Kind => "target type",
            Self::Target(_) => "target",
            Self::Min => "min replicas",
            Self::Max => "max replicas",
            Self::UpWindow => "window up, s",
            Self::DownWindow => "window down, s",
            Self::UpPolicies => "policies up",
            Self::DownPolicies => "policies down",
        }
    }
}

/// The name of a source in a word or two, for the title line.
#[must_use]
pub fn source_word(source: Source) -> &'static str {
    match source {
        Source::Hpa => "HPA",
        Source::Workload => "scale target",
        Source::Pods => "pods",
        Source::Events => "Events",
        Source::ExternalMetric => "external API",
        Source::Metrics => "metrics API",
        Source::Broker => "broker",
        Source::Prometheus => "Prometheus",
        Source::Producer => "producer",
        Source::Logs => "logs",
        Source::Fleet => "fleet",
    }
}

/// The name of a source in the list of events.
pub(crate) fn source(source: Source) -> &'static str {
    match source {
        Source::Hpa => "the HPA",
        Source::Workload => "the scale target",
        Source::Pods => "the pods",
        Source::Events => "the Events",
        Source::ExternalMetric => "the external metric",
        Source::Metrics => "the metrics",
        Source::Broker => "the broker",
        Source::Prometheus => "Prometheus",
        Source::Producer => "the producer",
        Source::Logs => "the logs",
        Source::Fleet => "the fleet",
    }
}
