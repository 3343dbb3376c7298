//! Handles the reports of the sources.

use std::time::Duration;

use super::lists::log_event;
use super::send::stop_load;
use super::{decide, jobs, observed_at, scenario, scenarios};
use crate::autoscaler::estimate::StatusChange;
use crate::autoscaler::readings::to_run;
use crate::bursts::job_outcomes::LogGap;
use crate::bursts::load::Load;
use crate::bursts::stopwatch::{Observation, Provenance, Stage};
use crate::chain::beliefs::ChainHop;
use crate::chain::explanation;
use crate::chain::sources::SourceStatus;
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::data::{Data, Presence};
use crate::message::{Effect, Event};
use crate::model::Model;
use crate::reported::{LoadProgress, MetricAnswers, Source, SourceState, Target, TargetEvent};
use crate::strings::{entries, sentences};
use crate::ui::events::Severity;
use crate::ui::screen::Screen;
use crate::workers::pods::PodChange;
use observed::scaled_object::ScaledObject;
use observed::{
    ClusterEvent, DepthSample, Hpa, MetricAnswer, MetricSample, Pod, PodPhase, PodsEvent, Role,
    ScrapedSample, Workload,
};

/// Handles an observation. Returns true if the frame could differ now; a repeated report waits for the tick.
pub(super) fn take(model: &mut Model, at: At, event: Event, effects: &mut Vec<Effect>) -> bool {
    match event {
        Event::Target(change) => target(model, at, change, effects),
        Event::Hpa(hpa) => return hpa_changed(model, at, hpa.map(|hpa| *hpa)),
        Event::Workload(workload) => return workload_changed(model, at, workload),
        Event::Pods(change) => return pods(model, at, change),
        Event::Cluster(event) => {
            let before = size_before(&model.data, &event);
            model.data.events.cluster(at, &model.data.day, event, before);
            super::lists::keep_position(model, false);
        }
        Event::Depth(sample) => return depth(model, at, sample),
        Event::Metric(sample) => return metric(model, at, &sample),
        Event::Readings(answers) => return readings(model, at, *answers),
        Event::Usage(answer) => {
            let is_new = model.data.usage.as_ref() != Some(&*answer);
            model.data.usage = Some(*answer);
            return is_new && model.ui.screen == Screen::Pods;
        }
        Event::ScaledObject(object) => return scaled_object(model, object.map(|object| *object)),
        Event::Scraped(sample) => return scraped(model, at, sample),
        Event::Source(Source::Fleet, state) => return super::fleet::state_changed(model, state),
        Event::Fleet(event) => return super::fleet::take(model, at, event),
        Event::Source(source, state) => return source_changed(model, at, source, state),
        Event::Burst(progress) => jobs::burst(model, at, progress),
        Event::Load(progress) => load(model, at, progress, effects),
        Event::Job { pod, event } => jobs::job(model, at, &pod, &event),
        Event::LogState { pod, state } => jobs::log_state(model, at, &pod, state),
        Event::ServerTime(answer) => {
            model.data.offset.add(answer);
            return false;
        }
        Event::KillDone { attempt: what, result } => {
            scenario::killed(model, at, &result);
            match result {
                Ok(message) => log_event(model, at, Severity::Own, (&what, message)),
                Err(message) => log_event(model, at, Severity::Warning, (&what, message)),
            }
        }
        Event::Log { pod, line } => {
            observed_at::note_delivery(&mut model.data, at, Source::Logs);
            model.data.logs.line(at, pod, line);
            super::lists::keep_position(model, true);
            return model.ui.screen == Screen::Logs;
        }
        Event::EarlierLog { pod, written, line } => {
            model.data.logs.earlier(written, pod, &line);
            return model.ui.screen == Screen::Logs;
        }
        Event::Tune(answer) => {
            scenario::tuned(model, at, &answer);
            super::tune::answered(model, at, answer);
        }
        Event::Doctor(report) => super::doctor::found(model, at, *report),
        Event::DoctorProgress(progress) => model.data.doctor.progress(*progress),
        Event::Drill(answer) => {
            scenario::drilled(model, at, &answer, effects);
            super::drill::answered(model, at, answer);
        }
        Event::Scenario(event) => scenarios::take(model, at, event, effects),
        // They have their own handlers.
        Event::Input(_)
        | Event::Request(_)
        | Event::Tick
        | Event::Drawn { .. }
        | Event::Recorder(_)
        | Event::Replay(_)
        | Event::Terminate => {
            return false;
        }
    }
    true
}

/// The size before a rescale that a Kubernetes Event reports, as far as the HPA's status shows it. The Event comes before or after
/// the update of the status.
fn size_before(data: &Data, event: &ClusterEvent) -> Option<i32> {
    let (size, _) = event.rescale()?;
    let (current, desired) = match data.estimate.last() {
        Some(last) => last.reported.sizes(),
        None => data.hpa.get().map(|hpa| (hpa.current_replicas, hpa.desired_replicas))?,
    };
    Some(if desired == size { current } else { desired }).filter(|before| *before != size && !event.old)
}

fn target(model: &mut Model, at: At, change: TargetEvent, effects: &mut Vec<Effect>) {
    let was_ready = model.data.watched.is_ready();
    // A size that the user has chosen stays.
    if let TargetEvent::Chosen(Target { first_burst: Some(size), .. }) = &change
        && model.data.watched.target.is_none()
        && model.data.load.size == Load::default().size
    {
        model.data.load.size = *size;
    }
    if let TargetEvent::Chosen(Target { sync_period: Some(period), .. }) = &change {
        model.data.estimate.configured_period(*period);
    }
    model.data.watched.apply(at, change);
    if let Some(problem) = model.data.watched.problem().filter(|_| was_ready) {
        let what = problem.what.clone();
        log_event(model, at, Severity::Warning, entries::cluster_lost(what));
    }
    if model.data.watched.problem().is_some() {
        stop_load(model, at, entries::UNREACHABLE, effects);
    }
}

fn source_changed(model: &mut Model, at: At, source: Source, state: SourceState) -> bool {
    let is_lost = matches!(state, SourceState::Retrying { .. } | SourceState::Unavailable(_));
    if is_lost {
        // A curve that goes on would claim a reading that does not exist.
        let history = &mut model.data.history;
        match source {
            Source::Broker => history.depth.push(at, None),
            Source::ExternalMetric => history.metric.push(at, None),
            Source::Hpa => {
                history.believed.push(at, None);
                history.desired.push(at, None);
            }
            Source::Workload => {
                history.current.push(at, None);
                history.ready.push(at, None);
            }
            _ => {}
        }
    }
    let old = model.data.sources.get(&source);
    let same_kind =
        old.is_some_and(|old| std::mem::discriminant(&old.state) == std::mem::discriminant(&state));
    let changed = old.is_none_or(|old| old.state != state);
    let since = old.filter(|_| same_kind).map_or(at, |old| old.since);
    let first = old.map_or(at, |old| old.first);
    let was_live = old.is_some_and(|old| old.was_live || old.state == SourceState::Live);
    let last_delivery = old.and_then(|old| old.last_delivery);
    let is_back = old.is_some_and(|old| {
        state == SourceState::Live && !matches!(old.state, SourceState::Live | SourceState::Connecting)
    });
    let lost = last_delivery.or(old.map(|old| old.since)).unwrap_or_default();
    let away = if is_back { Some((lost, at)) } else { old.and_then(|old| old.away) };
    if let SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) = &state {
        model.data.bursts.blind(source, cause);
        if let Some(hop) = ChainHop::ALL.into_iter().find(|hop| hop.source() == source) {
            model.data.beliefs.mark_unreadable(hop, at);
        }
        let gap = match source {
            Source::Logs => Some(LogGap::Log),
            // Workers that come and go unobserved have logs that are never read.
            Source::Pods => Some(LogGap::Pods),
            _ => None,
        };
        if let Some(gap) = gap {
            model.data.bursts.gap(gap, model.data.sampling.unsampled());
        }
    }
    let old = model.data.sources.get(&source).cloned();
    super::sources::log_change(model, at, source, old.as_ref(), &state);
    model.data.sources.insert(source, SourceStatus { state, since, first, was_live, last_delivery, away });
    if matches!(source, Source::Hpa | Source::ExternalMetric) {
        // A missing reading leaves the calculation.
        decide::recompute(model, at, StatusChange::Other);
    }
    changed
}

fn hpa_changed(model: &mut Model, at: At, hpa: Option<Hpa>) -> bool {
    observed_at::note_delivery(&mut model.data, at, Source::Hpa);
    let hpa = Presence::from(hpa.map(|hpa| with_queue(hpa, model.data.scaled_object.as_ref())));
    let changed = model.data.hpa != hpa;
    let change = decide::status_change(model.data.hpa.get(), hpa.get());
    let scaled = |hpa: &Presence<Hpa>| hpa.get().and_then(|hpa| hpa.last_scale);
    let own = scaled(&hpa).filter(|own| scaled(&model.data.hpa) != Some(*own));
    model.data.hpa = hpa;
    if model.data.hpa == Presence::Missing {
        model.data.bursts.blind(Source::Hpa, sentences::NO_HPA);
    }
    let believed = model.data.believed_total();
    let desired = model.data.hpa.get().and_then(Hpa::wanted);
    let data = &mut model.data;
    data.beliefs.record(
        ChainHop::Hpa,
        at,
        believed.map(|(total, _)| total),
        believed.map_or(0.0, |(_, rounding_error)| rounding_error),
        None,
    );
    if let Some(spec) = data.hpa.get().and_then(|hpa| hpa.spec.as_deref()) {
        data.estimate.readings.follow(&spec.metrics);
    }
    data.history.believed.push(at, believed.map(|(total, _)| total));
    data.history.desired.push(at, desired.map(f64::from));
    if let Some(desired) = desired {
        let seen =
            observed_at::with_object_timestamp(data, observed_at::from_watch(data, at, Source::Hpa), own);
        data.bursts.desired(seen, desired, data.load.is_on());
    }
    let target = data.target_total();
    data.history.target.push(at, target);
    super::tune::observed(model, at);
    decide::recompute(model, at, change);
    changed
}

/// The HPA with the queue of KEDA's trigger: the metric's name has it in another spelling.
fn with_queue(mut hpa: Hpa, object: Option<&ScaledObject>) -> Hpa {
    if let Some(metric) = &mut hpa.metric
        && let Some(queue) = object.and_then(|object| object.trigger(&metric.name)?.queue())
    {
        metric.queue = Some(queue.to_owned());
    }
    hpa
}

fn scaled_object(model: &mut Model, object: Option<ScaledObject>) -> bool {
    let data = &mut model.data;
    let changed = data.scaled_object != object;
    data.scaled_object = object;
    if let Presence::Here(hpa) = &data.hpa {
        data.hpa = Presence::Here(with_queue(hpa.clone(), data.scaled_object.as_ref()));
    }
    changed
}

fn workload_changed(model: &mut Model, at: At, workload: Option<Workload>) -> bool {
    observed_at::note_delivery(&mut model.data, at, Source::Workload);
    let workload = Presence::from(workload);
    let changed = model.data.workload != workload;
    let before = model.data.workload.get().map(|workload| workload.spec_replicas);
    model.data.workload = workload;
    if model.data.workload == Presence::Missing {
        model.data.bursts.blind(Source::Workload, sentences::NO_WORKLOAD);
    }
    let now = model.data.workload.get().cloned();
    let data = &mut model.data;
    if let Some(now) = &now {
        match before {
            Some(before) if now.spec_replicas > before => data.history.mark(at, MarkKind::ScaleUp),
            Some(before) if now.spec_replicas < before => data.history.mark(at, MarkKind::ScaleDown),
            _ => {}
        }
        let seen = observed_at::from_watch(data, at, Source::Workload);
        data.bursts.spec_replicas(seen, now.spec_replicas, data.load.is_on());
        let all = [now.spec_replicas, now.replicas, now.ready];
        let is_at_min = data.hpa.get().is_some_and(|hpa| all == [hpa.min; 3]);
        data.bursts.at_min(seen, is_at_min);
    }
    data.history.current.push(at, now.as_ref().map(|now| f64::from(now.replicas)));
    data.history.ready.push(at, now.as_ref().map(|now| f64::from(now.ready)));
    let target = data.target_total();
    data.history.target.push(at, target);
    decide::recompute(model, at, StatusChange::Other);
    changed
}

fn pods(model: &mut Model, at: At, change: PodsEvent) -> bool {
    observed_at::note_delivery(&mut model.data, at, Source::Pods);
    // The first list describes earlier changes.
    let is_first = !model.data.pods.is_listed();
    let changes = model.data.pods.apply(at, change);
    let changed = is_first || !changes.is_empty();
    jobs::sample(&mut model.data, at);
    for change in changes {
        if let PodChange::New(pod) | PodChange::Changed { now: pod, .. } = &change
            && pod.role == Role::Worker
        {
            let work = jobs::of_worker(&model.data, &pod.name);
            model.data.lanes.pod(at, pod, work);
        }
        match change {
            PodChange::New(pod) if !is_first => appeared(model, at, None, &pod),
            PodChange::New(_) => {}
            PodChange::Changed { before, now } => appeared(model, at, Some(&before), &now),
            PodChange::Gone(pod) => gone(model, at, &pod),
        }
    }
    changed
}

/// Handles a new or changed pod.
fn appeared(model: &mut Model, at: At, before: Option<&Pod>, now: &Pod) {
    let entered = |phase| now.phase == phase && before.is_none_or(|before| before.phase != phase);
    let restarted = before.is_some_and(|before| now.restarts > before.restarts);
    let data = &mut model.data;
    match now.role {
        Role::Worker => {
            let came = data.pods.get(&now.uid).map_or(at, |known| known.first_seen);
            let runs = matches!(now.phase, PodPhase::Starting | PodPhase::Ready);
            let has_node = now.scheduled.is_some() || !matches!(now.phase, PodPhase::Pending);
            for (stage, reached, own) in [
                (Stage::Scheduled, has_node, now.scheduled),
                (Stage::Started, runs || now.started.is_some(), now.started),
                (Stage::PodReady, now.phase == PodPhase::Ready, now.ready_since),
            ] {
                if reached {
                    let seen = observed_at::with_object_timestamp(
                        data,
                        observed_at::from_watch(data, at, Source::Pods),
                        own,
                    );
                    data.bursts.worker(seen, came, stage);
                }
            }
            if entered(PodPhase::Ready) {
                data.history.mark(at, MarkKind::PodReady);
            }
            if let Some(before) = before.filter(|before| now.restarts > before.restarts) {
                let times = u32::try_from(now.restarts.saturating_sub(before.restarts)).unwrap_or(0);
                data.lanes.restarted(at, &now.uid, times);
            }
            if restarted || entered(PodPhase::Failed) {
                data.history.mark(at, MarkKind::Error);
                data.jobs.leave(at, &now.name);
                let work = jobs::of_worker(data, &now.name);
                data.lanes.job(at, &now.name, work, false);
            }
        }
        Role::Broker => {
            let was_up = before.is_some_and(|before| before.phase == PodPhase::Ready);
            if restarted || (was_up && matches!(now.phase, PodPhase::Failed | PodPhase::Completed)) {
                broker_lost(model, at);
            }
        }
        Role::Producer | Role::Other => {}
    }
    if restarted {
        log_event(model, at, Severity::Warning, entries::restarted(&now.name, now.last_exit.as_deref()));
    }
}

fn gone(model: &mut Model, at: At, pod: &Pod) {
    match pod.role {
        Role::Worker => {
            model.data.history.mark(at, MarkKind::PodGone);
            model.data.lanes.deleted(at, &pod.uid);
            model.data.jobs.leave(at, &pod.name);
        }
        Role::Broker => broker_lost(model, at),
        Role::Producer | Role::Other => {}
    }
}

fn is_broker_up(model: &Model) -> bool {
    model.data.pods.of(Role::Broker).iter().any(|known| known.pod.phase == PodPhase::Ready)
}

fn broker_lost(model: &mut Model, at: At) {
    // One node of several: the others still have the queue.
    if is_broker_up(model) || model.data.jobs.away.is_some() {
        return;
    }
    let known = model.data.depth.map_or(0, |depth| depth.total());
    model.data.jobs.broker_lost(at, known);
    model.data.history.mark(at, MarkKind::BrokerLost);
    log_event(model, at, Severity::Warning, entries::broker_gone(known));
}

fn depth(model: &mut Model, at: At, sample: DepthSample) -> bool {
    let since_last = observed_at::note_delivery(&mut model.data, at, Source::Broker);
    let total = sample.total();
    // While the broker is away, an answer can only be one that was already on its way.
    if let Some(away) = model.data.jobs.away {
        if at <= away.since || !is_broker_up(model) {
            return false;
        }
        let lost = model.data.jobs.broker_back(total);
        if lost > 0 {
            model.data.bursts.lost();
            log_event(model, at, Severity::Warning, entries::broker_back_with_loss(lost, away.known));
        } else {
            log_event(model, at, Severity::Own, entries::broker_back(total));
        }
    }
    let changed = model.data.depth != Some(sample);
    let data = &mut model.data;
    let load = data.load.is_on();
    if load {
        data.bursts.with_load();
    }
    data.depth = Some(sample);
    data.beliefs.counts_ready(explanation::is_keda(data).then_some(sample.ready as f64));
    data.history.depth.push(at, Some(total as f64));
    data.history.in_work.push(at, Some(sample.unacked as f64));
    let age = (!sample.staleness.is_zero()).then_some(sample.staleness);
    data.beliefs.record(ChainHop::Broker, at, Some(total as f64), 0.0, age);
    let provenance = if sample.staleness.is_zero() { Provenance::Polled } else { Provenance::Statistics };
    let seen = Observation::within(at, provenance, since_last + sample.staleness);
    data.bursts.number(Stage::InBroker, seen, total as f64, load);
    data.bursts.depth(seen, total, sample.staleness);
    let ready = data.workload.get().map_or(0, |workload| u32::try_from(workload.ready).unwrap_or(0));
    data.pace.depth(at, total, ready, data.load.is_on() || data.bursts.unfinished() > 0);
    changed
}

fn metric(model: &mut Model, at: At, sample: &MetricSample) -> bool {
    let since_last = observed_at::note_delivery(&mut model.data, at, Source::ExternalMetric);
    let value = sample.value_milli.map(|milli| milli as f64 / 1_000.0);
    let data = &mut model.data;
    let changed = data.beliefs.get(ChainHop::ExternalApi).is_none_or(|old| old.total != value);
    data.beliefs.record(ChainHop::ExternalApi, at, value, 0.0, None);
    data.history.metric.push(at, value);
    if let Some(value) = value {
        let seen = Observation::within(at, Provenance::Polled, since_last);
        data.bursts.number(Stage::ExternalApi, seen, value, data.load.is_on());
    }
    above_target(model, at, since_last);
    changed
}

/// Recomputes the decision after an answer of a metrics API, and hands the largest share of a target to the bursts.
fn above_target(model: &mut Model, at: At, since_last: Duration) {
    if let Some(share) = decide::recompute(model, at, StatusChange::Other) {
        let seen = Observation::within(at, Provenance::Polled, since_last);
        model.data.bursts.share(seen, share, model.data.load.is_on());
    }
}

fn readings(model: &mut Model, at: At, answers: MetricAnswers) -> bool {
    let since_last = observed_at::note_delivery(&mut model.data, at, Source::Metrics);
    let start = model.data.start_on_cluster();
    let moved = |answer: MetricAnswer| MetricAnswer { reading: to_run(answer.reading, start), ..answer };
    let list = answers.answers.into_iter().map(|answer| answer.map(moved)).collect();
    let changed = model.data.estimate.readings.take(at, &answers.metrics, list);
    above_target(model, at, since_last);
    changed
}

fn scraped(model: &mut Model, at: At, sample: ScrapedSample) -> bool {
    let since_last = observed_at::note_delivery(&mut model.data, at, Source::Prometheus);
    // A query that returns NaN has found no comparable value.
    let value = sample.value.filter(|value| value.is_finite());
    let data = &mut model.data;
    let changed = data.beliefs.get(ChainHop::Prometheus).is_none_or(|old| old.total != value);
    data.beliefs.record(ChainHop::Prometheus, at, value, 0.0, sample.age);
    if let Some(value) = value {
        // The sample has existed since its scrape, even if we asked later.
        let seen = observed_at::from_scrape(data, at, since_last, &sample);
        data.bursts.number(Stage::Scraped, seen, value, data.load.is_on());
    }
    changed
}

fn load(model: &mut Model, at: At, progress: LoadProgress, effects: &mut Vec<Effect>) {
    // Each cause is logged once; the screen counts its occurrences.
    let new_causes: Vec<String> = progress
        .failed
        .keys()
        .filter(|cause| !model.data.load.failed.contains_key(*cause))
        .cloned()
        .collect();
    for cause in new_causes {
        model.data.history.mark(at, MarkKind::Error);
        log_event(model, at, Severity::Warning, entries::load_failure(cause));
    }
    let load = &mut model.data.load;
    let newly_accepted = progress.accepted.saturating_sub(load.accepted);
    load.accepted = load.accepted.max(progress.accepted);
    let failed_before = load.failures();
    load.failed = progress.failed;
    load.all.accepted = load.all.accepted.saturating_add(newly_accepted);
    let newly_failed = load.failures().saturating_sub(failed_before);
    load.all.failed = load.all.failed.saturating_add(newly_failed);
    if load.to.is_none() {
        model.data.jobs.accepted(u32::try_from(newly_accepted).unwrap_or(u32::MAX));
    }
    if let Some(reason) = progress.stopped {
        stop_load(model, at, &reason, effects);
    }
}
