//! Runs a scenario: lets its engine look at the data after each event, and carries out its actions one after another.

use std::sync::Arc;

use scenario::engine::{Action, Answer};
use scenario::file::Scenario;
use scenario::settings::Settings;

use super::request::{ask as request, refused};
use crate::autoscaler::tuning::sentences as refusal_sentences;
use crate::clock::At;
use crate::message::{Effect, Request};
use crate::model::Model;
use crate::reported::{Change, Drill, DrillEvent, DrillRequest, Refusal, TuneEvent, TuneRequest};
use crate::scenario_run::{ScenarioRun, drill, edits};
use crate::scenario_world;
use crate::strings::{entries, sentences};
use observed::{PodPhase, Role};

/// Returns true while a scenario runs.
pub(super) fn is_running(model: &Model) -> bool {
    model.data.scenario.as_ref().is_some_and(|run| run.is_running())
}

/// Starts a scenario, unless one runs or the target is not ready.
pub(super) fn start(model: &mut Model, at: At, scenario: Arc<Scenario>, effects: &mut Vec<Effect>) {
    if is_running(model) || !model.data.watched.is_ready() {
        return refused(model, at, entries::no_scenario(), effects);
    }
    request(model, at, Request::Mark(entries::scenario_begins(&scenario.name)), effects);
    model.data.scenario = Some(Box::new(scenario_world::start(scenario, at, &model.data)));
}

/// Stops the running scenario.
pub(super) fn stop(model: &mut Model, at: At, reason: String) {
    if let Some(run) = &mut model.data.scenario {
        run.engine.stop(at.0, reason);
    }
}

/// Stops the running scenario before the dashboard ends. Returns true if the end must wait for it.
pub(super) fn stop_before_quit(model: &mut Model, at: At) -> bool {
    let Some(run) = model.data.scenario.as_mut().filter(|run| run.is_running()) else { return false };
    // The second request to quit does not wait.
    if std::mem::replace(&mut run.quits, true) {
        return false;
    }
    run.engine.stop(at.0, sentences::QUIT_STOPS_SCENARIO.to_owned());
    super::feedback::say(model, sentences::PUTTING_BACK);
    true
}

/// Lets the engine look at the data, and carries out its actions. Returns true if the frame could differ now.
pub(super) fn poll(model: &mut Model, at: At, effects: &mut Vec<Effect>) -> bool {
    let Some(mut run) = model.data.scenario.take_if(|run| run.is_running()) else { return false };
    let mut has_acted = false;
    loop {
        let actions = scenario_world::poll(&mut run, at, &model.data);
        if actions.is_empty() {
            break;
        }
        has_acted = true;
        for action in actions {
            if action.is_answered() {
                run.waiting.push_back(action);
            } else {
                carry_out(model, at, action, effects);
            }
        }
        next(model, at, &mut run, effects);
    }
    next(model, at, &mut run, effects);
    let is_over = !run.is_running();
    if let Some(result) = run.engine.result() {
        let entry = entries::scenario_ends(&result.scenario, result.outcome.word(), result.first_failure());
        super::feedback::say(model, sentences::scenario_over(&result.scenario, result.outcome.word()));
        request(model, at, Request::Rate(run.before.rate), effects);
        request(model, at, Request::Mark(entry), effects);
        if run.quits {
            effects.push(Effect::Quit);
        }
    }
    model.data.scenario = Some(run);
    has_acted || is_over
}

/// Carries out an action without an answer.
fn carry_out(model: &mut Model, at: At, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Fire(size) => request(model, at, Request::Burst(size), effects),
        Action::Load(rate) if rate > 0.0 => {
            request(model, at, Request::Rate(rate), effects);
            if !model.data.load.is_on() {
                request(model, at, Request::StartLoad, effects);
            }
        }
        Action::Load(_) => request(model, at, Request::StopLoad(entries::SCENARIO.to_owned()), effects),
        Action::Mark(text) => request(model, at, Request::Mark(text), effects),
        Action::Kill | Action::Stop(_) | Action::Start(_) | Action::Tune(_) | Action::Undo => {}
    }
}

/// Begins the next action with an answer, if none is under way.
fn next(model: &mut Model, at: At, run: &mut ScenarioRun, effects: &mut Vec<Effect>) {
    while run.asked.is_none()
        && let Some(action) = run.waiting.pop_front()
    {
        match ask(model, &action) {
            Ok(wanted) => {
                request(model, at, wanted, effects);
                run.asked = Some(action);
            }
            Err(sentence) => run.engine.answer(at.0, Err(sentence)),
        }
    }
}

/// The request for an action, or the reason why it is not possible.
fn ask(model: &mut Model, action: &Action) -> Result<Request, String> {
    match action {
        Action::Kill => victim(model).ok_or_else(|| sentences::NO_WORKER_TO_KILL.to_owned()),
        Action::Stop(_) => Ok(Request::Drill(DrillRequest::Find)),
        Action::Start(part) => {
            let open =
                model.data.drills.get(drill(*part)).ok_or_else(|| sentences::not_stopped(part.word()))?;
            Ok(Request::Drill(DrillRequest::PutBack(drill(*part), open.scaled.clone())))
        }
        Action::Tune(settings) => change(model, settings),
        Action::Undo => {
            let undo = model.data.tuning.undo().ok_or_else(|| sentences::NOTHING_TO_UNDO.to_owned())?;
            model.ui.tunes += 1;
            let number = model.ui.tunes;
            Ok(Request::Tune(TuneRequest::Undo { number, forward: undo.forward, back: undo.back }))
        }
        Action::Fire(_) | Action::Load(_) | Action::Mark(_) => Err(String::new()),
    }
}

/// The deletion of a ready worker: one with a job in hand, else the oldest.
fn victim(model: &Model) -> Option<Request> {
    let workers = model.data.pods.of(Role::Worker);
    let mut ready = workers.iter().map(|known| &known.pod).filter(|pod| pod.phase == PodPhase::Ready);
    let oldest = ready.clone().next();
    let busy = ready.find(|pod| model.data.jobs.in_hand(&pod.name).is_some());
    busy.or(oldest).map(|pod| Request::Kill { name: pod.name.clone(), uid: pod.uid.clone() })
}

fn change(model: &mut Model, settings: &Settings) -> Result<Request, String> {
    let hpa = model.data.hpa.get().ok_or_else(|| sentences::NO_HPA.to_owned())?;
    let seen = hpa.spec.clone().ok_or_else(|| sentences::NO_HPA.to_owned())?;
    let edits = edits(settings, &seen);
    model.ui.tunes += 1;
    Ok(Request::Tune(TuneRequest::Apply(Change { number: model.ui.tunes, seen, edits })))
}

/// Passes an answer to the engine if it belongs to the action that is under way.
fn answer(model: &mut Model, at: At, answers: impl FnOnce(&Action) -> bool, answer: Answer) {
    let Some(run) = &mut model.data.scenario else { return };
    if run.asked.as_ref().is_some_and(answers) {
        run.asked = None;
        run.engine.answer(at.0, answer);
    }
}

/// Handles the answer to a kill.
pub(super) fn killed(model: &mut Model, at: At, result: &Result<String, String>) {
    let result = result.as_ref().map(|_| ()).map_err(Clone::clone);
    answer(model, at, |asked| *asked == Action::Kill, result);
}

/// Handles the answer to a change of the settings, or to its undo.
pub(super) fn tuned(model: &mut Model, at: At, event: &TuneEvent) {
    let refused = |refusal: &Refusal| refusal_sentences(refusal).join("; ");
    match event {
        TuneEvent::Applied { result, .. } => {
            let result = result.as_ref().map(|_| ()).map_err(refused);
            answer(model, at, |asked| matches!(asked, Action::Tune(_)), result);
        }
        TuneEvent::Undone { result, .. } => {
            let result = result.as_ref().map(|_| ()).map_err(refused);
            answer(model, at, |asked| *asked == Action::Undo, result);
        }
        TuneEvent::Rights(_) | TuneEvent::Tried { .. } => {}
    }
}

/// Handles the answer to a drill.
pub(super) fn drilled(model: &mut Model, at: At, event: &DrillEvent, effects: &mut Vec<Effect>) {
    let is = |asked: &Action, wanted: Drill| match asked {
        Action::Stop(part) | Action::Start(part) => drill(*part) == wanted,
        _ => false,
    };
    match event {
        DrillEvent::Found(found) => {
            let asked = model.data.scenario.as_ref().and_then(|run| run.asked.clone());
            let Some(Action::Stop(part)) = asked else { return };
            match found.iter().find(|(drill_of, _)| *drill_of == drill(part)) {
                Some((wanted, Ok(scaled))) if scaled.replicas > 0 => {
                    let stop = DrillRequest::Stop(*wanted, scaled.clone());
                    request(model, at, Request::Drill(stop), effects);
                }
                Some((_, Err(why))) => answer(model, at, |_| true, Err(why.clone())),
                _ => answer(model, at, |_| true, Err(sentences::already_stopped(part.word()))),
            }
        }
        DrillEvent::Stopped(wanted, _) | DrillEvent::PutBack(wanted, _) => {
            answer(model, at, |asked| is(asked, *wanted), Ok(()));
        }
        DrillEvent::Failed(wanted, sentence) => {
            answer(model, at, |asked| is(asked, *wanted), Err(sentence.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
