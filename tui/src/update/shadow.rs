//! The shadow key: chooses a second specification, or takes the shadow away.

use crossterm::event::{KeyCode, KeyEvent};

use super::act::say;
use crate::event::At;
use crate::model::decision::{self, Sync};
use crate::model::events::Weight;
use crate::model::shadow::{Dialog, Running, Shadow};
use crate::model::sheet::Sheet;
use crate::model::{Mode, Model};

/// The shadow key.
pub(super) fn toggle(model: &mut Model, at: At) {
    if let Shadow::On(running) = &model.data.shadow {
        let message = format!("off; it was {}", running.in_short());
        model.data.shadow = Shadow::Off;
        model.data.history.shadow.push(at, None);
        return say(model, at, Weight::Own, "shadow", message);
    }
    let spec = model.data.hpa.get().and_then(|hpa| hpa.spec.as_deref().cloned());
    match spec {
        Some(spec) => model.ui.mode = Mode::Sheet(Box::new(Sheet::Shadow(Dialog::new(spec)))),
        None => say(model, at, Weight::Warning, "no shadow", "there is no HPA that can be read".to_owned()),
    }
}

/// A key went to the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent) {
    let config = decision::config(&model.data);
    let Mode::Sheet(sheet) = &mut model.ui.mode else { return };
    let Sheet::Shadow(dialog) = &mut **sheet else { return };
    match key.code {
        KeyCode::Esc => model.ui.mode = Mode::Normal,
        KeyCode::Enter => {
            let made = dialog
                .form
                .checked(&config)
                .and_then(|(_, spec)| Running::new(spec, &model.data, at).map_err(|sentence| vec![sentence]));
            match made {
                Ok(running) => {
                    let message = format!("on: {}", running.in_short());
                    model.data.history.shadow.push(at, Some(f64::from(running.size())));
                    model.data.shadow = Shadow::On(Box::new(running));
                    model.ui.mode = Mode::Normal;
                    say(model, at, Weight::Own, "shadow", message);
                }
                Err(wrong) => dialog.wrong = wrong,
            }
        }
        code => {
            dialog.form.key(code);
        }
    }
}

/// The real controller looked so often, and time has gone by.
pub(super) fn follow(model: &mut Model, at: At, syncs: &[Sync]) {
    let data = &mut model.data;
    let Shadow::On(mut running) = std::mem::take(&mut data.shadow) else { return };
    running.account(at, data);
    let ready = data.workload.get().map_or(0, |workload| workload.ready);
    let mut before = data.estimate.last.as_ref().map_or(0, |last| last.said.current);
    let since = running.since;
    for sync in syncs.iter().filter(|sync| sync.at >= since) {
        let size = running.sync(*sync, before, ready);
        before = sync.size;
        data.history.shadow.push(sync.at, Some(f64::from(size)));
    }
    if !syncs.is_empty() {
        running.account(at, data);
    }
    data.shadow = Shadow::On(running);
}
