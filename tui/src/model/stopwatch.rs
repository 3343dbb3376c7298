//! How long every step took, from the key press to the moment when all is quiet again.

use crate::event::At;

/// The steps of one burst, in the order in which they usually come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The key was pressed.
    KeyPress,
    /// The first request went out.
    Sent,
    /// The last answer with a confirm came.
    Accepted,
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
    /// The first new pod is ready.
    PodReady,
    /// The first job of the burst is done.
    FirstAck,
    /// The queue is empty again.
    Drained,
    /// The workers are back at the minimum.
    BackAtMin,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::KeyPress,
        Self::Sent,
        Self::Accepted,
        Self::InBroker,
        Self::Scraped,
        Self::ExternalApi,
        Self::Desired,
        Self::Deployment,
        Self::Scheduled,
        Self::PodReady,
        Self::FirstAck,
        Self::Drained,
        Self::BackAtMin,
    ];

    /// For the screen.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::KeyPress => "key press",
            Self::Sent => "first sent",
            Self::Accepted => "accepted",
            Self::InBroker => "in the broker",
            Self::Scraped => "scraped sample",
            Self::ExternalApi => "external API",
            Self::Desired => "desired changed",
            Self::Deployment => "Deployment changed",
            Self::Scheduled => "first pod scheduled",
            Self::PodReady => "first pod ready",
            Self::FirstAck => "first ack",
            Self::Drained => "drained",
            Self::BackAtMin => "back at min",
        }
    }
}

/// What is known about one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// It has not happened, as far as is known.
    #[default]
    NotYet,
    /// Seen to have happened then.
    Observed(At),
    /// Something that suggests it happened then; something else could have been the cause.
    Estimated(At),
    /// It is not going to happen, and why in a word.
    Never(&'static str),
}

impl Reading {
    /// When it happened, if it did.
    #[must_use]
    pub fn at(self) -> Option<At> {
        match self {
            Self::Observed(at) | Self::Estimated(at) => Some(at),
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
    pub fn get(&self, stage: Stage) -> Reading {
        self.readings[stage as usize]
    }

    /// Notes the first word about a step. A later one does not change it.
    pub fn note(&mut self, stage: Stage, reading: Reading) {
        let slot = &mut self.readings[stage as usize];
        if *slot == Reading::NotYet {
            *slot = reading;
        }
    }

    /// Whether a step has a time.
    #[must_use]
    pub fn has(&self, stage: Stage) -> bool {
        self.get(stage).at().is_some()
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.get(Stage::BackAtMin) != Reading::NotYet
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_time_stays() {
        let mut watch = Stopwatch::default();
        let (early, late) = (At(Duration::from_secs(1)), At(Duration::from_secs(2)));
        watch.note(Stage::Scraped, Reading::Estimated(early));
        watch.note(Stage::Scraped, Reading::Observed(late));
        assert_eq!(watch.get(Stage::Scraped), Reading::Estimated(early));
    }

    #[test]
    fn stages_index_the_readings() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
        }
    }
}
