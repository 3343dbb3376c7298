//! The shadow key: opens its dialog, or switches the shadow off.

use crossterm::event::{KeyCode, KeyEvent};

use super::lists::log_event;
use crate::autoscaler::estimate::Sync;
use crate::autoscaler::form::FormOutcome;
use crate::autoscaler::shadow::{RealSide, RunningShadow, Shadow, ShadowDialog};
use crate::clock::At;
use crate::data::Data;
use crate::model::Model;
use crate::strings::entries;
use crate::ui::dialog::Dialog;
use crate::ui::events::Severity;
use crate::ui::state::Mode;

/// The shadow key.
pub(super) fn toggle(model: &mut Model, at: At) {
    if let Shadow::On(running) = &model.data.shadow {
        let entry = entries::shadow_off(&running.in_short());
        model.data.shadow = Shadow::Off;
        model.data.history.shadow.push(at, None);
        return log_event(model, at, Severity::Own, entry);
    }
    let spec = model.data.hpa.get().and_then(|hpa| hpa.spec.as_deref().cloned());
    match spec {
        Some(spec) => model.ui.mode = Mode::Dialog(Box::new(Dialog::Shadow(ShadowDialog::new(spec)))),
        None => log_event(model, at, Severity::Warning, entries::no_shadow()),
    }
}

/// Handles a key in the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent) {
    let config = model.data.rules().config;
    let Mode::Dialog(open) = &mut model.ui.mode else { return };
    let Dialog::Shadow(dialog) = &mut **open else { return };
    match key.code {
        KeyCode::Esc => model.ui.mode = Mode::Normal,
        KeyCode::Enter => {
            let made = dialog.form.checked(&config).and_then(|(_, spec)| {
                RunningShadow::new(spec, &real_side(&model.data), at).map_err(|sentence| vec![sentence])
            });
            match made {
                Ok(running) => {
                    let entry = entries::shadow_on(&running.in_short());
                    model.data.history.shadow.push(at, Some(f64::from(running.size())));
                    model.data.shadow = Shadow::On(Box::new(running));
                    model.ui.mode = Mode::Normal;
                    log_event(model, at, Severity::Own, entry);
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

/// The real autoscaler's side at this moment.
pub(crate) fn real_side(data: &Data) -> RealSide {
    let seconds = data.estimate.schedule().period().0.as_secs().max(1);
    RealSide {
        spec: data.hpa.get().and_then(|hpa| hpa.spec.as_deref().cloned()),
        size: data.workload.get().map(|workload| workload.spec_replicas),
        config: hpa::Config {
            sync_period_seconds: i64::try_from(seconds).unwrap_or(15),
            ..data.rules().config
        },
        total: data.estimate.reading.total_milli().map(|milli| milli as f64 / 1_000.0),
        work: data.pace.work().map(|work| work.time),
        burst: data.load.size,
    }
}

/// Runs the shadow for the real controller's syncs, and for the time since the last call.
pub(super) fn follow(model: &mut Model, at: At, syncs: &[Sync]) {
    let data = &mut model.data;
    let Shadow::On(mut running) = std::mem::take(&mut data.shadow) else { return };
    running.account(at, &real_side(data));
    let ready = data.workload.get().map_or(0, |workload| workload.ready);
    let mut before = data.estimate.last.as_ref().map_or(0, |last| last.reported.current);
    let since = running.since;
    for sync in syncs.iter().filter(|sync| sync.at >= since) {
        let size = running.sync(sync, before, ready, data.estimate.counted_pods());
        before = sync.size;
        data.history.shadow.push(sync.at, Some(f64::from(size)));
    }
    if !syncs.is_empty() {
        running.account(at, &real_side(data));
    }
    data.shadow = Shadow::On(running);
}

#[cfg(test)]
mod tests {
    use super::*;
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
