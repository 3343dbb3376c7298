//! The only place that changes the model: it folds an event into the model and returns the effects.

mod act;
mod after_event;
mod answers;
mod decide;
mod doctor;
mod drill;
mod fleet;
mod input;
mod jobs;
mod lists;
mod navigation;
mod observe;
mod observed_at;
mod places;
pub(crate) mod shadow;
mod sources;
#[cfg(test)]
mod tests;
mod tune;

use crate::autoscaler::estimate::StatusChange;
use crate::message::{Effect, Event, Timestamped};
use crate::model::Model;

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
            act::quit(model, &mut effects);
            true
        }
        event => {
            let changed = observe::take(model, at, event, &mut effects);
            // Data behind a paused view is not visible.
            changed && model.paused_for().is_none()
        }
    };
    let settled = after_event::apply_timeouts(model, at, &mut effects);
    model.ui.changed |= changed || settled;
    after_event::emit_effects(model, at, &mut effects);
    effects
}
