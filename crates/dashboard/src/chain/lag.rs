//! How far behind a figure is, in time, and which of several places is the one that lags.
//!
//! While a queue moves every place is behind by a little, and each catches up whenever it is asked: the greatest lag of the
//! moment jumps from one to another. What counts is how far behind a place was at worst lately, and the mark moves only when
//! that has been another one's for a while.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::At;

/// Less than this is no lag: every place is asked once a second at least, and answers take their time.
pub const LEAST: Duration = Duration::from_secs(2);

/// Places that are behind by no more than this apart are equally far behind: what the first of them does not know, those
/// after it cannot know either.
const ALIKE: Duration = Duration::from_secs(1);

/// How long another place must be the one that lags until the mark moves, and how long nobody may lag until it goes.
const STEADY: Duration = Duration::from_secs(3);

/// The worst lag is remembered for this long at least, and for twice as long at most: a sync, a scrape and some room.
const MEMORY: Duration = Duration::from_secs(20);

/// Figures that are remembered; the oldest go first.
const MAX_FIGURES: usize = 3_000;

/// How far behind a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Lag {
    /// So long ago its figure was the true one.
    pub by: Duration,
    /// Whether that is as far back as is known, so that it may be more.
    pub is_least: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Figure {
    since: At,
    total: f64,
    ready: Option<f64>,
}

/// The true figure over time, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    figures: VecDeque<Figure>,
}

impl Track {
    /// The true figure is that: `total` messages, of which so many wait where some places count only those.
    pub fn show(&mut self, at: At, total: f64, ready: Option<f64>) {
        if self.figures.back().is_some_and(|last| last.total == total && last.ready == ready) {
            return;
        }
        if self.figures.len() == MAX_FIGURES {
            self.figures.pop_front();
        }
        self.figures.push_back(Figure { since: at, total, ready });
    }

    /// Nothing of what was seen counts any more.
    pub fn clear(&mut self) {
        self.figures.clear();
    }

    /// How long ago `figure`, which may be off by `rounding_error`, was the true one: nought if it is now.
    #[must_use]
    pub fn behind(&self, at: At, figure: f64, rounding_error: f64) -> Lag {
        let near = |truth: f64| (truth - figure).abs() <= rounding_error + 0.5;
        let agrees = |seen: &Figure| near(seen.total) || seen.ready.is_some_and(near);
        // When what was true after the figure began to be: then it ceased.
        let mut after: Option<&Figure> = None;
        for seen in self.figures.iter().rev() {
            // What the queue went through between two looks was true, too.
            let passed = after.is_some_and(|after| (seen.total - figure) * (after.total - figure) < 0.0);
            if agrees(seen) || passed {
                let by = after.map_or(Duration::ZERO, |after| at.since(after.since));
                return Lag { by, is_least: false };
            }
            after = Some(seen);
        }
        let by = after.map_or(Duration::ZERO, |oldest| at.since(oldest.since));
        Lag { by, is_least: after.is_some() }
    }
}

/// The greatest lag of a place lately.
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

/// Which of `N` places lags, held steady.
#[derive(Debug, Clone, PartialEq)]
pub struct Laggard<const N: usize> {
    worst: [Worst; N],
    mark: Mark,
}

/// Where the mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mark {
    /// Nobody lags.
    #[default]
    Nowhere,
    /// At a place.
    At(usize),
    /// At a place, while since then another one, or nobody, has been the one that lags.
    Leaving { from: usize, to: Option<usize>, since: At },
}

impl<const N: usize> Default for Laggard<N> {
    fn default() -> Self {
        Self { worst: [Worst::default(); N], mark: Mark::default() }
    }
}

impl<const N: usize> Laggard<N> {
    /// The place that lags.
    #[must_use]
    pub fn get(&self) -> Option<usize> {
        match self.mark {
            Mark::Nowhere => None,
            Mark::At(place) | Mark::Leaving { from: place, .. } => Some(place),
        }
    }

    /// The greatest lag of a place in the last half minute or so.
    #[must_use]
    pub fn worst(&self, place: usize) -> Duration {
        self.worst[place].get()
    }

    /// So far behind the places are now, in the order of the way; `None` for those of which that is not known.
    pub fn note(&mut self, at: At, lags: [Option<Duration>; N]) {
        for (worst, lag) in self.worst.iter_mut().zip(lags) {
            match lag {
                Some(lag) => worst.note(at, lag),
                None => *worst = Worst::default(),
            }
        }
        // What was read has no part in it any more once it cannot be.
        if self.get().is_some_and(|place| lags[place].is_none()) {
            self.mark = Mark::Nowhere;
        }
        let is_behind = lags.iter().flatten().any(|lag| *lag >= LEAST);
        let to = if is_behind { self.furthest() } else { None };
        self.mark = match (self.mark, to) {
            (Mark::Nowhere, None) => Mark::Nowhere,
            (Mark::Nowhere, Some(to)) => Mark::At(to),
            (Mark::At(from) | Mark::Leaving { from, .. }, Some(to)) if to == from => Mark::At(from),
            (Mark::At(from), to) => Mark::Leaving { from, to, since: at },
            (Mark::Leaving { from, to: other, .. }, to) if other != to => {
                Mark::Leaving { from, to, since: at }
            }
            (Mark::Leaving { from, since, .. }, to) if at.since(since) < STEADY => {
                // Who has all the news while another waits for it is not the one that lags.
                match to {
                    Some(to) if lags[from].is_none_or(|lag| lag < ALIKE) => Mark::At(to),
                    to => Mark::Leaving { from, to, since },
                }
            }
            (Mark::Leaving { .. }, Some(to)) => Mark::At(to),
            (Mark::Leaving { .. }, None) => Mark::Nowhere,
        };
        if self.mark == Mark::Nowhere {
            // The next burst starts afresh.
            self.worst = [Worst::default(); N];
        }
    }

    /// The first place on the way that was about as far behind as the furthest.
    fn furthest(&self) -> Option<usize> {
        let most = self.worst.iter().map(Worst::get).max()?;
        let is_furthest = |worst: &Worst| worst.get() >= LEAST && worst.get() + ALIKE >= most;
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
    fn a_figure_is_behind_since_it_ceased_to_be_true() {
        let mut track = Track::default();
        for (second, total) in [(0, 0.0), (10, 100.0), (12, 100.0), (15, 90.0), (20, 60.0)] {
            track.show(at(1_000 * second), total, None);
        }
        for (figure, rounding_error, expected, is_least) in [
            (60.0, 0.0, 0, false),
            (100.0, 0.0, 15, false),
            (0.0, 0.0, 20, false),
            // Between two looks it was true, and at the later of them no more.
            (75.0, 0.0, 10, false),
            // Not exact.
            (63.0, 3.0, 0, false),
            // Nobody saw it.
            (500.0, 0.0, 30, true),
        ] {
            let lag = track.behind(at(30_000), figure, rounding_error);
            assert_eq!((lag.by, lag.is_least), (seconds(expected), is_least), "{figure}");
        }
        assert_eq!(Track::default().behind(at(5_000), 1.0, 0.0), Lag::default(), "nothing to compare with");
    }

    #[test]
    fn who_counts_what_waits_is_compared_with_that() {
        let mut track = Track::default();
        track.show(at(0), 50.0, Some(50.0));
        track.show(at(4_000), 50.0, Some(40.0));
        assert_eq!(track.behind(at(9_000), 40.0, 0.0).by, seconds(0));
        track.show(at(5_000), 45.0, Some(35.0));
        assert_eq!(track.behind(at(9_000), 40.0, 0.0).by, seconds(4));
    }

    #[test]
    fn the_track_does_not_grow_without_bound() {
        let mut track = Track::default();
        for n in 0..2 * MAX_FIGURES as u64 {
            track.show(at(n), n as f64, None);
        }
        assert_eq!(track.figures.len(), MAX_FIGURES);
    }

    /// Where the mark stands at each fifth of a second, without repetitions, for lags in milliseconds as functions of time.
    fn marks(of: [fn(u64) -> u64; 3], until: u64) -> Vec<Option<usize>> {
        let mut laggard = Laggard::<3>::default();
        let mut marks = Vec::new();
        for ms in (0..=until).step_by(200) {
            laggard.note(at(ms), of.map(|lag| Some(Duration::from_millis(lag(ms)))));
            if marks.last() != Some(&laggard.get()) {
                marks.push(laggard.get());
            }
        }
        marks
    }

    #[test]
    fn the_mark_stays_where_the_news_is_held_up_longest() {
        // Scraped every second, asked at once, read every fifteen seconds: the last one lags, through all its syncs.
        let every = [|ms| ms % 1_000, |ms| ms % 1_000, |ms| ms % 15_000];
        assert_eq!(marks(every, 120_000), [None, Some(2)]);
        // Scraped every ten seconds: both move, and the one that is further behind keeps the mark.
        let both = [|ms| ms % 10_000, |ms| ms % 10_000, |ms| ms % 15_000 + ms % 10_000];
        assert_eq!(marks(both, 120_000).last(), Some(&Some(2)));
        assert!(marks(both, 120_000).len() <= 3, "{:?}", marks(both, 120_000));
        // Not scraped any more: what follows repeats the same old figure, and is not to blame.
        assert_eq!(marks([|ms| ms, |ms| ms, |ms| ms], 60_000), [None, Some(0)]);
    }

    #[test]
    fn the_mark_follows_the_news_along_the_way_and_goes_when_it_has_arrived() {
        // The scrape brings it at eight seconds, the sync at twelve.
        let lags = [
            |ms| if ms < 8_000 { ms } else { 0 },
            |ms| if ms < 8_000 { ms } else { 0 },
            |ms| if ms < 12_000 { ms } else { 0 },
        ];
        assert_eq!(marks(lags, 30_000), [None, Some(0), Some(2), None]);
    }

    #[test]
    fn what_cannot_be_read_does_not_lag() {
        let mut laggard = Laggard::<2>::default();
        laggard.note(at(0), [None, Some(seconds(9))]);
        assert_eq!(laggard.get(), Some(1));
        laggard.note(at(1), [None, None]);
        assert_eq!((laggard.get(), laggard.worst(1)), (None, Duration::ZERO));
    }
}
