//! How long every step of a burst took, from the key press to the moment when all is quiet again.
//!
//! "Since the step before" is since the step that it waits for ([`Stage::after`]), which is not always the row above: a job is
//! done long before the new pods are ready. Where the margins of the two overlap it is an upper bound ([`Elapsed`]).

pub use crate::bursts::stage::Stage;
pub use crate::bursts::stage_time::{Caveat, Elapsed, MissingReason, Observation, Provenance, StageTime};
use crate::clock::At;

/// The steps of one burst and when they happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stopwatch {
    readings: [StageTime; Stage::ALL.len()],
}

impl Stopwatch {
    /// What is known about a step.
    #[must_use]
    pub fn get(&self, stage: Stage) -> &StageTime {
        &self.readings[stage as usize]
    }

    /// Notes the first word about a step. A later one does not change it.
    pub fn note(&mut self, stage: Stage, reading: StageTime) {
        let slot = &mut self.readings[stage as usize];
        if *slot == StageTime::NotYet {
            *slot = reading;
        }
    }

    /// Notes that a step was seen.
    pub fn see(&mut self, stage: Stage, seen: Observation) {
        self.note(stage, StageTime::Seen(seen));
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
        *self.get(Stage::BackAtMin) != StageTime::NotYet
    }

    /// The step that a step waits for, as it was seen: what "since the step before" counts from. One that could not be seen
    /// is passed over for the one before it.
    #[must_use]
    pub fn before(&self, stage: Stage) -> Option<(Stage, &Observation)> {
        let mut stage = stage.after()?;
        loop {
            if let Some(seen) = self.get(stage).seen() {
                return Some((stage, seen));
            }
            stage = stage.after()?;
        }
    }

    /// Whether, of the steps in their order, the step before is also the last one above with a time.
    #[must_use]
    pub fn follows_the_row_above(&self, stage: Stage) -> bool {
        let above = Stage::ALL.into_iter().rfind(|above| *above < stage && self.has(*above));
        above == self.before(stage).map(|(before, _)| before)
    }

    /// Whether what a step waits for has happened, or cannot be seen, and the step itself has not.
    #[must_use]
    pub fn is_awaited(&self, stage: Stage) -> bool {
        *self.get(stage) == StageTime::NotYet
            && stage.after().is_some_and(|before| *self.get(before) != StageTime::NotYet)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    #[test]
    fn the_first_word_stays() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::Scraped, Observation::received(at(1), Provenance::Sample));
        watch.see(Stage::Scraped, Observation::received(at(2), Provenance::Sample));
        watch.note(Stage::Scraped, StageTime::Never(MissingReason::Lost));
        assert_eq!(watch.at(Stage::Scraped), Some(at(1)));
    }

    #[test]
    fn the_step_before_is_the_last_one_that_was_seen() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::KeyPress, Observation::received(at(1), Provenance::Key));
        watch.see(Stage::InBroker, Observation::within(at(2), Provenance::Asked, Duration::from_secs(1)));
        watch.note(Stage::Scraped, StageTime::Never(MissingReason::BetweenLooks));
        let before = |stage| watch.before(stage).map(|(stage, seen)| (stage, seen.at));
        assert_eq!(before(Stage::ExternalApi), Some((Stage::InBroker, at(2))));
        assert_eq!(before(Stage::KeyPress), None);
        assert!(watch.is_awaited(Stage::ExternalApi) && !watch.is_awaited(Stage::Desired));
    }

    #[test]
    fn a_row_says_when_it_does_not_count_from_the_row_above() {
        let mut watch = Stopwatch::default();
        for (second, stage) in (1..).zip([
            Stage::KeyPress,
            Stage::FirstAccepted,
            Stage::LastAccepted,
            Stage::InBroker,
            Stage::ExternalApi,
            Stage::FirstAck,
        ]) {
            watch.see(stage, Observation::received(at(second), Provenance::Watch));
        }
        for (stage, expected) in [
            (Stage::FirstAccepted, true),
            (Stage::LastAccepted, true),
            // It waits for the first answer, not for the last.
            (Stage::InBroker, false),
            // The scrape was not seen.
            (Stage::ExternalApi, true),
            (Stage::FirstAck, false),
        ] {
            assert_eq!(watch.follows_the_row_above(stage), expected, "{stage:?}");
        }
    }
}
