//! The HPA's last decision and its next one, computed with the controller's own arithmetic.
//!
//! The metrics, the replicas and the specification are observed. The controller's memory between syncs is not
//! visible from outside, so stabilisation and rate limits are estimates from a memory kept here at the same
//! pace. A sync is visible only if it writes the status; the model presumes that syncs in between read the
//! same values as the one before.

#[cfg(test)]
mod any_hpa;
#[cfg(test)]
mod tests;

use std::time::Duration;

use hpa::limits::rules::Rules;
use hpa::memory::Recommendation;
use hpa::spec::{Direction, Metric};
use hpa::status::{ConditionStatus, Current, MetricStatus};
use hpa::{Input, Memory, Reading, Scale, Spec};
use observed::{Hpa, Workload};

use super::estimate::inputs;
use super::estimate::{
    Basis, Estimate, LastSync, MissingAt, MissingReading, Next, NextReading, Presumed, ReportedStatus,
    StatusChange, Sync, Total, time,
};
use super::readings;
use crate::chain::beliefs::{Belief, ChainHop};
use crate::clock::At;
use crate::data::Data;
use crate::reported::{Source, SourceState};
use crate::strings::sentences;

/// Time by which the status of a sync arrives early or late on a busy cluster, at most.
const LATE: Duration = Duration::from_secs(3);

/// Limit on the pods with a sample that are tried for a past sync.
const MAX_SAMPLES: usize = 8;

/// Limit on presumed syncs that are made up at once; a window of one hour has this many at the default
/// period.
const MAX_PRESUMED: u32 = 240;

/// Recomputes the estimate from the data at `now`. Returns the syncs since the last call, oldest first.
pub fn estimate(data: &mut Data, now: At, change: StatusChange) -> Vec<Sync> {
    let mut estimate = std::mem::take(&mut data.estimate);
    let syncs = estimate.take(data, now, change);
    data.estimate = estimate;
    syncs
}

impl Estimate {
    fn take(&mut self, data: &Data, now: At, change: StatusChange) -> Vec<Sync> {
        self.next = None;
        self.reading = NextReading::Unknown;
        let differed = self.differs.take();
        let (Some(hpa), Some(workload)) = (data.hpa.get(), data.workload.get()) else { return Vec::new() };
        let Some(spec) = hpa.spec.as_deref() else { return Vec::new() };
        // The memory belongs to one scale target.
        if self.target.as_ref() != Some(&spec.scale_target_ref) {
            let readings = std::mem::take(&mut self.readings);
            // The period is the controller's, for all of its HPAs.
            let schedule = self.schedule.without_syncs();
            let target = Some(spec.scale_target_ref.clone());
            *self = Self { target, readings, schedule, ..Self::default() };
        }
        self.readings.follow(&spec.metrics);
        if inputs::needs_pods(spec) {
            self.pods.update(now, &data.pods, data.start_on_cluster());
        }
        let is_first = self.began.is_none();
        let knows_since = *self.began.get_or_insert(now);
        if is_first {
            self.seed(data, hpa, spec, workload, now);
        }
        self.recent.note(workload, served(data));

        let mut syncs = self.presume(data, hpa, spec, now);
        if change == StatusChange::Synced {
            syncs.push(self.observe_sync(data, hpa, spec, now, knows_since));
        }
        let (scale_then, _) = inputs::scale_then(&self.recent, hpa, &workload.selector.query());
        let total = inputs::total_then(&self.recent, hpa, scale_then.status_replicas);
        let newest = Newest { at: self.schedule.last(), total, patience: self.patience() };
        self.reading = self.read_now(data, hpa, &newest);
        if matches!(
            &self.reading,
            NextReading::Unknown | NextReading::Missing(MissingReading { at: MissingAt::Watch, .. })
        ) {
            // The controller's reading is unknown here.
            return syncs;
        }
        if let Some(index) = hpa.followed() {
            let values = self.reading.total_milli().into_iter().collect();
            self.readings.put(now, index, Reading::External(values));
        }
        let scale = scale_now(workload);
        let due = self.schedule.next(now);
        let decide = |when: At| {
            // A preview must not change the memory: only a sync of the controller adds a recommendation.
            let mut memory = self.memory.clone();
            self.decide(data, hpa, spec, &self.moment(&scale, when), self.readings.newest(), &mut memory)
        };
        let held = decide(now).trace.stabilised.and_then(|stabilised| stabilised.held_by);
        let decision = decide(self.next_at(now));
        // A sync that reads no metric writes none.
        let looks = decision.trace.path == hpa::trace::Path::Computed;
        let differs = looks && change != StatusChange::Synced && self.differs_from(data, hpa, &decision);
        self.differs = differs.then(|| differed.unwrap_or(now));
        self.next = Some(Next { decision, due, period: self.schedule.period(), held, knows_since });
        syncs
    }

    /// Returns true if a sync now would write other readings than those in the status.
    fn differs_from(&self, data: &Data, hpa: &Hpa, decision: &hpa::Decision) -> bool {
        let followed = hpa.followed();
        let others = decision.status.current_metrics.iter().zip(&hpa.current).enumerate();
        let is_other = |(index, (ours, theirs)): (usize, (&MetricStatus, &Option<Current>))| {
            Some(index) != followed && ours.current().is_some() && ours.current() != theirs.as_ref()
        };
        followed.is_some() && self.followed_differs(data.beliefs.get(ChainHop::Hpa))
            || others.into_iter().any(is_other)
    }

    /// Seeds the memory, because recommendations from before this run are unknown. If the status says that no
    /// recommendation holds the size, the newest sync recommended what its metric asked for. Otherwise the
    /// current size stands for all earlier recommendations.
    fn seed(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, workload: &Workload, now: At) {
        if !hpa.has_synced() {
            // The controller's first sync starts with an empty memory.
            return;
        }
        let holds = !hpa.conditions.iter().any(|c| c.kind == "AbleToScale" && c.reason == "ReadyForNewScale");
        let (scale, _) = inputs::scale_then(&self.recent, hpa, &workload.selector.query());
        let moment = self.moment(&scale, now);
        let (readings, basis) = self.readings_then(data, hpa, spec, &moment);
        let known = Recommendation { replicas: workload.spec_replicas, at: time(now) };
        if holds || basis == Basis::None {
            self.memory.recommendations = Some(vec![known]);
        } else {
            let mut memory = Memory { recommendations: Some(Vec::new()), ..Memory::default() };
            let _ = self.decide(data, hpa, spec, &moment, &readings, &mut memory);
            self.memory = memory;
        }
    }

    /// Adds the syncs that wrote nothing: they read the same values as the sync before, because otherwise
    /// they would have written them.
    fn presume(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, now: At) -> Vec<Sync> {
        if !hpa.has_synced() {
            return Vec::new();
        }
        let period = self.schedule.period().0;
        let grace = grace(period);
        let mut synced = *self.synced.get_or_insert(now);
        let floor = At(now.0.saturating_sub(period.saturating_mul(MAX_PRESUMED)));
        synced = synced.max(floor);
        let mut syncs = Vec::new();
        let Some(workload) = data.workload.get() else { return syncs };
        if data.failure(Source::Hpa).is_some() {
            // Their readings are unknown while the watch is down: skip them.
            while now.since(synced) >= period + grace {
                synced = At(synced.0 + period);
            }
        }
        let (scale, _) = inputs::scale_then(&self.recent, hpa, &workload.selector.query());
        let scale = Scale { spec_replicas: workload.spec_replicas, ..scale };
        while now.since(synced) >= period + grace {
            self.presumed = Some(Presumed { before: self.memory.clone(), synced });
            synced = At(synced.0 + period);
            let mut memory = std::mem::take(&mut self.memory);
            let moment = self.moment(&scale, synced);
            let (readings, _) = self.readings_then(data, hpa, spec, &moment);
            let raw = self.decide(data, hpa, spec, &moment, &readings, &mut memory).trace.raw;
            self.memory = memory;
            syncs.push(Sync { at: synced, readings, size: scale.spec_replicas, raw });
        }
        self.synced = Some(synced);
        syncs
    }

    /// Records a sync that the controller wrote to the status.
    fn observe_sync(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, now: At, knows_since: At) -> Sync {
        let selector = data.workload.get().map(|workload| workload.selector.query()).unwrap_or_default();
        let (scale, existed_seen) = inputs::scale_then(&self.recent, hpa, &selector);
        let total = inputs::total_then(&self.recent, hpa, scale.status_replicas);
        self.take_back_presumed(now);
        let reported = ReportedStatus::of(hpa);
        let Reconstruction { when, readings, basis, trace, memory } =
            self.reconstruct(data, hpa, spec, &scale, self.decided(now), &reported);
        self.memory = memory;
        self.presumed = None;
        let spec_then = self.past.spec(spec);
        let last = LastSync {
            at: now,
            reported,
            trace,
            total,
            basis,
            existed_seen,
            knows_since,
            spec: spec_then,
            targets_column: hpa.targets_column.clone(),
        };
        self.learn(&last, when, spec, &data.rules().config);
        self.schedule.observe(now);
        self.synced = Some(when);
        let raw = last.trace.raw;
        let sync = Sync { at: now, readings, size: last.reported.desired, raw };
        self.past.add(last);
        sync
    }

    /// Computes the sync in the status again. Its exact inputs are not visible. Of those that the controller may have had, the first
    /// that give the status count, else the most probable ones: the pods and sizes of a moment ago, pods that are ready by now,
    /// an older reading with the same figures, some pods without a sample, a status that arrived late, a memory without our guess
    /// about the time before this run, without a presumed sync, or with one more.
    fn reconstruct(
        &self,
        data: &Data,
        hpa: &Hpa,
        spec: &Spec,
        scale: &Scale,
        decided: At,
        reported: &ReportedStatus,
    ) -> Reconstruction {
        let at = |moment: &Moment<'_>, memory: &Memory| {
            let (readings, basis) = self.readings_then(data, hpa, spec, moment);
            let mut memory = memory.clone();
            let trace = self.decide(data, hpa, spec, moment, &readings, &mut memory).trace;
            Reconstruction { when: moment.when, readings, basis, trace, memory }
        };
        let agrees = |found: &Reconstruction| {
            reported.agrees_with(&found.trace) && names_winner(hpa, spec, &found.trace)
        };
        let probable = self.moment(scale, decided);
        let most_probable = at(&probable, &self.memory);
        if agrees(&most_probable) {
            return most_probable;
        }
        let jitter = grace(self.schedule.period().0);
        let earliest = self.synced.unwrap_or_default();
        let (later, sooner) =
            (|by| At(decided.0 + by), |by: Duration| At(decided.0.saturating_sub(by)).max(earliest));
        let moments = [decided, later(jitter), sooner(jitter), later(LATE), sooner(LATE)]
            .map(|when| Moment { when, ..probable });
        let scales: Vec<Scale> = self
            .recent
            .also_existed(hpa.current_replicas)
            .map(|existed| Scale { status_replicas: existed, ..scale.clone() })
            .collect();
        let scales = scales.iter().map(|scale| Moment { scale, ..probable });
        let ready: Vec<hpa::Pod> = probable.pods.iter().map(|pod| ready_by_now(pod, time(decided))).collect();
        let ready = [Moment { pods: &ready, ..probable }];
        let older = (1..readings::REMEMBERED).map(|older| Moment { older, ..probable });
        let samples = (1..probable.pods.len().min(MAX_SAMPLES))
            .rev()
            .map(|sampled| Moment { sampled: Some(sampled), ..probable });
        let with_memory = |memory: Memory| {
            let mut found = moments
                .iter()
                .copied()
                .flat_map(|moment| self.with_pods(moment))
                .map(|moment| at(&moment, &memory));
            found.find(agrees)
        };
        let as_remembered = moments
            .into_iter()
            .chain(scales)
            .chain(older)
            .chain(samples)
            .flat_map(|moment| self.with_pods(moment));
        ready
            .into_iter()
            .chain(as_remembered)
            .map(|moment| at(&moment, &self.memory))
            .find(agrees)
            .or_else(|| self.other_memories(decided).into_iter().find_map(with_memory))
            .unwrap_or(most_probable)
    }

    /// The same moment with the pods as they are now, and as they were a moment ago.
    fn with_pods<'a>(&'a self, moment: Moment<'a>) -> impl Iterator<Item = Moment<'a>> {
        self.pods.recent().map(move |pods| Moment { pods, ..moment })
    }

    /// The memories that the controller may have had in place of ours.
    fn other_memories(&self, decided: At) -> Vec<Memory> {
        let Some(known) = &self.memory.recommendations else { return Vec::new() };
        let began = time(self.began.unwrap_or_default());
        let with = |recommendations| Memory { recommendations: Some(recommendations), ..self.memory.clone() };
        let observed: Vec<Recommendation> = known.iter().filter(|known| known.at > began).copied().collect();
        let last = self.past.last().and_then(|last| last.trace.raw);
        let before =
            At(decided.0.saturating_sub(self.schedule.period().0)).max(self.synced.unwrap_or_default());
        let silent = last.map(|replicas| Recommendation { replicas, at: time(before) });
        let silent = silent.map(|silent| known.iter().copied().chain([silent]).collect());
        let changed =
            [(observed.len() < known.len()).then_some(observed), silent].into_iter().flatten().map(with);
        let unpresumed = self.presumed.iter().map(|presumed| presumed.before.clone());
        unpresumed.chain(changed).collect()
    }

    /// A moment with the pods as they are now.
    fn moment<'a>(&'a self, scale: &'a Scale, when: At) -> Moment<'a> {
        Moment { scale, pods: self.pods.list(), sampled: None, older: 0, when }
    }

    /// Takes the last presumed sync back if this one follows it too early: a busy controller is late, and they are the same.
    fn take_back_presumed(&mut self, now: At) {
        let period = self.schedule.period().0;
        let is_early = self.synced.is_some_and(|synced| now.since(synced) + grace(period) < period);
        if let Some(Presumed { before, synced }) = self.presumed.take_if(|_| is_early) {
            self.memory = before;
            self.synced = Some(synced);
        }
    }

    /// Returns the time at which a sync was decided whose status update arrived at `now`. The controller
    /// starts a period when the sync before has ended, so two syncs are slightly more than one period apart
    /// and the oldest entries have expired. Their status updates may arrive closer together.
    fn decided(&self, now: At) -> At {
        let Some(before) = self.synced else { return now };
        let period = self.schedule.period().0;
        if now.since(before) + grace(period) < period {
            // The period differs from the assumed one, or the sync came out of turn.
            return now;
        }
        now.max(At(before.0 + period))
    }

    /// The time for which the next sync is computed. The controller starts a period when the sync before has ended: what
    /// happened at that sync has left a policy of one period by then.
    fn next_at(&self, now: At) -> At {
        let Some(due) = self.schedule.next(now) else { return now };
        let period = self.schedule.period().0;
        match self.synced.map(|synced| At(synced.0 + period)) {
            Some(after) if after.since(due) <= grace(period) => due.max(after),
            _ => due,
        }
    }

    /// Aligns our memory with the controller: its rescales count for the rate limits. If it held more or less
    /// than the model, its memory differs from ours.
    fn learn(&mut self, last: &LastSync, when: At, spec: &Spec, config: &hpa::Config) {
        let ReportedStatus { current, desired, .. } = last.reported;
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
            // A recommendation that holds the size here does not hold it in the controller.
            recommendations.retain(|known| known.replicas <= desired);
        } else if desired > last.trace.desired && raw < desired {
            recommendations.push(Recommendation { replicas: desired, at: time(last.knows_since) });
        }
    }

    /// The readings that the controller used at the sync in its status, and their origin.
    fn readings_then(
        &self,
        data: &Data,
        hpa: &Hpa,
        spec: &Spec,
        moment: &Moment<'_>,
    ) -> (Vec<Reading>, Basis) {
        let followed = hpa.followed();
        let mut weakest = Basis::Read;
        let one = |(index, metric): (usize, &Metric)| {
            let (reading, basis) = if Some(index) == followed {
                let total = inputs::total_then(&self.recent, hpa, moment.scale.status_replicas);
                (Reading::External(total.milli().into_iter().collect()), total.into())
            } else {
                let current = hpa.current.get(index).copied().flatten();
                self.reading_then(data, hpa, spec, (index, metric), current, moment)
            };
            weakest = weakest.max(basis);
            reading
        };
        let readings = spec.metrics.iter().enumerate().map(one).collect();
        (readings, weakest)
    }

    /// The reading of one metric: a recent answer that gives the figures of the status, else one computed back from it.
    fn reading_then(
        &self,
        data: &Data,
        hpa: &Hpa,
        spec: &Spec,
        (index, metric): (usize, &Metric),
        current: Option<Current>,
        moment: &Moment<'_>,
    ) -> (Reading, Basis) {
        let Some(current) = current else {
            return (Reading::Failed(sentences::NO_READING.to_owned()), Basis::None);
        };
        // Without limits, so that the sync computes its metric.
        let alone = Spec {
            metrics: vec![metric.clone()],
            min_replicas: Some(0),
            max_replicas: i32::MAX,
            ..spec.clone()
        };
        let gives = |reading: &&Reading| {
            let mut memory = Memory::default();
            let readings = std::slice::from_ref(*reading);
            let decision = self.decide(data, hpa, &alone, moment, readings, &mut memory);
            decision.status.current_metrics.first().and_then(MetricStatus::current) == Some(&current)
        };
        if let Some(seen) = self.readings.recent(index).filter(gives).nth(moment.older) {
            return (seen.clone(), Basis::Read);
        }
        let config = data.rules().config;
        let existed = moment.scale.status_replicas;
        let sampled = &moment.pods[..moment.sampled.unwrap_or(moment.pods.len()).min(moment.pods.len())];
        match readings::from_status(metric, &current, existed, sampled, &config, time(moment.when)) {
            Some(reading) => (reading, Basis::Back),
            None => (Reading::Failed(sentences::NO_READING.to_owned()), Basis::None),
        }
    }

    fn decide(
        &self,
        data: &Data,
        hpa: &Hpa,
        spec: &Spec,
        moment: &Moment<'_>,
        readings: &[Reading],
        memory: &mut Memory,
    ) -> hpa::Decision {
        self.with_input(data, hpa, spec, moment, readings, |input| hpa::decide(input, memory))
    }

    fn with_input<T>(
        &self,
        data: &Data,
        hpa: &Hpa,
        spec: &Spec,
        moment: &Moment<'_>,
        readings: &[Reading],
        act: impl FnOnce(&Input<'_>) -> T,
    ) -> T {
        let seconds = i64::try_from(self.schedule.period().0.as_secs().max(1)).unwrap_or(i64::MAX);
        act(&Input {
            now: time(moment.when),
            namespace: data.watched.target.as_ref().map_or("", |target| target.namespace.as_str()),
            generation: None,
            spec,
            status: &explain::status(hpa),
            scale: Ok(moment.scale),
            pods: moment.pods,
            selected_by: &[],
            readings,
            config: &hpa::Config { sync_period_seconds: seconds, ..data.rules().config },
        })
    }

    /// Returns what a sync would read now.
    fn read_now(&self, data: &Data, hpa: &Hpa, newest: &Newest) -> NextReading {
        if let Some(status) = data.failure(Source::Hpa) {
            let (since, why) = (status.last_delivery.unwrap_or(status.since), cause(&status.state));
            return NextReading::Missing(MissingReading { since, at: MissingAt::Watch, why });
        }
        let followed = hpa.followed();
        if self.readings.newest().len() > usize::from(followed.is_some()) {
            let Some(received) = self.readings.received(followed) else { return NextReading::Unknown };
            if followed.is_none() {
                return NextReading::Polled { received };
            }
        }
        if let Some(status) = data.failure(Source::ExternalMetric) {
            let is_ours_alone = newest.had_one_after(status.since, data.now)
                || data.beliefs.get(ChainHop::ExternalApi).is_none();
            return match newest.total {
                Total::Read(_) | Total::Back(_) if is_ours_alone => NextReading::OfStatus(newest.total),
                // The API has not answered yet and need not have: unless the controller reports it, no reading is
                // missing.
                _ if is_awaited(data) && !is_inactive(hpa) => NextReading::Unknown,
                _ => missing(data, hpa, status.since, cause(&status.state)),
            };
        }
        match data.beliefs.get(ChainHop::ExternalApi) {
            Some(Belief { total: Some(total), received, .. }) => {
                NextReading::Served { total_milli: thousandths(total), received }
            }
            Some(Belief { since, .. }) => missing(data, hpa, since, sentences::NO_METRIC_ITEM.to_owned()),
            None => NextReading::Unknown,
        }
    }
}

/// The state of a decision's inputs at one time.
#[derive(Clone, Copy)]
struct Moment<'a> {
    scale: &'a Scale,
    pods: &'a [hpa::Pod],
    /// Number of the oldest pods that have a sample, where readings are computed back; all without it.
    sampled: Option<usize>,
    /// Number of newer readings with the same figures that are passed over.
    older: usize,
    when: At,
}

/// A sync in the past, computed again.
struct Reconstruction {
    when: At,
    readings: Vec<Reading>,
    basis: Basis,
    trace: hpa::Trace,
    /// The memory after it.
    memory: Memory,
}

/// The pod as ready: the controller may have known that before the watch reported it.
fn ready_by_now(pod: &hpa::Pod, now: hpa::Time) -> hpa::Pod {
    let ready = pod.ready.filter(|ready| ready.status == ConditionStatus::True);
    let ready = ready.or(Some(hpa::input::Ready { status: ConditionStatus::True, since: now }));
    hpa::Pod { ready, ..pod.clone() }
}

/// Returns true if the metric that decides is the one that the condition `ScalingActive` names, or it names none.
fn names_winner(hpa: &Hpa, spec: &Spec, trace: &hpa::Trace) -> bool {
    let active = hpa.conditions.iter().find(|condition| condition.kind == "ScalingActive");
    let Some((_, named)) =
        active.and_then(|active| active.message.split_once("calculate a replica count from "))
    else {
        return true;
    };
    let used = trace.metrics.iter().position(|metric| metric.state == hpa::trace::MetricState::Used);
    let winner = used.and_then(|index| spec.metrics.get(index)).map(hpa::metric::describe);
    winner.is_none_or(|winner| text::clean::text(&winner) == named)
}

fn scale_now(workload: &Workload) -> Scale {
    Scale {
        spec_replicas: workload.spec_replicas,
        status_replicas: workload.replicas,
        selector: workload.selector.query(),
    }
}

/// Passes the inputs of the next sync to `act`; `None` while the HPA or its target is unknown.
pub(super) fn next_input<T>(data: &Data, act: impl FnOnce(&Input<'_>) -> T) -> Option<T> {
    let (hpa, workload) = (data.hpa.get()?, data.workload.get()?);
    let (spec, estimate) = (hpa.spec.as_deref()?, &data.estimate);
    let when = estimate.next_at(data.now);
    let scale = scale_now(workload);
    let moment = estimate.moment(&scale, when);
    Some(estimate.with_input(data, hpa, spec, &moment, estimate.readings.newest(), act))
}

/// Tolerance for the arrival time of a status update.
fn grace(period: Duration) -> Duration {
    (period / 4).min(Duration::from_millis(1_500))
}

/// Returns what the next sync would decide if the total of the followed External metric were `total_milli` instead.
#[must_use]
pub fn what_if(data: &Data, total_milli: i64) -> Option<hpa::Decision> {
    let followed = data.hpa.get()?.followed()?;
    let mut readings = data.estimate.readings.newest().to_vec();
    *readings.get_mut(followed)? = Reading::External(vec![total_milli]);
    let mut memory = data.estimate.memory.clone();
    next_input(data, |input| hpa::decide(&Input { readings: &readings, ..*input }, &mut memory))
}

/// The newest observed sync.
struct Newest {
    /// The time of the sync.
    at: Option<At>,
    /// The total that it used.
    total: Total,
    /// Time within which a controller without a reading would have reported it.
    patience: Duration,
}

impl Newest {
    /// Returns true if the controller has had a reading after `lost`: it wrote one, or it has not reported a
    /// missing one for long enough.
    fn had_one_after(&self, lost: At, now: At) -> bool {
        self.at.is_some_and(|at| at > lost) || now.since(lost) > self.patience
    }
}

/// The external metric as the API serves it, in thousandths.
fn served(data: &Data) -> Option<i64> {
    data.beliefs.get(ChainHop::ExternalApi)?.total.map(thousandths)
}

/// Converts whole messages to thousandths; the counts are far below the limit of 64 bits.
fn thousandths(total: f64) -> i64 {
    (total * 1_000.0) as i64
}

/// The missing reading, since `since` or earlier if the controller reported it earlier.
fn missing(data: &Data, hpa: &Hpa, since: At, why: String) -> NextReading {
    let reported =
        data.beliefs.get(ChainHop::Hpa).filter(|belief| belief.total.is_none() && is_inactive(hpa));
    NextReading::Missing(match reported {
        Some(belief) => MissingReading { since: belief.since, at: MissingAt::Controller, why },
        None => MissingReading { since, at: MissingAt::Api, why },
    })
}

/// Returns true if the external metrics API has never had a value and need not have one yet.
fn is_awaited(data: &Data) -> bool {
    let never = data.beliefs.get(ChainHop::ExternalApi).is_none_or(|belief| belief.had.is_none());
    never && data.health(Source::ExternalMetric).is_starting()
}

/// Returns true if the controller reports that its newest sync had no reading. A status that was never
/// written reports nothing.
fn is_inactive(hpa: &Hpa) -> bool {
    hpa.conditions.iter().any(|c| c.kind == "ScalingActive" && c.status == "False")
}

fn cause(state: &SourceState) -> String {
    match state {
        SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) => cause.clone(),
        SourceState::Connecting | SourceState::Live => String::new(),
    }
}
