//! The screen Doctor: starts a run, and records its report.

use super::request::ask;
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::ui::doctor::Doctor;
use crate::ui::screen::Screen;
use diagnosis::Report;

/// The doctor's key: shows its screen and starts a run.
pub(super) fn run(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if model.ui.screen != Screen::Doctor {
        model.ui.show(Screen::Doctor);
    }
    ask(model, at, Request::Doctor, effects);
}

/// Starts the first run when the screen is first shown.
pub(super) fn first(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    if model.ui.screen == Screen::Doctor && model.data.doctor == Doctor::Idle {
        ask(model, at, Request::Doctor, effects);
    }
}

/// Records a report.
pub(super) fn found(model: &mut Model, at: At, report: Report) {
    // Every screen counts with the period that the doctor has read.
    if let Some(period) = report.sync_period {
        model.data.estimate.configured_period(period);
    }
    model.data.doctor.end(at, report);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Event;
    use crate::update::tests::Talk;
    use diagnosis::{Asked, Facts, Part, Progress, examine};

    fn runs(effects: &[Effect]) -> usize {
        effects.iter().filter(|effect| **effect == Effect::Doctor).count()
    }

    #[test]
    fn it_runs_when_first_shown_and_at_its_key() {
        let mut talk = Talk::ready(false);
        assert_eq!(runs(&talk.keys("r")), 1, "from another screen");
        assert_eq!(talk.model.ui.screen, Screen::Doctor);
        assert_eq!(runs(&talk.keys("rr")), 0, "it runs already");
        let report = examine(&Facts::not_asked("why"));
        talk.send(Event::Doctor(Box::new(report.clone())));
        assert_eq!(talk.model.data.doctor.found().map(|found| &found.report), Some(&report));
        assert_eq!(runs(&talk.keys("r")), 1);
        assert_eq!(talk.model.data.doctor.report(), Some(&report), "the report stays during a run");

        let mut so_far = report.clone();
        so_far.findings.truncate(1);
        so_far.namespace = "new".to_owned();
        let asked = vec![Asked { part: Part::Prometheus, after: std::time::Duration::ZERO }];
        let progress = Progress { report: so_far.clone(), asked };
        talk.send(Event::DoctorProgress(Box::new(progress)));
        let doctor = &talk.model.data.doctor;
        assert_eq!(
            (doctor.report(), doctor.asked().len()),
            (Some(&so_far), 1),
            "the first findings replace it"
        );
        talk.send(Event::Doctor(Box::new(report.clone())));
        let doctor = &talk.model.data.doctor;
        assert_eq!((doctor.report(), doctor.asked().len()), (Some(&report), 0));
    }

    #[test]
    fn tab_starts_one_run() {
        let mut talk = Talk::ready(false);
        let way = Screen::Doctor.index();
        assert_eq!(runs(&talk.keys(&"⇥".repeat(way))), 1);
        assert_eq!(talk.model.ui.screen, Screen::Doctor);
        assert_eq!(runs(&talk.keys(&"⇥".repeat(Screen::ALL.len()))), 0);
    }
}
