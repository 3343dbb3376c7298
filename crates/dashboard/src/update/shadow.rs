//! The shadow key: opens its dialog, or switches the shadow off.

use crossterm::event::{KeyCode, KeyEvent};

use super::request;
use super::running_shadow::real_side;
use crate::autoscaler::form::FormOutcome;
use crate::autoscaler::shadow::{RunningShadow, ShadowDialog};
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::strings::entries;
use crate::ui::dialog::Dialog;
use crate::ui::state::Mode;

/// The shadow key.
pub(super) fn toggle(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if model.data.shadow.running().is_some() {
        return request::ask(model, at, Request::Shadow(None), effects);
    }
    let spec = model.data.hpa.get().and_then(|hpa| hpa.spec.as_deref().cloned());
    match spec {
        Some(spec) => model.ui.mode = Mode::Dialog(Box::new(Dialog::Shadow(ShadowDialog::new(spec)))),
        None => request::refused(model, at, entries::no_shadow(), effects),
    }
}

/// Handles a key in the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let config = model.data.rules().config;
    let Mode::Dialog(open) = &mut model.ui.mode else { return };
    let Dialog::Shadow(dialog) = &mut **open else { return };
    match key.code {
        KeyCode::Esc => model.ui.mode = Mode::Normal,
        KeyCode::Enter => {
            let checked = dialog.form.checked(&config).and_then(|(_, spec)| {
                let made = RunningShadow::new(spec.clone(), &real_side(&model.data), at);
                made.map(|_running| spec).map_err(|sentence| vec![sentence])
            });
            match checked {
                Ok(spec) => {
                    model.ui.mode = Mode::Normal;
                    request::ask(model, at, Request::Shadow(Some(Box::new(spec))), effects);
                }
                Err(wrong) => dialog.wrong = wrong,
            }
        }
        code => {
            if dialog.form.key(code) == FormOutcome::Edited {
                dialog.wrong.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoscaler::shadow::Shadow;
    use crate::message::Event;
    use crate::update::tests::Talk;
    use crate::update::tune::tests::hpa;
    use observed::{MetricSample, Workload};

    fn talk() -> Talk {
        let mut talk = Talk::ready(false);
        let (name, selector) = ("worker".to_owned(), hpa::spec::LabelSelector::default());
        talk.send(Event::Workload(Some(Workload {
            name,
            spec_replicas: 1,
            replicas: 1,
            ready: 1,
            selector,
        })));
        talk.send(hpa(10));
        talk
    }

    #[test]
    fn keys_switch_a_shadow_on_and_off() {
        for (keys, expected) in [
            ("w", "choosing"),
            ("w⎋", "off"),
            // As offered: the other target type.
            ("w↵", "20 in total, 1..10"),
            ("w←↵", "20 per pod, 1..10"),
            ("w↓⌦5↵", "5 in total, 1..10"),
            ("w↓↓↓⌦0↵⌫", "choosing"),
            ("w↓↓↓⌦0↵", "wrong: spec.maxReplicas: Invalid value: 0: must be greater than 0"),
            ("w↵w", "off"),
            ("w↵w w", "choosing"),
        ] {
            let mut talk = talk();
            talk.keys(keys);
            let is = match (&talk.model.ui.mode, &talk.model.data.shadow) {
                (Mode::Dialog(open), _) => match &**open {
                    Dialog::Shadow(dialog) => match dialog.wrong.first() {
                        Some(wrong) => format!("wrong: {wrong}"),
                        None => "choosing".to_owned(),
                    },
                    other => panic!("another dialog: {other:?}"),
                },
                (Mode::Normal, Shadow::On(running)) => running.in_short(),
                (Mode::Normal, Shadow::Off) => "off".to_owned(),
                (mode, _) => panic!("another mode: {mode:?}"),
            };
            assert_eq!(is, expected, "{keys}");
        }
    }

    #[test]
    fn the_shadow_syncs_with_the_controller() {
        let mut talk = talk();
        talk.keys("w←↓↓↓⌦3↵");
        talk.at(1_000).send(Event::Metric(MetricSample { value_milli: Some(200_000), stamped: None }));
        // A sync that wrote nothing is presumed a period later, and the shadow syncs with it.
        talk.at(40_000).send(Event::Tick);
        let data = &talk.model.data;
        assert_eq!(data.history.shadow.last(), data.shadow.running().map(|running| running.size() as f32));
        assert!(data.shadow.running().is_some_and(|running| running.last.is_some()), "it has decided");
        talk.at(41_000).keys("w");
        assert_eq!(talk.model.data.history.shadow.last(), None, "the line ends");
    }
}
