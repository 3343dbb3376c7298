//! The last bursts as rows of figures, with the best and worst of each figure.

use std::collections::BTreeMap;

use crate::bursts::burst::Burst;
use crate::bursts::job_outcomes::LostJobs;
use crate::bursts::recent::Bursts;
use crate::bursts::stopwatch::{Caveat, Stage, StageTime};
use crate::data::Data;
use scenario::figure::Known;

/// The reason why a figure is not this run's.
const OTHER_CAUSE: &str = "another cause";

/// The figures of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Jobs confirmed.
    Size,
    /// A step of the stopwatch, in seconds since the press.
    Reaction(Stage),
    /// The longest wait of a job for a worker, in seconds.
    LongestWait,
    /// Most replicas requested.
    Peak,
    /// Replicas beyond those that the fullest queue needed.
    Overshoot,
    /// Seconds that workers existed, summed.
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

    /// The unit of the figure.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Reaction(_) | Self::LongestWait => Unit::Seconds,
            Self::Idle => Unit::Percent,
            _ => Unit::Count,
        }
    }

    /// Returns true if less is better. For the number of jobs neither is.
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
    /// A value.
    Is(f64),
    /// An estimate, or a value so far.
    About(f64),
    /// Not available, with the reason in a word or two.
    Never(&'static str),
    /// Something else was the cause: no figure of this run.
    By(Caveat),
}

impl Cell {
    /// The number, if there is one.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        Known::from(self).number()
    }
}

impl From<Cell> for Known {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Open => Self::Open,
            Cell::Is(number) => Self::Is(number),
            Cell::About(number) => Self::About(number),
            Cell::Never(why) => Self::Never(why),
            Cell::By(_) => Self::Never(OTHER_CAUSE),
        }
    }
}

/// A figure of a burst, as far as it is known at `now`.
#[must_use]
pub fn cell(data: &Data, burst: &Burst, figure: Figure) -> Cell {
    let is_over = !burst.is_running();
    // A value that may still grow is marked.
    let so_far = |number: f64| if is_over { Cell::Is(number) } else { Cell::About(number) };
    // From the logs; the true value is higher if some are not read.
    let from_logs = |number: f64| match burst.lost() {
        LostJobs::Unknown(_) => Cell::About(number),
        _ => so_far(number),
    };
    match figure {
        Figure::Size if burst.finished => Cell::Is(burst.accepted.into()),
        Figure::Size => Cell::About(burst.accepted.into()),
        Figure::Reaction(stage) => match burst.watch.get(stage) {
            StageTime::NotYet => Cell::Open,
            StageTime::Never(why) => Cell::Never(why.short()),
            StageTime::Seen(seen) => {
                let seconds = seen.at.since(burst.pressed).as_secs_f64();
                match seen.caveat {
                    Some(caveat) if caveat.is_other_cause() => Cell::By(caveat),
                    Some(_) => Cell::About(seconds),
                    None => Cell::Is(seconds),
                }
            }
        },
        Figure::LongestWait => match burst.longest_wait {
            Some(wait) => from_logs(wait.as_secs_f64()),
            None if is_over => Cell::Never("no log"),
            None => Cell::Open,
        },
        Figure::Peak => so_far(burst.peak_replicas.into()),
        Figure::Overshoot => match needed(burst) {
            // The fullest queue is known to within one poll interval.
            Some(needed) => Cell::About((f64::from(burst.peak_replicas) - needed).max(0.0)),
            None => Cell::Never("no target"),
        },
        Figure::PodSeconds => pod_seconds(data, burst, |time| Some(time.total().as_secs_f64())),
        Figure::Idle => pod_seconds(data, burst, |time| Some(100.0 * time.idle_share()?)),
        Figure::Redelivered => from_logs(burst.redelivered.into()),
        Figure::Lost => match burst.lost() {
            _ if burst.accepted == 0 => Cell::Is(0.0),
            LostJobs::Open => Cell::Open,
            LostJobs::Jobs(jobs) => Cell::Is(jobs.into()),
            LostJobs::Unknown(_) => Cell::Never("unknown"),
        },
    }
}

/// Replicas that the fullest queue needed, within minimum and maximum.
fn needed(burst: &Burst) -> Option<f64> {
    let tuning = burst.tuning()?;
    Some(scenario::figure::needed(burst.peak_depth, tuning.per_worker()?, tuning.min, tuning.max))
}

fn pod_seconds(
    data: &Data,
    burst: &Burst,
    of: impl Fn(crate::workers::timelines::PodTime) -> Option<f64>,
) -> Cell {
    let before = burst.pod_time_before();
    match burst.ended {
        // Workers without a followed log may have been idle or busy.
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

/// The rank of a figure among others of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// No comparison, or neither.
    Plain,
    /// The lowest.
    Best,
    /// The highest.
    Worst,
}

/// Returns true if a run can be compared with others: it is over, and nothing else was going on.
#[must_use]
pub fn is_comparable(burst: &Burst) -> bool {
    !burst.is_running() && burst.accepted > 0 && burst.overlaps.is_empty() && !burst.with_load
}

/// The lowest and highest value of every figure among comparable runs of each size.
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
    /// The extremes of all runs in memory.
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

    /// The rank of a burst's figure among the comparable bursts of the same size.
    #[must_use]
    pub fn rank(&self, data: &Data, burst: &Burst, figure: Figure) -> Rank {
        let index = Figure::ALL.iter().position(|other| *other == figure).unwrap_or(0);
        let extreme = self.by_size.get(&(burst.size, index));
        // Equal figures have no rank, and neither has a single one.
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

/// The chosen rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chosen {
    /// Number of the burst under the cursor; `None` follows the newest.
    pub cursor: Option<u32>,
    /// Number of the burst to compare with.
    pub against: Option<u32>,
}

impl Chosen {
    /// The burst under the cursor.
    #[must_use]
    pub fn burst<'a>(&self, bursts: &'a Bursts) -> Option<&'a Burst> {
        self.cursor.and_then(|number| bursts.get(number)).or_else(|| bursts.newest())
    }

    /// The burst to compare with: the marked one, else the one fired before.
    #[must_use]
    pub fn other<'a>(&self, bursts: &'a Bursts) -> Option<&'a Burst> {
        let burst = self.burst(bursts)?;
        let chosen = self.against.and_then(|number| bursts.get(number));
        chosen.or_else(|| bursts.get(burst.number - 1)).filter(|other| other.number != burst.number)
    }

    /// Moves the cursor to a newer (`up`) or older burst: the newest is at the top.
    pub fn step(&mut self, bursts: &Bursts, up: bool) {
        let Some(burst) = self.burst(bursts) else { return };
        let wanted = if up { burst.number + 1 } else { burst.number.saturating_sub(1) };
        if bursts.get(wanted).is_some() {
            // At the top the cursor follows new bursts.
            let is_newest = bursts.newest().is_some_and(|newest| newest.number == wanted);
            self.cursor = (!is_newest).then_some(wanted);
        }
    }

    /// Marks the burst under the cursor for the comparison, or unmarks it.
    pub fn mark(&mut self, bursts: &Bursts) {
        let number = self.burst(bursts).map(|burst| burst.number);
        self.against = if self.against == number { None } else { number };
    }
}

#[cfg(test)]
mod tests;
