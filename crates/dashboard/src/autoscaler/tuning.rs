//! The HPA's settings in force, the change that is being edited, and the changes that were made.

use crossterm::event::KeyCode;

use crate::autoscaler::form::{Form, FormOutcome, in_short};
use crate::clock::At;
use crate::edits::{Difference, Edit};
use crate::reported::{Applied, Change, Refusal};
use crate::ui::yes_no::YesNo;

/// Changes kept for undoing; the oldest go first.
const MAX_CHANGES: usize = 50;

/// The settings in force and the changes of this run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    spec: Option<Box<hpa::Spec>>,
    changes: Vec<Made>,
    requests: u32,
}

/// A change that was made from here.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// When it was answered.
    pub at: At,
    /// What it did.
    pub applied: Applied,
}

/// A change that would be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// What would be different then.
    pub differences: Vec<Difference>,
    /// What was made.
    pub forward: serde_json::Value,
    /// What undoes it.
    pub back: serde_json::Value,
}

impl Tuning {
    /// The settings in force in one line, such as `20 a pod, 1..10, down 60 s`; empty before the HPA is known.
    #[must_use]
    pub fn current_settings(&self) -> String {
        self.spec.as_deref().map_or_else(String::new, in_short)
    }

    /// The HPA has this specification. Returns whether it is another one than before.
    pub fn seen(&mut self, spec: &hpa::Spec) -> bool {
        let changed = self.spec.as_deref().is_some_and(|known| known != spec);
        if changed || self.spec.is_none() {
            self.spec = Some(Box::new(spec.clone()));
        }
        changed
    }

    /// A number for the next request.
    pub fn number(&mut self) -> u32 {
        self.requests += 1;
        self.requests
    }

    /// A change was made.
    pub fn made(&mut self, at: At, applied: Applied) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.remove(0);
        }
        self.changes.push(Made { at, applied });
    }

    /// The newest change that can be taken back.
    #[must_use]
    pub fn newest(&self) -> Option<&Made> {
        self.changes.last()
    }

    /// What it would take to take the newest change back.
    #[must_use]
    pub fn undo(&self) -> Option<Undo> {
        let applied = &self.newest()?.applied;
        let turned = |difference: &Difference| Difference {
            path: difference.path.clone(),
            before: difference.after.clone(),
            after: difference.before.clone(),
        };
        Some(Undo {
            differences: applied.differences.iter().map(turned).collect(),
            forward: applied.forward.clone(),
            back: applied.back.clone(),
        })
    }

    /// The newest change was taken back.
    pub fn taken_back(&mut self) {
        self.changes.pop();
    }
}

/// The dialog in which the HPA is tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct TuneDialog {
    /// What is edited.
    pub form: Form,
    /// Whether the HPA may be changed from here; `None` until that is known.
    pub rights: Option<Result<(), String>>,
    /// How far it is.
    pub step: TuneStep,
}

/// How far a change is.
#[derive(Debug, Clone, PartialEq)]
pub enum TuneStep {
    /// It is being edited; what stands in its way, a sentence each.
    Editing(Vec<String>),
    /// The API server is asked what it would make of it.
    Trying(Change),
    /// The server's answer waits for a yes, with the answer that is chosen.
    Review(Change, Vec<Difference>, YesNo),
    /// It is being made.
    Applying(u32),
}

impl TuneDialog {
    /// The dialog for a specification.
    #[must_use]
    pub fn new(spec: hpa::Spec) -> Self {
        Self { form: Form::new(spec), rights: None, step: TuneStep::Editing(Vec::new()) }
    }

    /// The edits are to be tried. Returns what to ask the server, if they are in order.
    pub fn submit(&mut self, number: u32, config: &hpa::Config) -> Option<Change> {
        if let Some(Err(why)) = &self.rights {
            self.step = TuneStep::Editing(vec![why.clone()]);
            return None;
        }
        let edits: Vec<Edit> = match self.form.checked(config) {
            Ok((edits, _)) => edits,
            Err(wrong) => {
                self.step = TuneStep::Editing(wrong);
                return None;
            }
        };
        if edits.is_empty() {
            self.step = TuneStep::Editing(vec!["nothing is different".to_owned()]);
            return None;
        }
        let change = Change { number, seen: Box::new(self.form.spec().clone()), edits };
        self.step = TuneStep::Trying(change.clone());
        Some(change)
    }

    /// A key goes to the form: what was said about the edits before it holds no longer.
    pub fn edit(&mut self, code: KeyCode) {
        if self.form.key(code) == FormOutcome::Edited {
            self.step = TuneStep::Editing(Vec::new());
        }
    }

    /// The answer to a trial.
    pub fn tried(&mut self, number: u32, result: Result<Vec<Difference>, Refusal>) {
        let TuneStep::Trying(change) = &self.step else { return };
        if change.number != number {
            return;
        }
        match result {
            Ok(differences) if differences.is_empty() => {
                self.step =
                    TuneStep::Editing(vec!["the API server says that nothing would be different".to_owned()]);
            }
            Ok(differences) => self.step = TuneStep::Review(change.clone(), differences, YesNo::No),
            Err(refusal) => self.refused(refusal),
        }
    }

    /// The change was not made: everything that was typed is still there.
    pub fn refused(&mut self, refusal: Refusal) {
        let sentences = sentences(&refusal);
        if let Refusal::Conflict { now, .. } = refusal {
            self.form.rebase(*now);
        }
        self.step = TuneStep::Editing(sentences);
    }
}

/// A refusal as sentences.
#[must_use]
pub fn sentences(refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::Conflict { theirs, .. } => {
            let mut lines = vec!["somebody else changed the HPA meanwhile; your changes stand:".to_owned()];
            lines.extend(theirs.iter().map(in_words));
            lines
        }
        Refusal::Invalid(words) => vec![words.clone()],
        Refusal::Failed(sentence) => vec![sentence.clone()],
    }
}

/// `spec.maxReplicas: 10 → 8`.
#[must_use]
pub fn in_words(difference: &Difference) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(absent)".to_owned());
    format!("{}: {} → {}", difference.path, value(&difference.before), value(&difference.after))
}
