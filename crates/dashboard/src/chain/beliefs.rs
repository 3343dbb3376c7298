//! Who believes what about the queue, and who lags behind.

use std::time::Duration;

use crate::chain::lag::{Lag, Laggard, Track};
use crate::clock::At;

/// So long a place may have no reading without being said to lag: the autoscaler reads every 15 s by default.
const PATIENCE: Duration = Duration::from_secs(20);

/// The places that a number passes on its way to the decision, in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChainHop {
    /// The broker itself.
    Broker,
    /// The sample in Prometheus.
    Prometheus,
    /// The external metrics API.
    ExternalApi,
    /// The HPA's status.
    Hpa,
}

impl ChainHop {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 4] = [Self::Broker, Self::Prometheus, Self::ExternalApi, Self::Hpa];
}

/// What one place says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Belief {
    /// Messages in all; `None` when it has no reading.
    pub total: Option<f64>,
    /// How far the total may be off because it was computed back from a per-pod figure; zero where it was not.
    pub rounding_error: f64,
    /// When it was heard.
    pub heard: At,
    /// When the place came to say this, if that is known.
    pub since: At,
    /// When it last had a reading.
    pub had: Option<At>,
    /// How old the number already was when it was heard, if the place tells.
    pub age: Option<Duration>,
    /// The greatest age seen lately: what is normal for this place.
    pub usual_age: Duration,
}

/// What every place says; `None` where nothing has been heard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beliefs {
    said: [Option<Belief>; ChainHop::ALL.len()],
    /// Messages waiting for a worker, where the places behind the broker count only those.
    ready_only: Option<f64>,
    /// Which places cannot be read now: what they said last is no belief of theirs.
    unread: [bool; ChainHop::ALL.len()],
    /// What the others are measured by: the first place on the way that can be read, and what it said over time.
    truth: (Option<ChainHop>, Track),
    laggard: Laggard<{ ChainHop::ALL.len() }>,
}

impl Beliefs {
    /// A place said something.
    pub fn record(
        &mut self,
        place: ChainHop,
        at: At,
        total: Option<f64>,
        rounding_error: f64,
        age: Option<Duration>,
    ) {
        let slot = &mut self.said[place as usize];
        let since = slot.filter(|old| old.total == total).map_or(at, |old| old.since);
        let usual_age = match (*slot, age) {
            (Some(old), Some(age)) if age < old.usual_age => {
                // Forgotten slowly, so that the figure stays still while the place works as usual.
                old.usual_age.mul_f64(0.995).max(age)
            }
            (_, Some(age)) => age,
            (old, None) => old.map_or(Duration::ZERO, |old| old.usual_age),
        };
        let had = if total.is_some() { Some(at) } else { slot.and_then(|old| old.had) };
        *slot = Some(Belief { total, rounding_error, heard: at, since, had, age, usual_age });
        self.unread[place as usize] = false;
        self.measure(at);
    }

    /// A place cannot be read from `at` on.
    pub fn mark_unreadable(&mut self, place: ChainHop, at: At) {
        self.unread[place as usize] = true;
        self.measure(at);
    }

    /// Measures who is behind, by the first place that can be read.
    fn measure(&mut self, at: At) {
        let first = ChainHop::ALL.into_iter().find_map(|place| Some((place, self.readable(place)?.total?)));
        if first.map(|(place, _)| place) != self.truth.0 {
            self.truth = (first.map(|(place, _)| place), Track::default());
        }
        if let Some((place, total)) = first {
            let ready = self.ready_only.filter(|_| place == ChainHop::Broker);
            self.truth.1.show(at, total, ready);
        }
        let lags = ChainHop::ALL.map(|place| self.lag(place, at).map(|lag| lag.by));
        self.laggard.note(at, lags);
    }

    fn readable(&self, place: ChainHop) -> Option<Belief> {
        self.said[place as usize].filter(|_| !self.unread[place as usize])
    }

    /// How far a place is behind at `at`; `None` where that cannot be said: for the place by which it is measured, for those
    /// before it, and for what cannot be read.
    #[must_use]
    pub fn lag(&self, place: ChainHop, at: At) -> Option<Lag> {
        let belief = self.readable(place)?;
        let (Some(truth), track) = &self.truth else { return None };
        if place <= *truth {
            return None;
        }
        match (belief.total, belief.had) {
            (Some(total), _) => Some(track.behind(at, total, belief.rounding_error)),
            // It had one and has lost it.
            (None, Some(had)) => Some(Lag { by: at.since(had), is_least: false }),
            // It has said so from the beginning, which at the beginning is nothing special.
            (None, None) => {
                let by = at.since(belief.since);
                Some(Lag { by: if by < PATIENCE { Duration::ZERO } else { by }, is_least: true })
            }
        }
    }

    /// The furthest that a place was behind lately.
    #[must_use]
    pub fn worst_lag(&self, place: ChainHop) -> Duration {
        self.laggard.worst(place as usize)
    }

    /// Whether some place says something else than the truth now, however shortly.
    #[must_use]
    pub fn differ(&self, at: At) -> bool {
        ChainHop::ALL.into_iter().any(|place| self.lag(place, at).is_some_and(|lag| !lag.by.is_zero()))
    }

    /// The places behind the broker count only waiting messages, of which there are so many; `None` where they count all.
    pub fn counts_ready(&mut self, ready: Option<f64>) {
        self.ready_only = ready;
    }

    /// What a place says.
    #[must_use]
    pub fn get(&self, place: ChainHop) -> Option<Belief> {
        self.said[place as usize]
    }

    /// The place that is furthest behind, the first on the way where several are alike: there the news is held up.
    #[must_use]
    pub fn laggard(&self) -> Option<ChainHop> {
        self.laggard.get().map(|index| ChainHop::ALL[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    /// Beliefs that agreed on 20 and are so at second `s`, asked every second since second 10.
    fn beliefs(totals: [Option<f64>; 4], s: u64) -> Beliefs {
        let mut beliefs = Beliefs::default();
        let rounding_error = |place| if place == ChainHop::Hpa { 3.0 } else { 0.0 };
        for place in ChainHop::ALL {
            beliefs.record(place, at(9), Some(20.0), rounding_error(place), None);
        }
        for second in 10..=s {
            for (place, total) in ChainHop::ALL.into_iter().zip(totals) {
                beliefs.record(place, at(second), total, rounding_error(place), None);
            }
        }
        beliefs
    }

    #[test]
    fn the_laggard_is_where_the_news_is_held_up() {
        for (totals, laggard) in [
            ([Some(50.0), Some(50.0), Some(50.0), Some(50.0)], None),
            ([Some(50.0), Some(20.0), Some(20.0), Some(20.0)], Some(ChainHop::Prometheus)),
            ([Some(50.0), Some(50.0), Some(20.0), Some(20.0)], Some(ChainHop::ExternalApi)),
            ([Some(50.0), Some(50.0), Some(50.0), Some(20.0)], Some(ChainHop::Hpa)),
            // A total that was computed back from an average is not exact.
            ([Some(50.0), Some(50.0), Some(50.0), Some(52.0)], None),
            // A reading that is no more is a disagreement too.
            ([Some(50.0), Some(50.0), None, Some(50.0)], Some(ChainHop::ExternalApi)),
            // Without the broker Prometheus is what the others are measured by.
            ([None, Some(50.0), Some(50.0), Some(50.0)], None),
            ([None, Some(50.0), Some(20.0), Some(20.0)], Some(ChainHop::ExternalApi)),
        ] {
            assert_eq!(beliefs(totals, 10).laggard(), None, "not at once: {totals:?}");
            assert_eq!(beliefs(totals, 13).laggard(), laggard, "{totals:?}");
        }
    }

    #[test]
    fn a_lag_is_the_time_since_the_figure_was_true() {
        let beliefs = beliefs([Some(50.0), Some(50.0), Some(20.0), Some(20.0)], 13);
        let by = |place| beliefs.lag(place, at(14)).map(|lag| lag.by.as_secs());
        assert_eq!(ChainHop::ALL.map(by), [None, Some(0), Some(4), Some(4)]);
        assert!(beliefs.differ(at(14)));
        assert_eq!(beliefs.worst_lag(ChainHop::Hpa), Duration::from_secs(3));
    }

    #[test]
    fn who_counts_waiting_messages_only_does_not_lag_for_it() {
        for (ready, laggard) in [(None, Some(ChainHop::ExternalApi)), (Some(40.0), None)] {
            let mut beliefs = Beliefs::default();
            for second in 0..5 {
                beliefs.counts_ready(ready);
                for (place, total) in
                    [(ChainHop::Broker, 50.0), (ChainHop::ExternalApi, 40.0), (ChainHop::Hpa, 40.0)]
                {
                    beliefs.record(place, at(second), Some(total), 0.0, None);
                }
            }
            assert_eq!(beliefs.laggard(), laggard);
        }
    }

    #[test]
    fn a_place_that_was_never_heard_is_passed_over_and_what_cannot_be_read_does_not_lag() {
        let mut beliefs = Beliefs::default();
        for second in 0..5 {
            beliefs.record(ChainHop::Broker, at(second), Some(5.0), 0.0, None);
            beliefs.record(ChainHop::Hpa, at(second), Some(0.0), 0.0, None);
        }
        assert_eq!(beliefs.laggard(), Some(ChainHop::Hpa));
        beliefs.mark_unreadable(ChainHop::Hpa, at(5));
        assert_eq!(beliefs.laggard(), None);
    }

    #[test]
    fn who_has_had_no_reading_yet_has_time_for_the_first() {
        let mut beliefs = Beliefs::default();
        for (second, laggard) in [(0, None), (19, None), (20, Some(ChainHop::Hpa))] {
            beliefs.record(ChainHop::Broker, at(second), Some(5.0), 0.0, None);
            beliefs.record(ChainHop::Hpa, at(second), None, 0.0, None);
            assert_eq!(beliefs.laggard(), laggard, "{second}");
        }
    }

    #[test]
    fn since_is_when_the_total_changed() {
        let mut beliefs = Beliefs::default();
        beliefs.record(ChainHop::Broker, at(1), Some(5.0), 0.0, None);
        beliefs.record(ChainHop::Broker, at(2), Some(5.0), 0.0, None);
        assert_eq!(beliefs.get(ChainHop::Broker).unwrap().since, at(1));
        beliefs.record(ChainHop::Broker, at(3), Some(6.0), 0.0, None);
        assert_eq!(beliefs.get(ChainHop::Broker).unwrap().since, at(3));
    }
}
