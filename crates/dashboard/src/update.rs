//! The only place that changes the model: it folds an event into the model and returns the effects.

mod act;
mod after_event;
mod answers;
mod decide;
mod doctor;
mod drill;
mod feedback;
mod fleet;
mod input;
mod jobs;
mod lists;
mod navigation;
mod observe;
mod observed_at;
mod places;
mod request;
pub(crate) mod running_shadow;
mod scenario;
mod scenarios;
mod send;
mod session;
mod shadow;
mod sources;
#[cfg(test)]
mod tests;
mod tune;

use crate::autoscaler::estimate::StatusChange;
use crate::message::{Effect, Event, Request, Timestamped};
use crate::model::Model;

/// Handles an event as [`update`] does, and hands to `keep` what a recording holds of it: the event itself, or the requests
/// that it made. A model that takes the kept events in their order has the same data at every moment.
#[must_use = "effects do nothing unless they are carried out"]
pub fn recorded(model: &mut Model, stamped: Timestamped, mut keep: impl FnMut(Timestamped)) -> Vec<Effect> {
    let at = stamped.at;
    let mut is_news = matches!(stamped.event, Event::Input(_) | Event::Terminate);
    if stamped.event.is_recorded() {
        keep(stamped.clone());
    }
    let mut effects = update(model, stamped);
    effects.retain(|effect| {
        let Effect::Keep(request) = effect else { return true };
        is_news = false;
        keep(Timestamped { at, event: Event::Request(request.clone()) });
        false
    });
    // Timers expire at every event, also at a key that changes only the view.
    if is_news {
        keep(Timestamped { at, event: Event::Request(Request::View) });
    }
    effects
}

/// Handles an event. The runtime must carry out the effects in order.
#[must_use = "effects do nothing unless they are carried out"]
pub fn update(model: &mut Model, stamped: Timestamped) -> Vec<Effect> {
    if let Event::Drawn { max_scroll } = stamped.event {
        navigation::drawn(model, max_scroll);
        return Vec::new();
    }
    let at = stamped.at;
    model.data.now = model.data.now.max(at);
    let mut effects = Vec::new();
    let changed = match stamped.event {
        Event::Input(input) => input::take(model, at, &input, &mut effects),
        Event::Tick => {
            model.ui.tick_due = None;
            decide::recompute(model, at, StatusChange::Other);
            true
        }
        Event::Terminate => {
            act::quit(model, at, &mut effects);
            true
        }
        Event::Recorder(report) => {
            session::recorder(model, at, report);
            return Vec::new();
        }
        Event::Replay(report) => {
            session::replay(model, report);
            return Vec::new();
        }
        Event::Request(request) => {
            request::carry_out(model, at, request, &mut effects);
            model.paused_for().is_none()
        }
        event => {
            let changed = observe::take(model, at, event, &mut effects);
            // Data behind a paused view is not visible.
            changed && model.paused_for().is_none()
        }
    };
    let settled = after_event::apply_timeouts(model, at, &mut effects);
    let acted = scenario::poll(model, at, &mut effects);
    model.ui.changed |= changed || settled || acted;
    after_event::emit_effects(model, at, &mut effects);
    effects
}
