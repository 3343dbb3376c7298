//! The duration of every step of a burst, from the key press until all is quiet.
//!
//! "Since the step before" is since the step that it depends on ([`Stage::after`]), which is not always the
//! row above: a job is done long before the new pods are ready. If the uncertainties of the two overlap, it
//! is an upper bound ([`Elapsed`]).

pub use crate::bursts::stage::Stage;
pub use crate::bursts::stage_time::{Caveat, Elapsed, MissingReason, Observation, Provenance, StageTime};
use crate::clock::At;

/// The steps of one burst and their times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stopwatch {
    readings: [StageTime; Stage::ALL.len()],
}

impl Stopwatch {
    /// The state of a step.
    #[must_use]
    pub fn get(&self, stage: Stage) -> &StageTime {
        &self.readings[stage as usize]
    }

    /// Records the first state of a step. A later one does not change it.
    pub fn note(&mut self, stage: Stage, reading: StageTime) {
        let slot = &mut self.readings[stage as usize];
        if *slot == StageTime::NotYet {
            *slot = reading;
        }
    }

    /// Records a step that has happened.
    pub fn see(&mut self, stage: Stage, seen: Observation) {
        self.note(stage, StageTime::Seen(seen));
    }

    /// Returns true if a step has a time.
    #[must_use]
    pub fn has(&self, stage: Stage) -> bool {
        self.get(stage).at().is_some()
    }

    /// The time of a step, if known.
    #[must_use]
    pub fn at(&self, stage: Stage) -> Option<At> {
        self.get(stage).at()
    }

    /// The steps that the chain of this burst has, in order.
    pub fn stages(&self) -> impl Iterator<Item = Stage> + use<'_> {
        let absent = StageTime::Never(MissingReason::NotInChain);
        Stage::ALL.into_iter().filter(move |stage| *self.get(*stage) != absent)
    }

    /// Returns true if no more steps are expected.
    #[must_use]
    pub fn is_over(&self) -> bool {
        *self.get(Stage::BackAtMin) != StageTime::NotYet
    }

    /// The observation of the step that a step depends on: the start of "since the step before". A step that
    /// could not be observed is skipped for the one before it.
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

    /// Returns true if the step before is also the last row above that has a time.
    #[must_use]
    pub fn follows_the_row_above(&self, stage: Stage) -> bool {
        let above = Stage::ALL.into_iter().rfind(|above| *above < stage && self.has(*above));
        above == self.before(stage).map(|(before, _)| before)
    }

    /// Returns true if a step's dependency has happened or cannot be observed, and the step itself has not
    /// happened.
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
    fn the_first_observation_stays() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::Scraped, Observation::exact(at(1), Provenance::Sample));
        watch.see(Stage::Scraped, Observation::exact(at(2), Provenance::Sample));
        watch.note(Stage::Scraped, StageTime::Never(MissingReason::Lost));
        assert_eq!(watch.at(Stage::Scraped), Some(at(1)));
    }

    #[test]
    fn the_step_before_is_the_last_observed_one() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::KeyPress, Observation::exact(at(1), Provenance::Key));
        watch.see(Stage::InBroker, Observation::within(at(2), Provenance::Polled, Duration::from_secs(1)));
        watch.note(Stage::Scraped, StageTime::Never(MissingReason::BetweenPolls));
        let before = |stage| watch.before(stage).map(|(stage, seen)| (stage, seen.at));
        assert_eq!(before(Stage::ExternalApi), Some((Stage::InBroker, at(2))));
        assert_eq!(before(Stage::KeyPress), None);
        assert!(watch.is_awaited(Stage::ExternalApi) && !watch.is_awaited(Stage::Desired));
    }

    #[test]
    fn a_row_shows_if_it_does_not_follow_the_row_above() {
        let mut watch = Stopwatch::default();
        for (second, stage) in (1..).zip([
            Stage::KeyPress,
            Stage::FirstAccepted,
            Stage::LastAccepted,
            Stage::InBroker,
            Stage::ExternalApi,
            Stage::FirstAck,
        ]) {
            watch.see(stage, Observation::exact(at(second), Provenance::Watch));
        }
        for (stage, expected) in [
            (Stage::FirstAccepted, true),
            (Stage::LastAccepted, true),
            // It depends on the first answer, not on the last.
            (Stage::InBroker, false),
            // The scrape was not observed.
            (Stage::ExternalApi, true),
            (Stage::FirstAck, false),
        ] {
            assert_eq!(watch.follows_the_row_above(stage), expected, "{stage:?}");
        }
    }
}
