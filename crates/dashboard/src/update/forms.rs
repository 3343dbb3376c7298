//! Keys for dialogs in which people type: there a letter is a letter.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{drill, shadow, tune};
use crate::clock::At;
use crate::message::Effect;
use crate::model::Model;
use crate::ui::dialog::Dialog;
use crate::ui::state::Mode;
use crate::ui::yes_no::YesNo;

/// Whether a key goes to a form; keys with Ctrl and Alt keep their meaning.
pub(super) fn takes(model: &Model, key: &KeyEvent) -> bool {
    let plain = key.modifiers.difference(KeyModifiers::SHIFT) == KeyModifiers::NONE;
    plain && key.kind != KeyEventKind::Release && matches!(model.ui.mode, Mode::Sheet(_))
}

/// Whether a key turns to the other answer of a question.
pub(super) fn turns(code: KeyCode) -> bool {
    matches!(code, KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab)
}

/// What a key answers to a question in which `chosen` is chosen, if it is an answer.
pub(super) fn answer(code: KeyCode, chosen: YesNo) -> Option<YesNo> {
    match code {
        KeyCode::Char('y') => Some(YesNo::Yes),
        KeyCode::Char('n') | KeyCode::Esc => Some(YesNo::No),
        KeyCode::Enter => Some(chosen),
        _ => None,
    }
}

/// The key goes there. Returns whether the frame could differ now.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) -> bool {
    let Mode::Sheet(sheet) = &model.ui.mode else { return false };
    match &**sheet {
        Dialog::Tune(_) => tune::key(model, key, effects),
        Dialog::Drills(_) => drill::key(model, key, effects),
        Dialog::Shadow(_) => shadow::key(model, at, key),
    }
    true
}
