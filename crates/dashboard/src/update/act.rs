//! Actions of the user on the cluster.

use super::request::{self, ask};
use crate::bursts::load::CONFIRM_ABOVE;
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::strings::entries;
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
        return request::refused(model, at, entries::no_burst(reason), effects);
    }
    let size = model.data.load.size;
    if must_agree(model) || size > CONFIRM_ABOVE {
        model.ui.mode = Confirm::Burst { size }.put();
    } else {
        ask(model, at, Request::Burst(size), effects);
    }
}

/// The load key: on, off, or a question first.
pub(super) fn toggle_load(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if model.data.load.is_on() {
        ask_to_stop_load(model, at, entries::SWITCHED_OFF, effects);
    } else if let Some(reason) = refuse(model) {
        request::refused(model, at, entries::no_load(reason), effects);
    } else if must_agree(model) {
        model.ui.mode = Confirm::Load.put();
    } else {
        ask(model, at, Request::StartLoad, effects);
    }
}

/// Stops the continuous load at a key, if it runs.
pub(super) fn ask_to_stop_load(model: &mut Model, at: At, reason: &str, effects: &mut Vec<Effect>) {
    if model.data.load.is_on() {
        ask(model, at, Request::StopLoad(reason.to_owned()), effects);
    }
}

/// The kill key: asks which worker.
pub(super) fn ask_kill(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    let workers: Vec<Candidate> = model
        .data
        .pods
        .of(Role::Worker)
        .iter()
        .filter(|known| !matches!(known.pod.phase, PodPhase::Completed))
        .map(|known| Candidate { name: known.pod.name.clone(), uid: known.pod.uid.clone() })
        .collect();
    if workers.is_empty() {
        request::refused(model, at, entries::no_kill(), effects);
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
        return request::refused(model, at, entries::not_sent(reason), effects);
    }
    match confirm {
        Confirm::Burst { size } => ask(model, at, Request::Burst(size), effects),
        Confirm::Load => ask(model, at, Request::StartLoad, effects),
        Confirm::Kill { mut workers, chosen } => {
            if chosen < workers.len() {
                let Candidate { name, uid } = workers.swap_remove(chosen);
                ask(model, at, Request::Kill { name, uid }, effects);
            }
        }
        Confirm::Undo(undo) => super::tune::undo(model, at, *undo, effects),
    }
}

/// Quits; the load stops first, and a scenario puts back what it changed.
pub(super) fn quit(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    ask_to_stop_load(model, at, entries::QUIT, effects);
    if !super::scenario::stop_before_quit(model, at) {
        effects.push(Effect::Quit);
    }
}
