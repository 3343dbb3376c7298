//! Keys for dialogs in which people type: there a letter is a letter.

use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};

use super::{drill, shadow, tune};
use crate::event::{At, Effect};
use crate::model::sheet::Sheet;
use crate::model::{Mode, Model};

/// Whether a key goes to a form; keys with Ctrl and Alt keep their meaning.
pub(super) fn takes(model: &Model, key: &KeyEvent) -> bool {
    let plain = key.modifiers.difference(KeyModifiers::SHIFT) == KeyModifiers::NONE;
    plain && key.kind != KeyEventKind::Release && matches!(model.ui.mode, Mode::Sheet(_))
}

/// The key goes there. Returns whether the frame could differ now.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) -> bool {
    let Mode::Sheet(sheet) = &model.ui.mode else { return false };
    match &**sheet {
        Sheet::Tune(_) => tune::key(model, key, effects),
        Sheet::Drills(_) => drill::key(model, key, effects),
        Sheet::Shadow(_) => shadow::key(model, at, key),
    }
    true
}
