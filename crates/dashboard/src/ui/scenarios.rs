//! The dialog of the scenarios: the library, a path, and the question before a start.

use std::sync::Arc;

use scenario::file::Scenario;
use scenario::library;

use crate::ui::yes_no::YesNo;

/// Longest path that can be typed.
const MAX_PATH: usize = 4_096;

/// The dialog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScenarioDialog {
    /// Index of the chosen row: a scenario of the library, or the path below them.
    pub chosen: usize,
    /// The typed path.
    pub path: String,
    /// The step of the dialog.
    pub step: ScenarioStep,
}

/// The step of the dialog.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ScenarioStep {
    /// The user chooses a scenario.
    #[default]
    Choosing,
    /// The file is being read.
    Reading,
    /// The file has mistakes, one sentence each.
    Wrong(Vec<String>),
    /// The start waits for a yes; the chosen answer.
    Asking(Arc<Scenario>, YesNo),
}

impl ScenarioDialog {
    /// The scenarios of the library, each with its description.
    #[must_use]
    pub fn library() -> Vec<(&'static str, String)> {
        let described = |name| library::scenario(name).and_then(Result::ok).map(|found| found.description);
        library::names().into_iter().map(|name| (name, described(name).unwrap_or_default())).collect()
    }

    /// Returns true if the path is chosen: letters belong to it.
    #[must_use]
    pub fn is_on_path(&self) -> bool {
        self.chosen >= library::names().len()
    }

    /// Moves the choice up or down.
    pub fn choose(&mut self, up: bool) {
        let last = library::names().len();
        self.chosen = if up { self.chosen.saturating_sub(1) } else { (self.chosen + 1).min(last) };
    }

    /// Adds a character to the path.
    pub fn type_char(&mut self, c: char) {
        if self.path.len() < MAX_PATH && !c.is_control() {
            self.path.push(c);
        }
    }

    /// The chosen scenario of the library.
    #[must_use]
    pub fn of_library(&self) -> Option<Arc<Scenario>> {
        let name = library::names().get(self.chosen).copied()?;
        library::scenario(name)?.ok().map(Arc::new)
    }

    /// Shows a read file, or its mistakes.
    pub fn read(&mut self, found: Result<Arc<Scenario>, Vec<String>>) {
        if self.step == ScenarioStep::Reading {
            self.step = match found {
                Ok(scenario) => ScenarioStep::Asking(scenario, YesNo::Yes),
                Err(mistakes) => ScenarioStep::Wrong(mistakes),
            };
        }
    }
}
