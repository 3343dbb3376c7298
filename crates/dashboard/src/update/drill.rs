//! The drill key: the dialog that stops a part of the chain after a question, and starts it again.

use crossterm::event::{KeyCode, KeyEvent};

use super::lists::log_event;
use super::{answers, request};
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::reported::{DrillEvent, DrillRequest};
use crate::strings::entries;
use crate::ui::dialog::Dialog;
use crate::ui::drills::{DrillDialog, DrillStep, title};
use crate::ui::events::Severity;
use crate::ui::state::Mode;
use crate::ui::yes_no::YesNo;

/// The drill key.
pub(super) fn open(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if !model.data.watched.has_data() {
        return request::refused(model, at, entries::no_drill(), effects);
    }
    model.ui.mode = Mode::Dialog(Box::new(Dialog::Drills(DrillDialog::default())));
    effects.push(Effect::Drill(DrillRequest::Find));
}

fn dialog(mode: &mut Mode) -> Option<&mut DrillDialog> {
    match mode {
        Mode::Dialog(open) => match &mut **open {
            Dialog::Drills(dialog) => Some(dialog),
            Dialog::Tune(_)
            | Dialog::Shadow(_)
            | Dialog::Places(_)
            | Dialog::Mark(_)
            | Dialog::Scenarios(_) => None,
        },
        _ => None,
    }
}

/// Handles a key in the dialog.
pub(super) fn key(model: &mut Model, at: At, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let Some(dialog) = dialog(&mut model.ui.mode) else { return };
    if let DrillStep::Asking(_, _, chosen) = &mut dialog.step {
        if answers::toggles_answer(key.code) {
            *chosen = chosen.other();
        }
        match answers::answer(key.code, *chosen) {
            Some(YesNo::Yes) => {
                let wanted = dialog.yes();
                model.ui.mode = Mode::Normal;
                if let Some(wanted) = wanted {
                    request::ask(model, at, Request::Drill(wanted), effects);
                }
            }
            Some(YesNo::No) => dialog.step = DrillStep::Choosing,
            None => {}
        }
        return;
    }
    let wanted = match key.code {
        KeyCode::Esc | KeyCode::Char('q' | 'D') => {
            model.ui.mode = Mode::Normal;
            return;
        }
        KeyCode::Up | KeyCode::Char('k') => {
            dialog.choose(true);
            None
        }
        KeyCode::Down | KeyCode::Char('j') => {
            dialog.choose(false);
            None
        }
        KeyCode::Enter => dialog.enter(&model.data.drills),
        _ => None,
    };
    if let Some(wanted) = wanted {
        model.ui.mode = Mode::Normal;
        request::ask(model, at, Request::Drill(wanted), effects);
    }
}

/// Handles an answer.
pub(super) fn answered(model: &mut Model, at: At, answer: DrillEvent) {
    match answer {
        DrillEvent::Found(seen) => {
            if let Some(dialog) = dialog(&mut model.ui.mode) {
                dialog.show(seen, &model.data.drills);
            }
        }
        DrillEvent::Stopped(drill, scaled) => {
            let entry = entries::drill_stopped(title(drill), scaled.kind.word(), &scaled.name);
            model.data.drills.stopped(at, drill, scaled);
            model.data.history.mark(at, MarkKind::Drill);
            log_event(model, at, Severity::Warning, entry);
        }
        DrillEvent::PutBack(drill, scaled) => {
            let (kind, name) = (scaled.kind.word(), &scaled.name);
            let entry = entries::drill_over(title(drill), kind, name, scaled.replicas);
            model.data.drills.put_back(drill);
            model.data.history.mark(at, MarkKind::DrillOver);
            log_event(model, at, Severity::Own, entry);
        }
        DrillEvent::Failed(drill, sentence) => {
            log_event(model, at, Severity::Warning, entries::drill_failed(title(drill), &sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Event;
    use crate::reported::ScaledWorkload;
    use crate::reported::{Drill, ScaledKind};
    use crate::update::tests::Talk;

    fn scaled(replicas: i32) -> ScaledWorkload {
        let (namespace, name) = ("demo".to_owned(), "rabbitmq".to_owned());
        ScaledWorkload { kind: ScaledKind::StatefulSet, namespace, name, replicas }
    }

    fn requests(effects: &[Effect]) -> Vec<DrillRequest> {
        effects
            .iter()
            .filter_map(
                |effect| if let Effect::Drill(request) = effect { Some(request.clone()) } else { None },
            )
            .collect()
    }

    /// Opens the dialog for a broker with `replicas`, and without an exporter.
    fn open(replicas: i32) -> Talk {
        let mut talk = Talk::ready(false);
        assert_eq!(requests(&talk.keys("D")), [DrillRequest::Find]);
        talk.send(Event::Drill(DrillEvent::Found(vec![
            (Drill::Exporter, Err("there is none".to_owned())),
            (Drill::Broker, Ok(scaled(replicas))),
        ])));
        talk
    }

    #[test]
    fn nothing_is_stopped_without_a_yes() {
        for (keys, expected) in [
            // A part that cannot be stopped is not chosen first, and choosing it does nothing.
            ("↑↵", vec![]),
            ("↑↵y", vec![]),
            ("↵", vec![]),
            ("↵n", vec![]),
            ("↵⎋↵n⎋", vec![]),
            ("↵y", vec![DrillRequest::Stop(Drill::Broker, scaled(1))]),
            ("↑↓↵y", vec![DrillRequest::Stop(Drill::Broker, scaled(1))]),
            // The answer that is chosen at first is no.
            ("↵↵", vec![]),
            ("↵→←↵", vec![]),
            ("↵→↵", vec![DrillRequest::Stop(Drill::Broker, scaled(1))]),
            // Letters do only what the dialog shows.
            ("↓ 6cK", vec![]),
        ] {
            let mut talk = open(1);
            let effects = talk.keys(keys);
            assert_eq!(requests(&effects), expected, "{keys}");
            assert!(
                !effects.iter().any(|effect| matches!(effect, Effect::Fire { .. } | Effect::Load { .. }))
            );
        }
    }

    #[test]
    fn the_same_key_starts_a_stopped_part() {
        let mut talk = open(2);
        talk.keys("↵y");
        talk.send(Event::Drill(DrillEvent::Stopped(Drill::Broker, scaled(2))));
        let kinds = |talk: &Talk| -> Vec<MarkKind> {
            let marks = talk.model.data.history.marks(At::default(), std::time::Duration::MAX);
            marks.map(|mark| mark.kind).collect()
        };
        assert_eq!(kinds(&talk), [MarkKind::Drill]);
        assert!(talk.model.data.drills.get(Drill::Broker).is_some());
        talk.keys("D");
        talk.send(Event::Drill(DrillEvent::Found(vec![
            (Drill::Exporter, Ok(scaled(1))),
            (Drill::Broker, Ok(scaled(0))),
        ])));
        let back = DrillRequest::PutBack(Drill::Broker, scaled(2));
        assert_eq!(requests(&talk.keys("↵")), [back], "to what it had");
        talk.send(Event::Drill(DrillEvent::PutBack(Drill::Broker, scaled(2))));
        assert_eq!(kinds(&talk), [MarkKind::Drill, MarkKind::DrillOver]);
        assert!(talk.model.data.drills.get(Drill::Broker).is_none());
    }

    #[test]
    fn a_part_left_stopped_by_another_dashboard_is_started() {
        let mut talk = open(0);
        assert_eq!(requests(&talk.keys("↵")), [DrillRequest::PutBack(Drill::Broker, scaled(1))]);
    }

    #[test]
    fn a_failure_is_logged() {
        let mut talk = open(1);
        talk.send(Event::Drill(DrillEvent::Failed(Drill::Broker, "no (403)".to_owned())));
        assert_eq!(talk.events(), ["drill: broker: no (403)"]);
    }
}
