//! The steps of each burst in a simulation.

use crate::figure::Known;
use crate::names::Name;

/// Time after its last job in which a burst may still make the HPA rescale, as on the dashboard.
const RESCALE_DELAY_MS: i64 = 45_000;

/// The state of a simulation at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) depth: u64,
    pub(super) scraped: u64,
    pub(super) desired: i32,
    pub(super) size: i32,
    pub(super) ready: i32,
    pub(super) arrived: u64,
    pub(super) done: u64,
}

/// The bursts of a simulation.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    list: Vec<Burst>,
    /// Bursts before this index are over.
    open: usize,
}

#[derive(Debug)]
struct Burst {
    fired: i64,
    before: Moment,
    /// Number of jobs that have arrived with it and before it.
    last_job: u64,
    /// Ready pods when it raised the size.
    ready_before: Option<i32>,
    times: Vec<(Name, i64)>,
    peak_depth: u64,
    peak_size: i32,
    overshoot: Option<f64>,
    is_over: bool,
}

impl Burst {
    fn time(&self, name: Name) -> Option<i64> {
        self.times.iter().find(|(known, _)| *known == name).map(|(_, at)| *at)
    }

    fn see(&mut self, name: Name, at: i64, has_happened: bool) {
        if has_happened && self.time(name).is_none() {
            self.times.push((name, at));
        }
    }

    fn observe(&mut self, now: i64, moment: &Moment, min: i32) {
        let before = self.before;
        self.peak_depth = self.peak_depth.max(moment.depth);
        self.peak_size = self.peak_size.max(moment.size);
        let is_scraped = moment.scraped > before.scraped;
        self.see(Name::Scraped, now, is_scraped);
        self.see(Name::InMetricsApi, now, is_scraped);
        self.see(Name::DesiredRaised, now, moment.desired > before.desired);
        let is_raised = moment.size > before.size;
        self.see(Name::SizeRaised, now, is_raised);
        if is_raised {
            let ready_before = *self.ready_before.get_or_insert(moment.ready);
            self.see(Name::FirstPodReady, now, moment.ready > ready_before);
        }
        self.see(Name::FirstDone, now, moment.done > before.arrived);
        self.see(Name::Drained, now, moment.done >= self.last_job);
        let Some(drained) = self.time(Name::Drained) else { return };
        let is_scaled = self.time(Name::SizeRaised).is_some();
        let is_at_min = moment.size == min && moment.ready == min && moment.depth == 0;
        self.see(Name::BackAtMin, now, is_scaled && is_at_min);
        self.is_over =
            if is_scaled { self.time(Name::BackAtMin).is_some() } else { now - drained >= RESCALE_DELAY_MS };
    }

    /// A value; `None` if the name does not apply.
    fn value(&self, name: Name) -> Option<Known> {
        let seconds = |at: i64| Known::Is((at - self.fired) as f64 / 1_000.0);
        match name {
            Name::FirstAccepted | Name::LastAccepted | Name::InBroker => Some(Known::Is(0.0)),
            Name::FirstPodScheduled | Name::FirstPodStarted | Name::Idle => None,
            Name::Overshoot => self.overshoot.map(Known::Is),
            name => match self.time(name) {
                Some(at) => Some(seconds(at)),
                None if self.is_over => None,
                None => Some(Known::Open),
            },
        }
    }
}

impl Bursts {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    /// Adds a burst. `last_job` is the number of jobs that have arrived with it.
    pub(super) fn fire(&mut self, now: i64, before: Moment, last_job: u64) {
        self.list.push(Burst {
            fired: now,
            before,
            last_job,
            ready_before: None,
            times: Vec::new(),
            peak_depth: 0,
            peak_size: before.size,
            overshoot: None,
            is_over: false,
        });
    }

    /// Takes the state of the simulation. `needed` is the size that a depth needs.
    pub(super) fn observe(
        &mut self,
        now: i64,
        moment: &Moment,
        min: i32,
        needed: impl Fn(f64) -> Option<f64>,
    ) {
        for burst in self.list[self.open..].iter_mut().filter(|burst| !burst.is_over) {
            burst.observe(now, moment, min);
            let needed = needed(burst.peak_depth as f64);
            burst.overshoot = needed.map(|needed| (f64::from(burst.peak_size) - needed).max(0.0));
        }
        while self.list.get(self.open).is_some_and(|burst| burst.is_over) {
            self.open += 1;
        }
    }

    pub(super) fn values(&self, name: Name, after: u32) -> Vec<(u32, Known)> {
        let numbered = (1..).zip(&self.list).filter(|(number, _)| *number > after);
        numbered.filter_map(|(number, burst)| Some((number, burst.value(name)?))).collect()
    }
}
