//! Requests of the user and of scenarios: the only way by which a key changes the data. So a recording of the events and
//! the requests is complete.

use super::lists::log_event;
use super::{running_shadow, send};
use crate::bursts::load::MAX_SIZE;
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::strings::entries;
use crate::ui::events::Severity;

/// Carries out a key's request, and adds it to the recording. In a replay the recording has all requests.
pub(super) fn ask(model: &mut Model, at: At, request: Request, effects: &mut Vec<Effect>) {
    if model.session.replay().is_some() {
        return;
    }
    effects.push(Effect::Keep(request.clone()));
    carry_out(model, at, request, effects);
}

/// Shows why a key is refused, and adds it to the list of events.
pub(super) fn refused(model: &mut Model, at: At, (what, why): entries::EntryText, effects: &mut Vec<Effect>) {
    super::feedback::refuse(model, format!("{what}: {why}"));
    ask(model, at, Request::Refused { what: what.to_owned(), why }, effects);
}

/// Carries out a request.
pub(super) fn carry_out(model: &mut Model, at: At, request: Request, effects: &mut Vec<Effect>) {
    match request {
        Request::View => {}
        Request::Size(size) => model.data.load.size = size.clamp(1, MAX_SIZE),
        Request::Rate(rate) => send::set_rate(model, at, rate, effects),
        Request::Burst(size) => send::fire(model, at, size, effects),
        Request::StartLoad => send::start_load(model, at, effects),
        Request::StopLoad(reason) => send::stop_load(model, at, &reason, effects),
        Request::Kill { name, uid } => effects.push(Effect::KillPod { name, uid }),
        Request::Tune(request) => effects.push(Effect::Tune(request)),
        Request::Drill(request) => effects.push(Effect::Drill(request)),
        Request::Shadow(spec) => running_shadow::switch(model, at, spec.map(|spec| *spec)),
        Request::Doctor => look(model, at, effects),
        Request::Mark(note) => {
            model.data.history.mark(at, MarkKind::Note);
            log_event(model, at, Severity::Own, entries::mark(note));
        }
        Request::Refused { what, why } => log_event(model, at, Severity::Warning, (&what, why)),
    }
}

/// Begins an examination, unless one is in progress.
fn look(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if model.data.watched.has_data() && model.data.doctor.begin(at) {
        effects.push(Effect::Doctor);
    }
}
