//! The key of the scenarios: the dialog that starts one, shows its progress, and stops it.

use std::sync::Arc;

use ::scenario::file::Scenario;
use crossterm::event::{KeyCode, KeyEvent};

use super::{answers, scenario};
use crate::clock::At;
use crate::message::Effect;
use crate::model::Model;
use crate::reported::ScenarioEvent;
use crate::strings::sentences;
use crate::ui::dialog::Dialog;
use crate::ui::scenarios::{ScenarioDialog, ScenarioStep};
use crate::ui::state::Mode;
use crate::ui::yes_no::YesNo;

/// The key of the scenarios.
pub(super) fn open(model: &mut Model) {
    model.ui.mode = Mode::Dialog(Box::new(Dialog::Scenarios(ScenarioDialog::default())));
}

/// Handles a report from outside.
pub(super) fn take(model: &mut Model, at: At, event: ScenarioEvent, effects: &mut Vec<Effect>) {
    match event {
        ScenarioEvent::Start(scenario) => scenario::start(model, at, scenario, effects),
        ScenarioEvent::Stop(reason) => scenario::stop(model, at, reason),
        ScenarioEvent::Read(found) => read(model, found),
    }
}

fn dialog(mode: &mut Mode) -> Option<&mut ScenarioDialog> {
    match mode {
        Mode::Dialog(open) => match &mut **open {
            Dialog::Scenarios(dialog) => Some(dialog),
            Dialog::Tune(_) | Dialog::Shadow(_) | Dialog::Drills(_) | Dialog::Places(_) | Dialog::Mark(_) => {
                None
            }
        },
        _ => None,
    }
}

/// Handles the answer to a request to read a file.
pub(super) fn read(model: &mut Model, found: Result<Arc<Scenario>, Vec<String>>) {
    if let Some(dialog) = dialog(&mut model.ui.mode) {
        dialog.read(found);
    }
}

/// Handles a key in the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) {
    if let Some(run) = &model.data.scenario {
        let is_running = run.is_running();
        match key.code {
            KeyCode::Char('x') if is_running => {
                scenario::stop(model, at, sentences::USER_STOPS_SCENARIO.to_owned());
            }
            KeyCode::Enter if !is_running => model.data.scenario = None,
            KeyCode::Esc | KeyCode::Char('q' | 's') => model.ui.mode = Mode::Normal,
            _ => {}
        }
        return;
    }
    let Some(dialog) = dialog(&mut model.ui.mode) else { return };
    match &mut dialog.step {
        ScenarioStep::Asking(found, chosen) => {
            if answers::toggles_answer(key.code) {
                *chosen = chosen.other();
            }
            match answers::answer(key.code, *chosen) {
                Some(YesNo::Yes) => {
                    let found = Arc::clone(found);
                    model.ui.mode = Mode::Normal;
                    scenario::start(model, at, found, effects);
                }
                Some(YesNo::No) => dialog.step = ScenarioStep::Choosing,
                None => {}
            }
        }
        ScenarioStep::Reading | ScenarioStep::Wrong(_) => match key.code {
            KeyCode::Esc | KeyCode::Enter => dialog.step = ScenarioStep::Choosing,
            _ => {}
        },
        ScenarioStep::Choosing => match key.code {
            KeyCode::Esc => model.ui.mode = Mode::Normal,
            KeyCode::Up => dialog.choose(true),
            KeyCode::Down => dialog.choose(false),
            KeyCode::Backspace => _ = dialog.path.pop(),
            KeyCode::Char(c) if dialog.is_on_path() => dialog.type_char(c),
            KeyCode::Char('q' | 's') => model.ui.mode = Mode::Normal,
            KeyCode::Char('k') => dialog.choose(true),
            KeyCode::Char('j') => dialog.choose(false),
            KeyCode::Enter => match dialog.of_library() {
                Some(found) => dialog.step = ScenarioStep::Asking(found, YesNo::Yes),
                None if dialog.path.trim().is_empty() => {}
                None => {
                    dialog.step = ScenarioStep::Reading;
                    effects.push(Effect::ReadScenario(dialog.path.trim().to_owned()));
                }
            },
            _ => {}
        },
    }
}
