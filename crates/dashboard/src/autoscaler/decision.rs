//! What the HPA decided and what it would decide, computed beside it with the controller's own arithmetic.
//!
//! The metric, the replicas and the specification are observed. What the controller remembers between its syncs is not
//! to be had from outside, so stabilisation and rates are estimates: a memory of our own is kept at the same pace. A sync
//! is seen when it writes something; those in between are presumed to have read the same as the one before them.

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

/// Presumed syncs that are made up for at once; an hour's window has as many at the usual pace.
const MOST_PRESUMED: u32 = 240;

/// Decides anew from what is known at `now`. Returns the syncs that are known of since the last call, oldest first.
pub fn estimate(data: &mut Data, now: At, news: StatusChange) -> Vec<Sync> {
    let mut estimate = std::mem::take(&mut data.estimate);
    let syncs = estimate.take(data, now, news);
    data.estimate = estimate;
    syncs
}

impl Estimate {
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
        self.recent.note(workload, served(data));

        let mut syncs = self.presume(data, hpa, spec, now);
        if news == StatusChange::Synced {
            syncs.push(self.observe_sync(data, hpa, spec, now, knows_since));
        }
        let (scale_then, _) = inputs::scale_then(&self.recent, hpa, &workload.selector);
        let total = inputs::total_then(&self.recent, hpa, scale_then.status_replicas);
        let newest = Newest { at: self.schedule.last(), total, patience: self.patience() };
        self.reading = read_now(data, hpa, &newest);
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
        self.learn(&last, when, spec, &config(data));
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

/// What a sync would read now.
fn read_now(data: &Data, hpa: &Hpa, newest: &Newest) -> NextReading {
    if let Some(status) = data.failure(Source::Hpa) {
        let (since, why) = (status.last_heard.unwrap_or(status.since), cause(&status.state));
        return NextReading::Gone(MissingReading { since, whose: MissingAt::Watch, why });
    }
    if hpa.metric.is_none() {
        let why = "the HPA reads no External metric".to_owned();
        return NextReading::Gone(MissingReading { since: data.now, whose: MissingAt::Kind, why });
    }
    if let Some(status) = data.failure(Source::ExternalMetric) {
        let is_ours_alone =
            newest.had_one_after(status.since, data.now) || data.beliefs.get(ChainHop::ExternalApi).is_none();
        return match newest.total {
            Total::Read(_) | Total::Back(_) if is_ours_alone => NextReading::OfStatus(newest.total),
            // It has not answered yet and need not have: unless the controller says so itself, nothing is gone.
            _ if is_awaited(data) && !is_inactive(hpa) => NextReading::Unknown,
            _ => gone(data, hpa, status.since, cause(&status.state)),
        };
    }
    match data.beliefs.get(ChainHop::ExternalApi) {
        Some(Belief { total: Some(total), heard, .. }) => {
            NextReading::Served { total_milli: thousandths(total), heard }
        }
        Some(Belief { since, .. }) => {
            gone(data, hpa, since, "the external metrics API has no item for it".to_owned())
        }
        None => NextReading::Unknown,
    }
}

/// One answer for each metric, as the controller would get it. Only the External one that the screens are about is
/// read here.
fn answers(total_milli: Option<i64>, hpa: &Hpa, spec: &Spec) -> Vec<hpa::Reading> {
    let ours = hpa.metric.as_ref().map(|metric| metric.name.as_str());
    spec.metrics
        .iter()
        .map(|metric| {
            let is_ours = metric.external.as_ref().is_some_and(|e| Some(e.metric.name.as_str()) == ours);
            match total_milli {
                Some(milli) if is_ours => hpa::Reading::External(vec![milli]),
                None if is_ours => hpa::Reading::External(Vec::new()),
                _ => hpa::Reading::Failed("not read by the dashboard".to_owned()),
            }
        })
        .collect()
}

/// The newest sync that was seen.
struct Newest {
    /// When.
    at: Option<At>,
    /// What it went by.
    total: Total,
    /// In so long a controller without a reading would have said so.
    patience: Duration,
}

impl Newest {
    /// Whether the controller has had a reading after `lost`: it wrote one, or has long not written that it has none.
    fn had_one_after(&self, lost: At, now: At) -> bool {
        self.at.is_some_and(|at| at > lost) || now.since(lost) > self.patience
    }
}

/// The external metric as it is served, in thousandths.
fn served(data: &Data) -> Option<i64> {
    data.beliefs.get(ChainHop::ExternalApi)?.total.map(thousandths)
}

/// Whole messages, far below what thousandths in 64 bits hold.
fn thousandths(total: f64) -> i64 {
    (total * 1_000.0) as i64
}

/// There is no reading, at least since `since`; the controller may have said so, and earlier.
fn gone(data: &Data, hpa: &Hpa, since: At, why: String) -> NextReading {
    let said = data.beliefs.get(ChainHop::Hpa).filter(|belief| belief.total.is_none() && is_inactive(hpa));
    NextReading::Gone(match said {
        Some(belief) => MissingReading { since: belief.since, whose: MissingAt::Controller, why },
        None => MissingReading { since, whose: MissingAt::Api, why },
    })
}

/// Whether the external metrics API has never had a value, and need not have yet.
fn is_awaited(data: &Data) -> bool {
    let never = data.beliefs.get(ChainHop::ExternalApi).is_none_or(|belief| belief.had.is_none());
    never && data.standing(Source::ExternalMetric).is_starting()
}

/// Whether the controller says that its newest sync went without a reading. A status that was never written says nothing.
fn is_inactive(hpa: &Hpa) -> bool {
    hpa.conditions.iter().any(|c| c.kind == "ScalingActive" && c.status == "False")
}

fn cause(state: &SourceState) -> String {
    match state {
        SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) => cause.clone(),
        SourceState::Connecting | SourceState::Live => String::new(),
    }
}
