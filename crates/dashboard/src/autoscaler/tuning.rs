//! The HPA's current settings, the change in the dialog, and the applied changes.

use crossterm::event::KeyCode;

use crate::autoscaler::form::{Form, FormOutcome, in_short};
use crate::clock::At;
use crate::edits::{Difference, Edit};
use crate::reported::{Applied, Change, Refusal};
use crate::strings::sentences;
use crate::ui::yes_no::YesNo;

/// Changes kept for undo; the oldest go first.
const MAX_CHANGES: usize = 50;

/// The current settings and the changes of this run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    spec: Option<Box<hpa::Spec>>,
    changes: Vec<Made>,
}

/// An applied change.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The time of the answer.
    pub at: At,
    /// The change.
    pub applied: Applied,
}

/// A change to undo.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// The differences that undoing makes.
    pub differences: Vec<Difference>,
    /// The applied patch.
    pub forward: serde_json::Value,
    /// The patch that undoes it.
    pub back: serde_json::Value,
}

/// A change that looks like a slip: a value many times as large or as small as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
    /// The factor in words, such as `100 times`.
    pub times: String,
}

/// The factor from which a change looks like a slip: two digits more or fewer are one digit typed too often, and more.
const SLIP: f64 = 20.0;

/// The changes that look like slips.
#[must_use]
pub fn slips(differences: &[Difference]) -> Vec<Slip> {
    let number = |text: &str| {
        let quantity = text.trim_matches('"').parse::<hpa::Quantity>().ok()?;
        quantity.milli().ok().filter(|milli| *milli > 0).map(|milli| milli as f64)
    };
    let slip = |difference: &Difference| {
        let (before, after) = (difference.before.clone()?, difference.after.clone()?);
        let factor = number(&after)? / number(&before)?;
        let times = match factor {
            _ if factor >= SLIP => sentences::times(factor),
            _ if factor <= 1.0 / SLIP => sentences::parts(1.0 / factor),
            _ => return None,
        };
        Some(Slip { before, after, times })
    };
    differences.iter().filter_map(slip).collect()
}

impl Tuning {
    /// The current settings in one line, such as `20 per pod, 1..10, down 60 s`; empty before the HPA is
    /// known.
    #[must_use]
    pub fn current_settings(&self) -> String {
        self.spec.as_deref().map_or_else(String::new, in_short)
    }

    /// Records the HPA's specification. Returns true if it differs from the one before.
    pub fn seen(&mut self, spec: &hpa::Spec) -> bool {
        let changed = self.spec.as_deref().is_some_and(|known| known != spec);
        if changed || self.spec.is_none() {
            self.spec = Some(Box::new(spec.clone()));
        }
        changed
    }

    /// Records an applied change.
    pub fn made(&mut self, at: At, applied: Applied) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.remove(0);
        }
        self.changes.push(Made { at, applied });
    }

    /// The newest change that can be undone.
    #[must_use]
    pub fn newest(&self) -> Option<&Made> {
        self.changes.last()
    }

    /// The undo of the newest change.
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

    /// Removes the newest change after its undo.
    pub fn undone(&mut self) {
        self.changes.pop();
    }
}

/// The dialog that tunes the HPA.
#[derive(Debug, Clone, PartialEq)]
pub struct TuneDialog {
    /// The edited form.
    pub form: Form,
    /// The permission to change the HPA, `Err` with the reason; `None` until the answer arrives.
    pub rights: Option<Result<(), String>>,
    /// The step of the change.
    pub step: TuneStep,
}

/// The step of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum TuneStep {
    /// The user edits it; the validation errors, one sentence each.
    Editing(Vec<String>),
    /// The dry run at the API server is under way.
    Trying(Change),
    /// The dry run's answer waits for a yes; the chosen answer.
    Review(Change, Vec<Difference>, YesNo),
    /// The change is under way.
    Applying(u32),
}

impl TuneDialog {
    /// Opens the dialog for a specification.
    #[must_use]
    pub fn new(spec: hpa::Spec) -> Self {
        Self { form: Form::new(spec), rights: None, step: TuneStep::Editing(Vec::new()) }
    }

    /// Submits the edits. Returns the change to dry-run if they are valid.
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
            self.step = TuneStep::Editing(vec![sentences::NOTHING_CHANGED.to_owned()]);
            return None;
        }
        let change = Change { number, seen: Box::new(self.form.spec().clone()), edits };
        self.step = TuneStep::Trying(change.clone());
        Some(change)
    }

    /// Passes a key to the form: an edit clears the errors.
    pub fn edit(&mut self, code: KeyCode) {
        if self.form.key(code) == FormOutcome::Edited {
            self.step = TuneStep::Editing(Vec::new());
        }
    }

    /// Handles the answer to a dry run.
    pub fn tried(&mut self, number: u32, result: Result<Vec<Difference>, Refusal>) {
        let TuneStep::Trying(change) = &self.step else { return };
        if change.number != number {
            return;
        }
        match result {
            Ok(differences) if differences.is_empty() => {
                self.step = TuneStep::Editing(vec![sentences::DRY_RUN_CHANGES_NOTHING.to_owned()]);
            }
            Ok(differences) => self.step = TuneStep::Review(change.clone(), differences, YesNo::No),
            Err(refusal) => self.refused(refusal),
        }
    }

    /// Handles a refusal: the typed text stays.
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
            let mut lines = vec![sentences::CONFLICT.to_owned()];
            lines.extend(theirs.iter().map(in_words));
            lines
        }
        Refusal::Invalid(words) => vec![words.clone()],
        Refusal::Failed(sentence) => vec![sentence.clone()],
    }
}

/// A difference such as `spec.maxReplicas: 10 → 8`.
#[must_use]
pub fn in_words(difference: &Difference) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| sentences::ABSENT.to_owned());
    sentences::difference(&difference.path, &value(&difference.before), &value(&difference.after))
}
