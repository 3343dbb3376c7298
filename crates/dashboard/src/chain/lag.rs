//! The lag of a figure in time, and which of several hops lags.
//!
//! While a queue moves, every hop lags by up to its own interval and catches up at each poll. Only a lag beyond that counts, and
//! the greatest one of the moment jumps between hops. So the worst recent lag of a hop counts, and the mark moves only after another hop has
//! had it for a while.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// Lags below this count as none: every hop is polled at least once a second, and answers take their time.
pub const MIN_LAG: Duration = Duration::from_secs(2);

/// Lags that differ by no more than this are equal: hops after the first one cannot know what the first one
/// does not know.
const EQUAL_LAG: Duration = Duration::from_secs(1);

/// Time for which another hop must lag until the mark moves, and for which no hop may lag until it
/// disappears.
const HOLD_TIME: Duration = Duration::from_secs(3);

/// Minimum time for which the worst lag is remembered; the maximum is twice that: a sync, a scrape and a
/// margin.
const MEMORY: Duration = Duration::from_secs(20);

/// Figures remembered; the oldest go first.
const MAX_FIGURES: usize = 3_000;

/// The lag of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Lag {
    /// The time since its figure was the true one.
    pub by: Duration,
    /// True if the lag may be larger, because the record does not reach further back.
    pub is_lower_bound: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Figure {
    since: At,
    total: f64,
    ready: Option<f64>,
}

/// The reference value over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    figures: VecDeque<Figure>,
}

impl Track {
    /// Records the reference value: `total` messages, and `ready` of them for hops that count only ready
    /// messages.
    pub fn show(&mut self, at: At, total: f64, ready: Option<f64>) {
        if self.figures.back().is_some_and(|last| last.total == total && last.ready == ready) {
            return;
        }
        if self.figures.len() == MAX_FIGURES {
            self.figures.pop_front();
        }
        self.figures.push_back(Figure { since: at, total, ready });
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.figures.clear();
    }

    /// The time since `figure`, with a possible error of `rounding_error`, was the true value; zero if it is
    /// true now.
    #[must_use]
    pub fn behind(&self, at: At, figure: f64, rounding_error: f64) -> Lag {
        let near = |truth: f64| (truth - figure).abs() <= rounding_error + 0.5;
        let agrees = |seen: &Figure| near(seen.total) || seen.ready.is_some_and(near);
        // The value after the figure: its start is the figure's end.
        let mut after: Option<&Figure> = None;
        for seen in self.figures.iter().rev() {
            // Values that the queue passed between two polls were true, too.
            let passed = after.is_some_and(|after| (seen.total - figure) * (after.total - figure) < 0.0);
            if agrees(seen) || passed {
                let by = after.map_or(Duration::ZERO, |after| at.since(after.since));
                return Lag { by, is_lower_bound: false };
            }
            after = Some(seen);
        }
        let by = after.map_or(Duration::ZERO, |oldest| at.since(oldest.since));
        Lag { by, is_lower_bound: after.is_some() }
    }
}

/// The worst recent lag of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Worst {
    since: At,
    now: Duration,
    before: Duration,
}

impl Worst {
    fn note(&mut self, at: At, lag: Duration) {
        if at.since(self.since) >= MEMORY {
            *self = Self { since: at, now: Duration::ZERO, before: self.now };
        }
        self.now = self.now.max(lag);
    }

    fn get(&self) -> Duration {
        self.now.max(self.before)
    }
}

/// The laggard among `N` hops, held steady.
#[derive(Debug, Clone, PartialEq)]
pub struct Laggard<const N: usize> {
    worst: [Worst; N],
    mark: Mark,
}

/// The position of the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mark {
    /// No hop lags.
    #[default]
    Nowhere,
    /// At a hop.
    At(usize),
    /// At a hop, while another hop or none has lagged since `since`.
    Leaving { from: usize, to: Option<usize>, since: At },
}

impl<const N: usize> Default for Laggard<N> {
    fn default() -> Self {
        Self { worst: [Worst::default(); N], mark: Mark::default() }
    }
}

impl<const N: usize> Laggard<N> {
    /// The hop that lags.
    #[must_use]
    pub fn get(&self) -> Option<usize> {
        match self.mark {
            Mark::Nowhere => None,
            Mark::At(place) | Mark::Leaving { from: place, .. } => Some(place),
        }
    }

    /// Records by how much each hop, in order, lags beyond the lag that its intervals explain; `None` if a lag is unknown.
    pub fn note(&mut self, at: At, lags: [Option<Duration>; N]) {
        for (worst, lag) in self.worst.iter_mut().zip(lags) {
            match lag {
                Some(lag) => worst.note(at, lag),
                None => *worst = Worst::default(),
            }
        }
        // An unreadable hop keeps no mark.
        if self.get().is_some_and(|place| lags[place].is_none()) {
            self.mark = Mark::Nowhere;
        }
        let is_behind = lags.iter().flatten().any(|lag| !lag.is_zero());
        let to = if is_behind { self.furthest() } else { None };
        self.mark = match (self.mark, to) {
            (Mark::Nowhere, None) => Mark::Nowhere,
            (Mark::Nowhere, Some(to)) => Mark::At(to),
            (Mark::At(from) | Mark::Leaving { from, .. }, Some(to)) if to == from => Mark::At(from),
            (Mark::At(from), to) => Mark::Leaving { from, to, since: at },
            (Mark::Leaving { from, to: other, .. }, to) if other != to => {
                Mark::Leaving { from, to, since: at }
            }
            (Mark::Leaving { from, since, .. }, to) if at.since(since) < HOLD_TIME => {
                // A hop that has caught up while another waits does not lag.
                match to {
                    Some(to) if lags[from].is_none_or(|lag| lag < EQUAL_LAG) => Mark::At(to),
                    to => Mark::Leaving { from, to, since },
                }
            }
            (Mark::Leaving { .. }, Some(to)) => Mark::At(to),
            (Mark::Leaving { .. }, None) => Mark::Nowhere,
        };
        if self.mark == Mark::Nowhere {
            // The next burst starts without a history.
            self.worst = [Worst::default(); N];
        }
    }

    /// The first hop whose lag is about the worst.
    fn furthest(&self) -> Option<usize> {
        let most = self.worst.iter().map(Worst::get).max()?;
        let is_furthest = |worst: &Worst| !worst.get().is_zero() && worst.get() + EQUAL_LAG >= most;
        self.worst.iter().position(is_furthest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> At {
        At(Duration::from_millis(ms))
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn a_lag_begins_when_the_figure_ceased_to_be_true() {
        let mut track = Track::default();
        for (second, total) in [(0, 0.0), (10, 100.0), (12, 100.0), (15, 90.0), (20, 60.0)] {
            track.show(at(1_000 * second), total, None);
        }
        for (figure, rounding_error, expected, is_lower_bound) in [
            (60.0, 0.0, 0, false),
            (100.0, 0.0, 15, false),
            (0.0, 0.0, 20, false),
            // Between two polls it was true, and at the later one no more.
            (75.0, 0.0, 10, false),
            // Not exact.
            (63.0, 3.0, 0, false),
            // No poll showed it.
            (500.0, 0.0, 30, true),
        ] {
            let lag = track.behind(at(30_000), figure, rounding_error);
            assert_eq!((lag.by, lag.is_lower_bound), (seconds(expected), is_lower_bound), "{figure}");
        }
        assert_eq!(Track::default().behind(at(5_000), 1.0, 0.0), Lag::default(), "nothing to compare with");
    }

    #[test]
    fn ready_counts_are_compared_with_ready_counts() {
        let mut track = Track::default();
        track.show(at(0), 50.0, Some(50.0));
        track.show(at(4_000), 50.0, Some(40.0));
        assert_eq!(track.behind(at(9_000), 40.0, 0.0).by, seconds(0));
        track.show(at(5_000), 45.0, Some(35.0));
        assert_eq!(track.behind(at(9_000), 40.0, 0.0).by, seconds(4));
    }

    #[test]
    fn the_track_is_bounded() {
        let mut track = Track::default();
        for n in 0..2 * MAX_FIGURES as u64 {
            track.show(at(n), n as f64, None);
        }
        assert_eq!(track.figures.len(), MAX_FIGURES);
    }

    /// The positions of the mark at each fifth of a second, without repetitions, for lags in milliseconds as
    /// functions of time, of which [`MIN_LAG`] is usual.
    fn marks(of: [fn(u64) -> u64; 3], until: u64) -> Vec<Option<usize>> {
        let mut laggard = Laggard::<3>::default();
        let mut marks = Vec::new();
        for ms in (0..=until).step_by(200) {
            let excess = |lag: fn(u64) -> u64| Duration::from_millis(lag(ms)).saturating_sub(MIN_LAG);
            laggard.note(at(ms), of.map(|lag| Some(excess(lag))));
            if marks.last() != Some(&laggard.get()) {
                marks.push(laggard.get());
            }
        }
        marks
    }

    #[test]
    fn the_mark_stays_at_the_worst_laggard() {
        // Scraped every second, polled at once, synced every fifteen seconds: the HPA lags, through all its
        // syncs.
        let every = [|ms| ms % 1_000, |ms| ms % 1_000, |ms| ms % 15_000];
        assert_eq!(marks(every, 120_000), [None, Some(2)]);
        // Scraped every ten seconds: both move, and the one with the larger lag keeps the mark.
        let both = [|ms| ms % 10_000, |ms| ms % 10_000, |ms| ms % 15_000 + ms % 10_000];
        assert_eq!(marks(both, 120_000).last(), Some(&Some(2)));
        assert!(marks(both, 120_000).len() <= 3, "{:?}", marks(both, 120_000));
        // Scrapes have stopped: later hops repeat the same old figure and are not the cause.
        assert_eq!(marks([|ms| ms, |ms| ms, |ms| ms], 60_000), [None, Some(0)]);
    }

    #[test]
    fn the_mark_follows_the_value_along_the_chain() {
        // The scrape brings it at eight seconds, the sync at twelve.
        let lags = [
            |ms| if ms < 8_000 { ms } else { 0 },
            |ms| if ms < 8_000 { ms } else { 0 },
            |ms| if ms < 12_000 { ms } else { 0 },
        ];
        assert_eq!(marks(lags, 30_000), [None, Some(0), Some(2), None]);
    }

    #[test]
    fn an_unreadable_hop_has_no_mark() {
        let mut laggard = Laggard::<2>::default();
        laggard.note(at(0), [None, Some(seconds(9))]);
        assert_eq!(laggard.get(), Some(1));
        laggard.note(at(1), [None, None]);
        assert_eq!(laggard.get(), None);
    }
}
