//! Keys, the mouse, pasted text and the window's size.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::feedback::{self, Seen};
use super::request::{self, ask};
use super::{act, drill, fleet, navigation, places, scenarios, shadow, tune};
use crate::autoscaler::forecast;
use crate::bursts::load::SIZES;
use crate::clock::At;
use crate::keys;
use crate::keys::{Action, KeyContext};
use crate::message::{Effect, Input, Request};
use crate::model::Model;
use crate::reported::{PlaceKind, RecordRequest};
use crate::session::ReplayRequest;
use crate::strings::{entries, sentences};
use crate::ui::dialog::Dialog;
use crate::ui::screen::Screen;
use crate::ui::state::{Access, Greeting, Mode, View};
use crate::ui::yes_no::YesNo;

/// The most characters of a mark's note.
const MAX_NOTE: usize = 60;

/// Handles input. Returns true if the frame could differ now.
pub(super) fn take(model: &mut Model, at: At, input: &Input, effects: &mut Vec<Effect>) -> bool {
    match input {
        // Letters and digits are text there; keys of [`KeyContext::Always`] still apply.
        Input::Key(key) if is_text_input(model, key) => type_into_dialog(model, at, key, effects),
        Input::Key(key) => {
            let place = place(model);
            let Some(action) = keys::action(key, place) else { return typed(model, key) };
            model.ui.notice = None;
            let before = Seen::of(model, effects);
            model.ui.greeting = Greeting::Over;
            act(model, at, action, effects);
            if Seen::of(model, effects) == before {
                feedback::no_effect(model, key);
            }
            true
        }
        // Pasted text is never a command.
        Input::Paste(text) => {
            let is_typing = model.ui.mode == Mode::Filter;
            if is_typing {
                navigation::type_filter(model, text);
            }
            is_typing
        }
        Input::Mouse(mouse, spot) => navigation::mouse(model, mouse.kind, *spot),
        Input::Resize(columns, rows) => {
            model.ui.size = (*columns, *rows);
            true
        }
        Input::Resumed(columns, rows) => {
            model.ui.size = (*columns, *rows);
            effects.push(Effect::Redraw);
            true
        }
    }
}

/// The context of keys in a mode.
fn place(model: &Model) -> KeyContext {
    match &model.ui.mode {
        Mode::Normal if model.session.replay().is_some() => KeyContext::Replay,
        Mode::Normal => KeyContext::Screen,
        Mode::Help(_) | Mode::Confirm(..) | Mode::Dialog(_) => KeyContext::Dialog,
        Mode::Legend(_) => KeyContext::Legend,
        Mode::Filter => KeyContext::Filter,
    }
}

/// Adds a key without a row in the table to a text field.
fn typed(model: &mut Model, key: &KeyEvent) -> bool {
    let is_plain = key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    match key.code {
        KeyCode::Char(c) if is_plain && model.ui.mode == Mode::Filter && !key.is_release() => {
            navigation::type_filter(model, c.encode_utf8(&mut [0; 4]));
            true
        }
        _ if key.is_release() => false,
        _ => {
            feedback::unknown(model, key);
            true
        }
    }
}

fn act(model: &mut Model, at: At, action: Action, effects: &mut Vec<Effect>) {
    if action.asks() && model.session.replay().is_some() {
        feedback::refuse(model, sentences::A_REPLAY);
        return;
    }
    if action.drives() && model.ui.access == Access::ReadOnly {
        request::refused(model, at, entries::read_only(), effects);
        feedback::refuse(model, sentences::READ_ONLY_NOTICE);
        return;
    }
    if fleet::needs_an_open_hpa(model, action) {
        feedback::refuse(model, sentences::OPEN_AN_HPA);
        return;
    }
    match action {
        Action::Fire => act::burst(model, at, effects),
        Action::Size(index) => resize(model, at, SIZES[index.min(SIZES.len() - 1)], effects),
        Action::More | Action::Less => {
            let size = model.data.load.next_size(action == Action::More);
            resize(model, at, size, effects);
        }
        Action::Load => act::toggle_load(model, at, effects),
        Action::Slower | Action::Faster => {
            let rate = model.data.load.next_rate(action == Action::Faster);
            ask(model, at, Request::Rate(rate), effects);
            if !model.data.load.is_on() {
                feedback::say(model, sentences::rate_while_off(rate));
            }
        }
        Action::Kill => act::ask_kill(model, at, effects),
        Action::Tune => tune::open(model, at, effects),
        Action::Undo => tune::ask_undo(model, at, effects),
        Action::Shadow => shadow::toggle(model, at, effects),
        Action::Drill => drill::open(model, at, effects),
        Action::Scenarios => scenarios::open(model),
        Action::DrainTime => {
            model.ui.drain_time = (model.ui.drain_time + 1) % forecast::DRAIN_TIMES.len();
            let time = forecast::DRAIN_TIMES[model.ui.drain_time];
            feedback::say(model, sentences::drain_time(time.as_secs()));
        }
        Action::NextScreen => model.ui.show(model.ui.screen.neighbour(true)),
        Action::PreviousScreen => model.ui.show(model.ui.screen.neighbour(false)),
        Action::Logs => model.ui.show(Screen::Logs),
        Action::Fleet => model.ui.show(Screen::Fleet),
        Action::Contexts => places::open(model, PlaceKind::Context, effects),
        Action::Namespaces => places::open(model, PlaceKind::Namespace, effects),
        Action::Compare => navigation::compare(model),
        Action::Doctor => super::doctor::run(model, at, effects),
        Action::Pause => {
            model.ui.view = match &model.ui.view {
                View::Live => View::Paused(Box::new(model.data.clone())),
                View::Paused(_) => View::Live,
            };
            let is_paused = model.paused_for().is_some();
            feedback::say(model, sentences::paused(is_paused));
        }
        Action::ZoomIn | Action::ZoomOut => navigation::zoom(model, action == Action::ZoomIn),
        Action::Earlier | Action::Later => navigation::pan(model, action == Action::Earlier),
        Action::Live => navigation::live(model),
        Action::Fit => navigation::fit(model),
        Action::Inspect => navigation::inspect(model),
        Action::Legend => model.ui.mode = Mode::Legend(0),
        Action::Toggle => navigation::toggle(model),
        Action::Markers => {
            model.ui.markers = model.ui.markers.next();
            feedback::say(model, sentences::markers(model.ui.markers.words()));
        }
        Action::Expand if fleet::is_shown(model) => fleet::open(model, at, effects),
        Action::Expand => navigation::expand(model),
        Action::Back => navigation::back(model),
        Action::Filter => navigation::filter(model),
        Action::TakeBack => navigation::take_back(model),
        Action::Theme => {
            model.ui.theme = model.ui.theme.next();
            feedback::say(model, sentences::theme(model.ui.theme.words()));
        }
        Action::Mouse => {
            model.ui.mouse = !model.ui.mouse;
            feedback::say(model, sentences::mouse(model.ui.mouse));
        }
        Action::Record => effects.push(Effect::Record(RecordRequest::Toggle)),
        Action::Save => effects.push(Effect::Record(RecordRequest::Save)),
        Action::Mark => model.ui.mode = Mode::Dialog(Box::new(Dialog::Mark(String::new()))),
        Action::ReplayToggle => effects.push(Effect::Replay(ReplayRequest::Toggle)),
        Action::ReplaySeek(seconds) => effects.push(Effect::Replay(ReplayRequest::Seek(seconds.into()))),
        Action::ReplayFaster => effects.push(Effect::Replay(ReplayRequest::Faster)),
        Action::ReplaySlower => effects.push(Effect::Replay(ReplayRequest::Slower)),
        Action::ReplayNextMark => effects.push(Effect::Replay(ReplayRequest::NextMark)),
        Action::ReplayPreviousMark => effects.push(Effect::Replay(ReplayRequest::PreviousMark)),
        Action::ReplayStart => effects.push(Effect::Replay(ReplayRequest::Start)),
        Action::ReplayEnd => effects.push(Effect::Replay(ReplayRequest::End)),
        Action::Help => model.ui.mode = Mode::Help(0),
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Quit => act::quit(model, at, effects),
        Action::Yes => {
            if let Mode::Confirm(confirm, _) = std::mem::take(&mut model.ui.mode) {
                act::agree(model, at, confirm, effects);
            }
        }
        Action::Chosen => {
            if let Mode::Confirm(confirm, YesNo::Yes) = std::mem::take(&mut model.ui.mode) {
                act::agree(model, at, confirm, effects);
            }
        }
        Action::No => navigation::close(model),
        Action::Left
        | Action::Right
        | Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => navigation::go(model, action),
    }
}

/// Changes the size of the next burst, or says that it stays.
fn resize(model: &mut Model, at: At, size: u32, effects: &mut Vec<Effect>) {
    if model.data.load.size == size {
        return feedback::refuse(model, sentences::same_size(size));
    }
    ask(model, at, Request::Size(size), effects);
}

/// Returns true if a key goes to a form; keys with Ctrl and Alt keep their meaning.
fn is_text_input(model: &Model, key: &KeyEvent) -> bool {
    let plain = key.modifiers.difference(KeyModifiers::SHIFT) == KeyModifiers::NONE;
    plain && key.kind != KeyEventKind::Release && matches!(model.ui.mode, Mode::Dialog(_))
}

/// Passes a key to the dialog. Returns true if the frame could differ now.
fn type_into_dialog(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) -> bool {
    let Mode::Dialog(open) = &model.ui.mode else { return false };
    let before = (open.clone(), effects.len());
    model.ui.notice = None;
    match &**open {
        Dialog::Tune(_) => tune::key(model, at, key, effects),
        Dialog::Drills(_) => drill::key(model, at, key, effects),
        Dialog::Shadow(_) => shadow::key(model, at, key, effects),
        Dialog::Places(_) => places::key(model, at, key, effects),
        Dialog::Mark(_) => mark_key(model, at, key, effects),
        Dialog::Scenarios(_) => scenarios::key(model, at, key, effects),
    }
    let is_same = |open: &Dialog| *open == *before.0 && effects.len() == before.1;
    if matches!(&model.ui.mode, Mode::Dialog(open) if is_same(open)) {
        feedback::no_effect(model, key);
    }
    true
}

/// Handles a key in the dialog of a mark.
fn mark_key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let Mode::Dialog(open) = &mut model.ui.mode else { return };
    let Dialog::Mark(note) = &mut **open else { return };
    match key.code {
        KeyCode::Esc => model.ui.mode = Mode::Normal,
        KeyCode::Enter => {
            let note = note.trim().to_owned();
            model.ui.mode = Mode::Normal;
            ask(model, at, Request::Mark(note), effects);
        }
        KeyCode::Backspace => _ = note.pop(),
        KeyCode::Char(c) if !c.is_control() && note.chars().count() < MAX_NOTE => note.push(c),
        _ => {}
    }
}
