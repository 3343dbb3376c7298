//! The queue's depth as each hop of the metric chain believes it, and the hop that lags.

use std::time::Duration;

use crate::chain::lag::{Lag, Laggard, Track};
use crate::clock::At;

/// Time for which a hop without a first reading does not lag: the autoscaler reads every 15 s by default.
const FIRST_READING_TIME: Duration = Duration::from_secs(20);

/// The hops that a number passes on its way to the decision, in order.
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
    /// All hops in order.
    pub const ALL: [Self; 4] = [Self::Broker, Self::Prometheus, Self::ExternalApi, Self::Hpa];
}

/// The belief of one hop.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Belief {
    /// Messages in total; `None` without a reading.
    pub total: Option<f64>,
    /// Possible error of a total that was computed back from a per-pod figure; zero otherwise.
    pub rounding_error: f64,
    /// The time at which the report arrived.
    pub received: At,
    /// The time at which the hop first reported this total.
    pub since: At,
    /// The time of its last reading.
    pub had: Option<At>,
    /// The age of the number on arrival, if the hop reports it.
    pub age: Option<Duration>,
    /// The highest recent age: the usual age of this hop.
    pub usual_age: Duration,
}

/// The belief of every hop; `None` before its first report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beliefs {
    beliefs: [Option<Belief>; ChainHop::ALL.len()],
    /// Ready messages, if the hops behind the broker count only those.
    ready_only: Option<f64>,
    /// The hops that cannot be read now: their last reports are no beliefs.
    unreadable: [bool; ChainHop::ALL.len()],
    /// The reference: the first readable hop, and its figures over time.
    truth: (Option<ChainHop>, Track),
    laggard: Laggard<{ ChainHop::ALL.len() }>,
    /// The lags at the last report.
    lags: [Option<Duration>; ChainHop::ALL.len()],
}

impl Beliefs {
    /// Records a hop's report.
    pub fn record(
        &mut self,
        hop: ChainHop,
        at: At,
        total: Option<f64>,
        rounding_error: f64,
        age: Option<Duration>,
    ) {
        let slot = &mut self.beliefs[hop as usize];
        let since = slot.filter(|old| old.total == total).map_or(at, |old| old.since);
        let usual_age = match (*slot, age) {
            (Some(old), Some(age)) if age < old.usual_age => {
                // Decays slowly, so that the figure stays stable while the hop works as usual.
                old.usual_age.mul_f64(0.995).max(age)
            }
            (_, Some(age)) => age,
            (old, None) => old.map_or(Duration::ZERO, |old| old.usual_age),
        };
        let had = if total.is_some() { Some(at) } else { slot.and_then(|old| old.had) };
        *slot = Some(Belief { total, rounding_error, received: at, since, had, age, usual_age });
        self.unreadable[hop as usize] = false;
        self.measure(at);
    }

    /// Marks a hop as unreadable from `at` on.
    pub fn mark_unreadable(&mut self, hop: ChainHop, at: At) {
        self.unreadable[hop as usize] = true;
        self.measure(at);
    }

    /// Measures the lags against the first readable hop.
    fn measure(&mut self, at: At) {
        let first = ChainHop::ALL.into_iter().find_map(|hop| Some((hop, self.readable(hop)?.total?)));
        if first.map(|(hop, _)| hop) != self.truth.0 {
            self.truth = (first.map(|(hop, _)| hop), Track::default());
        }
        if let Some((hop, total)) = first {
            let ready = self.ready_only.filter(|_| hop == ChainHop::Broker);
            self.truth.1.show(at, total, ready);
        }
        let lags = ChainHop::ALL.map(|hop| self.lag(hop, at).map(|lag| lag.by));
        self.laggard.note(at, lags);
        self.lags = lags;
    }

    fn readable(&self, hop: ChainHop) -> Option<Belief> {
        self.beliefs[hop as usize].filter(|_| !self.unreadable[hop as usize])
    }

    /// The lag of a hop at `at`; `None` for the reference hop, for those before it, and for unreadable ones.
    #[must_use]
    pub fn lag(&self, hop: ChainHop, at: At) -> Option<Lag> {
        let belief = self.readable(hop)?;
        let (Some(truth), track) = &self.truth else { return None };
        if hop <= *truth {
            return None;
        }
        match (belief.total, belief.had) {
            (Some(total), _) => Some(track.behind(at, total, belief.rounding_error)),
            // It had a reading and has lost it.
            (None, Some(had)) => Some(Lag { by: at.since(had), is_lower_bound: false }),
            // It has never had a reading, which is normal at the start.
            (None, None) => {
                let by = at.since(belief.since);
                Some(Lag {
                    by: if by < FIRST_READING_TIME { Duration::ZERO } else { by },
                    is_lower_bound: true,
                })
            }
        }
    }

    /// The worst recent lag of a hop.
    #[must_use]
    pub fn worst_lag(&self, hop: ChainHop) -> Duration {
        self.laggard.worst(hop as usize)
    }

    /// Returns true if any hop differs from the reference now, however shortly.
    #[must_use]
    pub fn differ(&self, at: At) -> bool {
        ChainHop::ALL.into_iter().any(|hop| self.lag(hop, at).is_some_and(|lag| !lag.by.is_zero()))
    }

    /// Sets the number of ready messages if the hops behind the broker count only those; `None` if they count
    /// all.
    pub fn counts_ready(&mut self, ready: Option<f64>) {
        self.ready_only = ready;
    }

    /// The belief of a hop.
    #[must_use]
    pub fn get(&self, hop: ChainHop) -> Option<Belief> {
        self.beliefs[hop as usize]
    }

    /// The hop that lags most, the first of several with about the same lag: the new value is held up there.
    #[must_use]
    pub fn laggard(&self) -> Option<ChainHop> {
        // The mark is held steady, but a hop whose figure agrees does not lag.
        let index = self.laggard.get().filter(|index| self.lags[*index].is_some_and(|lag| !lag.is_zero()))?;
        Some(ChainHop::ALL[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    /// Beliefs that agreed on 20 at second 9 and report `totals` every second from second 10 to `s`.
    fn beliefs(totals: [Option<f64>; 4], s: u64) -> Beliefs {
        let mut beliefs = Beliefs::default();
        let rounding_error = |hop| if hop == ChainHop::Hpa { 3.0 } else { 0.0 };
        for hop in ChainHop::ALL {
            beliefs.record(hop, at(9), Some(20.0), rounding_error(hop), None);
        }
        for second in 10..=s {
            for (hop, total) in ChainHop::ALL.into_iter().zip(totals) {
                beliefs.record(hop, at(second), total, rounding_error(hop), None);
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
            // A total computed back from an average is not exact.
            ([Some(50.0), Some(50.0), Some(50.0), Some(52.0)], None),
            // A lost reading is a disagreement too.
            ([Some(50.0), Some(50.0), None, Some(50.0)], Some(ChainHop::ExternalApi)),
            // Without the broker, Prometheus is the reference.
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
        let by = |hop| beliefs.lag(hop, at(14)).map(|lag| lag.by.as_secs());
        assert_eq!(ChainHop::ALL.map(by), [None, Some(0), Some(4), Some(4)]);
        assert!(beliefs.differ(at(14)));
        assert_eq!(beliefs.worst_lag(ChainHop::Hpa), Duration::from_secs(3));
    }

    #[test]
    fn a_hop_that_counts_ready_messages_does_not_lag() {
        for (ready, laggard) in [(None, Some(ChainHop::ExternalApi)), (Some(40.0), None)] {
            let mut beliefs = Beliefs::default();
            for second in 0..5 {
                beliefs.counts_ready(ready);
                for (hop, total) in
                    [(ChainHop::Broker, 50.0), (ChainHop::ExternalApi, 40.0), (ChainHop::Hpa, 40.0)]
                {
                    beliefs.record(hop, at(second), Some(total), 0.0, None);
                }
            }
            assert_eq!(beliefs.laggard(), laggard);
        }
    }

    #[test]
    fn an_unreadable_hop_does_not_lag() {
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
    fn a_hop_has_time_for_its_first_reading() {
        let mut beliefs = Beliefs::default();
        for (second, laggard) in [(0, None), (19, None), (20, Some(ChainHop::Hpa))] {
            beliefs.record(ChainHop::Broker, at(second), Some(5.0), 0.0, None);
            beliefs.record(ChainHop::Hpa, at(second), None, 0.0, None);
            assert_eq!(beliefs.laggard(), laggard, "{second}");
        }
    }

    #[test]
    fn since_is_the_time_of_the_last_change() {
        let mut beliefs = Beliefs::default();
        beliefs.record(ChainHop::Broker, at(1), Some(5.0), 0.0, None);
        beliefs.record(ChainHop::Broker, at(2), Some(5.0), 0.0, None);
        assert_eq!(beliefs.get(ChainHop::Broker).unwrap().since, at(1));
        beliefs.record(ChainHop::Broker, at(3), Some(6.0), 0.0, None);
        assert_eq!(beliefs.get(ChainHop::Broker).unwrap().since, at(3));
    }
}
