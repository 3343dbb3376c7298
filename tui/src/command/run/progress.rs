//! The progress of a run on standard error: one line with a bar on a terminal, one line a step in a log.

use std::io::Write as _;

use crate::command::note;
use dashboard::model::Model;
use scenario::engine::Engine;
use text::{clean, duration};

/// Columns of the bar.
const BAR: usize = 20;

/// Most columns of the line.
const WIDTH: usize = 79;

/// Shows the progress.
pub(super) struct Progress {
    is_terminal: bool,
    finished: usize,
    /// The present line, so that an equal one is not written.
    line: String,
}

impl Progress {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self { is_terminal, finished: 0, line: String::new() }
    }

    /// Shows the start of the target.
    pub(super) fn starting(&mut self, model: &Model) {
        let open = model.data.watched.steps.iter().find(|step| step.state != contract::StepState::Ready);
        if let Some(step) = open {
            self.show(&format!("starting: {}", step.name), self.is_terminal);
        }
    }

    /// Shows the run.
    pub(super) fn running(&mut self, model: &Model, engine: &Engine) {
        let steps = engine.scenario().steps.len();
        if !self.is_terminal {
            for (index, step) in engine.finished().iter().enumerate().skip(self.finished) {
                let reason = step.verdict.reason().map_or_else(String::new, |reason| format!(": {reason}"));
                let (took, word) = (duration::seconds(step.took), step.verdict.word());
                note(&clean::text(&format!(
                    "[{}/{steps}] {word} {} ({took}){reason}",
                    index + 1,
                    step.title
                )));
            }
            self.finished = engine.finished().len();
            return;
        }
        let Some(progress) = engine.progress(model.data.now.0) else { return };
        let done = (progress.step - 1).min(steps);
        let filled = (BAR * done).checked_div(steps).unwrap_or(BAR);
        let bar = format!("{}{}", "#".repeat(filled), "-".repeat(BAR - filled));
        let since = duration::age(progress.since);
        self.show(&format!("[{bar}] {done}/{steps} {}, {since}", progress.title), true);
    }

    /// Removes the line before the result.
    pub(super) fn end(&mut self) {
        if self.is_terminal && !self.line.is_empty() {
            // Standard error may be closed; the result does not depend on it.
            let _closed = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn show(&mut self, text: &str, overwrites: bool) {
        let line: String = clean::text(text).chars().take(WIDTH).collect();
        if overwrites && line != self.line {
            // As above.
            let _closed = write!(std::io::stderr(), "\r\x1b[K{line}");
            self.line = line;
        }
    }
}
