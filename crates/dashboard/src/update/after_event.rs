//! Runs after every event: expires timers, sets the poll rate and schedules the next tick.

use std::time::Duration;

use super::send;
use crate::bursts::load::{LoadState, MAX_TIME};
use crate::bursts::recent::Settled;
use crate::clock::At;
use crate::data::Presence;
use crate::message::Effect;
use crate::model::Model;
use crate::reported::{PollRate, Source, SourceState};
use crate::strings::entries;
use crate::target::TargetState;
use crate::ui::events::Severity;
use crate::ui::screen::Screen;
use crate::ui::state::View;
use observed::{PodPhase, Role};

/// Interval at which an idle picture moves.
const IDLE_PERIOD: Duration = Duration::from_secs(5);

/// Shortest time to the next tick.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// Expires timers. Returns true if the frame could differ now.
pub(super) fn apply_timeouts(model: &mut Model, at: At, effects: &mut Vec<Effect>) -> bool {
    let mut changed = false;
    if let LoadState::Since(since) = model.data.load.running
        && at.since(since) >= MAX_TIME
    {
        send::stop_load(model, at, entries::TIME_LIMIT, effects);
        changed = true;
    }
    let aborted = model.data.jobs.settle(at);
    changed |= !aborted.is_empty();
    super::jobs::log_aborted(model, at, aborted);
    for (number, lost) in model.data.bursts.mark_missing(at) {
        super::lists::log_event(model, at, Severity::Warning, entries::lost_jobs(number, lost));
        changed = true;
    }
    if model.data.bursts.running()
        && let Some(quiet) = quiet(model)
    {
        let seen = super::observed_at::from_watch(&model.data, at, Source::Workload);
        let time = model.data.lanes.time(at);
        model.data.bursts.quiet(seen, time, quiet);
        changed = true;
    }
    changed
}

/// The basis for the verdict that all is quiet, if it is.
fn quiet(model: &Model) -> Option<Settled> {
    let data = &model.data;
    let is_read = data.failure(Source::Broker).is_none();
    let is_empty = data.depth.is_some_and(|depth| depth.total() == 0);
    let hpa = match &data.hpa {
        Presence::Unknown => return None,
        Presence::Missing => return (is_read && is_empty).then_some(Settled::Unseen),
        Presence::Here(hpa) => hpa,
    };
    let sees_nothing = hpa.reading_milli == Some(0);
    let is_seen = data.failure(Source::Workload).is_none();
    let Some(workload) = data.workload.get().filter(|_| is_seen) else {
        let is_unseen = !is_seen || data.workload == Presence::Missing;
        return (is_unseen && is_read && is_empty && sees_nothing).then_some(Settled::Unseen);
    };
    let is_at_min = [workload.spec_replicas, workload.replicas, workload.ready] == [hpa.min; 3];
    // Without a queue, the workers alone show that all is quiet.
    if !data.has_queue() {
        return is_at_min.then_some(Settled::Seen);
    }
    match is_read {
        true if is_empty && sees_nothing && is_at_min => Some(Settled::Seen),
        false if sees_nothing && is_at_min => Some(Settled::Unread),
        _ => None,
    }
}

/// Emits effects for the poll rate, the followed logs and the next tick if they have changed.
pub(super) fn emit_effects(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    let wanted = if model.data.bursts.in_flight() || model.data.load.is_on() {
        PollRate::Busy
    } else {
        PollRate::Idle
    };
    if wanted != model.ui.poll_rate {
        model.ui.poll_rate = wanted;
        effects.push(Effect::PollRate(wanted));
    }
    if !model.ui.followed.iter().map(String::as_str).eq(model.data.sampling.followed()) {
        let logs: Vec<String> = model.data.sampling.followed().map(str::to_owned).collect();
        model.ui.followed.clone_from(&logs);
        effects.push(Effect::FollowLogs(logs));
    }
    super::doctor::first(model, at, effects);
    super::fleet::first(model, effects);
    if model.data.depth.is_some() || model.data.watched.has_data() {
        model.ui.viewport.begin(model.data.now);
    }
    // A paused view shows an earlier time: it is still anyway.
    let calm = is_calm(model);
    if calm && model.paused_for().is_none() {
        model.ui.viewport.hold_still(model.data.now);
    }
    let scenario = model.data.scenario.as_ref().and_then(|run| run.engine.next_due());
    let scenario = scenario.map(|due| due.saturating_sub(at.0).max(SHORTEST_TICK));
    let Some(period) = tick_period(model, calm).into_iter().chain(scenario).min() else { return };
    let due = At(at.0 + period);
    if model.ui.tick_due.is_none_or(|old| due < old) {
        model.ui.tick_due = Some(due);
        effects.push(Effect::TickIn(period));
    }
}

/// The period at which the frame or the model changes by time alone; `None` if it does not.
fn tick_period(model: &Model, calm: bool) -> Option<Duration> {
    const SECOND: Duration = Duration::from_secs(1);
    let data = &model.data;
    let by_time_alone = data.load.is_on()
        || data.jobs.unsettled()
        || data.bursts.unjudged()
        || model.ui.notice(data.now).is_some();
    if matches!(model.ui.view, View::Paused(_)) {
        return by_time_alone.then_some(SECOND);
    }
    match &data.watched.state {
        // A spinner turns, so that a slow start does not look dead.
        TargetState::Looking(_) | TargetState::Starting => Some(Duration::from_millis(120)),
        TargetState::Failed { was_ready: false, .. } => Some(SECOND),
        TargetState::Ready | TargetState::Failed { .. } => Some(match () {
            () if data.bursts.unfinished() > 0 => Duration::from_millis(100),
            () if calm && model.ui.notice(data.now).is_none() => IDLE_PERIOD,
            () => SECOND,
        }),
    }
}

/// Returns true if only the time axis moves: then it moves in larger steps, and an idle dashboard costs
/// almost nothing.
fn is_calm(model: &Model) -> bool {
    let data = &model.data;
    let moves = |known: &&crate::workers::pods::PodHistory| {
        matches!(known.pod.phase, PodPhase::Pending | PodPhase::Starting | PodPhase::Terminating)
    };
    data.watched.is_ready()
        // The screen shows countdowns.
        && model.ui.screen != Screen::Decision
        && data.doctor.looking(data.now).is_none()
        && !data.load.is_on()
        && !data.bursts.running()
        && !data.jobs.unsettled()
        && !data.bursts.unjudged()
        && data.jobs.away.is_none()
        && data.depth.is_none_or(|depth| depth.total() == 0)
        && data.beliefs.laggard().is_none()
        && data.sources.values().all(|s| matches!(s.state, SourceState::Connecting | SourceState::Live))
        && !data.pods.of(Role::Worker).iter().any(moves)
}
