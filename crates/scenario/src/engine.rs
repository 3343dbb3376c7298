//! The state of a run: observations and the time in, actions and results out.
//!
//! A caller polls the engine after each observation, and at [`Engine::next_due`] at the latest. It carries out the actions, and
//! reports the answers of those that have one ([`Action::is_answered`]) with [`Engine::answer`].
//!
//! A run ends after its last step, after a step that failed, at the scenario's timeout, or by [`Engine::stop`]. In each case the
//! load stops, and stopped parts and tuned settings are put back.

mod judge;
mod tally;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::file::{Part, Scenario, Step, StepAction};
use crate::outcome::{Outcome, RunResult, StepResult, Verdict};
use crate::settings::Settings;
use crate::strings::{NO_ANSWER, NOT_REACHED, SKIPPED};
use crate::world::World;
use tally::Tally;

/// Limit for the answer to an action.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Limit for putting back the stopped parts and the settings.
const PUT_BACK_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time between two settings of the same rate: a load that is not renewed stops by itself.
const RENEWAL: Duration = Duration::from_secs(60);

/// A request to the caller.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Fire a burst of that size.
    Fire(u32),
    /// Set the continuous load to that rate in requests per second; 0 switches it off.
    Load(f64),
    /// Delete a worker's pod without a grace period.
    Kill,
    /// Stop a part of the metric chain.
    Stop(Part),
    /// Start a stopped part.
    Start(Part),
    /// Change the settings of the HPA.
    Tune(Settings),
    /// Take the newest change of the settings back.
    Undo,
    /// Set a mark on the time axis.
    Mark(String),
}

impl Action {
    /// Returns true if the caller must report an answer to it.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Kill | Self::Stop(_) | Self::Start(_) | Self::Tune(_) | Self::Undo)
    }
}

/// The answer to an action: `Err` with a sentence if it failed.
pub type Answer = Result<(), String>;

/// The progress of a run, for a screen or a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Number of the step, from 1; above the number of steps after the last one.
    pub step: usize,
    /// Number of steps.
    pub steps: usize,
    /// The present step or phase in a few words.
    pub title: String,
    /// The caption of the present step; may be empty.
    pub caption: String,
    /// The time since the present step or phase began.
    pub since: Duration,
    /// The time until which the present step or phase ends at the latest, since it began.
    pub limit: Option<Duration>,
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    scenario: Arc<Scenario>,
    started: Duration,
    phase: Phase,
    /// The time at which the present step or phase began.
    since: Duration,
    steps: Vec<StepResult>,
    marks: Vec<(f64, String)>,
    tally: Tally,
    /// The rate of the load in requests per second; 0 is off.
    rate: f64,
    /// The time at which it was set.
    rate_set: Duration,
    stopped: BTreeSet<Part>,
    tuned: usize,
    left: Vec<String>,
    ended_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// The next step begins.
    Between(usize),
    /// A step runs.
    Running(usize),
    /// A step waits for the answer to its action.
    Asking(usize, Asked),
    /// All steps are done; open numbers may still become known.
    Settling,
    /// The changes are put back; the number of missing answers.
    PuttingBack(usize),
    /// It is over.
    Over(Box<RunResult>),
}

/// The action whose answer a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Kill,
    Tune,
    Stop(Part),
    Start(Part),
}

impl Engine {
    /// A run that begins now.
    #[must_use]
    pub fn start(scenario: Arc<Scenario>, now: Duration, world: &impl World) -> Self {
        Self {
            scenario,
            started: now,
            phase: Phase::Between(0),
            since: now,
            steps: Vec::new(),
            marks: Vec::new(),
            tally: Tally::start(now, world),
            rate: 0.0,
            rate_set: now,
            stopped: BTreeSet::new(),
            tuned: 0,
            left: Vec::new(),
            ended_by: None,
        }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The result, once the run is over.
    #[must_use]
    pub fn result(&self) -> Option<&RunResult> {
        match &self.phase {
            Phase::Over(result) => Some(result),
            _ => None,
        }
    }

    /// The finished steps, the oldest first.
    #[must_use]
    pub fn finished(&self) -> &[StepResult] {
        &self.steps
    }

    /// The progress; `None` when the run is over.
    #[must_use]
    pub fn progress(&self, now: Duration) -> Option<Progress> {
        let step = |index: usize| self.scenario.steps.get(index);
        let (number, title, caption) = match &self.phase {
            Phase::Between(index) | Phase::Running(index) | Phase::Asking(index, _) => {
                let step = step(*index);
                let caption = step.map(|step| step.caption.clone()).unwrap_or_default();
                (index + 1, step.map(Step::title).unwrap_or_default(), caption)
            }
            Phase::Settling => {
                (self.scenario.steps.len() + 1, crate::strings::SETTLING.to_owned(), String::new())
            }
            Phase::PuttingBack(_) => {
                (self.scenario.steps.len() + 1, crate::strings::PUTTING_BACK.to_owned(), String::new())
            }
            Phase::Over(_) => return None,
        };
        Some(Progress {
            step: number,
            steps: self.scenario.steps.len(),
            title,
            caption,
            since: now.saturating_sub(self.since),
            limit: self.limit(),
        })
    }

    /// The longest duration of the present step or phase.
    fn limit(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Running(index) => match &self.scenario.steps.get(*index)?.action {
                StepAction::Wait(_, deadline) => Some(*deadline),
                StepAction::Pause(time) => Some(*time),
                StepAction::Load(shape) => Some(shape.duration()),
                _ => None,
            },
            Phase::Asking(..) => Some(ANSWER_TIMEOUT),
            Phase::Settling => Some(self.scenario.settle),
            Phase::PuttingBack(_) => Some(PUT_BACK_TIMEOUT),
            Phase::Between(_) | Phase::Over(_) => None,
        }
    }

    /// The next time at which the engine acts without a new observation; `None` when the run is over.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let mut due = self.tally.next_sample();
        match &self.phase {
            Phase::Over(_) => return None,
            Phase::Between(_) => due = self.since,
            Phase::Running(index) => {
                if let Some(StepAction::Load(shape)) =
                    self.scenario.steps.get(*index).map(|step| &step.action)
                {
                    let set = self.rate_set.saturating_sub(self.since);
                    due = due.min(self.since + shape.next_change(set));
                }
            }
            _ => {}
        }
        if self.rate > 0.0 {
            due = due.min(self.rate_set + RENEWAL);
        }
        if let Some(limit) = self.limit() {
            due = due.min(self.since + limit);
        }
        Some(due.min(self.started + self.scenario.timeout))
    }

    /// Takes what the world shows now. Returns the actions, in order.
    pub fn poll(&mut self, now: Duration, world: &impl World) -> Vec<Action> {
        let mut actions = Vec::new();
        if matches!(self.phase, Phase::Over(_)) {
            return actions;
        }
        self.tally.observe(now, world);
        let is_late = now >= self.started + self.scenario.timeout;
        if is_late && !matches!(self.phase, Phase::Settling | Phase::PuttingBack(_)) {
            let limit = text::duration::span(self.scenario.timeout);
            self.fail_step(now, format!("the timeout of the run is over, {limit}"));
            self.settle(now, &mut actions);
        }
        // A burst is carried out before anything else is looked at.
        while !matches!(actions.last(), Some(Action::Fire(_))) && self.advance(now, world, &mut actions) {}
        self.renew(now, &mut actions);
        actions
    }

    /// Takes the answer to the oldest action without one.
    pub fn answer(&mut self, now: Duration, answer: Answer) {
        match self.phase.clone() {
            Phase::Asking(index, asked) => {
                match (asked, answer.is_ok()) {
                    (Asked::Tune, true) => self.tuned += 1,
                    (Asked::Start(part), true) | (Asked::Stop(part), false) => _ = self.stopped.remove(&part),
                    _ => {}
                }
                match answer {
                    Ok(()) => self.finish_step(now, index, Verdict::Held),
                    Err(sentence) => self.fail_step(now, sentence),
                }
            }
            Phase::PuttingBack(missing) => {
                self.left.extend(answer.err());
                self.phase = Phase::PuttingBack(missing.saturating_sub(1));
            }
            _ => {}
        }
    }

    /// Stops the run before its end. The next poll puts the changes back.
    pub fn stop(&mut self, now: Duration, reason: String) {
        if matches!(self.phase, Phase::Over(_) | Phase::PuttingBack(_)) {
            return;
        }
        if let Some(index) = self.index() {
            self.finish_step(now, index, Verdict::Unknown(reason.clone()));
        }
        self.ended_by = Some(reason);
        self.enter(now, Phase::Settling);
    }

    /// The index of the present step.
    fn index(&self) -> Option<usize> {
        match &self.phase {
            Phase::Between(index) | Phase::Running(index) | Phase::Asking(index, _) => {
                (*index < self.scenario.steps.len()).then_some(*index)
            }
            _ => None,
        }
    }

    fn enter(&mut self, now: Duration, phase: Phase) {
        self.phase = phase;
        self.since = now;
    }

    fn seconds(&self, at: Duration) -> f64 {
        at.saturating_sub(self.started).as_secs_f64()
    }

    /// Goes on by one phase, if that is possible now.
    fn advance(&mut self, now: Duration, world: &impl World, actions: &mut Vec<Action>) -> bool {
        match self.phase {
            Phase::Between(index) => {
                let scenario = Arc::clone(&self.scenario);
                match scenario.steps.get(index) {
                    Some(step) => self.begin(now, index, step, actions),
                    None => self.settle(now, actions),
                }
                true
            }
            Phase::Running(index) => self.go_on(now, index, world, actions),
            Phase::Asking(..) => {
                let is_late = now >= self.since + ANSWER_TIMEOUT;
                if is_late {
                    self.fail_step(now, NO_ANSWER.to_owned());
                }
                is_late
            }
            Phase::Settling => {
                let is_over = self.ended_by.is_some()
                    || now >= self.since + self.scenario.settle
                    || !judge::is_open(&self.scenario, &self.tally, world);
                if is_over {
                    self.put_back(now, actions);
                }
                is_over
            }
            Phase::PuttingBack(missing) => {
                let is_late = now >= self.since + PUT_BACK_TIMEOUT;
                if missing > 0 && !is_late {
                    return false;
                }
                if missing > 0 {
                    self.left.push(NO_ANSWER.to_owned());
                }
                let result = self.end(now, world);
                self.phase = Phase::Over(Box::new(result));
                false
            }
            Phase::Over(_) => false,
        }
    }

    /// Begins a step.
    fn begin(&mut self, now: Duration, index: usize, step: &Step, actions: &mut Vec<Action>) {
        let asked = match &step.action {
            StepAction::Note => None,
            StepAction::Burst(size) => {
                actions.push(Action::Fire(*size));
                None
            }
            StepAction::Rate(rate) => {
                self.set_load(now, *rate, actions);
                None
            }
            StepAction::Mark(text) => {
                self.marks.push((self.seconds(now), text.clone()));
                actions.push(Action::Mark(text.clone()));
                None
            }
            StepAction::Load(_) | StepAction::Pause(_) | StepAction::Wait(..) => {
                if let StepAction::Load(shape) = &step.action {
                    self.set_load(now, shape.rate(Duration::ZERO), actions);
                }
                return self.enter(now, Phase::Running(index));
            }
            StepAction::Kill => Some((Asked::Kill, Action::Kill)),
            StepAction::Stop(part) => {
                // Noted first: a request without an answer may have been carried out.
                self.stopped.insert(*part);
                Some((Asked::Stop(*part), Action::Stop(*part)))
            }
            StepAction::Start(part) => Some((Asked::Start(*part), Action::Start(*part))),
            StepAction::Tune(settings) => Some((Asked::Tune, Action::Tune(settings.clone()))),
        };
        match asked {
            Some((asked, action)) => {
                actions.push(action);
                self.enter(now, Phase::Asking(index, asked));
            }
            None => {
                self.since = now;
                self.finish_step(now, index, Verdict::Held);
            }
        }
    }

    /// Goes on with a step that takes time. Returns true if it ended.
    fn go_on(&mut self, now: Duration, index: usize, world: &impl World, actions: &mut Vec<Action>) -> bool {
        let scenario = Arc::clone(&self.scenario);
        let Some(step) = scenario.steps.get(index) else { return false };
        let into = now.saturating_sub(self.since);
        match &step.action {
            StepAction::Pause(time) if into >= *time => self.finish_step(now, index, Verdict::Held),
            StepAction::Load(shape) if into >= shape.duration() => {
                self.set_load(now, 0.0, actions);
                self.finish_step(now, index, Verdict::Held);
            }
            StepAction::Load(shape) => {
                if into >= shape.next_change(self.rate_set.saturating_sub(self.since)) {
                    self.set_load(now, shape.rate(into), actions);
                }
                return false;
            }
            StepAction::Wait(condition, deadline) => {
                let measured = judge::present(condition, &self.tally, world);
                let is_current = !world.is_catching_up();
                if is_current && measured.number().is_some_and(|number| condition.holds(number)) {
                    self.finish_step(now, index, Verdict::Held);
                } else if into >= *deadline {
                    self.fail_step(now, judge::not_within(condition, measured, *deadline));
                } else {
                    return false;
                }
            }
            _ => return false,
        }
        true
    }

    fn set_load(&mut self, now: Duration, rate: f64, actions: &mut Vec<Action>) {
        if rate > 0.0 || self.rate > 0.0 {
            actions.push(Action::Load(rate));
        }
        (self.rate, self.rate_set) = (rate, now);
    }

    /// Sets the same rate again before the load stops by itself.
    fn renew(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.rate > 0.0 && now >= self.rate_set + RENEWAL {
            self.set_load(now, self.rate, actions);
        }
    }

    fn finish_step(&mut self, now: Duration, index: usize, verdict: Verdict) {
        if let Some(step) = self.scenario.steps.get(index) {
            self.steps.push(StepResult {
                title: step.title(),
                caption: step.caption.clone(),
                began: self.seconds(self.since),
                took: now.saturating_sub(self.since).as_secs_f64(),
                verdict,
            });
        }
        self.enter(now, Phase::Between(index + 1));
    }

    /// Ends the present step and skips the others.
    fn fail_step(&mut self, now: Duration, sentence: String) {
        if let Some(index) = self.index() {
            self.finish_step(now, index, Verdict::Failed(sentence));
            self.phase = Phase::Between(self.scenario.steps.len());
        }
    }

    fn settle(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.set_load(now, 0.0, actions);
        self.enter(now, Phase::Settling);
    }

    /// Puts the changes back, the newest first.
    fn put_back(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.set_load(now, 0.0, actions);
        let undos = std::iter::repeat_n(Action::Undo, std::mem::take(&mut self.tuned));
        let starts = std::mem::take(&mut self.stopped).into_iter().map(Action::Start);
        let before = actions.len();
        actions.extend(undos.chain(starts));
        self.enter(now, Phase::PuttingBack(actions.len() - before));
    }

    fn end(&mut self, now: Duration, world: &impl World) -> RunResult {
        let scenario = Arc::clone(&self.scenario);
        let mut steps = std::mem::take(&mut self.steps);
        let reason = if self.ended_by.is_some() { NOT_REACHED } else { SKIPPED };
        for step in scenario.steps.iter().skip(steps.len()) {
            steps.push(StepResult {
                title: step.title(),
                caption: step.caption.clone(),
                began: self.seconds(now),
                took: 0.0,
                verdict: Verdict::Unknown(reason.to_owned()),
            });
        }
        let expectations = judge::expectations(&scenario, &self.tally, world);
        let has_failed = steps.iter().any(|step| step.verdict != Verdict::Held)
            || expectations.iter().any(|one| one.verdict != Verdict::Held);
        let outcome = match (self.ended_by.take(), has_failed) {
            (Some(reason), _) => Outcome::Stopped(reason),
            (None, true) => Outcome::Failed,
            (None, false) => Outcome::Passed,
        };
        RunResult {
            scenario: scenario.name.clone(),
            description: scenario.description.clone(),
            seconds: self.seconds(now),
            outcome,
            steps,
            expectations,
            figures: judge::figures(&self.tally, world),
            bursts: judge::bursts(&self.tally, world),
            rescales: self.tally.rescales().to_vec(),
            marks: std::mem::take(&mut self.marks),
            samples: self.tally.take_samples(),
            left: std::mem::take(&mut self.left),
        }
    }
}

#[cfg(test)]
mod tests;
