//! The queue's depth as each hop of the metric chain believes it, and the hop that lags.

use std::time::Duration;

use crate::chain::lag::{Lag, Laggard, MIN_LAG, Track};
use crate::clock::At;
use crate::reported::Source;

/// Time for which a hop without a first reading does not lag: the autoscaler reads every 15 s by default.
const FIRST_READING_TIME: Duration = Duration::from_secs(20);

/// Scrape interval that is assumed until two scrapes have shown it: the default of the Prometheus Operator.
const DEFAULT_SCRAPE: Duration = Duration::from_secs(30);

/// Sync period that is assumed until the controller's is known.
const DEFAULT_SYNC: Duration = Duration::from_secs(15);

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

    /// The source that reports it.
    #[must_use]
    pub fn source(self) -> Source {
        match self {
            Self::Broker => Source::Broker,
            Self::Prometheus => Source::Prometheus,
            Self::ExternalApi => Source::ExternalMetric,
            Self::Hpa => Source::Hpa,
        }
    }
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
    /// The greatest age of a sample before a newer one replaced it: about the interval of this hop. `None` until then.
    pub interval: Option<Duration>,
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
    /// The HPA's sync period, once it is known.
    sync_period: Option<Duration>,
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
        let before = slot.and_then(|old| old.age);
        let interval = slot.and_then(|old| old.interval);
        let interval = match (before, age) {
            // One late scrape does not make a longer interval.
            (Some(before), Some(age)) if age < before => {
                Some(interval.map_or(before, |known| before.min(known * 2).max(known.mul_f64(0.9))))
            }
            _ => interval,
        };
        let had = if total.is_some() { Some(at) } else { slot.and_then(|old| old.had) };
        *slot = Some(Belief { total, rounding_error, received: at, since, had, age, interval });
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
        let excess = ChainHop::ALL.map(|hop| Some(lags[hop as usize]?.saturating_sub(self.explained(hop))));
        self.laggard.note(at, excess);
        self.lags = lags;
    }

    /// The lag that the interval of a hop, and of the hops before it, explain.
    fn explained(&self, hop: ChainHop) -> Duration {
        let scrape = self.beliefs[ChainHop::Prometheus as usize].and_then(|belief| belief.interval);
        let scrape = scrape.unwrap_or(DEFAULT_SCRAPE);
        let intervals = match hop {
            ChainHop::Broker => Duration::ZERO,
            ChainHop::Prometheus | ChainHop::ExternalApi => scrape,
            ChainHop::Hpa => scrape + self.sync_period.unwrap_or(DEFAULT_SYNC),
        };
        // A poll and a busy controller add a little to each.
        intervals + intervals / 4 + MIN_LAG
    }

    /// Sets the HPA's sync period.
    pub fn syncs_every(&mut self, period: Duration) {
        self.sync_period = Some(period);
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

    /// The hop that lags more than the intervals of the chain explain, the first of several with about the same lag: the new
    /// value is held up there. `None` behind a hop that has stopped reporting: that one is the cause.
    #[must_use]
    pub fn laggard(&self) -> Option<ChainHop> {
        // The mark is held steady, but a hop whose figure agrees does not lag.
        let index = self.laggard.get().filter(|index| self.lags[*index].is_some_and(|lag| !lag.is_zero()))?;
        let has_stopped = |hop: usize| self.unreadable[hop] && self.beliefs[hop].is_some();
        (!(0..index).any(has_stopped)).then_some(ChainHop::ALL[index])
    }

    /// The first hop with the greatest lag at `at`, however usual, if that is noticeable.
    #[must_use]
    pub fn most_behind(&self, at: At) -> Option<ChainHop> {
        let lag = |hop: &ChainHop| self.lag(*hop, at).map_or(Duration::ZERO, |lag| lag.by);
        let most = ChainHop::ALL.iter().rev().copied().max_by_key(lag)?;
        (lag(&most) >= MIN_LAG).then_some(most)
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
            // A scrape every 30 s and a sync every 15 s explain that much.
            assert_eq!(beliefs(totals, 40).laggard(), None, "not at once: {totals:?}");
            assert_eq!(beliefs(totals, 80).laggard(), laggard, "{totals:?}");
        }
    }

    #[test]
    fn the_intervals_of_the_chain_explain_a_lag() {
        // A scrape every 5 s shows its interval; the HPA syncs every 15 s.
        for (stopped, laggard) in [(None, None), (Some(ChainHop::Prometheus), None)] {
            let mut beliefs = Beliefs::default();
            beliefs.syncs_every(Duration::from_secs(15));
            let (mut scraped, mut read) = (0, 0);
            for second in 0..120 {
                if second % 5 == 0 {
                    scraped = second;
                }
                if second % 15 == 0 {
                    read = scraped;
                }
                let age = Some(Duration::from_secs(second - scraped));
                beliefs.record(ChainHop::Broker, at(second), Some(10.0 * second as f64), 0.0, None);
                if stopped.is_none() || second < 60 {
                    beliefs.record(ChainHop::Prometheus, at(second), Some(10.0 * scraped as f64), 0.0, age);
                    beliefs.record(ChainHop::ExternalApi, at(second), Some(10.0 * scraped as f64), 0.0, None);
                    beliefs.record(ChainHop::Hpa, at(second), Some(10.0 * read as f64), 0.0, None);
                } else {
                    beliefs.mark_unreadable(ChainHop::Prometheus, at(second));
                    beliefs.record(ChainHop::Hpa, at(second), Some(10.0 * read as f64), 0.0, None);
                }
                assert_eq!(beliefs.laggard(), laggard, "at {second}, stopped: {stopped:?}");
            }
            assert!(beliefs.most_behind(at(119)).is_some(), "however usual");
        }
        // The HPA has stopped syncing.
        let mut beliefs = Beliefs::default();
        beliefs.syncs_every(Duration::from_secs(15));
        for second in 0..60 {
            for hop in [ChainHop::Broker, ChainHop::Prometheus, ChainHop::ExternalApi] {
                let age = (hop == ChainHop::Prometheus).then(|| Duration::from_secs(second % 5));
                beliefs.record(hop, at(second), Some(10.0 * second as f64), 0.0, age);
            }
            beliefs.record(ChainHop::Hpa, at(second), Some(0.0), 0.0, None);
        }
        assert_eq!(beliefs.laggard(), Some(ChainHop::Hpa));
    }

    #[test]
    fn a_lag_is_the_time_since_the_figure_was_true() {
        let beliefs = beliefs([Some(50.0), Some(50.0), Some(20.0), Some(20.0)], 13);
        let by = |hop| beliefs.lag(hop, at(14)).map(|lag| lag.by.as_secs());
        assert_eq!(ChainHop::ALL.map(by), [None, Some(0), Some(4), Some(4)]);
        assert!(beliefs.differ(at(14)));
    }

    #[test]
    fn a_hop_that_counts_ready_messages_does_not_lag() {
        for (ready, laggard) in [(None, Some(ChainHop::ExternalApi)), (Some(40.0), None)] {
            let mut beliefs = Beliefs::default();
            for second in 0..50 {
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
        for second in 0..60 {
            beliefs.record(ChainHop::Broker, at(second), Some(5.0), 0.0, None);
            beliefs.record(ChainHop::Hpa, at(second), Some(0.0), 0.0, None);
        }
        assert_eq!(beliefs.laggard(), Some(ChainHop::Hpa));
        beliefs.mark_unreadable(ChainHop::Hpa, at(60));
        assert_eq!(beliefs.laggard(), None);
    }

    #[test]
    fn a_hop_has_time_for_its_first_reading() {
        let mut beliefs = Beliefs::default();
        for (second, laggard) in [(0, None), (19, None), (60, Some(ChainHop::Hpa))] {
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
