//! Keys that answer a question.

use crossterm::event::KeyCode;

use crate::ui::yes_no::YesNo;

/// Returns true if a key toggles the answer of a question.
pub(super) fn toggles_answer(code: KeyCode) -> bool {
    matches!(code, KeyCode::Left | KeyCode::Right | KeyCode::Tab | KeyCode::BackTab)
}

/// The answer of a key to a question with the answer `chosen`, if it is one.
pub(super) fn answer(code: KeyCode, chosen: YesNo) -> Option<YesNo> {
    match code {
        KeyCode::Char('y') => Some(YesNo::Yes),
        KeyCode::Char('n') | KeyCode::Esc => Some(YesNo::No),
        KeyCode::Enter => Some(chosen),
        _ => None,
    }
}
