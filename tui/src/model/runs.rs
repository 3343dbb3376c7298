//! The last bursts as rows of figures, and which of them were best and worst.

use std::collections::BTreeMap;

use super::Data;
use super::burst::Burst;
use super::fates::Lost;
use super::stopwatch::{Reading, Stage};
use crate::event::{Hpa, MetricTarget};

/// The autoscaler's settings while a burst ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// The target, in milli-units, if it reads an External metric.
    pub target: Option<MetricTarget>,
    /// Fewest replicas.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
    /// Stabilisation window of scaling up and down, in seconds.
    pub windows: (Option<i32>, Option<i32>),
}

impl InForce {
    /// The settings of an HPA.
    #[must_use]
    pub fn of(hpa: &Hpa) -> Self {
        let behavior = hpa.spec.as_ref().and_then(|spec| spec.behavior.as_ref());
        let window = |rules: Option<&hpa::spec::ScalingRules>| rules?.stabilization_window_seconds;
        Self {
            target: hpa.metric.as_ref().map(|metric| metric.target),
            min: hpa.min,
            max: hpa.max,
            windows: (
                window(behavior.and_then(|b| b.scale_up.as_ref())),
                window(behavior.and_then(|b| b.scale_down.as_ref())),
            ),
        }
    }

    /// Messages that the target allows a worker; for Value, in all.
    #[must_use]
    pub fn per_worker(&self) -> Option<f64> {
        let (MetricTarget::Average(milli) | MetricTarget::Value(milli)) = self.target?;
        (milli > 0).then_some(milli as f64 / 1_000.0)
    }
}

/// The figures of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Jobs confirmed.
    Size,
    /// A step of the stopwatch, in seconds since the press.
    Reaction(Stage),
    /// The longest that a job waited for a worker, in seconds.
    LongestWait,
    /// Most replicas asked for.
    Peak,
    /// Replicas beyond those that the fullest queue called for.
    Overshoot,
    /// Seconds that workers existed, added up.
    PodSeconds,
    /// Share of the ready workers' time without a job, in percent.
    Idle,
    /// Deliveries beyond the first.
    Redelivered,
    /// Jobs lost.
    Lost,
}

impl Figure {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Size,
        Self::Reaction(Stage::InBroker),
        Self::Reaction(Stage::Scraped),
        Self::Reaction(Stage::ExternalApi),
        Self::Reaction(Stage::Desired),
        Self::Reaction(Stage::PodReady),
        Self::Reaction(Stage::Drained),
        Self::LongestWait,
        Self::Peak,
        Self::Overshoot,
        Self::PodSeconds,
        Self::Idle,
        Self::Redelivered,
        Self::Lost,
    ];

    /// For the head of the table, in at most seven columns, and for a row of its own, in at most 13.
    #[must_use]
    pub fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Size => ("jobs", "confirmed"),
            Self::Reaction(Stage::InBroker) => ("broker", "in broker"),
            Self::Reaction(Stage::Scraped) => ("scraped", "scraped"),
            Self::Reaction(Stage::ExternalApi) => ("API", "external API"),
            Self::Reaction(Stage::Desired) => ("desired", "desired"),
            Self::Reaction(Stage::PodReady) => ("ready", "pod ready"),
            Self::Reaction(Stage::Drained) => ("drained", "drained in"),
            Self::Reaction(stage) => (stage.short(), stage.short()),
            Self::LongestWait => ("wait", "longest wait"),
            Self::Peak => ("peak", "peak replicas"),
            Self::Overshoot => ("over", "overshoot"),
            Self::PodSeconds => ("pod s", "pod-seconds"),
            Self::Idle => ("idle", "idle share"),
            Self::Redelivered => ("redel.", "redeliveries"),
            Self::Lost => ("lost", "lost"),
        }
    }

    /// In which unit it is.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Reaction(_) | Self::LongestWait => Unit::Seconds,
            Self::Idle => Unit::Percent,
            _ => Unit::Count,
        }
    }

    /// Whether less of it is better. More jobs are neither.
    #[must_use]
    pub fn is_ranked(self) -> bool {
        self != Self::Size
    }
}

/// Unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
    /// Hundredths.
    Percent,
}

/// One cell of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// Not known yet.
    Open,
    /// So much.
    Is(f64),
    /// So much, as an estimate, or so far.
    About(f64),
    /// Not to be known, and why in a word or two.
    Never(&'static str),
}

impl Cell {
    /// The number, if there is one.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Is(number) | Self::About(number) => Some(number),
            Self::Open | Self::Never(_) => None,
        }
    }
}

/// A figure of a burst, as far as it is known at `now`.
#[must_use]
pub fn cell(data: &Data, burst: &Burst, figure: Figure) -> Cell {
    let is_over = !burst.is_running();
    // What may still grow is said to.
    let so_far = |number: f64| if is_over { Cell::Is(number) } else { Cell::About(number) };
    // The logs say it; where some are not read there may be more.
    let from_logs = |number: f64| match burst.lost() {
        Lost::Unknown(_) => Cell::About(number),
        _ => so_far(number),
    };
    match figure {
        Figure::Size if burst.finished => Cell::Is(burst.accepted.into()),
        Figure::Size => Cell::About(burst.accepted.into()),
        Figure::Reaction(stage) => match burst.watch.get(stage) {
            Reading::NotYet => Cell::Open,
            Reading::Never(why) => Cell::Never(why.short()),
            Reading::Seen(seen) => {
                let seconds = seen.at.since(burst.pressed).as_secs_f64();
                if seen.doubt.is_some() { Cell::About(seconds) } else { Cell::Is(seconds) }
            }
        },
        Figure::LongestWait => match burst.longest_wait {
            Some(wait) => from_logs(wait.as_secs_f64()),
            None if is_over => Cell::Never("no log"),
            None => Cell::Open,
        },
        Figure::Peak => so_far(burst.peak_replicas.into()),
        Figure::Overshoot => match needed(burst) {
            // What the fullest queue was is known as closely as the broker was asked.
            Some(needed) => Cell::About((f64::from(burst.peak_replicas) - needed).max(0.0)),
            None => Cell::Never("no target"),
        },
        Figure::PodSeconds => pod_seconds(data, burst, |time| Some(time.total().as_secs_f64())),
        Figure::Idle => pod_seconds(data, burst, |time| Some(100.0 * time.idle_share()?)),
        Figure::Redelivered => from_logs(burst.redelivered.into()),
        Figure::Lost => match burst.lost() {
            _ if burst.accepted == 0 => Cell::Is(0.0),
            Lost::Open => Cell::Open,
            Lost::Jobs(jobs) => Cell::Is(jobs.into()),
            Lost::Unknown(_) => Cell::Never("unknown"),
        },
    }
}

/// Replicas that the fullest queue called for, within minimum and maximum.
fn needed(burst: &Burst) -> Option<f64> {
    let tuning = burst.tuning()?;
    let (min, max) = (f64::from(tuning.min), f64::from(tuning.max));
    Some((burst.peak_depth / tuning.per_worker()?).ceil().max(min).min(max.max(min)))
}

fn pod_seconds(data: &Data, burst: &Burst, of: impl Fn(super::lanes::PodTime) -> Option<f64>) -> Cell {
    let before = burst.pod_time_before();
    match burst.ended {
        // Workers of which the log is not read may have been idle or busy.
        Some((_, until)) => {
            let time = until.since(&before);
            let is_sure = time.not_sampled.is_zero() && burst.overlaps.is_empty();
            match of(time) {
                Some(number) if is_sure => Cell::Is(number),
                Some(number) => Cell::About(number),
                None => Cell::Never("none"),
            }
        }
        None if burst.is_running() => {
            of(data.lanes.time(data.now).since(&before)).map_or(Cell::Open, Cell::About)
        }
        None => Cell::Never("none"),
    }
}

/// How a figure compares with the others of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Nothing to compare with, or neither.
    Plain,
    /// The least of all.
    Best,
    /// The most of all.
    Worst,
}

/// Whether a run can be compared with others: it is over, and nothing else was going on.
#[must_use]
pub fn is_comparable(burst: &Burst) -> bool {
    !burst.is_running() && burst.accepted > 0 && burst.overlaps.is_empty() && !burst.with_load
}

/// The least and the most of every figure among comparable runs of each size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extremes {
    by_size: BTreeMap<(u32, usize), Extreme>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Extreme {
    least: f64,
    most: f64,
    count: usize,
}

impl Extremes {
    /// Those of all runs that are kept.
    #[must_use]
    pub fn of(data: &Data) -> Self {
        let mut by_size: BTreeMap<(u32, usize), Extreme> = BTreeMap::new();
        for burst in data.bursts.iter().filter(|burst| is_comparable(burst)) {
            for (index, figure) in
                Figure::ALL.into_iter().enumerate().filter(|(_, figure)| figure.is_ranked())
            {
                let Some(number) = cell(data, burst, figure).number() else { continue };
                let extreme = by_size.entry((burst.size, index)).or_insert(Extreme {
                    least: number,
                    most: number,
                    count: 0,
                });
                extreme.least = extreme.least.min(number);
                extreme.most = extreme.most.max(number);
                extreme.count += 1;
            }
        }
        Self { by_size }
    }

    /// How a burst's figure compares with those of the other comparable bursts of the same size.
    #[must_use]
    pub fn rank(&self, data: &Data, burst: &Burst, figure: Figure) -> Rank {
        let index = Figure::ALL.iter().position(|other| *other == figure).unwrap_or(0);
        let extreme = self.by_size.get(&(burst.size, index));
        // Equal figures are no contest, and neither is one alone.
        let Some(extreme) = extreme.filter(|extreme| extreme.count > 1 && extreme.most > extreme.least)
        else {
            return Rank::Plain;
        };
        match cell(data, burst, figure).number() {
            Some(own) if !is_comparable(burst) || own.is_nan() => Rank::Plain,
            Some(own) if own <= extreme.least => Rank::Best,
            Some(own) if own >= extreme.most => Rank::Worst,
            _ => Rank::Plain,
        }
    }
}

/// Which rows of the table are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chosen {
    /// Number of the burst under the cursor; `None` follows the newest.
    pub cursor: Option<u32>,
    /// Number of the burst that it is compared with.
    pub against: Option<u32>,
}

impl Chosen {
    /// The burst under the cursor.
    #[must_use]
    pub fn burst<'a>(&self, data: &'a Data) -> Option<&'a Burst> {
        self.cursor.and_then(|number| data.bursts.get(number)).or_else(|| data.bursts.newest())
    }

    /// The burst that it is compared with: the one chosen, else the one fired before it.
    #[must_use]
    pub fn other<'a>(&self, data: &'a Data) -> Option<&'a Burst> {
        let burst = self.burst(data)?;
        let chosen = self.against.and_then(|number| data.bursts.get(number));
        chosen.or_else(|| data.bursts.get(burst.number - 1)).filter(|other| other.number != burst.number)
    }

    /// Moves the cursor to a newer (`up`) or older burst: the newest stands at the top.
    pub fn step(&mut self, data: &Data, up: bool) {
        let Some(burst) = self.burst(data) else { return };
        let wanted = if up { burst.number + 1 } else { burst.number.saturating_sub(1) };
        if data.bursts.get(wanted).is_some() {
            // At the top it follows what comes.
            let is_newest = data.bursts.newest().is_some_and(|newest| newest.number == wanted);
            self.cursor = (!is_newest).then_some(wanted);
        }
    }

    /// Chooses the burst under the cursor to be compared with, or no longer.
    pub fn mark(&mut self, data: &Data) {
        let number = self.burst(data).map(|burst| burst.number);
        self.against = if self.against == number { None } else { number };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use contract::BurstId;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::clock::DayClock;
    use crate::event::{At, BurstProgress};
    use crate::model::Model;
    use crate::model::bursts::Before;
    use crate::model::lanes::PodTime;
    use crate::model::stopwatch::{How, Seen};

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    fn before() -> Before {
        Before {
            depth: Some(0.0),
            spec_replicas: Some(1),
            tuning: Some(InForce {
                target: Some(MetricTarget::Average(20_000)),
                min: 1,
                max: 10,
                windows: (Some(0), Some(60)),
            }),
            ..Before::default()
        }
    }

    /// Bursts of one size, one after the other, each drained after so many seconds and scaled to so many replicas.
    fn data(runs: &[(u64, i32)]) -> Data {
        let mut data = Model::new(DayClock::new(Timestamp::UNIX_EPOCH, TimeZone::UTC), (80, 24)).data;
        for (index, (seconds, replicas)) in (0_u64..).zip(runs) {
            let start = 1_000 * index;
            let id: BurstId = format!("b{index}").parse().unwrap();
            data.bursts.fire(at(start), id.clone(), 50, before());
            data.bursts.progress(BurstProgress {
                id,
                size: 50,
                sent: 50,
                accepted: 50,
                failed: std::collections::BTreeMap::new(),
                new_ids: (0..50).map(uuid::Uuid::from_u128).collect(),
                first_sent: Some(at(start)),
                first_accepted: Some(at(start)),
                last_accepted: Some(at(start)),
                waiting: None,
                finished: true,
            });
            let asked = |s| Seen::within(at(start + s), How::Asked, Duration::from_secs(1));
            data.bursts.number(Stage::InBroker, asked(1), 50.0, false);
            data.bursts.depth(asked(1), 50, Duration::ZERO);
            data.bursts.spec_replicas(Seen::received(at(start + 2), How::Watch), *replicas, false);
            data.bursts.depth(asked(*seconds), 0, Duration::ZERO);
            let time = PodTime {
                idle: Duration::from_secs(start + seconds),
                busy: Duration::from_secs(3 * (start + seconds)),
                ..PodTime::default()
            };
            data.bursts.quiet(Seen::received(at(start + seconds + 9), How::Watch), time);
        }
        data
    }

    #[test]
    fn the_least_is_best_and_the_most_is_worst_among_comparable_runs() {
        let data = data(&[(30, 5), (20, 5), (40, 5)]);
        let extremes = Extremes::of(&data);
        let ranks = |figure| data.bursts.iter().map(|b| extremes.rank(&data, b, figure)).collect::<Vec<_>>();
        let drained = Figure::Reaction(Stage::Drained);
        assert_eq!(ranks(drained), [Rank::Plain, Rank::Best, Rank::Worst]);
        assert_eq!(ranks(Figure::Peak), [Rank::Plain; 3], "equal figures are no contest");
        assert_eq!(ranks(Figure::Size), [Rank::Plain; 3]);
    }

    #[test]
    fn one_alone_is_neither_best_nor_worst() {
        let data = data(&[(30, 5)]);
        let burst = data.bursts.newest().unwrap();
        let extremes = Extremes::of(&data);
        assert!(Figure::ALL.iter().all(|figure| extremes.rank(&data, burst, *figure) == Rank::Plain));
    }

    #[test]
    fn figures_come_from_what_was_seen() {
        let data = data(&[(30, 5)]);
        let burst = data.bursts.newest().unwrap();
        for (figure, expected) in [
            (Figure::Size, Cell::Is(50.0)),
            (Figure::Reaction(Stage::InBroker), Cell::Is(1.0)),
            (Figure::Reaction(Stage::Scraped), Cell::Never("between two looks")),
            (Figure::Reaction(Stage::Drained), Cell::Is(30.0)),
            (Figure::Peak, Cell::Is(5.0)),
            // Fifty messages call for three workers of twenty.
            (Figure::Overshoot, Cell::About(2.0)),
            (Figure::PodSeconds, Cell::Is(120.0)),
            (Figure::Idle, Cell::Is(25.0)),
            (Figure::Redelivered, Cell::Is(0.0)),
            // Nobody has judged yet.
            (Figure::Lost, Cell::Open),
        ] {
            assert_eq!(cell(&data, burst, figure), expected, "{figure:?}");
        }
    }

    #[test]
    fn the_cursor_follows_the_newest_until_it_is_moved() {
        let mut chosen = Chosen::default();
        let three = data(&[(30, 5), (20, 5), (40, 5)]);
        let numbers = |chosen: &Chosen, data: &Data| {
            (chosen.burst(data).map(|b| b.number), chosen.other(data).map(|b| b.number))
        };
        assert_eq!(numbers(&chosen, &three), (Some(3), Some(2)), "against the one before");
        chosen.step(&three, false);
        assert_eq!(numbers(&chosen, &three), (Some(2), Some(1)));
        chosen.mark(&three);
        chosen.step(&three, false);
        assert_eq!(numbers(&chosen, &three), (Some(1), Some(2)));
        chosen.step(&three, false);
        assert_eq!(numbers(&chosen, &three).0, Some(1), "there is no older one");
        (0..9).for_each(|_| chosen.step(&three, true));
        let four = data(&[(30, 5), (20, 5), (40, 5), (10, 5)]);
        assert_eq!(numbers(&chosen, &four), (Some(4), Some(2)));
        chosen.step(&four, false);
        chosen.step(&four, false);
        chosen.mark(&four);
        assert_eq!(chosen.against, None, "a second time takes the choice back");
        assert_eq!(numbers(&Chosen::default(), &data(&[])), (None, None));
    }
}
