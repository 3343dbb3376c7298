//! The dialog that tunes the HPA: edit, dry run, confirm, undo.

use crossterm::event::{KeyCode, KeyEvent};

use super::lists::log_event;
use super::{answers, request};
use crate::autoscaler::tuning::{TuneDialog, TuneStep, Undo, in_words, sentences};
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::reported::{TuneEvent, TuneRequest};
use crate::strings::entries;
use crate::ui::dialog::Dialog;
use crate::ui::events::Severity;
use crate::ui::state::{Confirm, Mode};
use crate::ui::yes_no::YesNo;

/// The tune key: opens the dialog, and checks the permission.
pub(super) fn open(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    let spec = model.data.hpa.get().and_then(|hpa| hpa.spec.as_deref().cloned());
    let Some(spec) = spec else {
        return request::refused(model, at, entries::no_tuning(), effects);
    };
    model.ui.mode = Mode::Dialog(Box::new(Dialog::Tune(TuneDialog::new(spec))));
    effects.push(Effect::Tune(TuneRequest::Rights));
}

fn dialog(mode: &mut Mode) -> Option<&mut TuneDialog> {
    match mode {
        Mode::Dialog(open) => match &mut **open {
            Dialog::Tune(dialog) => Some(dialog),
            Dialog::Shadow(_)
            | Dialog::Drills(_)
            | Dialog::Places(_)
            | Dialog::Mark(_)
            | Dialog::Scenarios(_) => None,
        },
        _ => None,
    }
}

/// Handles a key in the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let config = model.data.rules().config;
    let number = model.ui.tunes + 1;
    let Some(dialog) = dialog(&mut model.ui.mode) else { return };
    match (&dialog.step, key.code) {
        (TuneStep::Editing(_), KeyCode::Esc) => model.ui.mode = Mode::Normal,
        (TuneStep::Editing(_), KeyCode::Enter) => {
            if let Some(change) = dialog.submit(number, &config) {
                model.ui.tunes = number;
                effects.push(Effect::Tune(TuneRequest::Try(change)));
            }
        }
        (TuneStep::Editing(_), code) => dialog.edit(code),
        (TuneStep::Review(change, differences, answer), code) if answers::toggles_answer(code) => {
            dialog.step = TuneStep::Review(change.clone(), differences.clone(), answer.other());
        }
        (TuneStep::Review(change, _, chosen), code) => match answers::answer(code, *chosen) {
            Some(YesNo::Yes) => {
                let mut change = change.clone();
                change.number = number;
                dialog.step = TuneStep::Applying(number);
                model.ui.tunes = number;
                request::ask(model, at, Request::Tune(TuneRequest::Apply(change)), effects);
            }
            Some(YesNo::No) => dialog.step = TuneStep::Editing(Vec::new()),
            None => {}
        },
        (TuneStep::Trying(_), KeyCode::Esc | KeyCode::Char('n')) => {
            dialog.step = TuneStep::Editing(Vec::new());
        }
        // The request cannot be cancelled; closing the dialog does not stop it.
        (TuneStep::Applying(_), KeyCode::Esc) => model.ui.mode = Mode::Normal,
        _ => {}
    }
}

/// The undo key: shows the differences of an undo, and asks.
pub(super) fn ask_undo(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    match model.data.tuning.undo() {
        Some(undo) => model.ui.mode = Confirm::Undo(Box::new(undo)).put(),
        None => request::refused(model, at, entries::no_undo(), effects),
    }
}

/// Undoes the newest change.
pub(super) fn undo(model: &mut Model, at: At, undo: Undo, effects: &mut Vec<Effect>) {
    let Undo { forward, back, .. } = undo;
    model.ui.tunes += 1;
    let number = model.ui.tunes;
    request::ask(model, at, Request::Tune(TuneRequest::Undo { number, forward, back }), effects);
}

/// Marks a change of the HPA's settings on the time axis, whichever client made it.
pub(super) fn observed(model: &mut Model, at: At) {
    let Some(spec) = model.data.hpa.get().and_then(|hpa| hpa.spec.clone()) else { return };
    if model.data.tuning.seen(&spec) {
        model.data.history.mark(at, MarkKind::Tuned);
        let entry = entries::hpa_changed(&model.data.tuning.current_settings());
        log_event(model, at, Severity::Own, entry);
    }
}

/// Handles an answer.
pub(super) fn answered(model: &mut Model, at: At, answer: TuneEvent) {
    let dialog = dialog(&mut model.ui.mode);
    match answer {
        TuneEvent::Rights(rights) => {
            if let Some(dialog) = dialog {
                dialog.rights = Some(rights);
            }
        }
        TuneEvent::Tried { number, result } => {
            if let Some(dialog) = dialog {
                dialog.tried(number, result);
            }
        }
        TuneEvent::Applied { number, result } => {
            let dialog = dialog.filter(|dialog| dialog.step == TuneStep::Applying(number));
            match result {
                Ok(applied) => {
                    let words: Vec<String> = applied.differences.iter().map(in_words).collect();
                    if dialog.is_some() {
                        model.ui.mode = Mode::Normal;
                    }
                    model.data.tuning.made(at, applied);
                    log_event(model, at, Severity::Own, entries::tuned(&words));
                }
                Err(refusal) => {
                    let entry = entries::not_tuned(&sentences(&refusal));
                    if let Some(dialog) = dialog {
                        dialog.refused(refusal);
                    }
                    log_event(model, at, Severity::Warning, entry);
                }
            }
        }
        TuneEvent::Undone { result: Ok(differences), .. } => {
            model.data.tuning.undone();
            let words: Vec<String> = differences.iter().map(in_words).collect();
            log_event(model, at, Severity::Own, entries::undone(&words));
        }
        TuneEvent::Undone { result: Err(refusal), .. } => {
            log_event(model, at, Severity::Warning, entries::not_undone(&sentences(&refusal)));
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
