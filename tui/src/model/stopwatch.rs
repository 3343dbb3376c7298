//! How long every step took, from the key press to the moment when all is quiet again; how each time was come by, and
//! how exactly; and why a step has none.
//!
//! A step's time is when word of it was received here. What was asked for at intervals happened at some moment since the
//! look before, which is its `margin`; an object's own time is a whole second of the cluster's clock.

use std::time::Duration;

use crate::event::{At, Source};

/// The steps of one burst, in the order in which they usually come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The key was pressed.
    KeyPress,
    /// The first answer with a confirm came.
    FirstAccepted,
    /// The last answer with a confirm came.
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

    /// For the screen, in at most 19 columns.
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

    /// For a narrow panel, in at most 12 columns.
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

    /// The step that it waits for: "since the step before" is the time from there.
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

    /// Where word of it comes from; `None` for what happens here.
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

/// How a step's time was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The key itself.
    Key,
    /// An answer of the producer came in.
    Answer,
    /// It showed when the source was asked, which is done at intervals.
    Asked,
    /// It showed in the broker's statistics, which lag by an interval of their own.
    Statistics,
    /// The time of the sample, by its age when Prometheus answered.
    Sample,
    /// The watch told it.
    Watch,
    /// The list told it after the watch had been away.
    Listed,
    /// The object's own time, because the watch was away when it happened.
    OwnTime,
    /// A worker's log line came in.
    Log,
    /// The time in a worker's log line that was read late.
    LogTime,
}

impl How {
    /// As a word or two.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Answer => "answer",
            Self::Asked => "asked",
            Self::Statistics => "statistics",
            Self::Sample => "sample's time",
            Self::Watch => "watch",
            Self::Listed => "listed late",
            Self::OwnTime => "own second",
            Self::Log => "log line",
            Self::LogTime => "line's time",
        }
    }

    /// As a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Key => "the key, as it was pressed here",
            Self::Answer => "the producer's answer, as it came in here",
            Self::Asked => "showed when asked; it came at some time since the look before",
            Self::Statistics => "showed in the broker's statistics, which lag",
            Self::Sample => "time of the sample, by its age when Prometheus answered",
            Self::Watch => "the watch, as it came in here",
            Self::Listed => "listed after the watch was away; it came meanwhile",
            Self::OwnTime => "the object's own second, as the watch was away",
            Self::Log => "a worker's log line, as it came in here",
            Self::LogTime => "the time in a worker's log line that was read late",
        }
    }
}

/// Why a time is no more than an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Another burst was under way and may be the cause.
    OtherBurst,
    /// The continuous load was on and may be the cause.
    Load,
    /// Nothing had been read before the press to compare with.
    NothingBefore,
    /// Not every worker's log is read: it may have happened earlier in another.
    NotSampled,
    /// What should have come before it could not be read.
    CauseUnseen,
}

impl Doubt {
    /// As a word or two.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::OtherBurst => "overlap",
            Self::Load => "load",
            Self::NothingBefore => "first look",
            Self::NotSampled => "not all sampled",
            Self::CauseUnseen => "cause unseen",
        }
    }

    /// As a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OtherBurst => "another burst overlaps and may be the cause",
            Self::Load => "the continuous load may be the cause",
            Self::NothingBefore => "nothing had been read before the press",
            Self::NotSampled => "not all workers are sampled; it may have come earlier",
            Self::CauseUnseen => "its cause was not seen",
        }
    }
}

/// A step that has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: At,
    /// How that was come by.
    pub how: How,
    /// How far off `at` may be; zero for what was received as it came.
    pub margin: Duration,
    /// The object's own time of it and how far off that may be, where the object has one.
    pub own: Option<(At, Duration)>,
    /// Why it is an estimate, if it is one.
    pub doubt: Option<Doubt>,
}

impl Seen {
    /// Received as it came.
    #[must_use]
    pub fn received(at: At, how: How) -> Self {
        Self { at, how, margin: Duration::ZERO, own: None, doubt: None }
    }

    /// Seen at `at` for the first time; it came at some time in the `margin` before.
    #[must_use]
    pub fn within(at: At, how: How, margin: Duration) -> Self {
        Self { margin, ..Self::received(at, how) }
    }

    /// The same with a doubt, unless it has one already.
    #[must_use]
    pub fn doubted(self, doubt: Option<Doubt>) -> Self {
        Self { doubt: self.doubt.or(doubt), ..self }
    }

    /// The same, not before `earliest`: nothing that a press caused came before it.
    #[must_use]
    pub fn not_before(self, earliest: At) -> Self {
        let at = self.at.max(earliest);
        Self { at, margin: self.margin.min(at.since(earliest)), ..self }
    }
}

/// Why a step has no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The burst made the autoscaler do nothing.
    NotNeeded,
    /// It came and went between two looks.
    BetweenLooks,
    /// Its source could not be read then, for the cause given.
    Unread(Source, String),
    /// It would stand in the log of a worker whose log is not read.
    NotSampled,
    /// A worker's log has a gap.
    LogGap,
    /// None of the requests was accepted.
    NothingAccepted,
    /// The messages were lost with the broker.
    Lost,
    /// No new pod came.
    NoNewPod,
}

impl Why {
    /// In at most 21 columns.
    #[must_use]
    pub fn short(&self) -> &'static str {
        match self {
            Self::NotNeeded => "not needed",
            Self::BetweenLooks => "between two looks",
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

    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotNeeded => "the autoscaler had nothing to do for this burst".to_owned(),
            Self::BetweenLooks => "it came and went between two looks".to_owned(),
            Self::Unread(_, cause) => cause.clone(),
            Self::NotSampled => "the worker is beyond the 32 whose logs are read".to_owned(),
            Self::LogGap => "the log of a worker has a gap, and it may stand there".to_owned(),
            Self::NothingAccepted => "none of the requests was accepted".to_owned(),
            Self::Lost => "the broker came back without the messages".to_owned(),
            Self::NoNewPod => "no new pod came before all was quiet again".to_owned(),
        }
    }
}

/// What is known about one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reading {
    /// It has not happened, as far as is known.
    #[default]
    NotYet,
    /// It has.
    Seen(Seen),
    /// It has no time and will have none, and why.
    Never(Why),
}

impl Reading {
    /// When it happened, if that is known.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        self.seen().map(|seen| seen.at)
    }

    /// The step as it was seen, if it was.
    #[must_use]
    pub fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::NotYet | Self::Never(_) => None,
        }
    }
}

/// The steps of one burst and when they happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stopwatch {
    readings: [Reading; Stage::ALL.len()],
}

impl Stopwatch {
    /// What is known about a step.
    #[must_use]
    pub fn get(&self, stage: Stage) -> &Reading {
        &self.readings[stage as usize]
    }

    /// Notes the first word about a step. A later one does not change it.
    pub fn note(&mut self, stage: Stage, reading: Reading) {
        let slot = &mut self.readings[stage as usize];
        if *slot == Reading::NotYet {
            *slot = reading;
        }
    }

    /// Notes that a step was seen.
    pub fn see(&mut self, stage: Stage, seen: Seen) {
        self.note(stage, Reading::Seen(seen));
    }

    /// Whether a step has a time.
    #[must_use]
    pub fn has(&self, stage: Stage) -> bool {
        self.get(stage).at().is_some()
    }

    /// When a step happened, if that is known.
    #[must_use]
    pub fn at(&self, stage: Stage) -> Option<At> {
        self.get(stage).at()
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub fn is_over(&self) -> bool {
        *self.get(Stage::BackAtMin) != Reading::NotYet
    }

    /// The step before in the chain that has a time, with that time: what "since the step before" counts from. A step
    /// that could not be seen is passed over.
    #[must_use]
    pub fn before(&self, stage: Stage) -> Option<(Stage, At)> {
        let mut stage = stage.after()?;
        loop {
            if let Some(at) = self.at(stage) {
                return Some((stage, at));
            }
            stage = stage.after()?;
        }
    }

    /// Whether what a step waits for has happened, or cannot be seen, and the step itself has not.
    #[must_use]
    pub fn is_awaited(&self, stage: Stage) -> bool {
        *self.get(stage) == Reading::NotYet
            && stage.after().is_some_and(|before| *self.get(before) != Reading::NotYet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    #[test]
    fn the_first_word_stays() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::Scraped, Seen::received(at(1), How::Sample));
        watch.see(Stage::Scraped, Seen::received(at(2), How::Sample));
        watch.note(Stage::Scraped, Reading::Never(Why::Lost));
        assert_eq!(watch.at(Stage::Scraped), Some(at(1)));
    }

    #[test]
    fn stages_index_the_readings_and_each_waits_for_an_earlier_one() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
            assert!(stage.after().is_none_or(|before| before < stage), "{stage:?}");
            assert!(stage.short().chars().count() <= 12 && stage.title().chars().count() <= 19, "{stage:?}");
        }
    }

    #[test]
    fn the_step_before_is_the_last_one_that_was_seen() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::KeyPress, Seen::received(at(1), How::Key));
        watch.see(Stage::InBroker, Seen::within(at(2), How::Asked, Duration::from_secs(1)));
        watch.note(Stage::Scraped, Reading::Never(Why::BetweenLooks));
        assert_eq!(watch.before(Stage::ExternalApi), Some((Stage::InBroker, at(2))));
        assert_eq!(watch.before(Stage::KeyPress), None);
        assert!(watch.is_awaited(Stage::ExternalApi) && !watch.is_awaited(Stage::Desired));
    }

    #[test]
    fn nothing_comes_before_the_press() {
        let seen = Seen::within(at(5), How::Asked, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.margin), (at(5), Duration::from_secs(1)));
        let seen = Seen::within(at(3), How::Sample, Duration::from_secs(3)).not_before(at(4));
        assert_eq!((seen.at, seen.margin), (at(4), Duration::ZERO));
    }
}
