//! What the HPA decided and what it would decide, computed beside it with the controller's own arithmetic.
//!
//! The metric, the replicas and the specification are observed. What the controller remembers between its syncs is not
//! to be had from outside, so stabilisation and rates are estimates: a memory of our own is kept at the same pace. A sync
//! is seen when it writes something; those in between are presumed to have read the same as the one before them.

mod inputs;
mod last;
mod reading;
mod sync_schedule;
#[cfg(test)]
mod tests;

use std::time::Duration;

use hpa::limits::rules::Rules;
use hpa::memory::Recommendation;
use hpa::spec::Direction;
use hpa::trace::RecommendationHold;
use hpa::{Input, Memory, Scale, Spec, Status, Time};

pub use self::inputs::{Total, config};
pub use self::last::{Agreement, LastSync, ReportedStatus};
use self::reading::Newest;
pub use self::reading::{MissingAt, MissingReading, NextReading, OLD_AFTER};
pub use self::sync_schedule::{PeriodBasis, SyncSchedule};
use crate::chain::beliefs::{Belief, ChainHop};
use crate::clock::At;
use crate::model::Data;
use crate::reported::Source;
use observed::{Hpa, Workload};

/// Presumed syncs that are made up for at once; an hour's window has as many at the usual pace.
const MOST_PRESUMED: u32 = 240;

/// Periods in which a controller that has something to write would have written it.
const SILENT_PERIODS: u32 = 3;

/// Our copy of the controller: its memory, its schedule, and the two syncs that the screens show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    memory: Memory,
    schedule: SyncSchedule,
    recent: inputs::Recent,
    /// The scale target that the memory belongs to.
    target: Option<hpa::spec::TargetRef>,
    /// Since when the memory is kept.
    began: Option<At>,
    /// The newest sync that the memory knows, seen or presumed.
    synced: Option<At>,
    /// Since when the metric has been another one than the newest sync read.
    differs: Option<At>,
    /// The last sync that was seen.
    pub last: Option<LastSync>,
    /// What the next sync would read.
    pub reading: NextReading,
    /// The next sync, if there is enough to calculate with. Without a reading it is what the controller does then.
    pub next: Option<Next>,
}

/// The next sync, with what is known now.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// What would be decided.
    pub decision: hpa::Decision,
    /// When it is due; `None` while the controller's schedule is not known. The decision is calculated for then.
    pub due: Option<At>,
    /// From sync to sync, and where that comes from.
    pub period: (Duration, PeriodBasis),
    /// The recommendation that holds the size at this moment, even if it does no more at the next sync.
    pub held: Option<RecommendationHold>,
    /// Since when recommendations are known: what holds since then may let go earlier.
    pub knows_since: At,
}

/// What the sources said, as far as it is about the controller's syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// The controller has written its status: a sync.
    Synced,
    /// Something else changed.
    Other,
}

/// A sync that our copy of the controller now knows, for others that keep its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// When.
    pub at: At,
    /// The total that it went by, in thousandths.
    pub total_milli: Option<i64>,
    /// The size that it left.
    pub size: i32,
    /// What the metric asked for, by our arithmetic.
    pub raw: Option<i32>,
}

/// A time of the run for crate `hpa`.
#[must_use]
pub fn time(at: At) -> Time {
    Time(i64::try_from(at.0.as_millis()).unwrap_or(i64::MAX))
}

/// A time of crate `hpa` as one of the run.
#[must_use]
pub fn at(time: Time) -> At {
    At(Duration::from_millis(u64::try_from(time.0).unwrap_or(0)))
}

/// Decides anew from what is known at `now`. Returns the syncs that are known of since the last call, oldest first.
pub fn estimate(data: &mut Data, now: At, news: StatusChange) -> Vec<Sync> {
    let mut estimate = std::mem::take(&mut data.estimate);
    let syncs = estimate.take(data, now, news);
    data.estimate = estimate;
    syncs
}

impl Estimate {
    /// The controller's schedule.
    #[must_use]
    pub fn schedule(&self) -> &SyncSchedule {
        &self.schedule
    }

    /// Whether it was so already when the first word came: since when is not known then.
    #[must_use]
    pub fn is_older_than_this_run(&self, since: At) -> bool {
        self.began.is_some_and(|began| since <= began)
    }

    /// Since when the controller has been silent though what it would read has changed: longer than several of its
    /// periods, in which it would have written that.
    #[must_use]
    pub fn silent(&self, now: At) -> Option<At> {
        let differs = self.differs?;
        (now.since(differs) > self.patience()).then(|| self.schedule.last().unwrap_or(differs))
    }

    /// Whether what is served is not what the controller's status says, which may be computed back from an average.
    fn differs_from(&self, status: Option<Belief>) -> bool {
        let NextReading::Served { total_milli, .. } = self.reading else { return false };
        let Some(Belief { total: Some(read), rounding_error, .. }) = status else { return true };
        (total_milli as f64 / 1_000.0 - read).abs() > rounding_error + 0.5
    }

    fn patience(&self) -> Duration {
        self.schedule.period().0.saturating_mul(SILENT_PERIODS)
    }

    fn take(&mut self, data: &Data, now: At, news: StatusChange) -> Vec<Sync> {
        self.next = None;
        self.reading = NextReading::Unknown;
        let differed = self.differs.take();
        let (Some(hpa), Some(workload)) = (data.hpa.get(), data.workload.get()) else { return Vec::new() };
        let Some(spec) = hpa.spec.as_deref() else { return Vec::new() };
        // Another scale target: what was remembered is about something else.
        if self.target.as_ref() != Some(&spec.scale_target_ref) {
            *self = Self { target: Some(spec.scale_target_ref.clone()), ..Self::default() };
        }
        let is_first = self.began.is_none();
        let knows_since = *self.began.get_or_insert(now);
        if is_first {
            self.seed(data, hpa, spec, workload, now);
        }
        self.recent.note(workload, reading::served(data));

        let mut syncs = self.presume(data, hpa, spec, now);
        if news == StatusChange::Synced {
            syncs.push(self.observe_sync(data, hpa, spec, now, knows_since));
        }
        let (scale_then, _) = inputs::scale_then(&self.recent, hpa, &workload.selector);
        let total = inputs::total_then(&self.recent, hpa, scale_then.status_replicas);
        let newest = Newest { at: self.schedule.last(), total, patience: self.patience() };
        self.reading = NextReading::now(data, hpa, &newest);
        if matches!(
            &self.reading,
            NextReading::Unknown
                | NextReading::Gone(MissingReading { whose: MissingAt::Watch | MissingAt::Kind, .. })
        ) {
            // Nobody here knows what the controller sees.
            return syncs;
        }
        let total_now = self.reading.total_milli();

        let scale = Scale {
            spec_replicas: workload.spec_replicas,
            status_replicas: workload.replicas,
            selector: workload.selector.clone(),
        };
        let due = self.schedule.next(now);
        let decide = |when: At| {
            // Looking must not leave traces: only a sync of the controller adds a recommendation.
            let mut memory = self.memory.clone();
            self.decide(data, hpa, spec, &scale, total_now, when, &mut memory)
        };
        let held = decide(now).trace.stabilised.and_then(|stabilised| stabilised.held_by);
        let decision = decide(due.unwrap_or(now));
        // A sync that looks at no metric writes none.
        let looks = decision.trace.path == hpa::trace::Path::Computed;
        let differs =
            looks && news != StatusChange::Synced && self.differs_from(data.beliefs.get(ChainHop::Hpa));
        self.differs = differs.then(|| differed.unwrap_or(now));
        self.next = Some(Next { decision, due, period: self.schedule.period(), held, knows_since });
        syncs
    }

    /// What was recommended before this run is not known. The status says whether it holds the size: if not, the newest
    /// sync recommended what its metric asked for, and if so, whatever it was came to this size.
    fn seed(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, workload: &Workload, now: At) {
        let holds = !hpa.conditions.iter().any(|c| c.kind == "AbleToScale" && c.reason == "ReadyForNewScale");
        let (scale, _) = inputs::scale_then(&self.recent, hpa, &workload.selector);
        let total = inputs::total_then(&self.recent, hpa, scale.status_replicas);
        let known = Recommendation { replicas: workload.spec_replicas, at: time(now) };
        if holds || total == Total::None {
            self.memory.recommendations = Some(vec![known]);
        } else {
            let mut memory = Memory { recommendations: Some(Vec::new()), ..Memory::default() };
            let _ = self.decide(data, hpa, spec, &scale, total.milli(), now, &mut memory);
            self.memory = memory;
        }
    }

    /// Takes in the syncs that must have gone by without a word: they read what the one before them read, or else they
    /// would have written it.
    fn presume(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, now: At) -> Vec<Sync> {
        let period = self.schedule.period().0;
        let grace = grace(period);
        let mut synced = *self.synced.get_or_insert(now);
        let floor = At(now.0.saturating_sub(period.saturating_mul(MOST_PRESUMED)));
        synced = synced.max(floor);
        let mut syncs = Vec::new();
        let Some(workload) = data.workload.get() else { return syncs };
        if data.failure(Source::Hpa).is_some() {
            // What they read while nobody was told of them is not known: they are passed over.
            while now.since(synced) >= period + grace {
                synced = At(synced.0 + period);
            }
        }
        let (scale, _) = inputs::scale_then(&self.recent, hpa, &workload.selector);
        let scale = Scale { spec_replicas: workload.spec_replicas, ..scale };
        while now.since(synced) >= period + grace {
            synced = At(synced.0 + period);
            let total = inputs::total_then(&self.recent, hpa, scale.status_replicas).milli();
            let mut memory = std::mem::take(&mut self.memory);
            let raw = self.decide(data, hpa, spec, &scale, total, synced, &mut memory).trace.raw;
            self.memory = memory;
            syncs.push(Sync { at: synced, total_milli: total, size: scale.spec_replicas, raw });
        }
        self.synced = Some(synced);
        syncs
    }

    /// The controller was seen to have decided.
    fn observe_sync(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, now: At, knows_since: At) -> Sync {
        let selector = data.workload.get().map_or("", |workload| workload.selector.as_str());
        let (scale, existed_seen) = inputs::scale_then(&self.recent, hpa, selector);
        let total = inputs::total_then(&self.recent, hpa, scale.status_replicas);
        let when = self.decided(now);
        let mut memory = std::mem::take(&mut self.memory);
        let trace = self.decide(data, hpa, spec, &scale, total.milli(), when, &mut memory).trace;
        self.memory = memory;
        let last =
            LastSync { at: now, said: ReportedStatus::of(hpa), trace, total, existed_seen, knows_since };
        self.learn(&last, when, spec, &inputs::config(data));
        self.schedule.observe(now);
        self.synced = Some(when);
        let raw = last.trace.raw;
        let sync = Sync { at: now, total_milli: total.milli(), size: last.said.desired, raw };
        self.last = Some(last);
        sync
    }

    /// When a sync of which word came at `now` was decided, as far as memory goes. The controller begins a period when the
    /// sync before has ended, so that two are a little more than one apart, and what was a period ago counts no longer;
    /// words of them may come closer together.
    fn decided(&self, now: At) -> At {
        let Some(before) = self.synced else { return now };
        let period = self.schedule.period().0;
        if now.since(before) + grace(period) < period {
            // Another period than is thought, or a sync out of turn.
            return now;
        }
        now.max(At(before.0 + period))
    }

    /// Our memory follows what the controller did: its rescales count for the rates, and where it held more or less than
    /// we would have, it remembered something else than we do.
    fn learn(&mut self, last: &LastSync, when: At, spec: &Spec, config: &hpa::Config) {
        let ReportedStatus { current, desired, .. } = last.said;
        if desired != current
            && let Some(behavior) = &spec.behavior
        {
            let (direction, rules) = if desired > current {
                (Direction::Up, behavior.scale_up.as_ref())
            } else {
                (Direction::Down, behavior.scale_down.as_ref())
            };
            let longest = Rules::new(direction, rules, config).longest_period_seconds();
            let change = desired.saturating_sub(current).saturating_abs();
            self.memory.store_event(direction, change, time(when), longest);
        }
        let Some(recommendations) = &mut self.memory.recommendations else { return };
        let raw = last.trace.raw.unwrap_or(desired);
        if desired < last.trace.desired && raw <= desired {
            // Something that holds here does not hold there.
            recommendations.retain(|known| known.replicas <= desired);
        } else if desired > last.trace.desired && raw < desired {
            recommendations.push(Recommendation { replicas: desired, at: time(last.knows_since) });
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a decision has as many inputs, and each caller has others"
    )]
    fn decide(
        &self,
        data: &Data,
        hpa: &Hpa,
        spec: &Spec,
        scale: &Scale,
        total_milli: Option<i64>,
        when: At,
        memory: &mut Memory,
    ) -> hpa::Decision {
        let status = Status {
            current_replicas: hpa.current_replicas,
            desired_replicas: hpa.desired_replicas,
            ..Status::default()
        };
        let readings = NextReading::answers(total_milli, hpa, spec);
        let pods = if inputs::needs_pods(spec) { inputs::pods(data, when) } else { Vec::new() };
        let seconds = self.schedule.period().0.as_secs().max(1);
        let config = hpa::Config {
            sync_period_seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
            ..inputs::config(data)
        };
        let input = Input {
            now: time(when),
            namespace: data.watched.target.as_ref().map_or("", |target| target.namespace.as_str()),
            generation: None,
            spec,
            status: &status,
            scale: Ok(scale),
            pods: &pods,
            selected_by: &[],
            readings: &readings,
            config: &config,
        };
        hpa::decide(&input, memory)
    }
}

/// So much late or early a word of a sync may come.
fn grace(period: Duration) -> Duration {
    (period / 4).min(Duration::from_millis(1_500))
}

/// What the next sync would decide if the metric were `total_milli` instead.
#[must_use]
pub fn what_if(data: &Data, total_milli: i64) -> Option<hpa::Decision> {
    let (hpa, workload) = (data.hpa.get()?, data.workload.get()?);
    let spec = hpa.spec.as_deref()?;
    let scale = Scale {
        spec_replicas: workload.spec_replicas,
        status_replicas: workload.replicas,
        selector: workload.selector.clone(),
    };
    let when = data.estimate.schedule.next(data.now).unwrap_or(data.now);
    let mut memory = data.estimate.memory.clone();
    Some(data.estimate.decide(data, hpa, spec, &scale, Some(total_milli), when, &mut memory))
}
