//! Actions of the user on the cluster.

use std::collections::BTreeMap;

use super::lists::log_event;
use crate::autoscaler::hpa_settings::HpaSettings;
use crate::bursts::job_outcomes::LogGap;
use crate::bursts::load::{CONFIRM_ABOVE, LoadState};
use crate::bursts::recent::{BurstChain, StateBefore};
use crate::chain::beliefs::ChainHop;
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::data::{Data, Presence};
use crate::message::Effect;
use crate::model::Model;
use crate::reported::{Source, SourceState};
use crate::strings::{entries, sentences};
use crate::ui::events::Severity;
use crate::ui::state::{Candidate, Confirm};
use observed::{PodPhase, Role};

/// Limit of the bursts that are being sent.
const MAX_UNFINISHED: usize = 20;

/// The reason why nothing can be sent now, if there is one.
fn refuse(model: &Model) -> Option<String> {
    if !model.data.watched.has_data() {
        Some(entries::NOT_READY.to_owned())
    } else if !model.data.watched.is_ready() {
        Some(entries::UNREACHABLE.to_owned())
    } else if model.data.bursts.unfinished() >= MAX_UNFINISHED {
        Some(entries::too_many_bursts(MAX_UNFINISHED))
    } else {
        None
    }
}

/// Returns true if the user must agree before any load on this target.
fn must_agree(model: &Model) -> bool {
    let target = model.data.watched.target.as_ref();
    !model.data.load.agreed && target.is_some_and(|target| target.confirm_first_burst)
}

/// The burst key: fires, or asks first.
pub(super) fn burst(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if let Some(reason) = refuse(model) {
        log_event(model, at, Severity::Warning, entries::no_burst(reason));
        return;
    }
    let size = model.data.load.size;
    if must_agree(model) || size > CONFIRM_ABOVE {
        model.ui.mode = Confirm::Burst { size }.put();
    } else {
        fire(model, at, size, effects);
    }
}

/// Sources that cannot be read, with the cause. An HPA that does not exist counts as unreadable.
fn blind(data: &Data) -> BTreeMap<Source, String> {
    let causes = data.sources.iter().filter_map(|(source, status)| match &status.state {
        SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) => {
            Some((*source, cause.clone()))
        }
        SourceState::Connecting | SourceState::Live => None,
    });
    let absent = [
        (Source::Hpa, data.hpa == Presence::Missing, sentences::NO_HPA),
        (Source::Workload, data.workload == Presence::Missing, sentences::NO_WORKLOAD),
    ];
    let absent = absent.into_iter().filter(|(_, is_absent, _)| *is_absent);
    absent.map(|(source, _, cause)| (source, cause.to_owned())).chain(causes).collect()
}

/// Fires a burst without a question.
pub(super) fn fire(model: &mut Model, at: At, size: u32, effects: &mut Vec<Effect>) {
    let data = &mut model.data;
    // The characters are all legal in an ID and the length is far below its limit.
    let Ok(id) =
        format!("{:x}-{}", data.day.started_ms(), data.bursts.fired() + 1).parse::<contract::BurstId>()
    else {
        return;
    };
    // A hop that was read and had no number gets one only from new messages: until then the broker's depth
    // stands in for it.
    let depth = data.beliefs.get(ChainHop::Broker).and_then(|belief| belief.total);
    let total = |hop| data.beliefs.get(hop).and_then(|belief| belief.total.or(depth));
    let spec_replicas = data.workload.get().map(|workload| workload.spec_replicas);
    let chain = match (&data.load.to, data.has_queue()) {
        (None, _) => BurstChain::Jobs,
        (Some(_), true) => BurstChain::Queue,
        (Some(_), false) => BurstChain::Metric,
    };
    let before = StateBefore {
        chain,
        depth,
        scraped: total(ChainHop::Prometheus),
        metric: total(ChainHop::ExternalApi),
        // An HPA that has computed nothing yet leaves the size as it is.
        desired: data.hpa.get().and_then(|hpa| hpa.wanted().or(spec_replicas)),
        spec_replicas,
        blind: blind(data),
        pod_time: data.lanes.time(at),
        tuning: data.hpa.get().map(HpaSettings::of),
    };
    data.load.agreed = true;
    data.bursts.fire(at, id.clone(), size, before);
    if data.load.is_on() {
        data.bursts.with_load();
    }
    let unsampled = data.sampling.unsampled();
    if unsampled > 0 {
        data.bursts.gap(LogGap::NotSampled, unsampled);
    }
    data.history.mark(at, MarkKind::Burst);
    let number = data.bursts.fired();
    log_event(model, at, Severity::Own, entries::burst(number, size));
    effects.push(Effect::Fire { id, size });
}

/// The load key: on, off, or a question first.
pub(super) fn toggle_load(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if model.data.load.is_on() {
        stop_load(model, at, entries::SWITCHED_OFF, effects);
    } else if let Some(reason) = refuse(model) {
        log_event(model, at, Severity::Warning, entries::no_load(reason));
    } else if must_agree(model) {
        model.ui.mode = Confirm::Load.put();
    } else {
        start_load(model, at, effects);
    }
}

/// Starts the continuous load without a question.
pub(super) fn start_load(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    let load = &mut model.data.load;
    load.agreed = true;
    load.running = LoadState::Since(at);
    load.accepted = 0;
    load.failed.clear();
    let rate = load.rate;
    effects.push(Effect::Load { rate });
    log_event(model, at, Severity::Own, entries::load_on(rate));
}

/// Stops the continuous load if it runs, and logs the reason.
pub(super) fn stop_load(model: &mut Model, at: At, reason: &str, effects: &mut Vec<Effect>) {
    if !model.data.load.is_on() {
        return;
    }
    model.data.load.running = LoadState::Off;
    effects.push(Effect::Load { rate: 0.0 });
    let accepted = model.data.load.accepted;
    log_event(model, at, Severity::Own, entries::load_off(accepted, reason));
}

/// Changes the rate of the continuous load, at once if it runs.
pub(super) fn change_rate(model: &mut Model, faster: bool, effects: &mut Vec<Effect>) {
    let load = &mut model.data.load;
    let before = load.rate;
    load.change_rate(faster);
    if load.is_on() && load.rate != before {
        effects.push(Effect::Load { rate: load.rate });
    }
}

/// The kill key: asks which worker.
pub(super) fn ask_kill(model: &mut Model, at: At) {
    let workers: Vec<Candidate> = model
        .data
        .pods
        .of(Role::Worker)
        .iter()
        .filter(|known| !matches!(known.pod.phase, PodPhase::Completed))
        .map(|known| Candidate { name: known.pod.name.clone(), uid: known.pod.uid.clone() })
        .collect();
    if workers.is_empty() {
        log_event(model, at, Severity::Warning, entries::no_kill());
    } else {
        model.ui.mode = Confirm::Kill { workers, chosen: 0 }.put();
    }
}

/// Carries out a confirmed question.
pub(super) fn agree(model: &mut Model, at: At, confirm: Confirm, effects: &mut Vec<Effect>) {
    // The state may have changed while the question was open.
    let reason = match confirm {
        Confirm::Burst { .. } | Confirm::Load => refuse(model),
        Confirm::Kill { .. } | Confirm::Undo(_) => None,
    };
    if let Some(reason) = reason {
        log_event(model, at, Severity::Warning, entries::not_sent(reason));
        return;
    }
    match confirm {
        Confirm::Burst { size } => fire(model, at, size, effects),
        Confirm::Load => start_load(model, at, effects),
        Confirm::Kill { mut workers, chosen } => {
            if chosen < workers.len() {
                let Candidate { name, uid } = workers.swap_remove(chosen);
                effects.push(Effect::KillPod { name, uid });
            }
        }
        Confirm::Undo(undo) => super::tune::undo(model, *undo, effects),
    }
}

/// Quits; the load stops first.
pub(super) fn quit(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.data.now;
    stop_load(model, now, entries::QUIT, effects);
    effects.push(Effect::Quit);
}
