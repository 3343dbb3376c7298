//! The HPA's last decision and its next one, computed with the controller's own arithmetic.
//!
//! The metric, the replicas and the specification are observed. The controller's memory between syncs is not
//! visible from outside, so stabilisation and rate limits are estimates from a memory kept here at the same
//! pace. A sync is visible only if it writes the status; the model presumes that syncs in between read the
//! same values as the one before.

#[cfg(test)]
mod tests;

use std::time::Duration;

use hpa::input::{Pod, Ready};
use hpa::limits::rules::Rules;
use hpa::memory::Recommendation;
use hpa::spec::Direction;
use hpa::status::ConditionStatus;
use hpa::{Input, Memory, Release, Scale, Spec, Status};
use observed::{Hpa, PodPhase, Role, Workload};

use super::estimate::inputs;
use super::estimate::{
    Estimate, LastSync, MissingAt, MissingReading, Next, NextReading, ReportedStatus, StatusChange, Sync,
    Total, time,
};
use crate::chain::beliefs::{Belief, ChainHop};
use crate::clock::At;
use crate::data::Data;
use crate::reported::{Source, SourceState};
use crate::strings::sentences;

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
            *self = Self { target: Some(spec.scale_target_ref.clone()), ..Self::default() };
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
        self.reading = read_now(data, hpa, &newest);
        if matches!(
            &self.reading,
            NextReading::Unknown
                | NextReading::Missing(MissingReading { at: MissingAt::Watch | MissingAt::Kind, .. })
        ) {
            // The controller's reading is unknown here.
            return syncs;
        }
        let total_now = self.reading.total_milli();

        let scale = Scale {
            spec_replicas: workload.spec_replicas,
            status_replicas: workload.replicas,
            selector: workload.selector.query(),
        };
        let due = self.schedule.next(now);
        let decide = |when: At| {
            // A preview must not change the memory: only a sync of the controller adds a recommendation.
            let mut memory = self.memory.clone();
            self.decide(data, hpa, spec, &scale, total_now, when, &mut memory)
        };
        let held = decide(now).trace.stabilised.and_then(|stabilised| stabilised.held_by);
        let decision = decide(due.unwrap_or(now));
        // A sync that reads no metric writes none.
        let looks = decision.trace.path == hpa::trace::Path::Computed;
        let differs =
            looks && change != StatusChange::Synced && self.differs_from(data.beliefs.get(ChainHop::Hpa));
        self.differs = differs.then(|| differed.unwrap_or(now));
        self.next = Some(Next { decision, due, period: self.schedule.period(), held, knows_since });
        syncs
    }

    /// Seeds the memory, because recommendations from before this run are unknown. If the status says that no
    /// recommendation holds the size, the newest sync recommended what its metric asked for. Otherwise the
    /// current size stands for all earlier recommendations.
    fn seed(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, workload: &Workload, now: At) {
        let holds = !hpa.conditions.iter().any(|c| c.kind == "AbleToScale" && c.reason == "ReadyForNewScale");
        let (scale, _) = inputs::scale_then(&self.recent, hpa, &workload.selector.query());
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

    /// Adds the syncs that wrote nothing: they read the same values as the sync before, because otherwise
    /// they would have written them.
    fn presume(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, now: At) -> Vec<Sync> {
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

    /// Records a sync that the controller wrote to the status.
    fn observe_sync(&mut self, data: &Data, hpa: &Hpa, spec: &Spec, now: At, knows_since: At) -> Sync {
        let selector = data.workload.get().map(|workload| workload.selector.query()).unwrap_or_default();
        let (scale, existed_seen) = inputs::scale_then(&self.recent, hpa, &selector);
        let total = inputs::total_then(&self.recent, hpa, scale.status_replicas);
        let when = self.decided(now);
        let mut memory = std::mem::take(&mut self.memory);
        let trace = self.decide(data, hpa, spec, &scale, total.milli(), when, &mut memory).trace;
        self.memory = memory;
        let last =
            LastSync { at: now, reported: ReportedStatus::of(hpa), trace, total, existed_seen, knows_since };
        self.learn(&last, when, spec, &config(data));
        self.schedule.observe(now);
        self.synced = Some(when);
        let raw = last.trace.raw;
        let sync = Sync { at: now, total_milli: total.milli(), size: last.reported.desired, raw };
        self.last = Some(last);
        sync
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
        let readings = answers(total_milli, hpa, spec);
        let pods = if inputs::needs_pods(spec) { pods(data, when) } else { Vec::new() };
        let seconds = self.schedule.period().0.as_secs().max(1);
        let config =
            hpa::Config { sync_period_seconds: i64::try_from(seconds).unwrap_or(i64::MAX), ..config(data) };
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

/// Tolerance for the arrival time of a status update.
fn grace(period: Duration) -> Duration {
    (period / 4).min(Duration::from_millis(1_500))
}

/// Returns what the next sync would decide if the metric were `total_milli` instead.
#[must_use]
pub fn what_if(data: &Data, total_milli: i64) -> Option<hpa::Decision> {
    let (hpa, workload) = (data.hpa.get()?, data.workload.get()?);
    let spec = hpa.spec.as_deref()?;
    let scale = Scale {
        spec_replicas: workload.spec_replicas,
        status_replicas: workload.replicas,
        selector: workload.selector.query(),
    };
    let when = data.estimate.schedule.next(data.now).unwrap_or(data.now);
    let mut memory = data.estimate.memory.clone();
    Some(data.estimate.decide(data, hpa, spec, &scale, Some(total_milli), when, &mut memory))
}

/// The workers as the controller counts them.
fn pods(data: &Data, at: At) -> Vec<Pod> {
    let workers = data.pods.of(Role::Worker);
    workers
        .iter()
        .map(|known| {
            let is_ready = match known.pod.phase {
                PodPhase::Ready => true,
                PodPhase::Terminating => known.ready_at.is_some(),
                _ => false,
            };
            Pod {
                name: known.pod.name.clone(),
                phase: match known.pod.phase {
                    PodPhase::Pending => "Pending",
                    PodPhase::Completed => "Succeeded",
                    _ => "Running",
                }
                .to_owned(),
                deleted: known.pod.phase == PodPhase::Terminating,
                ready: Some(Ready {
                    status: ConditionStatus::from(is_ready),
                    since: time(known.ready_at.unwrap_or(at)),
                }),
                ..Pod::default()
            }
        })
        .collect()
}

/// The controller's defaults for the server's version.
#[must_use]
pub fn config(data: &Data) -> hpa::Config {
    let version = data.watched.target.as_ref().and_then(|target| target.version.as_deref());
    let release = version.and_then(|version| version.parse::<Release>().ok());
    release.map_or_else(hpa::Config::default, hpa::Config::release)
}

/// Returns what a sync would read now.
fn read_now(data: &Data, hpa: &Hpa, newest: &Newest) -> NextReading {
    if let Some(status) = data.failure(Source::Hpa) {
        let (since, why) = (status.last_delivery.unwrap_or(status.since), cause(&status.state));
        return NextReading::Missing(MissingReading { since, at: MissingAt::Watch, why });
    }
    if hpa.metric.is_none() {
        let why = sentences::NO_EXTERNAL_METRIC.to_owned();
        return NextReading::Missing(MissingReading { since: data.now, at: MissingAt::Kind, why });
    }
    if let Some(status) = data.failure(Source::ExternalMetric) {
        let is_ours_alone =
            newest.had_one_after(status.since, data.now) || data.beliefs.get(ChainHop::ExternalApi).is_none();
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

/// Returns one reading for each metric, as the controller would get it. The model reads only the External
/// metric that the screens show.
fn answers(total_milli: Option<i64>, hpa: &Hpa, spec: &Spec) -> Vec<hpa::Reading> {
    let ours = hpa.metric.as_ref().map(|metric| metric.name.as_str());
    spec.metrics
        .iter()
        .map(|metric| {
            let is_ours = metric.external.as_ref().is_some_and(|e| Some(e.metric.name.as_str()) == ours);
            match total_milli {
                Some(milli) if is_ours => hpa::Reading::External(vec![milli]),
                None if is_ours => hpa::Reading::External(Vec::new()),
                _ => hpa::Reading::Failed(sentences::METRIC_NOT_READ.to_owned()),
            }
        })
        .collect()
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
