//! Keys that answer a question.

use crossterm::event::KeyCode;

use crate::ui::yes_no::YesNo;

/// Whether a key turns to the other answer of a question.
pub(super) fn toggles_answer(code: KeyCode) -> bool {
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
