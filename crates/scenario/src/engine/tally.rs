//! The numbers of a run that build up over time: rescales, peaks and samples.

use std::time::Duration;

use crate::figure::Known;
use crate::names::{Name, Scope};
use crate::outcome::{Rescale, RunResult, Sample};
use crate::world::World;

/// Most samples of a run. At this number every second one is dropped and the interval doubles.
const MAX_SAMPLES: usize = 7_200;

/// Most rescales of a run that are kept; all are counted.
const MAX_RESCALES: usize = 10_000;

/// The numbers of a run so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    started: Duration,
    now: Duration,
    /// Number of the newest burst before the run.
    pub(super) first: u32,
    /// The counts at the start, in the order of [`Name::of`] for the run's names.
    before: Vec<(Name, f64)>,
    size: Option<i32>,
    rescales: Vec<Rescale>,
    count: u32,
    flaps: u32,
    has_shrunk: bool,
    peak_size: Option<f64>,
    peak_depth: Option<f64>,
    samples: Vec<Sample>,
    interval: Duration,
    due: Duration,
}

impl Tally {
    pub(super) fn start(now: Duration, world: &impl World) -> Self {
        let counts = Name::of(Scope::Run).filter(|name| is_counted_from_start(*name));
        let before = counts.map(|name| (name, world.value(name).number().unwrap_or(0.0))).collect();
        Self {
            started: now,
            now,
            first: world.newest_burst(),
            before,
            size: None,
            rescales: Vec::new(),
            count: 0,
            flaps: 0,
            has_shrunk: false,
            peak_size: None,
            peak_depth: None,
            samples: Vec::new(),
            interval: Duration::from_secs(1),
            due: now,
        }
    }

    pub(super) fn observe(&mut self, now: Duration, world: &impl World) {
        self.now = now;
        let number = |name| world.value(name).number();
        if let Some(size) = number(Name::Size) {
            self.resized(now, size);
        }
        if let Some(depth) = number(Name::Depth) {
            self.peak_depth = Some(self.peak_depth.map_or(depth, |peak| peak.max(depth)));
        }
        if now >= self.due {
            self.sample(now, world);
        }
    }

    fn resized(&mut self, now: Duration, number: f64) {
        self.peak_size = Some(self.peak_size.map_or(number, |peak| peak.max(number)));
        #[expect(clippy::cast_possible_truncation, reason = "sizes are 32 bits")]
        let size = number as i32;
        let Some(before) = self.size.replace(size) else { return };
        if before == size {
            return;
        }
        self.count += 1;
        self.flaps += u32::from(size > before && self.has_shrunk);
        self.has_shrunk = size < before;
        if self.rescales.len() < MAX_RESCALES {
            let at = now.saturating_sub(self.started).as_secs_f64();
            self.rescales.push(Rescale { at, from: before, to: size });
        }
    }

    fn sample(&mut self, now: Duration, world: &impl World) {
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are enough for a series")]
        let values = RunResult::SERIES.map(|name| world.value(name).number().map(|number| number as f32));
        self.samples.push(Sample { at: now.saturating_sub(self.started).as_secs_f64(), values });
        if self.samples.len() >= MAX_SAMPLES {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.interval *= 2;
        }
        self.due = now + self.interval;
    }

    /// The time of the next sample.
    pub(super) fn next_sample(&self) -> Duration {
        self.due
    }

    pub(super) fn rescales(&self) -> &[Rescale] {
        &self.rescales
    }

    pub(super) fn take_samples(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.samples)
    }

    /// A value of scope now or run, since the start of the run.
    pub(super) fn value(&self, name: Name, world: &impl World) -> Known {
        match name {
            Name::Elapsed => Known::Is(self.now.saturating_sub(self.started).as_secs_f64()),
            Name::Rescales => Known::Is(self.count.into()),
            Name::Flaps => Known::Is(self.flaps.into()),
            Name::PeakSize => self.peak_size.into(),
            Name::PeakDepth => self.peak_depth.into(),
            _ => {
                let before = self.before.iter().find(|(counted, _)| *counted == name);
                world.value(name).map(|number| number - before.map_or(0.0, |(_, before)| *before))
            }
        }
    }
}

/// Returns true for counts of the world that may be above 0 before the run.
fn is_counted_from_start(name: Name) -> bool {
    !matches!(
        name,
        Name::LongestWait | Name::Lost | Name::Rescales | Name::Flaps | Name::PeakSize | Name::PeakDepth
    )
}
