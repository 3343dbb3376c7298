//! Keys, the mouse, pasted text and the window's size.

use crossterm::event::{MouseEvent, MouseEventKind};

use super::act;
use crate::event::{At, Effect, Input};
use crate::keys::{self, Action};
use crate::model::load::SIZES;
use crate::model::{Confirm, Mode, Model, Screen, View};

/// Takes input in. Returns whether the frame could differ now.
pub(super) fn take(model: &mut Model, at: At, input: &Input, effects: &mut Vec<Effect>) -> bool {
    match input {
        Input::Key(key) => {
            let in_dialog = model.ui.mode != Mode::Normal;
            let Some(action) = keys::action(key, in_dialog) else { return false };
            act(model, at, action, effects);
            true
        }
        // A pasted text is never a command, whatever its letters are.
        Input::Paste(_) => false,
        Input::Mouse(mouse) => scroll(model, at, *mouse),
        Input::Resize(columns, rows) => {
            model.ui.size = (*columns, *rows);
            true
        }
        Input::Resumed => {
            effects.push(Effect::Redraw);
            true
        }
    }
}

/// The wheel moves the choice of a dialog and zooms the chart.
fn scroll(model: &mut Model, at: At, mouse: MouseEvent) -> bool {
    let up = match mouse.kind {
        MouseEventKind::ScrollUp => true,
        MouseEventKind::ScrollDown => false,
        _ => return false,
    };
    match &mut model.ui.mode {
        Mode::Normal => model.ui.zoom(at, up),
        Mode::Confirm(confirm) => choose(confirm, up),
        Mode::Help => return false,
    }
    true
}

fn choose(confirm: &mut Confirm, up: bool) {
    if let Confirm::Kill { workers, chosen } = confirm {
        *chosen =
            if up { chosen.saturating_sub(1) } else { (*chosen + 1).min(workers.len().saturating_sub(1)) };
    }
}

fn act(model: &mut Model, at: At, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Fire => act::burst(model, at, effects),
        Action::Size(index) => model.data.load.size = SIZES[index.min(SIZES.len() - 1)],
        Action::More => model.data.load.adjust(true),
        Action::Less => model.data.load.adjust(false),
        Action::Load => act::toggle_load(model, at, effects),
        Action::Slower => act::change_rate(model, false, effects),
        Action::Faster => act::change_rate(model, true, effects),
        Action::Kill => act::ask_kill(model, at),
        Action::NextScreen => model.ui.screen = model.ui.screen.next(),
        Action::Logs => model.ui.screen = Screen::Logs,
        Action::Pause => {
            model.ui.view = match &model.ui.view {
                View::Live => View::Paused(Box::new(model.data.clone())),
                View::Paused(_) => View::Live,
            };
        }
        Action::ZoomIn => model.ui.zoom(at, true),
        Action::ZoomOut => model.ui.zoom(at, false),
        Action::Theme => model.ui.theme = model.ui.theme.next(),
        Action::Mouse => model.ui.mouse = !model.ui.mouse,
        Action::Help => model.ui.mode = Mode::Help,
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Quit => act::quit(model, effects),
        Action::Yes => {
            if let Mode::Confirm(confirm) = std::mem::take(&mut model.ui.mode) {
                act::agree(model, at, confirm, effects);
            }
        }
        Action::No => model.ui.mode = Mode::Normal,
        Action::Up | Action::Down => {
            if let Mode::Confirm(confirm) = &mut model.ui.mode {
                choose(confirm, action == Action::Up);
            }
        }
    }
}
