//! The figures of a run and its result, in words.

use crate::run::{Outcome, Run, Total};
use crate::strings;

/// The name of a result.
pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Held => strings::PASSED,
        Outcome::Failed => strings::FAILED,
        Outcome::Unknown => strings::UNDECIDED,
    }
}

/// The name of a figure.
pub(super) fn figure_name(total: Total) -> String {
    match total {
        Total::Length => strings::RUN_LENGTH.to_owned(),
        Total::Bursts(figure) => figure.titles().1.to_owned(),
        Total::Rescales => strings::RESCALES.to_owned(),
        Total::Lag(hop) => strings::lag_of(hop.title()),
    }
}

/// A figure of a run in its unit.
pub(super) fn figure(run: &Run, total: Total) -> String {
    run.total(total).map_or_else(|| strings::NO_FIGURE.to_owned(), |cell| cell.words(total.unit()))
}
