//! The time of every step of a burst, from the key press until all is quiet.

pub use crate::bursts::stage::Stage;
pub use crate::bursts::stage_time::{Caveat, MissingReason, Observation, Provenance, StageTime};
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

    /// The steps that the chain of this burst has, in the order in which they happened; then those without a time, in the usual
    /// order.
    #[must_use]
    pub fn in_order(&self) -> Vec<Stage> {
        let mut stages: Vec<Stage> = self.stages().collect();
        // Stable: steps of the same moment keep their usual order.
        stages.sort_by_key(|stage| self.at(*stage).map_or((true, At::default()), |at| (false, at)));
        stages
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
    fn a_step_is_awaited_once_the_step_before_has_a_state() {
        let mut watch = Stopwatch::default();
        watch.see(Stage::KeyPress, Observation::exact(at(1), Provenance::Key));
        watch.see(Stage::InBroker, Observation::within(at(2), Provenance::Polled, Duration::from_secs(1)));
        watch.note(Stage::Scraped, StageTime::Never(MissingReason::BetweenPolls));
        assert!(watch.is_awaited(Stage::ExternalApi) && !watch.is_awaited(Stage::Desired));
    }

    #[test]
    fn the_steps_are_in_the_order_in_which_they_happened() {
        let mut watch = Stopwatch::default();
        for (second, stage) in [
            (1, Stage::KeyPress),
            (2, Stage::FirstAccepted),
            (9, Stage::LastAccepted),
            (5, Stage::InBroker),
            (5, Stage::Scraped),
            (7, Stage::FirstAck),
        ] {
            watch.see(stage, Observation::exact(at(second), Provenance::Watch));
        }
        watch.note(Stage::ExternalApi, StageTime::Never(MissingReason::NotInChain));
        let order = watch.in_order();
        let expected = [
            Stage::KeyPress,
            Stage::FirstAccepted,
            Stage::InBroker,
            Stage::Scraped,
            Stage::FirstAck,
            Stage::LastAccepted,
            Stage::Desired,
        ];
        assert_eq!(order[..expected.len()], expected);
        assert_eq!(order.last(), Some(&Stage::BackAtMin));
    }
}
