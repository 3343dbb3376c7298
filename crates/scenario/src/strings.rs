//! The words that the user reads in errors and results.

use crate::names::{Name, Scope};

/// A guess for a misspelled word among the known ones, as an ending of a sentence.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let close = known
        .into_iter()
        .map(|other| (strsim::jaro_winkler(word, other), other))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    close.map_or_else(String::new, |(_, other)| format!("; did you mean {other}?"))
}

pub(crate) const NO_BURST: &str = "no burst has this number";
pub(crate) const NOT_OVER: &str = "the run ended before the number was known";
pub(crate) const SKIPPED: &str = "an earlier step failed";
pub(crate) const NOT_REACHED: &str = "the run ended before this step";
pub(crate) const NO_ANSWER: &str = "no answer in time";

/// The sentence about a name that cannot be used where it is.
pub(crate) fn only_in_waits(name: Name) -> String {
    let word = name.word();
    let other: Vec<&str> =
        Name::of(Scope::Run).map(Name::word).filter(|other| other.contains(word)).collect();
    let instead = other.first().map_or_else(String::new, |other| format!("; the run has {other}"));
    format!("{word} is a present value, which only a wait may use{instead}")
}

/// The title of the phase after the last step.
pub(crate) const SETTLING: &str = "wait for the last numbers";
/// The title of the last phase.
pub(crate) const PUTTING_BACK: &str = "put the changes back";
pub(crate) const NO_WORKER: &str = "there is no ready worker";
pub(crate) const NOT_SIMULATED: &str = "not simulated";
