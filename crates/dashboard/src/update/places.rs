//! The dialogs that change context and namespace.

use crossterm::event::{KeyCode, KeyEvent};

use super::{act, scenario};
use crate::clock::At;
use crate::message::Effect;
use crate::model::Model;
use crate::reported::{Place, PlaceKind};
use crate::strings::{entries, sentences};
use crate::ui::dialog::Dialog;
use crate::ui::places::PlacesDialog;
use crate::ui::screen::Screen;
use crate::ui::state::Mode;

/// Places that a page key moves over.
const PAGE: isize = 10;

/// The keys of the dialogs: opens one, and requests its places.
pub(super) fn open(model: &mut Model, kind: PlaceKind, effects: &mut Vec<Effect>) {
    model.ui.mode = Mode::Dialog(Box::new(Dialog::Places(PlacesDialog::new(kind))));
    effects.push(Effect::FindPlaces(kind));
}

fn dialog(mode: &mut Mode) -> Option<&mut PlacesDialog> {
    match mode {
        Mode::Dialog(open) => match &mut **open {
            Dialog::Places(dialog) => Some(dialog),
            Dialog::Tune(_)
            | Dialog::Shadow(_)
            | Dialog::Drills(_)
            | Dialog::Mark(_)
            | Dialog::Scenarios(_) => None,
        },
        _ => None,
    }
}

/// Handles the places.
pub(super) fn found(model: &mut Model, kind: PlaceKind, places: Result<Vec<Place>, String>) {
    if let Some(dialog) = dialog(&mut model.ui.mode).filter(|dialog| dialog.kind == kind) {
        dialog.show(places);
    }
}

/// Handles a key in the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let Some(dialog) = dialog(&mut model.ui.mode) else { return };
    match key.code {
        KeyCode::Esc | KeyCode::Char('q') => model.ui.mode = Mode::Normal,
        KeyCode::Up | KeyCode::Char('k') => dialog.choose(-1),
        KeyCode::Down | KeyCode::Char('j') => dialog.choose(1),
        KeyCode::PageUp => dialog.choose(-PAGE),
        KeyCode::PageDown => dialog.choose(PAGE),
        KeyCode::Home => dialog.choose(isize::MIN),
        KeyCode::End => dialog.choose(isize::MAX),
        KeyCode::Enter => {
            let kind = dialog.kind;
            let Some(place) = dialog.place().cloned() else { return };
            model.ui.mode = Mode::Normal;
            if place.is_current {
                return;
            }
            if scenario::is_running(model) {
                super::feedback::refuse(model, sentences::SCENARIO_RUNS);
                return;
            }
            act::ask_to_stop_load(model, at, entries::ANOTHER_TARGET, effects);
            match (kind, &place.name) {
                (PlaceKind::Context, Some(name)) => {
                    super::feedback::say(model, sentences::connecting_to(name));
                }
                _ => model.ui.show(Screen::Fleet),
            }
            effects.push(Effect::Switch(kind, place));
        }
        _ => {}
    }
}
