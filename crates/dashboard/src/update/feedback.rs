//! One line at the bottom for every key: its refusal with the reason, the new state of a toggle, or that it has no effect here.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::message::Effect;
use crate::model::Model;
use crate::reported::Drill;
use crate::strings::sentences;
use crate::ui::drills::Open;
use crate::ui::state::{Mode, Notice, Tone, View};

/// Shows why a key does nothing here.
pub(super) fn refuse(model: &mut Model, why: impl Into<String>) {
    let at = model.data.now;
    model.ui.notice = Some(Notice { at, text: why.into(), tone: Tone::Refusal });
}

/// Shows the new state of a toggle.
pub(super) fn say(model: &mut Model, text: impl Into<String>) {
    let at = model.data.now;
    model.ui.notice = Some(Notice { at, text: text.into(), tone: Tone::State });
}

/// The part of the state that a key can change, to see whether it has.
#[derive(PartialEq)]
pub(super) struct Seen {
    ui: crate::ui::state::Ui,
    is_live: bool,
    load: crate::bursts::load::Load,
    chosen: (crate::fleet::Order, Option<crate::fleet::Key>),
    drills: BTreeMap<Drill, Open>,
    entries: usize,
    shadow: bool,
    effects: usize,
}

impl Seen {
    /// Looks at the state.
    pub(super) fn of(model: &Model, effects: &[Effect]) -> Self {
        let is_live = model.ui.view == View::Live;
        Self {
            // The paused data is large, and no key changes it.
            ui: model.ui.without_data(),
            is_live,
            load: model.data.load.clone(),
            chosen: (model.fleet.order, model.fleet.chosen.clone()),
            drills: model.data.drills.iter().map(|(drill, open)| (drill, open.clone())).collect(),
            entries: model.data.events.added(),
            shadow: model.data.shadow.running().is_some(),
            effects: effects.len(),
        }
    }
}

/// Names a key that changed nothing.
pub(super) fn no_effect(model: &mut Model, key: &KeyEvent) {
    refuse(model, sentences::no_effect(&name(key)));
}

/// Names a key that has no row in the table of keys.
pub(super) fn unknown(model: &mut Model, key: &KeyEvent) {
    let is_help = matches!(model.ui.mode, Mode::Help(_));
    let sentence = if is_help { sentences::no_key_of_help } else { sentences::unknown_key };
    refuse(model, sentence(&name(key)));
}

/// A key as the help writes it.
fn name(key: &KeyEvent) -> String {
    let text = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Left => "←".to_owned(),
        KeyCode::Right => "→".to_owned(),
        KeyCode::Up => "↑".to_owned(),
        KeyCode::Down => "↓".to_owned(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        other => other.to_string().to_lowercase(),
    };
    match key.modifiers {
        held if held.contains(KeyModifiers::CONTROL) => format!("Ctrl-{}", text.to_uppercase()),
        held if held.contains(KeyModifiers::ALT) => format!("Alt-{text}"),
        _ => text,
    }
}
